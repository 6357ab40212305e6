"""Every route × every kind of caller. A new route is walked without anybody's doing."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient
from support.fixtures.api import EVERYTHING, Api
from vodflow.api.access import Public, Requires
from vodflow.api.app import make_routes
from vodflow.api.callers import INSTALLATION_ONLY, Scope
from vodflow.api.route_table import Entry, RouteTable, path_below
from vodflow.catalog.database import transaction

pytestmark = pytest.mark.integration

ROUTES = [(method, route) for route in make_routes(None).routes for method in sorted(route.methods)]
TABLE = RouteTable(make_routes(None).routes)

#: An id that nothing has: whoever may delete deletes nothing that the test needs.
NOTHING = "999999999"


def walked() -> Iterator[tuple[str, str, Entry]]:
    """Method, an address, and what is known of the route."""
    for method, route in ROUTES:
        path = re.sub(r"\{[^}]*\}", NOTHING, route.path_format)
        entry = TABLE.find(path, method).entry
        assert entry is not None
        assert entry.route.path == route.path, f"{path} is answered by {entry.route.path}"
        yield method, path, entry


def send(client: TestClient, method: str, path: str) -> tuple[int, str]:
    """Status and code; only the beginning is read, for some answers never end."""
    with client.stream(method, path) as answer:
        if answer.headers.get("content-type") != "application/problem+json":
            return answer.status_code, ""
        answer.read()
        return answer.status_code, answer.json()["code"]


def test_there_are_routes_of_both_kinds() -> None:
    kinds = {type(entry.demand) for _, _, entry in walked()}
    assert kinds == {Public, Requires}


def test_nobody_comes_in(api: Api) -> None:
    """Without a credential, or with one that is wrong in any way."""
    with transaction("test") as connection:
        revoked, expired = api.key(), api.key()
        connection.execute(text("UPDATE api_key SET revoked_at = now() WHERE id = :id"), {"id": revoked.key.id})
        connection.execute(text("UPDATE api_key SET expires_at = now() WHERE id = :id"), {"id": expired.key.id})
    now = int(time.time())
    wrong = {
        "a word": "wrong",
        "a token that ran out": api.token(exp=now - 3600),
        "a token of another issuer": api.token(iss="https://evil.test"),
        "a token for somebody else": api.token(aud="other"),
        "a token that is cut off": api.token()[:-20],
        "a key that nobody made": "vf_abcdefabcdef_" + "0" * 64,
        "a revoked key": revoked.text,
        "a key that ran out": expired.text,
    }
    client = api.client()
    for method, path, entry in walked():
        if isinstance(entry.demand, Requires):
            assert send(client, method, path) == (401, "not_authenticated"), (method, path)
        for name, proof in wrong.items():
            if isinstance(entry.demand, Public) and entry.demand.own_proof:
                continue
            for header in ({"Authorization": f"Bearer {proof}"}, {"x-api-key": proof}):
                if "x-api-key" in header and not proof.startswith("vf_") and name != "a word":
                    continue
                client.headers.update(header)
                assert send(client, method, path)[0] == 401, (method, path, name)
                for key in header:
                    del client.headers[key]


def test_the_right_that_is_missing_is_named(api: Api) -> None:
    """Every right but the one that is asked for, by token and by key, of a tenant and of the installation."""
    for scope in Scope:
        clients = [
            api.client_as(EVERYTHING - {scope}, tenant, by=by) for tenant in (None, "acme") for by in ("token", "key")
        ]
        for method, path, entry in walked():
            if isinstance(entry.demand, Requires) and entry.demand.scope is scope:
                for client in clients:
                    with client.stream(method, path) as answer:
                        answer.read()
                        assert answer.status_code == 403, (method, path)
                        assert answer.json()["code"] == "not_allowed"
                        assert scope.value in answer.json()["detail"]


def test_what_is_the_installations_is_no_tenants(api: Api) -> None:
    clients = [api.client_as(EVERYTHING, "acme", by=by) for by in ("token", "key")]
    for method, path, entry in walked():
        if isinstance(entry.demand, Requires) and entry.demand.scope in INSTALLATION_ONLY:
            for client in clients:
                assert send(client, method, path) == (403, "not_allowed"), (method, path)


def test_a_suspended_tenant_comes_in_nowhere(api: Api) -> None:
    clients = [api.client_as(EVERYTHING, "acme", by=by) for by in ("token", "key")]
    with transaction("test") as connection:
        connection.execute(text("UPDATE tenant SET status = 'SUSPENDED' WHERE slug = 'acme'"))
    for method, path, entry in walked():
        if isinstance(entry.demand, Requires):
            for client in clients:
                assert send(client, method, path) == (403, "tenant_suspended"), (method, path)


def test_the_right_alone_is_enough(api: Api) -> None:
    """Neither 401 nor 403; what else is answered is the routes' own business."""
    api.key()  # the first one, which the walk revokes
    clients = {
        (scope, by): api.client_as({scope}, None if scope in INSTALLATION_ONLY else "acme", by=by)
        for scope in Scope
        for by in ("token", "key")
    }
    for method, path, entry in walked():
        if isinstance(entry.demand, Requires):
            for by in ("token", "key"):
                assert send(clients[entry.demand.scope, by], method, path)[0] not in {401, 403, 500}, (method, path)


def test_every_path_says_what_it_takes(api: Api) -> None:
    client = api.client()
    for _, path, entry in walked():
        answer = client.options(path)
        assert answer.status_code == 204
        assert entry.route.methods <= set(answer.headers["allow"].split(", "))
        refused = client.request("TRACE", path)
        assert (refused.status_code, refused.headers["allow"]) == (405, answer.headers["allow"])


def test_the_table_finds_what_the_application_would() -> None:
    routes = make_routes(None).routes
    for method, path, entry in walked():
        scope = {"type": "http", "path": path, "root_path": "", "method": method}
        first = next(route for route in routes if route.matches(scope)[0].name == "FULL")
        assert first.path == entry.route.path
    assert path_below({"path": "/vodflow-api/health", "root_path": "/vodflow-api"}) == "/health"
