"""What a token opens, and that nothing else does."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from mypy_boto3_s3 import S3Client
from sqlalchemy import text
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient
from support.playable import OBJECTS
from support.playback_site import MakeSite, Site
from support.served_app import served
from vodflow.api.routes import playback as routes
from vodflow.catalog.database import dispose_engines, transaction
from vodflow.playback.objects import Opened, open_object
from vodflow.playback.tokens import Tokens

pytestmark = pytest.mark.integration

SEGMENT = "cmaf/video_720p/00001.m4s"


def test_every_output_is_what_it_is_in_the_bucket(site: Site, video: int) -> None:
    token = site.token(video)
    for name, body in OBJECTS.items():
        answer = site.play(token, name)
        assert answer.status_code == 200, name
        if name != "manifest.json":
            assert answer.text == body
        assert answer.headers["cache-control"].startswith("private, max-age=")
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert json.loads(site.play(token, "manifest.json").text) == {"outputs": {"hls": {"path": "hls/master.m3u8"}}}


@pytest.mark.parametrize("name", ["hls/master.m3u8", "manifest.json", SEGMENT, "thumbnails/poster.jpg"])
def test_who_has_it_is_not_sent_it_again(site: Site, video: int, name: str) -> None:
    token = site.token(video)
    for _ in range(2):  # as it is read, and from memory
        first = site.play(token, name)
        again = site.play(token, name, headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
        assert site.play(token, name, headers={"If-None-Match": '"other"'}).status_code == 200


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("known", ['"other", {etag}', "W/{etag}", "*"])
def test_every_form_of_a_tag_is_understood(site: Site, video: int, method: str, known: str) -> None:
    token = site.token(video)
    for name in ("hls/master.m3u8", SEGMENT):
        etag = site.play(token, name).headers["etag"]
        headers = {"If-None-Match": known.format(etag=etag), "Range": "bytes=0-1"}
        answer = site.anonymous.request(method, f"/api/v1/play/{token}/{name}", headers=headers)
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", etag)


@pytest.mark.parametrize("nonsense", [b"\xe9", b'"\xe9"', b"nothing", b'"' + b"x" * 9000 + b'"', b"\t,", b'"a" "b"'])
@pytest.mark.parametrize("header", ["If-None-Match", "If-Range", "Range", "If-Modified-Since", "If-Match"])
def test_nonsense_in_a_header_gets_the_whole(site: Site, video: int, header: str, nonsense: bytes) -> None:
    token = site.token(video)
    for name in ("hls/master.m3u8", SEGMENT):
        answer = site.play(token, name, headers=[(header.encode(), nonsense)])
        assert (answer.status_code, answer.text) == (200, OBJECTS[name])


def test_head_tells_the_same_without_the_bytes(site: Site, video: int) -> None:
    token = site.token(video)
    for name in ("hls/master.m3u8", SEGMENT):
        whole, head = site.play(token, name), site.anonymous.head(f"/api/v1/play/{token}/{name}")
        assert (head.status_code, head.content) == (200, b"")
        for header in ("content-length", "content-type", "etag"):
            assert head.headers[header] == whole.headers[header]


@pytest.mark.parametrize(
    ("asked", "status", "got", "content_range"),
    [
        ("bytes=0-4", 206, "01234", "bytes 0-4/10000"),
        ("bytes=9998-", 206, "89", "bytes 9998-9999/10000"),
        ("bytes=-3", 206, "789", "bytes 9997-9999/10000"),
        ("bytes=9990-20000", 206, "0123456789", "bytes 9990-9999/10000"),
        ("bytes=10000-", 416, None, "bytes */10000"),
        ("bytes=5-2", 200, None, None),
        ("bytes=0-1,4-5", 200, None, None),
        ("lines=0-1", 200, None, None),
    ],
)
def test_ranges(site: Site, video: int, asked: str, status: int, got: str | None, content_range: str | None) -> None:
    answer = site.play(site.token(video), SEGMENT, headers={"Range": asked})
    assert answer.status_code == status
    if status == 416:
        assert answer.json()["code"] == "range_not_satisfiable"
    else:
        assert answer.text == (OBJECTS[SEGMENT] if got is None else got)
    assert answer.headers.get("content-range") == content_range


def test_a_range_of_other_bytes_gets_the_whole(site: Site, video: int) -> None:
    token = site.token(video)
    etag = site.play(token, SEGMENT).headers["etag"]
    beyond = {"Range": "bytes=99999-"}
    for only_if, status in ((etag, 416), ('"other"', 200)):
        assert site.play(token, SEGMENT, headers={**beyond, "If-Range": only_if}).status_code == status
    for only_if, status in ((etag, 206), ('"other"', 200), (f"W/{etag}", 200), ("Mon, 30 Nov 2026 10:00:00 GMT", 200)):
        answer = site.play(token, SEGMENT, headers={"Range": "bytes=0-4", "If-Range": only_if})
        assert answer.status_code == status, only_if


@pytest.mark.parametrize(
    "path",
    [
        "hls/nothing.m3u8", "cmaf/video_720p/99999.m4s", "secret.txt", "hls/%2e%2e/manifest.json",
        "hls%2Fmaster.m3u8", "..%2f..%2fother/hls/master.m3u8", "hls//master.m3u8", "hls/master.m3u8/",
        "work/plan.json",
        "hls\\master.m3u8", "%00", "hls/master.m3u8%00",
    ],
)  # fmt: skip
def test_nothing_else_below_or_beside_the_prefix(site: Site, video: int, s3: S3Client, path: str) -> None:
    with transaction("test") as connection:
        place = connection.execute(text("SELECT bucket, prefix FROM job")).one()
    for name in ("secret.txt", "work/plan.json"):
        s3.put_object(Bucket=place.bucket, Key=f"{place.prefix}/{name}", Body=b"secret")
    answer = site.play(site.token(video), path)
    assert answer.status_code in {404, 422}, answer.text
    assert "secret" not in answer.text.replace("secret.txt", "")


def test_the_specification_addresses_lead_to_the_others(site: Site, video: int) -> None:
    token = site.token(video)
    master = site.anonymous.get(f"/api/v1/media/hls/{video}/master.m3u8", params={"token": token})
    assert f"../../../play/{token}/hls/video_720p.m3u8" in master.text
    assert f'URI="../../../play/{token}/hls/iframe_720p.m3u8"' in master.text
    named = next(line for line in master.text.splitlines() if line.endswith("video_720p.m3u8"))
    variant = site.anonymous.get(str(master.url.join(named)))
    assert variant.text == OBJECTS["hls/video_720p.m3u8"]
    direct = site.anonymous.get(f"/api/v1/media/hls/{video}/video_720p.m3u8", params={"token": token})
    assert f"../../../play/{token}/{SEGMENT}" in direct.text
    mpd = site.anonymous.get(f"/api/v1/media/dash/{video}/manifest.mpd", params={"token": token})
    assert f"<BaseURL>../../../play/{token}/dash/</BaseURL>" in mpd.text


def test_a_token_of_another_video_opens_nothing(site: Site, video: int, publish_video: Callable[..., int]) -> None:
    other = publish_video()
    token = site.token(other)
    for address in (f"hls/{video}/master.m3u8", f"hls/{video}/video_720p.m3u8", f"dash/{video}/manifest.mpd"):
        answer = site.anonymous.get(f"/api/v1/media/{address}", params={"token": token})
        assert (answer.status_code, answer.json()["code"]) == (403, "token_invalid")


def test_without_a_token_there_is_nothing(site: Site, video: int) -> None:
    for address in (
        "/api/v1/play/x/hls/master.m3u8", "/api/v1/play//hls/master.m3u8", "/api/v1/play/-/hls/master.m3u8",
        f"/api/v1/media/hls/{video}/master.m3u8?token=", f"/api/v1/media/hls/{video}/master.m3u8?token=-",
    ):  # fmt: skip
        answer = site.anonymous.get(address)
        assert (answer.status_code, answer.json()["code"]) == (403, "token_invalid"), address
    assert site.anonymous.get(f"/api/v1/media/hls/{video}/master.m3u8").status_code == 422
    # Rights of another kind are no playback token.
    assert site.as_("*").get("/api/v1/play/x/hls/master.m3u8").status_code == 403


def test_a_token_that_ran_out_opens_nothing(site: Site, video: int) -> None:
    good = site.token(video)
    claims = Tokens(site.settings).check(good)
    made = Tokens(site.settings).issue(
        "ada", video, claims.job_id, "acme", (claims.bucket, claims.prefix), datetime.now(UTC) - timedelta(hours=1), 60
    )  # fmt: skip
    assert site.play(good, "hls/master.m3u8").status_code == 200
    answer = site.play(made[0], "hls/master.m3u8")
    assert (answer.status_code, answer.json()["code"]) == (403, "token_expired")


def test_a_token_of_one_address_opens_there_alone(site: Site, video: int) -> None:
    here, elsewhere = (site.token(video, address=address) for address in ("::ffff:192.0.2.1", "192.0.2.9"))
    for _ in range(2):  # as it is read, and from memory
        assert site.play(here, "hls/master.m3u8").status_code == 200
        assert site.play(elsewhere, "hls/master.m3u8").status_code == 403


def test_no_news_of_revocations_lets_nobody_watch(make_site: MakeSite, video: int) -> None:
    site = make_site(playback_revocation_patience=0.5, playback_revocation_interval=0.1)
    token = site.token(video)
    assert site.play(token, "hls/master.m3u8").status_code == 200
    with transaction("test") as connection:
        connection.execute(text("ALTER TABLE playback_revocation RENAME TO gone"))
    time.sleep(0.6)
    answer = site.play(token, "hls/master.m3u8")
    assert (answer.status_code, answer.json()["code"]) == (503, "playback_unavailable")
    with transaction("test") as connection:
        connection.execute(text("ALTER TABLE gone RENAME TO playback_revocation"))
    site.app.shared.revocations.refresh()
    assert site.play(token, "hls/master.m3u8").status_code == 200


def test_playlists_need_neither_database_nor_bucket_again(site: Site, video: int, s3: S3Client) -> None:
    token = site.token(video)
    first = site.play(token, "hls/master.m3u8")
    with transaction("test") as connection:
        place = connection.execute(text("SELECT bucket, prefix FROM job")).one()
    s3.delete_object(Bucket=place.bucket, Key=f"{place.prefix}/hls/master.m3u8")
    dispose_engines()
    assert site.play(token, "hls/master.m3u8").content == first.content


def test_a_slow_bucket_keeps_nothing_else_waiting(site: Site, video: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though more people ask for segments than there are threads for everything."""
    token, answers = site.token(video), threading.Event()

    def slow(*arguments: Any, **more: Any) -> Opened:
        answers.wait()
        return open_object(*arguments, **more)

    monkeypatch.setattr(routes, "open_object", slow)
    with served(site.app) as url, ThreadPoolExecutor(60) as pool, httpx.Client(timeout=60) as client:
        address = f"{url}/api/v1/play/{token}"
        waiting = [pool.submit(httpx.get, f"{address}/{SEGMENT}", timeout=60) for _ in range(60)]
        try:
            while site.app.shared.object_threads.statistics().tasks_waiting < 40:  # the test's own time limit ends it
                pass
            assert client.get(f"{address}/hls/master.m3u8").text == OBJECTS["hls/master.m3u8"]
            asked = {"video_id": video, "user_id": "ada"}
            headers = {"Authorization": "acme"}
            assert client.post(f"{url}/api/v1/playback/tokens", json=asked, headers=headers).status_code == 200
        finally:
            answers.set()
        assert {future.result().text for future in waiting} == {OBJECTS[SEGMENT]}


