"""The HTTP API of the running stack: at its address, and in Airflow's API server."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import psutil
import pytest
from pydantic import SecretStr
from support.clips import clip
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


@pytest.fixture
def admin(stack: Stack) -> Iterator[httpx.Client]:
    with (
        AirflowApi(stack.config) as airflow,
        httpx.Client(
            base_url=stack.config.api_url,
            headers={"Authorization": airflow._client.headers["Authorization"]},
            timeout=60,
        ) as client,
    ):
        yield client


@pytest.mark.timeout(300)
def test_a_strangers_file_gets_in_and_is_watched(stack: Stack, admin: httpx.Client) -> None:
    """By requests alone: a tenant and its key, the file in parts, the job awaited, a token, the bytes of a segment."""
    assert admin.post("/api/v1/tenants", json={"slug": "stranger"}).status_code == 201
    scopes = ["uploads:write", "jobs:read", "jobs:write", "playback:issue"]
    made = admin.post("/api/v1/api-keys", json={"name": "stranger", "scopes": scopes, "tenant": "stranger"}).json()
    body = clip("small").read_bytes()
    with httpx.Client(base_url=stack.config.api_url, headers={"x-api-key": made["key"]}, timeout=90) as api:
        asked = {"filename": "Mein Film.mp4", "size": len(body), "method": "multipart", "outputs": ["hls"],
                 "qualities": ["360p"], "priority": 90}  # fmt: skip
        upload = api.post("/api/v1/uploads", json=asked, headers={"Idempotency-Key": "stranger-1"}).json()
        address = f"/api/v1/uploads/{upload['id']}"
        assert api.post(f"{address}/complete").status_code == 409
        (part,) = api.post(f"{address}/parts", json={"parts": [{"number": 1}]}).json()["parts"]
        assert httpx.put(part["url"], headers=part["headers"], content=body, timeout=60).status_code == 200
        done = api.post(f"{address}/complete").json()
        assert done["status"] == "COMPLETED", done
        job, waited = done["job"], 0
        while not job["over"] and waited < 4:
            job, waited = api.get(f"/api/v1/jobs/source-{job['source_id']}?wait=60").json(), waited + 1
        assert (job["status"], job["tenant"], job["outputs"], job["qualities"]) == (
            "PUBLISHED", "stranger", ["hls"], ["360p"],
        )  # fmt: skip
        token = api.post("/api/v1/playback/tokens", json={"video_id": job["video_id"], "user_id": "ada"}).json()
        assert api.post(f"/api/v1/jobs/{job['ref']}/cancel", json={}).status_code == 409
        assert api.post(f"/api/v1/jobs/{job['ref']}/retry").status_code == 409
    address = token["urls"]["hls"]
    for ending in (".m3u8", ".m3u8", ".m4s"):
        answer = httpx.get(address, timeout=60, follow_redirects=True)
        assert (answer.status_code, bool(answer.content)) == (200, True)
        lines = [line for line in answer.text.splitlines() if line and line[0] != "#"] if ending == ".m3u8" else []
        address = str(answer.url.join(lines[0])) if lines else address
    assert answer.content[4:8] in {b"styp", b"moof", b"sidx"}
