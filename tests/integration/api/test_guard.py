"""What the guard does to every request, whatever the route is."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import jwt
import pytest
from starlette.testclient import TestClient
from support.fixtures.api import Api, signing_key
from vodflow.api.access import check_routes
from vodflow.api.app import make_routes
from vodflow.api.app_state import Services
from vodflow.api.guard import Guard
from vodflow.settings import get_settings

pytestmark = pytest.mark.integration
Call = Callable[..., TestClient]


def test_every_answer_says_what_it_is(call: Call) -> None:
    answer = call().get("/things/1", headers={"x-request-id": "my-own-id-1"})
    assert answer.json() == {"number": 1, "version": 1, "tenant": None}
    headers = answer.headers
    assert headers["x-request-id"] == "my-own-id-1"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["cache-control"] == "private, no-cache"
    assert "access-control-allow-origin" not in headers
    assert "strict-transport-security" not in headers
    secure = call(base_url="https://testserver").get("/things/1")
    assert secure.headers["strict-transport-security"].startswith("max-age=")
    assert call().get("/things/1", headers={"x-request-id": "no\tgood"}).headers["x-request-id"].isalnum()


def test_a_problem_names_itself(call: Call) -> None:
    answer = call(proof="").get("/things/1")
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.headers["cache-control"] == "no-store"
    document = answer.json()
    assert document["type"] == "urn:vodflow:problem:not_authenticated"
    assert document["instance"] == "/things/1"
    assert document["request_id"] == answer.headers["x-request-id"]


def test_transactions_are_the_callers(call: Call) -> None:
    assert call("acme").get("/things/1").json()["tenant"] == "acme"


def test_head_is_get_without_a_body(call: Call) -> None:
    client = call()
    read, headed = client.get("/things/1"), client.head("/things/1")
    assert headed.status_code == 200
    assert headed.content == b""
    assert headed.headers["content-length"] == read.headers["content-length"]
    assert headed.headers["etag"] == read.headers["etag"]


def test_head_of_what_never_ends_ends(call: Call, small) -> None:
    answer = call().head("/stream")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"].startswith("text/plain")
    assert small.streams_ended == 1


def test_options_and_wrong_methods_say_what_there_is(call: Call) -> None:
    client = call()
    answer = client.options("/things/1")
    assert (answer.status_code, answer.headers["allow"]) == (204, "GET, HEAD, OPTIONS, PUT")
    wrong = client.delete("/things/1")
    assert (wrong.status_code, wrong.json()["code"]) == (405, "method_not_allowed")
    assert wrong.headers["allow"] == "GET, HEAD, OPTIONS, PUT"
    for path in ("/nothing", "/things/", "/things/1/2", "//things", "/", "/things/%2e%2e"):
        assert client.get(path).status_code in {404, 422}, path


def test_what_a_reader_has_is_not_sent_again(call: Call, small) -> None:
    client = call()
    for path in ("/things/1", "/things"):
        etag = client.get(path).headers["etag"]
        again = client.get(path, headers={"If-None-Match": etag})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
        assert "content-type" not in again.headers
    small.version = 2
    assert client.get("/things/1", headers={"If-None-Match": etag}).status_code == 200


def test_a_change_of_another_version_is_refused(call: Call, small) -> None:
    client = call()
    etag = client.get("/things/1").headers["etag"]
    assert client.put("/things/1", headers={"If-Match": etag}).json() == {"version": 2}
    refused = client.put("/things/1", headers={"If-Match": etag})
    assert (refused.status_code, refused.json()["code"]) == (412, "precondition_failed")
    assert small.version == 2
    assert client.put("/things/1", headers={"If-Match": refused.headers["etag"]}).status_code == 200


def test_pages_follow_each_other(call: Call) -> None:
    client, seen, address = call(), [], "/things?limit=4"
    while address:
        answer = client.get(address)
        seen.append(answer.json()["items"])
        address = answer.links.get("next", {}).get("url")
        assert (answer.json()["cursor"] is None) == (address is None)
    assert seen == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10]]
    for wrong in ("limit=0", "limit=501", "limit=x", "cursor=", "cursor=abc"):
        refused = client.get(f"/things?{wrong}")
        assert refused.status_code == 422, wrong
        assert refused.json()["errors"][0]["field"].startswith("query.")


@pytest.mark.parametrize(
    ("body", "kind", "status", "code"),
    [
        (b'{"name": "a"}', "application/json", 201, None),
        (b'{"name": "a"}', "application/json; charset=utf-8", 201, None),
        (b'{"name": "a"}', "application/merge-patch+json", 201, None),
        (b'{"name": "a\\\\u0000 is a text"}', "application/json", 201, None),
        (b'{"name": "a"}', "text/plain", 415, "not_json"),
        (b'{"name": "a"}', "application/x-www-form-urlencoded", 415, "not_json"),
        (b'{"name": "a\\u0000"}', "application/json", 422, "invalid_request"),
        (b'{"name": "\xff"}', "application/json", 422, "invalid_request"),
        (b'{"name": ', "application/json", 422, "invalid_request"),
        (b"[" * 100_000, "application/json", 400, "refused"),
        (b'{"name": 1}', "application/json", 422, "invalid_request"),
        (b"", "application/json", 422, "invalid_request"),
        (b"null", "application/json", 422, "invalid_request"),
    ],
)  # fmt: skip
def test_bodies_are_json(call: Call, body: bytes, kind: str, status: int, code: str | None) -> None:
    answer = call().post("/things", content=body, headers={"Content-Type": kind})
    assert (answer.status_code, answer.json().get("code")) == (status, code)


def test_a_body_without_a_type_is_refused_where_json_is_meant(call: Call) -> None:
    assert call().post("/things", content=b"{}").status_code == 415
    assert call().post("/hooks", content=b"{}").json()["body"] == "{}"


def test_large_and_slow_bodies_are_refused(call: Call, set_settings, small) -> None:
    set_settings(api_body_limit=2000, api_body_timeout=0.3)
    client = call()
    json_type = {"Content-Type": "application/json"}
    large = json.dumps({"name": "x" * 3000})
    declared = client.post("/things", content=large, headers=json_type)
    assert (declared.status_code, declared.json()["code"]) == (413, "body_too_large")

    def chunks():
        yield b'{"name": "'
        for _ in range(3):
            yield b"x" * 1000
        yield b'"}'

    assert client.post("/things", content=chunks(), headers=json_type).status_code == 413
    assert small.made == []


def test_what_has_no_versions_is_not_changed_as_if_it_had(call: Call, small) -> None:
    client = call()
    client.post("/things", json={})
    for etag in ('"a"', 'W/"a"', "a"):
        refused = client.delete("/things", headers={"If-Match": etag})
        assert (refused.status_code, refused.json()["code"]) == (412, "precondition_failed")
        assert client.post("/things", json={}, headers={"If-Match": etag}).status_code == 412
    assert small.made == ["x"]
    assert client.get("/things", headers={"If-Match": '"a"'}).status_code == 200
    assert client.delete("/things", headers={"If-Match": "*"}).status_code == 200
    assert small.made == []


@pytest.mark.parametrize("name", ["limt", "status", "cursor ", "Limit", "\ud83d"])
def test_lists_refuse_names_that_mean_nothing(call: Call, name: str) -> None:
    answer = call().get("/things", params={"limit": "2", name.encode("utf-8", "replace").decode(): "x"})
    assert (answer.status_code, answer.json()["errors"][0]["rule"]) == (422, "extra_forbidden")
    assert "cursor, limit" in answer.json()["detail"]


def test_half_a_character_is_no_reason_to_fail(call: Call) -> None:
    for body in (b'{"name": "\\ud800"}', b'{"\\ud800": 1}'):
        answer = call().post("/things", content=body, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


def test_what_goes_wrong_before_a_route_is_a_problem_too(api: Api, small) -> None:
    async def broken(_: object) -> None:
        raise KeyError("secret")

    services = Services(get_settings(), lambda _: pytest.fail("no Airflow here"))
    guarded = Guard(make_routes(services, [small.router]), [broken], services)
    answer = TestClient(guarded).get("/things")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "secret" not in answer.text


def test_long_addresses_and_headers_are_refused(call: Call) -> None:
    client = call()
    assert client.get("/things?limit=" + "1" * 9000).status_code == 414
    assert client.get("/things", headers={"x-more": "x" * 40_000}).status_code == 431
    assert client.get("/things?cursor=%00").status_code == 422
    assert client.get("/things/%00").status_code == 422


def test_an_unexpected_error_says_nothing_of_itself(call: Call) -> None:
    client = call(raise_server_exceptions=False)
    for headers in ({}, {"Idempotency-Key": "11111111"}):
        answer = client.post("/things", json={"name": "broken"}, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "broken" not in answer.text


def test_errors_of_the_library_are_problems(call: Call) -> None:
    answer = call().post("/things", json={"name": "away"})
    assert (answer.status_code, answer.json()["code"], answer.json()["retryable"]) == (503, "catalog_unavailable", True)
    assert "away" not in answer.json()["detail"], "what stands behind is for the log"


def test_a_wrong_credential_is_refused_where_none_is_needed(api: Api, call: Call) -> None:
    assert call(proof="").get("/open").json() == {"caller": None}
    assert call().get("/open").json() == {"caller": "a-service"}
    assert call(proof="wrong").get("/open").status_code == 401
    assert call(proof="wrong").post("/hooks").json()["caller"] is None
    assert call().post("/hooks").json()["caller"] == "a-service"
    both = call().get("/open", headers={"x-api-key": api.key().text})
    assert both.status_code == 401


def test_a_route_that_says_nothing_is_refused(small) -> None:
    @small.router.get("/silent")
    def silent() -> None: ...

    with pytest.raises(AssertionError, match="/silent"):
        make_routes(None, [small.router])


def test_two_routes_of_one_name_are_refused(small) -> None:
    with pytest.raises(AssertionError, match="things_thing"):
        check_routes([*make_routes(None, [small.router]).routes] * 2)


def test_scripts_of_other_sites_are_let_in_where_a_setting_names_them(api: Api, set_settings) -> None:
    origin = {"Origin": "https://www.example.com"}
    preflight = origin | {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
    closed = api.client().options("/api/v1/health", headers=preflight)
    assert "access-control-allow-origin" not in closed.headers
    set_settings(api_allowed_origins='["https://www.example.com"]')
    client = api.client_as()
    opened = client.options("/api/v1/health", headers=preflight)
    assert opened.status_code == 200
    assert opened.headers["access-control-allow-origin"] == origin["Origin"]
    assert "access-control-allow-credentials" not in opened.headers
    answer = client.get("/health", headers=origin)
    assert answer.headers["access-control-allow-origin"] == origin["Origin"]
    assert "etag" in answer.headers["access-control-expose-headers"].lower()
    foreign = client.get("/health", headers={"Origin": "https://evil.example.com"})
    assert "access-control-allow-origin" not in foreign.headers


def test_a_token_that_ran_out_meanwhile_is_refused(call: Call) -> None:
    now = int(time.time())
    claims = {
        "iss": "https://issuer.test",
        "aud": "vodflow",
        "sub": "s",
        "iat": now - 100,
        "exp": now - 60,
        "tenant": "*",
    }
    old = jwt.encode(claims, signing_key(), algorithm="ES256")
    answer = call(proof=old).get("/things")
    assert answer.status_code == 401
    assert "run out" in answer.json()["detail"]