def test_no_log_has_the_token(site: Site, video: int, caplog: pytest.LogCaptureFixture) -> None:
    token = site.token(video)
    seen: list[str] = []

    async def server(scope, receive, send):  # type: ignore[no-untyped-def]
        await site.app(scope, receive, send)
        # What servers log once the answer is under way.
        seen.append(f"{scope['path']} {scope['raw_path']!r} {scope['query_string']!r}")

    caplog.set_level(logging.DEBUG)
    with TestClient(server) as client:
        for address in (
            f"/api/v1/play/{token}/hls/master.m3u8", f"/api/v1/play/{token}/hls/nothing.m3u8", f"/api/v1/play/{token}",
            f"/api/v1/media/hls/{video}/master.m3u8?token={token}&x=1", f"/api/v1/play/{token}/%2e%2e/x",
        ):  # fmt: skip
            assert token not in client.get(address).text.replace(f"../play/{token}/", "")
    assert len(seen) == 5
    assert token not in "".join(seen)
    assert token not in "".join(record.getMessage() for record in caplog.records if record.name != "httpx")


def test_pages_of_other_origins_read_where_the_settings_say(make_site: MakeSite, video: int) -> None:
    closed = make_site()
    token = closed.token(video)
    asked = {
        "Origin": "https://school.example",
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "range",
    }
    address = f"/api/v1/play/{token}/hls/master.m3u8"
    assert closed.anonymous.options(address, headers=asked).status_code == 403
    assert "access-control-allow-origin" not in closed.anonymous.get(address, headers=asked).headers
    site = make_site(playback_origins='["https://school.example"]')
    before = site.anonymous.options(address, headers=asked)
    assert before.status_code == 204
    assert before.headers["access-control-allow-headers"] == "range"
    for name in ("hls/master.m3u8", "hls/master.m3u8", SEGMENT, "hls/nothing.m3u8"):
        answer = site.play(token, name, headers=asked)
        assert answer.headers["access-control-allow-origin"] == "https://school.example"
        assert "Content-Range" in answer.headers["access-control-expose-headers"]
        assert (
            "access-control-allow-origin"
            not in site.play(token, name, headers={"Origin": "https://evil.example"}).headers
        )
    # Whatever one page was answered, a cache tells it from what another one may read.
    for origin in ({}, {"Origin": "https://evil.example"}, {"Origin": "https://school.example"}):
        for name in ("hls/master.m3u8", SEGMENT, "hls/nothing.m3u8"):
            assert "Origin" in site.play(token, name, headers=origin).headers["vary"], origin
    # A page's <img> and <video> ask without an origin.
    for name in ("thumbnails/poster.jpg", "mp4/video_720p.mp4"):
        assert site.play(token, name).headers["cross-origin-resource-policy"] == "cross-origin"
        assert closed.play(token, name).headers["cross-origin-resource-policy"] == "same-origin"
    evil = site.play(token, "thumbnails/poster.jpg", headers={"Origin": "https://evil.example"})
    assert evil.headers["cross-origin-resource-policy"] == "same-origin"
    anybody = make_site(playback_origins='["*"]')
    assert anybody.play(token, SEGMENT, headers=asked).headers["access-control-allow-origin"] == "*"
    # Where tokens are given out is no business of pages.
    issuing = f"/api/v1/media/hls/{video}/access-token?user_id=a"
    assert "access-control-allow-origin" not in anybody.as_("acme").get(issuing, headers=asked).headers


