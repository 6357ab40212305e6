"""Uploads and imports over HTTP: the whole way, other tenants, the earlier paths word for word."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from cryptography.fernet import Fernet
from integration.jobs.conftest import Place, place
from sqlalchemy import text
from starlette.testclient import TestClient
from support.clips import clip
from support.fixtures.api import Api
from support.import_server import ImportServer, import_server
from vodflow.api.routes.upload_page import content_policy
from vodflow.catalog.database import transaction
from vodflow.pipeline.url_import import fetch_import
from vodflow.settings import Settings
from vodflow.storage.clients import s3_client

__all__ = ["place"]

pytestmark = pytest.mark.integration

MIB = 1024**2
BODY = b"bytes of a film " * 1000
NEW = {"filename": "film.mp4", "size": len(BODY)}


@pytest.fixture
def acme(place: Place, api: Api) -> TestClient:
    """Somebody of the tenant acme."""
    return api.client_as(tenant="acme")


@pytest.fixture
def globex(place: Place, api: Api) -> TestClient:
    """Somebody of another tenant."""
    return api.client_as(tenant="globex")


def answered(answer: Any, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json()


def put(signed: dict[str, Any], body: bytes) -> int:
    return httpx.request(signed["method"], signed["url"], headers=signed["headers"], content=body).status_code


def audited() -> list[tuple[str, str, str]]:
    with transaction("test") as connection:
        return [
            tuple(row) for row in connection.execute(text("SELECT action, tenant, actor FROM audit_event ORDER BY id"))
        ]


def test_a_file_in_one_request(place: Place, acme: TestClient) -> None:
    answer = acme.post("/api/v1/uploads", json={**NEW, "outputs": ["hls"], "priority": 80})
    made = answered(answer, 201)
    assert answer.headers["location"] == f"/api/v1/uploads/{made['id']}"
    assert (made["status"], made["tenant"], made["multipart"], made["job"]) == ("OPEN", "acme", None, None)
    assert made["request"] == {"outputs": ["hls"], "priority": 80}
    address = f"/api/v1/uploads/{made['id']}"
    missing = answered(acme.post(f"{address}/complete"), 409)
    assert (missing["code"], missing["retryable"]) == ("upload_incomplete", True)
    assert put(answered(acme.get(address))["single"], BODY) == 200
    done = answered(acme.post(f"{address}/complete"))
    assert (done["status"], done["single"], done["job"]["source_id"], done["job"]["tenant"]) == (
        "COMPLETED",
        None,
        1,
        "acme",
    )
    assert place.airflow.runs["source-1"]["conf"] == {"source_id": 1, "outputs": ["hls"], "priority": 80}
    assert answered(acme.post(f"{address}/complete")) == done == answered(acme.get(address))
    assert answered(acme.delete(address), 409)["code"] == "catalog_error"
    listed = answered(acme.get("/api/v1/uploads"))
    assert [one["id"] for one in listed["items"]] == [made["id"]]
    assert [one[:2] for one in audited()] == [
        ("uploads.create", "acme"),
        ("uploads.complete", "acme"),
        ("uploads.complete", "acme"),
    ]


def test_a_file_in_parts(place: Place, acme: TestClient, set_settings: Callable[..., Settings], api: Api) -> None:
    set_settings(upload_part_size=5 * MIB)
    acme = api.client_as(tenant="acme")
    body = bytes(range(256)) * 24000  # 6 MB
    asked = {"filename": "film.mov", "size": len(body), "method": "multipart", "part_checksums": True}
    made = answered(acme.post("/api/v1/uploads", json=asked), 201)
    parts, size = made["multipart"]["parts"], made["multipart"]["part_size"]
    assert (parts, size, made["multipart"]["checksums"], made["single"]) == (2, 5 * MIB, True, None)
    address = f"/api/v1/uploads/{made['id']}"
    pieces = {number: body[(number - 1) * size : number * size] for number in range(1, parts + 1)}
    sums = {number: base64.b64encode(zlib.crc32(piece).to_bytes(4, "big")).decode() for number, piece in pieces.items()}
    wanted = {"parts": [{"number": number, "crc32": one} for number, one in sums.items()]}
    signed = answered(acme.post(f"{address}/parts", json=wanted))["parts"]
    assert [one["number"] for one in signed] == [1, 2]
    assert put(signed[1], pieces[2]) == 200
    assert answered(acme.get(address))["multipart"]["received"] == [
        {"number": 2, "size": len(pieces[2]), "crc32": sums[2]}
    ]
    assert "1 of 2 parts" in answered(acme.post(f"{address}/complete"), 409)["detail"]
    assert put(signed[0], pieces[1]) == 200
    assert answered(acme.post(f"{address}/complete"))["job"]["size"] == len(body)
    assert answered(acme.post(f"{address}/parts", json=wanted), 409)["code"] == "catalog_error"


def test_nobody_reaches_another_tenants_upload(acme: TestClient, globex: TestClient) -> None:
    made = answered(acme.post("/api/v1/uploads", json={**NEW, "size": 9 * MIB, "method": "multipart"}), 201)
    address, media = f"/api/v1/uploads/{made['id']}", f"/api/v1/media/uploads/{made['id']}"
    wanted = {"parts": [{"number": 1}]}
    for answer in (
        globex.get(address), globex.post(f"{address}/parts", json=wanted), globex.post(f"{address}/complete"),
        globex.delete(address), globex.get(media), globex.post(f"{media}/complete"),
    ):  # fmt: skip
        assert answered(answer, 404)["code"] == "not_in_catalog"
    assert answered(globex.get("/api/v1/uploads"))["items"] == []
    assert answered(globex.get("/api/v1/uploads?tenant=acme"))["items"] == []
    assert answered(globex.post("/api/v1/uploads", json={**NEW, "tenant": "acme"}), 403)["code"] == "not_allowed"
    assert answered(acme.get(address))["status"] == "OPEN"
    for _ in range(2):
        assert answered(acme.delete(address))["status"] == "CANCELED"


def test_the_installation_sends_for_anybody(place: Place, api: Api) -> None:
    client = api.client_as()
    for tenant in ("acme", "new-tenant", None):
        made = answered(client.post("/api/v1/uploads", json={**NEW, "tenant": tenant}), 201)
        assert made["tenant"] == (tenant or "default")
    assert len(answered(client.get("/api/v1/uploads"))["items"]) == 3
    first = answered(client.get("/api/v1/uploads?limit=2"))
    second = answered(client.get("/api/v1/uploads", params={"limit": 2, "cursor": first["cursor"]}))
    assert [one["tenant"] for one in first["items"] + second["items"]] == ["default", "new-tenant", "acme"]
    assert second["cursor"] is None
    assert (
        answered(client.get(f"/api/v1/uploads?status=CANCELED&cursor={first['cursor']}"), 422)["code"]
        == "invalid_cursor"
    )


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"size": 0}, "invalid_request"), ({"size": 2**60}, "invalid_request"), ({"filename": ""}, "invalid_request"),
        ({"filename": "a/b.mp4"}, "configuration_error"), ({"filename": "a.txt"}, "configuration_error"),
        ({"content_type": "text/html"}, "configuration_error"), ({"method": "post"}, "invalid_request"),
        ({"priority": 101}, "invalid_request"), ({"profile": "none"}, "profile_error"),
        ({"bytes": 5}, "invalid_request"),
        ({"name": "../a.mp4"}, "configuration_error"), ({"crc32": "x"}, "configuration_error"),
        ({"size": 2**42}, "configuration_error"),
    ],
)  # fmt: skip
def test_bad_requests_open_nothing(acme: TestClient, changes: dict[str, Any], code: str) -> None:
    problem = answered(acme.post("/api/v1/uploads", json={**NEW, **changes}), 422)
    assert (problem["code"], answered(acme.get("/api/v1/uploads"))["items"]) == (code, [])


def test_a_quota_is_an_answer(place: Place, api: Api, set_settings: Callable[..., Settings]) -> None:
    set_settings(uploads_open=1)
    acme = api.client_as(tenant="acme")
    answered(acme.post("/api/v1/uploads", json=NEW), 201)
    problem = answered(acme.post("/api/v1/uploads", json=NEW), 429)
    assert (problem["code"], problem["retryable"]) == ("quota_exceeded", True)


def test_without_airflow_the_arrival_starts_it(place: Place, api: Api) -> None:
    acme = api.client_as(tenant="acme")
    made = answered(acme.post("/api/v1/uploads", json=NEW), 201)
    put(made["single"], BODY)
    place.airflow.broken = 503
    done = answered(acme.post(f"/api/v1/uploads/{made['id']}/complete"))
    assert (done["status"], done["job"]["status"], place.airflow.runs) == ("COMPLETED", "DISCOVERED", {})


#: As the media service's description has it.
EXAMPLE = """
{
  "filename": "lecture-01.mp4",
  "content_type": "video/mp4",
  "file_size": 104857600
}
"""


def test_the_media_services_upload_flow_word_for_word(place: Place, acme: TestClient) -> None:
    answer = acme.post("/api/v1/media/presigned-upload", content=EXAMPLE, headers={"Content-Type": "application/json"})
    asked = answered(answer)
    assert asked["method"] == "PUT"
    assert 3500 < asked["expires_in"] <= 3600
    address = f"/api/v1/media/uploads/{asked['upload_id']}"
    assert answered(acme.get(address))["status"] == "pending"
    body = bytes(104857600)
    assert httpx.put(asked["upload_url"], headers=asked["headers"], content=body, timeout=120).status_code == 200
    del body
    completed = answered(acme.post(f"{address}/complete"))
    assert (completed["status"], completed["progress"], completed["video_id"]) == ("processing", 0.0, 1)
    assert (completed["filename"], completed["file_size"]) == ("lecture-01.mp4", 104857600)
    assert answered(acme.get(address)) == completed


def test_the_media_services_status_follows_the_job(place: Place, acme: TestClient) -> None:
    body = clip("small").read_bytes()
    example = {**json.loads(EXAMPLE), "file_size": len(body)}
    asked = answered(acme.post("/api/v1/media/presigned-upload", json=example))
    httpx.put(asked["upload_url"], headers=asked["headers"], content=body)
    address = f"/api/v1/media/uploads/{asked['upload_id']}"
    answered(acme.post(f"{address}/complete"))
    place.carry_out("source-1")
    done = answered(acme.get(address))
    assert (done["status"], done["progress"], done["error"]) == ("completed", 100.0, None)


def test_the_page_may_talk_to_us_and_s3_alone(
    place: Place, api: Api, set_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = api.client()
    page = client.get("/upload/")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    endpoint = str(s3_client().meta.endpoint_url)
    assert f"connect-src 'self' {endpoint};" in page.headers["content-security-policy"]
    assert "unsafe" not in page.headers["content-security-policy"]
    assert client.get("/upload").headers["location"] == "/upload/"
    for name, kind in (("upload.js", "text/javascript"), ("upload.css", "text/css")):
        assert client.get(f"/upload/{name}").headers["content-type"] == f"{kind}; charset=utf-8"
    assert client.get("/upload/other").status_code == 404
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    policy = content_policy(set_settings(aws_endpoint_url="", aws_region="eu-central-1"))
    host = "s3.eu-central-1.amazonaws.com"
    assert f"connect-src 'self' https://{host} https://*.{host};" in policy


@pytest.fixture
def server(place: Place, set_settings: Callable[..., Settings]) -> Iterator[ImportServer]:
    keys = json.dumps([Fernet.generate_key().decode()])
    set_settings(import_hosts='["127.0.0.1"]', import_private='["127.0.0.1"]', sealing_keys=keys)
    with import_server(body=BODY) as made:
        yield made


def test_an_import_over_http(place: Place, server: ImportServer, api: Api) -> None:
    acme = api.client_as(tenant="acme")
    asked = {"url": f"{server.url()}?signature=secret", "priority": 80}
    made = answered(acme.post("/api/v1/imports", json=asked), 201)
    assert (made["status"], made["url"], made["run_id"]) == ("QUEUED", server.url(), "import-1")
    again = acme.post("/api/v1/imports", json=asked)
    assert (answered(again), again.headers["location"]) == (made, "/api/v1/imports/1")
    fetch_import(made["id"])
    done = answered(acme.get("/api/v1/imports/1"))
    assert (done["status"], done["bytes"], done["job"]["source_id"]) == ("COMPLETED", len(BODY), 1)
    assert "secret" not in json.dumps(done)
    assert answered(acme.post("/api/v1/imports/1/cancel"), 409)["code"] == "catalog_error"
    other = answered(acme.post("/api/v1/imports", json={"url": server.url("/b.mp4")}), 201)
    assert answered(acme.post(f"/api/v1/imports/{other['id']}/cancel"))["status"] == "CANCELED"
    assert answered(acme.post(f"/api/v1/imports/{other['id']}/retry"))["status"] == "QUEUED"
    assert [one["id"] for one in answered(acme.get("/api/v1/imports"))["items"]] == [2, 1]
    globex = api.client_as(tenant="globex")
    for answer in (
        globex.get("/api/v1/imports/1"),
        globex.post("/api/v1/imports/2/cancel"),
        globex.post("/api/v1/imports/2/retry"),
    ):  # fmt: skip
        assert answered(answer, 404)["code"] == "not_in_catalog"
    assert answered(globex.get("/api/v1/imports"))["items"] == []
    actions = [one[0] for one in audited()]
    assert actions == ["imports.create", "imports.create", "imports.create", "imports.cancel", "imports.retry"]


@pytest.mark.parametrize(
    "url",
    [
        "http://[x", "http://127.0.0.1:x/a.mp4", "s3://bucket", "http://127.0.0.1/%00.mp4",
        "http://127.0.0.1/a%E2%80%AE.mp4", "http://127.0.0.1/" + "%C3%BC" * 520 + ".mp4",
    ],
)  # fmt: skip
def test_what_cannot_be_imported_is_said_at_once(server: ImportServer, api: Api, url: str) -> None:
    acme = api.client_as(tenant="acme")
    assert answered(acme.post("/api/v1/imports", json={"url": url}), 422)["code"] in {
        "import_refused", "configuration_error",
    }  # fmt: skip
    assert (answered(acme.get("/api/v1/imports"))["items"], server.asked) == ([], [])


def test_imports_are_closed_at_first(acme: TestClient) -> None:
    problem = answered(acme.post("/api/v1/imports", json={"url": "https://media.example.org/film.mp4"}), 422)
    assert (problem["code"], "VODFLOW_IMPORT_HOSTS" in problem["detail"]) == ("import_refused", True)
