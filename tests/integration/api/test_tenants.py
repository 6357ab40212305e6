"""Tenants, their configurations, API keys and the audit trail over HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import text
from starlette.testclient import TestClient
from support.fixtures.api import EVERYTHING, Api
from support.fixtures.values import probed_source, published_job, queued_job
from vodflow.api.callers import Scope
from vodflow.catalog.database import transaction
from vodflow.settings import Settings

pytestmark = pytest.mark.integration

URL = "/api/v1/tenants"


@pytest.fixture
def root(api: Api, set_settings: Callable[..., Settings]) -> TestClient:
    """A client of somebody who manages the installation."""
    set_settings(sealing_keys=json.dumps([Fernet.generate_key().decode()]))
    return api.client_as()


@pytest.fixture
def acme(root: TestClient, api: Api) -> TestClient:
    """A client with every right of the tenant acme."""
    assert root.post(URL, json={"slug": "acme", "name": "Acme Ltd"}).status_code == 201
    return api.client_as(EVERYTHING, "acme")


def audited(client: TestClient, **asked: str) -> list[tuple[str, str]]:
    items = client.get("/api/v1/audit", params=asked).json()["items"]
    return [(item["action"], item["object"]) for item in items]


def test_a_tenant_comes_and_is_listed(root: TestClient) -> None:
    made = root.post(URL, json={"slug": "acme", "name": "Acme Ltd"})
    assert (made.status_code, made.headers["location"]) == (201, f"{URL}/acme")
    assert made.json()["status"] == "ACTIVE"
    again = root.post(URL, json={"slug": "acme"})
    assert (again.status_code, again.json()["code"]) == (409, "catalog_error")
    wrong = root.post(URL, json={"slug": "a--b"})
    assert wrong.status_code == 422
    root.post(URL, json={"slug": "globex"})
    first = root.get(URL, params={"limit": 1}).json()
    assert [item["slug"] for item in first["items"]] == ["acme"]
    rest = root.get(URL, params={"limit": 1, "cursor": first["cursor"]}).json()
    assert ([item["slug"] for item in rest["items"]], rest["cursor"]) == (["globex"], None)
    renamed = root.patch(f"{URL}/acme", json={"name": "Acme GmbH"})
    assert renamed.json()["name"] == "Acme GmbH"
    assert audited(root)[:2] == [("tenants.rename", "tenant acme"), ("tenants.create", "tenant globex")]


def test_a_tenant_sees_itself_alone(root: TestClient, acme: TestClient) -> None:
    root.post(URL, json={"slug": "globex"})
    assert acme.get(URL).status_code == 403
    assert acme.get(f"{URL}/acme").json()["name"] == "Acme Ltd"
    for path in ("", "/configuration"):
        answer = acme.get(f"{URL}/globex{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert acme.put(f"{URL}/globex/configuration", json={}, headers={"if-match": "*"}).status_code == 404
    assert acme.patch(f"{URL}/globex", json={"name": "mine"}).status_code == 404


def test_a_suspended_tenant_is_refused(root: TestClient, acme: TestClient) -> None:
    assert root.post(f"{URL}/acme/suspend", json={}).status_code == 422
    answer = root.post(f"{URL}/acme/suspend", json={"reason": "unpaid"})
    assert (answer.json()["status"], answer.json()["status_reason"]) == ("SUSPENDED", "unpaid")
    assert acme.get(f"{URL}/acme").json()["code"] == "tenant_suspended"
    assert root.post(f"{URL}/acme/resume").json()["status"] == "ACTIVE"
    assert acme.get(f"{URL}/acme").status_code == 200
    assert root.post(f"{URL}/nobody/resume").status_code == 404


def change(client: TestClient, document: dict[str, Any], slug: str = "acme") -> Any:
    etag = client.get(f"{URL}/{slug}/configuration").headers["etag"]
    return client.put(f"{URL}/{slug}/configuration", json=document, headers={"if-match": etag})


def test_a_configuration_is_changed_by_version(root: TestClient, acme: TestClient) -> None:
    read = root.get(f"{URL}/acme/configuration")
    assert (read.json()["version"], read.json()["configuration"]["profile"]) == (0, None)
    assert root.get(f"{URL}/acme/configuration", headers={"if-none-match": read.headers["etag"]}).status_code == 304
    blind = acme.put(f"{URL}/acme/configuration", json={})
    assert (blind.status_code, blind.json()["code"]) == (428, "precondition_required")
    made = change(root, {"assigned": {"profiles": ["sd", "hd"], "concurrency": 2}})
    assert (made.status_code, made.json()["version"]) == (200, 1)
    stale = acme.put(f"{URL}/acme/configuration", json={"profile": "hd"}, headers={"if-match": read.headers["etag"]})
    assert stale.status_code == 412
    mine = change(acme, {"profile": "hd"})
    assert mine.headers["etag"] != made.headers["etag"]
    assert mine.json()["configuration"]["assigned"]["concurrency"] == 2
    more = change(acme, {"assigned": {"concurrency": 99}})
    assert (more.status_code, more.json()["code"]) == (403, "not_allowed")
    wrong = change(acme, {"profile": "uhd", "access": "members"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid_configuration")
    assert wrong.json()["errors"][0]["field"] == "access"
    told = root.get("/api/v1/audit", params={"tenant": "acme", "action": "tenants.configure"}).json()["items"]
    assert [item["detail"] for item in told] == [
        {"profile": {"old": None, "new": "hd"}},
        {"assigned.concurrency": {"old": None, "new": 2}, "assigned.profiles": {"old": None, "new": ["sd", "hd"]}},
    ]


def test_secrets_are_written_and_never_read(acme: TestClient, root: TestClient) -> None:
    hook = {"type": "webhook", "name": "crm", "url": "https://93.184.215.14/hook", "secret": "s3cret"}
    made = change(acme, {"channels": [hook]})
    assert made.status_code == 200, made.text
    for client in (acme, root):
        shown = client.get(f"{URL}/acme/configuration")
        assert "s3cret" not in shown.text
        assert shown.json()["configuration"]["channels"][0]["secret"] == "********"
        assert "s3cret" not in client.get("/api/v1/audit").text
    assert change(acme, shown.json()["configuration"]).json()["version"] == 1
    for url in ("http://127.0.0.1/x", "http://169.254.169.254/latest", "http://[::1]/", "http://localhost:1/"):
        inside = change(acme, {"channels": [hook | {"url": url}]})
        assert (inside.status_code, inside.json()["code"]) == (422, "invalid_configuration")
        assert "private address" in inside.json()["detail"]


def test_a_key_gives_no_more_than_its_maker_has(api: Api, root: TestClient, acme: TestClient) -> None:
    few = api.client_as({Scope.TENANT_MANAGE, Scope.VIDEOS_READ}, "acme")
    made = few.post("/api/v1/api-keys", json={"name": "crm", "scopes": ["videos:read"]})
    assert made.status_code == 201
    assert made.json()["tenant"] == "acme"
    assert api.client({"x-api-key": made.json()["key"]}).get("/api/v1/whoami").json()["tenant"] == "acme"
    beyond = few.post("/api/v1/api-keys", json={"name": "crm", "scopes": ["jobs:write"]})
    assert (beyond.status_code, beyond.json()["code"]) == (403, "not_allowed")
    everything = acme.post("/api/v1/api-keys", json={"name": "crm", "scopes": ["videos:read", "jobs:write"]}).json()
    assert few.post(f"/api/v1/api-keys/{everything['id']}/rotate", json={}).status_code == 403
    assert acme.post("/api/v1/api-keys", json={"name": "x", "scopes": ["operations"]}).status_code == 403
    common = root.post("/api/v1/api-keys", json={"name": "x", "scopes": ["operations"], "tenant": "acme"})
    assert (common.status_code, common.json()["code"]) == (422, "invalid_scopes")
    assert few.post("/api/v1/api-keys", json={"name": "x", "scopes": ["videos:read"], "tenant": "b"}).status_code == 404
    lone = api.client_as({Scope.TENANT_MANAGE, Scope.VIDEOS_READ})
    assert lone.post("/api/v1/api-keys", json={"name": "x", "scopes": ["videos:read"]}).status_code == 403


def test_a_keys_life(api: Api, root: TestClient, acme: TestClient) -> None:
    root.post(URL, json={"slug": "globex"})
    theirs = root.post("/api/v1/api-keys", json={"name": "x", "scopes": ["videos:read"], "tenant": "globex"}).json()
    mine = acme.post("/api/v1/api-keys", json={"name": "crm", "scopes": ["videos:read"]}).json()
    assert [item["id"] for item in acme.get("/api/v1/api-keys").json()["items"]] == [mine["id"]]
    assert "key" not in acme.get(f"/api/v1/api-keys/{mine['id']}").json()
    new = acme.post(f"/api/v1/api-keys/{mine['id']}/rotate", json={"grace_seconds": 60}).json()
    for key in (mine["key"], new["key"]):
        assert api.client({"x-api-key": key}).get("/api/v1/whoami").status_code == 200
    assert acme.post(f"/api/v1/api-keys/{mine['id']}/rotate", json={}).status_code == 409
    assert acme.delete(f"/api/v1/api-keys/{new['id']}").json()["revoked_at"]
    assert api.client({"x-api-key": new["key"]}).get("/api/v1/whoami").status_code == 401
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/rotate")):
        body = {"json": {}} if method == "POST" else {}
        assert acme.request(method, f"/api/v1/api-keys/{theirs['id']}{path}", **body).status_code == 404
    assert [action for action, _ in audited(acme)] == ["api_keys.revoke", "api_keys.rotate", "api_keys.create",
                                                      "tenants.create"]  # fmt: skip
    assert mine["key"] not in acme.get("/api/v1/audit").text


def test_the_audit_trail_is_read_by_page(root: TestClient, acme: TestClient) -> None:
    for name in "abc":
        root.patch(f"{URL}/acme", json={"name": name})
    newest = acme.get("/api/v1/audit", params={"limit": 3}).json()
    oldest = acme.get("/api/v1/audit", params={"limit": 3, "sort": "oldest"}).json()
    assert oldest["items"][0]["action"] == "tenants.create"
    assert newest["items"][0]["detail"]["name"]["new"] == "c"
    rest = acme.get("/api/v1/audit", params={"limit": 3, "cursor": newest["cursor"]}).json()
    assert (len(rest["items"]), rest["cursor"]) == (1, None)
    assert acme.get("/api/v1/audit", params={"sort": "oldest", "cursor": newest["cursor"]}).status_code == 422
    assert acme.get("/api/v1/audit", params={"tenant": "globex"}).json()["items"] == []


def test_a_tenants_callers_share_a_limit(api: Api, root: TestClient, acme: TestClient) -> None:
    change(root, {"assigned": {"requests_a_minute": 3}})
    key = api.client_as(EVERYTHING, "acme", by="key")
    answers = [client.get("/api/v1/whoami") for client in (acme, key, acme, key)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[-1].json()["code"] == "too_many_requests"
    assert root.get("/api/v1/whoami").status_code == 200


def test_a_tenant_leaves(root: TestClient, acme: TestClient, aws: Settings, media_bucket: str) -> None:
    with transaction("test") as connection:
        published_job(connection, probed_source(connection))
        job = queued_job(connection, probed_source(connection, key="acme/b.mp4"))
    exported = root.post(f"{URL}/acme/export", json={"target": f"s3://{media_bucket}/leaving"})
    assert exported.status_code == 200, exported.text
    assert exported.json()["rows"] > 10
    assert root.post(f"{URL}/acme/export", json={"target": "/etc"}).status_code == 422
    for nowhere in ("s3://there-is-no-such-bucket", "s3://0.89y9.97mty/\u00a1"):
        assert root.post(f"{URL}/acme/export", json={"target": nowhere}).json()["code"] == "source_not_found"
    assert root.delete(f"{URL}/acme", params={"confirm": "globex"}).json()["code"] == "not_confirmed"
    busy = root.delete(f"{URL}/acme", params={"confirm": "acme"})
    assert (busy.status_code, "1 jobs that are not over" in busy.json()["detail"]) == (409, True)
    with transaction("test") as connection:
        connection.execute(text("UPDATE job SET status = 'CANCELED' WHERE id = :id"), {"id": job.id})
    gone = root.delete(f"{URL}/acme", params={"confirm": "acme"})
    assert gone.status_code == 200, gone.text
    assert gone.json()["rows"] > 10
    assert root.get(f"{URL}/acme").status_code == 404
    assert root.delete(f"{URL}/acme", params={"confirm": "acme"}).status_code == 404
    assert acme.get("/api/v1/whoami").json()["code"] == "unknown_tenant"
    assert ("tenants.delete", "tenant acme") in audited(root, tenant="acme")
