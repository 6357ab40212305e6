"""The HTTP API of the running stack: at its address, and in Airflow's API server."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import psutil
import pytest
from pydantic import SecretStr
from vodflow.catalog.database import dispose_engines, get_engine, transaction
from vodflow.settings import get_settings
from vodflow.stack.airflow_api import AirflowApi
from vodflow.stack.stack import Stack
from vodflow.tenancy import api_keys

pytestmark = pytest.mark.e2e


@pytest.fixture
def key(stack: Stack) -> Iterator[str]:
    settings = get_settings().model_copy(update={"catalog_url": SecretStr(stack.config.database_url("vodflow"))})
    with transaction("test", settings) as connection:
        made = api_keys.create(connection, "e2e", ["jobs:read", "operations"], created_by="test")
    yield made.text
    get_engine(settings).dispose()
    dispose_engines()


def test_it_answers_at_both_homes(stack: Stack, key: str) -> None:
    environment = stack.environment()
    assert environment["VODFLOW_API_URL"] == stack.config.api_url
    assert len(json.loads(environment["VODFLOW_SEALING_KEYS"])) == 1
    homes = (stack.config.api_url, f"{stack.config.airflow_url}/vodflow-api")
    documents = []
    for home in homes:
        me = httpx.get(f"{home}/api/v1/whoami", headers={"x-api-key": key}, timeout=60)
        assert me.json()["scopes"] == ["jobs:read", "operations"]
        assert httpx.get(f"{home}/api/v1/whoami", headers={"x-api-key": f"{key}0"}, timeout=60).status_code == 401
        documents.append(httpx.get(f"{home}/api/v1/openapi.json", timeout=60).json())
    assert documents[0] == {name: value for name, value in documents[1].items() if name != "servers"}
    health = httpx.get(f"{homes[0]}/api/v1/health", headers={"x-api-key": key}, timeout=120).json()
    assert health["ok"], health
    assert {check["name"]: check["ok"] for check in health["checks"]}["airflow"] is True


def test_airflows_users_are_callers(stack: Stack) -> None:
    with AirflowApi(stack.config) as airflow:
        token = airflow._client.headers["Authorization"]
    for home in (stack.config.api_url, f"{stack.config.airflow_url}/vodflow-api"):
        me = httpx.get(f"{home}/api/v1/whoami", headers={"Authorization": token}, timeout=60).json()
        assert (me["kind"], me["name"], me["tenant"]) == ("user", "admin", None)
        assert "tenants:manage" in me["scopes"]


def test_it_listens_on_loopback_alone(stack: Stack) -> None:
    port = stack.config.ports["api"]
    listens = {
        connection.laddr.ip
        for connection in psutil.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
    }
    assert listens == {"127.0.0.1"}
