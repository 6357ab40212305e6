"""A video in a closed bucket: players play it with a token, and without one nobody gets a byte of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
import pytest
from lxml import etree
from mypy_boto3_s3 import S3Client
from playwright.sync_api import Browser
from support import playback
from support.playable import OBJECTS, publish_outputs, put_objects
from support.served_app import served
from vodflow.api import make_api
from vodflow.catalog import playback as rows
from vodflow.catalog.database import transaction
from vodflow.contract import layout
from vodflow.playback.service import Playback
from vodflow.publication.player import player_files
from vodflow.settings import Settings
from vodflow.stack.home import REPOSITORY
from vodflow.stack.policies import keep_private, let_players_read

pytestmark = [pytest.mark.browser, pytest.mark.integration]

SECONDS = 4.0
KEY = "a-secret-of-more-than-32-bytes-for-tests"


@dataclass(frozen=True)
class Closed:
    """A protected video: where it is, what it is made of, where it is served."""

    url: str
    bucket: str
    prefix: str
    video_id: int
    bodies: dict[str, bytes]
    shared: Playback

    def token(self, user: str = "ada") -> str:
        return self.shared.grant(self.video_id, user).token

    def at(self, token: str, name: str) -> str:
        return f"{self.url}/api/v1/play/{token}/{name}"


@pytest.fixture
def close(
    transcoded: dict[str, Any], catalog: Settings, aws: Settings, s3: S3Client, make_bucket: Callable[[], str],
    set_settings: Callable[..., Settings],
) -> Iterator[Callable[..., Closed]]:  # fmt: skip
    """``close("ts")`` copies what was made of the clip into a closed bucket, makes it public and serves it."""
    running = []

    def make(kind: str = "fmp4", **changes: object) -> Closed:
        made, bucket = transcoded[kind], make_bucket()
        bodies = {}
        for item in made.result.objects:
            found = s3.get_object(Bucket="playback", Key=f"{made.prefix}/{item.name}")
            bodies[item.name] = found["Body"].read()
            s3.put_object(
                Bucket=bucket, Key=f"{made.prefix}/{item.name}", Body=bodies[item.name], ContentType=item.content_type
            )
        bodies[layout.MANIFEST] = json.dumps(_manifest(made)).encode()
        s3.put_object(
            Bucket=bucket,
            Key=f"{made.prefix}/manifest.json",
            Body=bodies[layout.MANIFEST],
            ContentType="application/json",
        )
        with transaction("test") as connection:
            job = publish_outputs(
                connection, bucket, made.prefix, [item for item in bodies if not item.endswith((".m4s", ".ts", ".aac"))]
            )
        settings = set_settings(
            **{"playback_keys": json.dumps([KEY]), "playback_origins": '["*"]', "media_bucket": bucket, **changes}
        )
        app: Any = make_api([], settings=settings)
        context = served(app)
        running.append((context, app))
        return Closed(context.__enter__(), bucket, made.prefix, job.video_id, bodies, app.shared)

    yield make
    for context, app in running:
        app.shared.close()
        context.__exit__(None, None, None)


def _manifest(made: Any) -> dict[str, Any]:
    """What the player page reads of a manifest, with addresses that do not work."""

    def named(path: str) -> dict[str, str]:
        return {"path": path, "url": f"https://closed.example/{path}"}

    rungs = [
        {
            "name": rung.name, "width": rung.width, "height": rung.height, "frame_rate": rung.frame_rate,
            "average_bitrate": rung.bitrate, "peak_bitrate": rung.bitrate, "bytes": 1,
        }
        for rung in made.plan.renditions
    ]  # fmt: skip
    return {
        "video": {"tenant": "acme", "name": "plain", "title": "plain"}, "source": {"width": 1280, "height": 720},
        "duration": SECONDS, "renditions": rungs, "audio": [{}], "poster": named(layout.POSTER),
        "thumbnails": {"interval": 1.0, "width": 160, "height": 90, "images": [named("thumbnails/thumb_00001.jpg")]},
        "outputs": {
            "hls": named(layout.HLS_MASTER), "dash": named(layout.DASH_MANIFEST),
            "mp4": [
                {"rendition": rung.name, "bytes": 1, **named(layout.mp4_file(rung))} for rung in made.plan.renditions
            ],
        },
    }  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "made", "name"),
    [
        ("hls", "fmp4", "hls/master.m3u8"), ("shaka", "fmp4", "hls/master.m3u8"), ("dash", "fmp4", "dash/manifest.mpd"),
        ("shaka", "fmp4", "dash/manifest.mpd"), ("hls", "ts", "hls/master.m3u8"), ("native", "fmp4", "hls/master.m3u8"),
        ("mp4", "fmp4", "mp4/video_720p.mp4"),
    ],
)  # fmt: skip
def test_players_play_with_a_token(
    close: Callable[..., Closed], browser: Browser, kind: str, made: str, name: str
) -> None:
    video = close(made)
    heights = None if kind in {"native", "mp4"} else (360, 720)
    playback.assert_plays(video.at(video.token(), name), kind, browser=browser, heights=heights, duration=SECONDS)


@pytest.mark.parametrize(
    ("kind", "address"),
    [
        ("hls", "hls/{video}/master.m3u8"), ("shaka", "hls/{video}/master.m3u8"), ("native", "hls/{video}/master.m3u8"),
        ("dash", "dash/{video}/manifest.mpd"), ("shaka", "dash/{video}/manifest.mpd"),
    ],
)  # fmt: skip
def test_players_play_at_the_specification_addresses(
    close: Callable[..., Closed], browser: Browser, kind: str, address: str
) -> None:
    video = close()
    url = f"{video.url}/api/v1/media/{address.format(video=video.video_id)}?token={video.token()}"
    playback.assert_plays(
        url, kind, browser=browser, heights=None if kind == "native" else (360, 720), duration=SECONDS
    )


@pytest.mark.parametrize(
    ("kind", "name"), [("hls", "hls/master.m3u8"), ("shaka", "dash/manifest.mpd"), ("dash", "dash/manifest.mpd")]
)
def test_pages_of_other_origins_are_led_to_the_bucket(
    close: Callable[..., Closed], s3: S3Client, browser: Browser, kind: str, name: str
) -> None:
    """Their browser tells no origin then."""
    video = close(playback_delivery="s3-redirect")
    keep_private(s3, video.bucket)
    playback.assert_plays(video.at(video.token(), name), kind, browser=browser, heights=(360, 720), duration=SECONDS)


def test_players_do_not_play_without(close: Callable[..., Closed], browser: Browser) -> None:
    video = close()
    for address in (
        video.at("x", "hls/master.m3u8"),
        f"{video.url}/api/v1/media/hls/{video.video_id}/master.m3u8?token=x",
    ):
        seen = playback.play(address, "hls", browser)
        assert seen.errors
        assert not seen.frames


@pytest.mark.parametrize("delivery", ["proxy", "s3-redirect"])
def test_the_player_page_plays_it(close: Callable[..., Closed], s3: S3Client, browser: Browser, delivery: str) -> None:
    playback.install_players()
    video = close(playback_delivery=delivery)
    let_players_read(s3, video.bucket, "nothing", [video.url])
    for name, (body, kind) in player_files(REPOSITORY).items():
        s3.put_object(Bucket=video.bucket, Key=name, Body=body, ContentType=kind)
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(60_000)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(video.at(video.token(), "player.html?manifest=manifest.json"))
    page.wait_for_selector("#rungs tr")
    page.get_by_role("button", name="Play").click()
    page.wait_for_selector(".playing")
    offered = page.locator("#quality option").all_inner_texts()
    context.close()
    assert any(text.startswith("720p") for text in offered), "the library is beside it"
    hosts = {urlsplit(url).netloc for url in asked if not url.startswith(("blob:", "data:"))}
    assert len(hosts) == (1 if delivery == "proxy" else 2), hosts


def named_in(document: str, address: str) -> list[str]:
    """All that a playlist, MPD or manifest names, as a player would ask for it."""
    path = urlsplit(address).path
    if path.endswith(".m3u8"):
        found = re.findall(r'URI="([^"]+)"', document) + [
            line for line in document.splitlines() if line and line[0] != "#"
        ]
        return [urljoin(address, uri) for uri in found]
    if path.endswith(".json"):
        return [urljoin(address, uri) for uri in re.findall(r'"path": ?"([^"]+)"', document)]
    root = etree.fromstring(document.encode())
    base = root.findtext("{*}BaseURL")
    base, found = urljoin(address, base) if base else address, []
    for template in root.iter("{*}SegmentTemplate"):
        found.append(template.get("initialization", ""))
        count = sum(int(item.get("r", 0)) + 1 for item in template.iter("{*}S"))
        media = template.get("media", "").replace("$Number%05d$", "{:05}")
        found += [media.format(number) for number in range(1, count + 1)]
    return [urljoin(base, uri) for uri in found]


def crawl(client: httpx.Client, starts: list[str]) -> dict[str, bytes]:
    """Everything that can be reached, by address."""
    waiting, reached = list(starts), {}
    while waiting:
        address = waiting.pop()
        if address in reached:
            continue
        answer = client.get(address)
        assert answer.status_code == 200, address
        reached[address] = answer.content
        if urlsplit(address).path.endswith((".m3u8", ".mpd", ".json")):
            waiting += named_in(answer.text, address)
    return reached


def test_nobody_gets_a_byte_without_the_right_token(
    close: Callable[..., Closed], s3: S3Client, aws: Settings, make_bucket: Callable[[], str]
) -> None:
    video = close()
    good = video.token()
    with httpx.Client(timeout=30) as client:
        rooted = [
            f"{video.url}/api/v1/media/{kind}/{video.video_id}/{name}?token={good}"
            for kind, name in (("hls", "master.m3u8"), ("dash", "manifest.mpd"))
        ]
        starts = [video.at(good, name) for name in (layout.HLS_MASTER, layout.DASH_MANIFEST, layout.MANIFEST)]
        reached = crawl(client, [*starts, *rooted])
        everything = {
            item["Key"].removeprefix(f"{video.prefix}/") for item in s3.list_objects_v2(Bucket=video.bucket)["Contents"]
        }
        named = {urlsplit(url).path.partition(f"{good}/")[2] for url in reached if f"/play/{good}/" in url}
        assert named <= everything
        assert {name for name in everything if name.startswith(("cmaf/", "mp4/", "hls/"))} <= named
        for name in everything - {layout.MANIFEST}:
            assert client.get(video.at(good, name)).content == video.bodies[name], name

        wrong = _wrong_tokens(video, s3, make_bucket)
        refused = 0
        for token in ("", "-", *wrong.values()):
            for address in reached | dict.fromkeys(
                video.at(good, name) for name in (*everything, "player.html", "player-hls.js", "")
            ):
                answer = client.get(address.replace(good, token))
                if token == wrong["of another video"] and "/play/" in address:
                    assert not any(body in answer.content for body in video.bodies.values() if len(body) > 50), address
                else:
                    assert answer.status_code in {403, 404}, (token, address)
                    assert answer.headers["content-type"] == "application/problem+json"
                refused += 1
        for name in everything:
            for address in (
                f"{aws.aws_endpoint_url}/{video.bucket}/{video.prefix}/{name}",
                f"{video.url}/{video.prefix}/{name}",
            ):
                assert client.get(address).status_code in {403, 404}, address
    assert refused > 200


def _wrong_tokens(video: Closed, s3: S3Client, make_bucket: Callable[[], str]) -> dict[str, str]:
    good, shared = video.token(), video.shared
    claims = shared.tokens.check(good)
    place, others = (claims.bucket, claims.prefix), make_bucket()

    def issued(user: str = "ada", at: datetime | None = None, seconds: int = 600, address: str | None = None) -> str:
        return shared.tokens.issue(
            user, video.video_id, claims.job_id, claims.tenant, place, at or datetime.now(UTC), seconds, address
        )[0]  # fmt: skip

    put_objects(s3, others, "vod/globex/other/plan")
    with transaction("test") as connection:
        other = publish_outputs(connection, others, "vod/globex/other/plan", OBJECTS, tenant="globex")
        revoked = issued("bob")
        whose = rows.tenant_of_video(connection, video.video_id)
        assert whose is not None
        rows.revoke(connection, whose, 600, "test", video_id=video.video_id, people=["bob"])
    shared.revocations.refresh()
    return {
        "of another video": shared.grant(other.video_id, "ada").token,
        "expired": issued(at=datetime.now(UTC) - timedelta(hours=1)),
        "not yet": issued(at=datetime.now(UTC) + timedelta(hours=1)),
        "of another address": issued(address="192.0.2.1"),
        "revoked": revoked,
        "changed": good[:-4] + ("AAAA" if good[-4:] != "AAAA" else "BBBB"),
    }
