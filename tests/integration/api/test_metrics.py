"""Figures for Prometheus, and who may read them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from prometheus_client.parser import text_string_to_metric_families
from support.fixtures.api import Api
from vodflow.api.callers import Scope
from vodflow.settings import Settings

pytestmark = pytest.mark.integration


def samples(text: str) -> dict[tuple[str, ...], float]:
    return {
        tuple(sample.labels[name] for name in ("method", "route", "status", "tenant")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "vodflow_api_requests_total"
    }


def test_requests_are_counted_by_route(api: Api) -> None:
    client = api.client()
    for path in ("/health", "/health", "/no/such/1", "/no/such/2", "/api/v1/health"):
        client.get(path)
    client.request("BREW", "/health")
    api.client_as(tenant="acme").get("/api/v1/whoami")
    text = api.client_as({Scope.OPERATIONS}).get("/metrics").text
    assert samples(text) == {
        ("GET", "/health", "200", ""): 2.0,
        ("GET", "none", "404", ""): 2.0,
        ("GET", "/api/v1/health", "401", ""): 1.0,
        ("GET", "/api/v1/whoami", "200", "acme"): 1.0,
        ("other", "none", "405", ""): 1.0,
    }
    assert 'vodflow_api_request_seconds_bucket{le="0.005",method="GET",route="/health"}' in text
    assert "vodflow_api_requests_in_progress 1.0" in text


def test_who_may_read_them(api: Api) -> None:
    assert api.client().get("/metrics").status_code == 401
    assert api.client_as({Scope.JOBS_READ}).get("/metrics").status_code == 403
    assert api.client_as(tenant="acme").get("/metrics").status_code == 403
    here = api.client(client=("127.0.0.1", 50_000))
    assert here.get("/metrics").status_code == 200
    assert here.get("/metrics", headers={"X-Forwarded-For": "203.0.113.7"}).status_code == 401
    assert api.client(client=("192.0.2.1", 50_000)).get("/metrics").status_code == 401


def test_a_tenant_hears_whether_it_is_well_and_no_addresses(api: Api, set_settings: Callable[..., Settings]) -> None:
    set_settings(airflow_url="http://127.0.0.1:1", airflow_token="x")
    everything = api.client_as({Scope.JOBS_READ}).get("/api/v1/health")
    theirs = api.client_as({Scope.JOBS_READ}, "acme").get("/api/v1/health")
    assert everything.status_code == theirs.status_code == 503
    assert "127.0.0.1" in everything.text
    assert "127.0.0.1" not in theirs.text
    named = {check["name"]: check["ok"] for check in everything.json()["checks"]}
    buckets = [named.pop(name) for name in list(named) if name.startswith("s3://")]
    assert buckets, "some may be other tenants'"
    assert "s3://" not in theirs.text
    told = {check["name"]: check["ok"] for check in theirs.json()["checks"]}
    assert told == named | {"s3": all(ok is not False for ok in buckets)}