def test_the_player_page_may_be_shown_within_pages_of_the_settings(make_site: MakeSite, video: int) -> None:
    site = make_site(playback_origins='["https://school.example"]')
    token = site.token(video)
    for name in ("", "player.html"):
        answer = site.play(token, name)
        assert answer.headers["content-type"].startswith("text/html")
        assert "frame-ancestors 'self' https://school.example" in answer.headers["content-security-policy"]
        assert "x-frame-options" not in answer.headers
    assert site.play("x", "player.html").status_code == 403


def test_mounted_elsewhere_it_is_the_same(site: Site, video: int) -> None:
    seen: list[str] = []

    async def server(scope, receive, send):  # type: ignore[no-untyped-def]
        await Starlette(routes=[Mount("/vodflow-api", app=site.app)])(scope, receive, send)
        seen.append(scope["path"])

    with TestClient(server, headers={"Authorization": "acme"}, follow_redirects=False) as client:
        asked = {"video_id": video, "user_id": "ada"}
        made = client.post("/vodflow-api/api/v1/playback/tokens", json=asked).json()
        assert made["urls"]["hls"].startswith("http://testserver/vodflow-api/api/v1/play/")
        for _ in range(2):
            assert client.get(made["urls"]["hls"]).text == OBJECTS["hls/master.m3u8"]
        rooted = client.get(f"/vodflow-api/api/v1/media/hls/{video}/master.m3u8", params={"token": made["token"]})
        named = next(line for line in rooted.text.splitlines() if line.endswith("video_720p.m3u8"))
        assert client.get(str(rooted.url.join(named))).text == OBJECTS["hls/video_720p.m3u8"]
    assert "/vodflow-api/api/v1/play/-/hls/master.m3u8" in seen
    assert made["token"] not in "".join(seen)
