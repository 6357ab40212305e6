"""Pages of other origins, in a real browser: they reach the stack's services and get nothing from them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from support import playback
from support.fixtures.mediaconvert import LocalMediaConvert
from vodflow.settings import Settings
from vodflow.storage.clients import s3_client

pytestmark = pytest.mark.browser

#: Tries every way in that a page has: requests of all modes, a form, an upload by presigned POST's shape.
ATTACK = """
async ([address, options]) => {
  try {
    const answer = await fetch(address, options);
    return {type: answer.type, status: answer.status, text: await answer.text()};
  } catch (error) {
    return {type: 'failed', status: 0, text: ''};
  }
}
"""


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Browser]:
    """A browser for which every name leads to this machine, as after a rebinding."""
    with playback.chromium("--host-resolver-rules=MAP *.example 127.0.0.1") as opened:
        yield opened


@pytest.fixture
def page(elsewhere: Browser, tmp_path: Path) -> Iterator[Page]:
    """A page of http://evil.example."""
    (tmp_path / "page.html").write_text("<!doctype html><title>evil</title>")
    with playback.DirectoryServer(page=tmp_path / "page.html") as server:
        context = elsewhere.new_context()
        opened = context.new_page()
        opened.goto(f"{server.url.replace('127.0.0.1', 'evil.example')}/page")
        assert opened.evaluate("location.hostname") == "evil.example"
        yield opened
        context.close()


def attack(page: Page, address: str, **options: Any) -> dict[str, Any]:
    seen: dict[str, Any] = page.evaluate(ATTACK, [address, options])
    return seen


def test_a_foreign_page_reads_and_writes_nothing(
    page: Page, transcoded: dict[str, Any], aws: Settings, mediaconvert_server: LocalMediaConvert
) -> None:
    made, stack = transcoded["fmp4"], str(aws.aws_endpoint_url)
    master, s3 = made.url("hls/master.m3u8"), s3_client(aws)
    keys = {item["Key"] for item in s3.list_objects_v2(Bucket="playback")["Contents"]}
    plain = {"Content-Type": "text/plain"}
    for address in (master, f"{stack}/", f"{stack}/playback?list-type=2", f"{stack}/_ministack/health"):
        assert attack(page, address)["type"] == "failed", address
        assert attack(page, address, mode="no-cors")["text"] == "", address
    for method, address in (
        ("POST", f"{stack}/_ministack/reset"), ("POST", f"{stack}/"), ("PUT", f"{stack}/playback/evil"),
        ("DELETE", master), ("POST", f"{mediaconvert_server.url}/2017-08-29/jobs"),
        ("DELETE", f"{mediaconvert_server.url}/_vodflow/faults"),
    ):  # fmt: skip
        body = None if method == "DELETE" else json.dumps({"role": "x", "settings": {}})
        assert attack(page, address, method=method, body=body, headers=plain)["type"] == "failed", address
        if method == "POST":
            assert attack(page, address, method=method, body=body, headers=plain, mode="no-cors")["status"] == 0
    page.evaluate(
        """([address]) => new Promise((done) => {
          const form = document.createElement('form');
          Object.assign(form, {method: 'post', action: address, target: 'frame'});
          const frame = Object.assign(document.createElement('iframe'), {name: 'frame', onload: done});
          document.body.append(frame, form);
          form.submit();
        })""",
        [f"{stack}/_ministack/reset"],
    )
    assert {item["Key"] for item in s3.list_objects_v2(Bucket="playback")["Contents"]} == keys
    assert not mediaconvert_server.client().list_jobs()["Jobs"]


def test_a_rebound_name_is_no_way_in(elsewhere: Browser, aws: Settings, mediaconvert_server: LocalMediaConvert) -> None:
    for url in (str(aws.aws_endpoint_url), mediaconvert_server.url):
        context = elsewhere.new_context()
        page = context.new_page()
        answer = page.goto(f"{url.replace('127.0.0.1', 'rebound.example')}/playback/player.html")
        assert answer is not None
        assert answer.status == 403
        for path, options in (("/", {}), ("/_ministack/reset", {"method": "POST"}), ("/2017-08-29/jobs", {})):
            assert attack(page, path, **options)["status"] == 403
        context.close()
