"""The API inside Airflow's own application: Airflow's users as callers, and keys and tokens as outside of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.requests import Request
from starlette.testclient import TestClient
from support.fixtures.api import ISSUER, Api, public_pem, signing_key
from support.fixtures.pages import ORIGIN, token_of
from support.fixtures.values import probed_source, queued_job
from vodflow.api.app import make_routes
from vodflow.api.callers import ROLES, Scope
from vodflow.api.openapi import document
from vodflow.api.problems import Problem
from vodflow.catalog.database import transaction
from vodflow.settings import Settings, get_settings
from vodflow_airflow.api import API, PREFIX
from vodflow_airflow.api.mounted import AirflowUsers

pytestmark = [pytest.mark.integration, pytest.mark.airflow]

ME = f"{PREFIX}/api/v1/whoami"


@pytest.fixture(autouse=True)
def _settings_of_this_test(api: Api) -> Iterator[None]:
    API.forget()
    yield
    API.forget()


def bearer(role: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token_of(role)}"}


def rights(*names: str) -> list[str]:
    return sorted(scope for name in names for scope in ROLES[name])


@pytest.mark.parametrize(("role", "expected"), [("viewer", "viewer"), ("user", "operator"), ("op", "operator")])
def test_roles_of_airflow_are_rights_here(visit: Callable[..., TestClient], role: str, expected: str) -> None:
    for client in (visit(role), visit(**bearer(role))):
        me = client.get(ME).json()
        assert me == {"kind": "user", "name": f"a-{role}", "tenant": None, "scopes": rights(expected)}


def test_admins_are_named_by_a_setting(visit: Callable[..., TestClient], set_settings: Callable[..., Settings]) -> None:
    assert visit("admin").get(ME).json()["scopes"] == rights("operator")
    set_settings(api_admins='["a-admin", "a-viewer"]')
    API.forget()
    assert visit("admin").get(ME).json()["scopes"] == rights("admin")
    assert visit("viewer").get(ME).json()["scopes"] == rights("viewer"), "a name alone gives no right"


def test_nobody_and_wrong_tokens(visit: Callable[..., TestClient]) -> None:
    assert visit().get(f"{PREFIX}/health").status_code == 200
    for client in (visit(), visit(Authorization="Bearer x"), visit(Authorization=f"Bearer {token_of('viewer')[:-9]}")):
        answer = client.get(ME)
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["instance"] == ME


def test_keys_and_tokens_of_services_are_the_same_here(visit: Callable[..., TestClient], api: Api) -> None:
    key = api.key({Scope.JOBS_READ}, "acme")
    assert visit(**{"x-api-key": key.text}).get(ME).json()["tenant"] == "acme"
    # A token proves more than the cookie that a browser adds.
    both = visit("admin", Authorization=f"Bearer {api.token({Scope.JOBS_READ}, 'globex')}")
    assert both.get(ME).json() == {"kind": "service", "name": "a-service", "tenant": "globex", "scopes": ["jobs:read"]}


def request(method: str, *, cookie: str = "", **headers: str) -> Request:
    told = {name.replace("_", "-").lower(): value for name, value in headers.items()} | {"host": "testserver"}
    told |= {"cookie": f"_token={cookie}"} if cookie else {}
    encoded = [(name.encode(), value.encode()) for name, value in told.items()]
    return Request({"type": "http", "method": method, "path": "/", "query_string": b"", "headers": encoded})


@pytest.mark.parametrize(
    ("headers", "taken"),
    [
        ({}, False),
        ({"sec_fetch_site": "cross-site"}, False),
        ({"sec_fetch_site": "same-site"}, False),
        ({"sec_fetch_site": "none"}, False),
        ({"origin": "https://evil.example.com"}, False),
        ({"sec_fetch_site": "same-origin", "origin": "null"}, False),
        ({"sec_fetch_site": "same-origin", "origin": "https://evil.example.com"}, False),
        ({"sec_fetch_site": "same-origin"}, True),
        ({"sec_fetch_site": "same-origin", "origin": ORIGIN}, True),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_another_site_cannot_use_a_browsers_cookie(
    airflow_app: Any, api: Api, method: str, headers: dict[str, str], taken: bool
) -> None:
    users = AirflowUsers(get_settings())
    if taken:
        assert asyncio.run(users(request(method, cookie=token_of("op"), **headers))).name == "a-op"
    else:
        with pytest.raises(Problem) as caught:
            asyncio.run(users(request(method, cookie=token_of("op"), **headers)))
        assert (caught.value.status, caught.value.code) == (403, "cross_site")
    assert asyncio.run(users(request("GET", cookie=token_of("op"), **headers))).name == "a-op"
    by_token = request(method, authorization=f"Bearer {token_of('op')}", **headers)
    assert asyncio.run(users(by_token)).name == "a-op", "a token is no browser's"
    assert asyncio.run(users(request(method, cookie="stale", **headers))) is None


def test_the_document_is_the_same_with_its_address(visit: Callable[..., TestClient]) -> None:
    served = visit().get(f"{PREFIX}/api/v1/openapi.json").json()
    assert served == document(make_routes(None)) | {"servers": [{"url": PREFIX}]}
    assert visit().get(f"{PREFIX}/api/v1/docs").status_code == 200


def test_a_new_priority_reaches_the_run(
    visit: Callable[..., TestClient], api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, int]] = []
    monkeypatch.setattr("vodflow_airflow.api.mounted.set_run_priority", lambda *given: told.append(given))
    API.forget()
    with transaction("test") as connection:
        job = queued_job(connection, probed_source(connection), run_id="source-1")
    path = f"{PREFIX}/api/v1/jobs/{job.id}/priority"
    assert visit(**bearer("op")).put(path, json={"priority": 90}).json()["priority"] == 90
    assert visit(**bearer("viewer")).put(path, json={"priority": 1}).status_code == 403
    assert told == [("source-1", 90)]


def test_airflow_itself_takes_no_key_of_ours(visit: Callable[..., TestClient], api: Api) -> None:
    answer = visit(Authorization=f"Bearer {api.key().text}").get("/api/v2/dags")
    assert answer.status_code in {401, 403}


def test_the_issuer_is_the_settings(
    set_settings: Callable[..., Settings], visit: Callable[..., TestClient], api: Api
) -> None:
    token = api.token()
    set_settings(jwt_issuer="https://another.test", jwt_keys=json.dumps([public_pem(signing_key())]))
    API.forget()
    assert visit(Authorization=f"Bearer {token}").get(ME).status_code == 401
    assert ISSUER != "https://another.test"
