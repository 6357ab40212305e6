"""The local MediaConvert serves those who hold its keys, and no web page."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from support.fixtures.mediaconvert import LocalMediaConvert

pytestmark = pytest.mark.integration

PATH = "/2017-08-29/queues"


def answer(server: LocalMediaConvert, method: str, path: str, body: bytes | None = None, **headers: str) -> Any:
    request = urllib.request.Request(  # noqa: S310 - loopback
        server.url + path, body, {name.replace("_", "-"): value for name, value in headers.items()}, method=method
    )
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=10)  # noqa: S310
    return caught.value.code, json.loads(caught.value.read())["message"], dict(caught.value.headers)


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({"Origin": "http://evil.example", "Content-Type": "application/json"}, "Pages of http://evil.example"),
        ({"Origin": "http://localhost:3000", "Content-Type": "application/json"}, "Pages of http://localhost:3000"),
        ({"Host": "evil.example", "Content-Type": "application/json"}, "the host evil.example"),
        ({"Content-Type": "text/plain"}, "as application/json"),
        ({"Content-Type": "Text/Plain; charset=utf-8"}, "as application/json"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, "as application/json"),
        ({"Content-Type": "multipart/form-data; boundary=x"}, "as application/json"),
        ({"Content-Type": "application/json"}, "sign requests"),
        ({"Content-Type": "application/json", "Authorization": "AWS4-HMAC-SHA256 Credential=x"}, "sign requests"),
    ],
)
def test_requests_of_pages_and_of_strangers_are_refused(
    mediaconvert_server: LocalMediaConvert, headers: dict[str, str], words: str
) -> None:
    for method, path in (
        ("POST", "/2017-08-29/jobs"),
        ("POST", PATH),
        ("OPTIONS", PATH),
        ("DELETE", f"{PATH}/Default"),
    ):
        if words == "sign requests" and method == "OPTIONS":
            continue
        status, said, told = answer(mediaconvert_server, method, path, b"{}", **headers)
        assert (status, words in said) == (403, True), said
        assert not any(name.lower().startswith("access-control") for name in told)


def test_its_own_routes_are_its_supervisors(mediaconvert_server: LocalMediaConvert) -> None:
    for method, path in (("GET", "/_vodflow/health"), ("GET", "/_vodflow/faults"), ("DELETE", "/_vodflow/faults")):
        assert answer(mediaconvert_server, method, path)[0] == 403
        assert answer(mediaconvert_server, method, path, Authorization="Bearer test")[0] == 403


@pytest.mark.parametrize("change", ["key", "secret", "body", "path", "time"])
def test_signatures_are_of_these_keys_and_of_this_request(mediaconvert_server: LocalMediaConvert, change: str) -> None:
    key, secret = mediaconvert_server.keys
    session = boto3.session.Session("AKIAOTHER" if change == "key" else key, "x" if change == "secret" else secret)
    client = session.client("mediaconvert", region_name="us-east-1", endpoint_url=mediaconvert_server.url)

    def meddle(request: Any, **_: Any) -> None:
        if change == "body":
            request.body = request.body.replace(b"mine", b"your")
        if change == "path":
            request.url = request.url.replace("/queues", "/presets")
        if change == "time":
            request.headers["X-Amz-Date"] = "20200101T000000Z"

    client.meta.events.register("before-send.mediaconvert", meddle)
    with pytest.raises(ClientError) as caught:
        client.create_queue(Name="mine")
    assert caught.value.response["Error"]["Code"] == "ForbiddenException"


@pytest.mark.parametrize("host", ["127.0.0.2", "2130706434", "[::1]", "0.0.0.0", "169.254.169.254"])  # noqa: S104
def test_probe_reads_nothing_private(mediaconvert: Any, host: str) -> None:
    with pytest.raises(ClientError, match="private address") as caught:
        mediaconvert.probe(InputFiles=[{"FileUrl": f"http://{host}:9/film.mp4"}])
    assert caught.value.response["Error"]["Code"] == "ForbiddenException"
