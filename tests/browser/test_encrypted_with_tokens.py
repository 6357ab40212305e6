"""Encrypted videos as the API serves them: a token opens outputs and keys, and without one nothing is shown."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from mypy_boto3_s3 import S3Client
from playwright.sync_api import Browser
from support import playback
from support.playable import publish_outputs
from support.protected import make_tracks, package, protected_plan
from support.served_app import served
from vodflow.api import make_api
from vodflow.catalog.database import transaction
from vodflow.catalog.rows import JobRow
from vodflow.contract import layout
from vodflow.contract.plan import Output
from vodflow.keys import content_keys
from vodflow.playback.service import Playback
from vodflow.publication.player import player_files
from vodflow.settings import Settings
from vodflow.stack.demo.protected import try_to_see
from vodflow.stack.home import REPOSITORY
from vodflow.stack.policies import keep_private

pytestmark = [pytest.mark.browser, pytest.mark.integration]

SECONDS = 5.0
PREFIX = "vod/acme/secret/plan"
PLANS = {
    "cbcs": protected_plan(scheme="cbcs", systems=["clearkey", "widevine"], keys="kinds"),
    "aes-128": protected_plan(Output.HLS, scheme="aes-128", rotation=2),
}


@dataclass(frozen=True)
class Served:
    """An encrypted video behind the API."""

    url: str
    job: JobRow
    shared: Playback

    def at(self, name: str, token: str | None = None) -> str:
        return f"{self.url}/api/v1/play/{token or self.shared.grant(self.job.video_id, 'ada').token}/{name}"


@pytest.fixture(scope="module")
def tracks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tracks(tmp_path_factory.mktemp("tracks"))


@pytest.fixture
def encrypted(
    tracks: Path, tmp_path: Path, catalog: Settings, aws: Settings, s3: S3Client, make_bucket: Callable[[], str],
    set_settings: Callable[..., Settings],
) -> Iterator[Callable[[str], Served]]:  # fmt: skip
    """``encrypted("cbcs")`` puts an encrypted video into a private bucket, makes it public and serves it."""
    with ExitStack() as ends:

        def make(name: str) -> Served:
            bucket = make_bucket()
            keep_private(s3, bucket)
            settings = set_settings(
                sealing_keys=f'["{Fernet.generate_key().decode()}"]', protected_bucket=bucket, playback_origins='["*"]',
                playback_keys=json.dumps(["a-secret-of-more-than-32-bytes-for-tests"]),
            )  # fmt: skip
            plan = PLANS[name]
            outputs = package(plan, content_keys(plan, PREFIX), tracks, tmp_path)
            names = [path.relative_to(outputs).as_posix() for path in outputs.rglob("*") if path.is_file()]
            for item in names:
                kind = layout.content_type(item)
                s3.upload_file(str(outputs / item), bucket, f"{PREFIX}/{item}", ExtraArgs={"ContentType": kind})
            listed = [item for item in names if not item.startswith("cmaf/")]
            with transaction("test") as connection:
                job = publish_outputs(connection, bucket, PREFIX, listed)
            app: Any = make_api([], settings=settings)
            ends.callback(app.shared.close)
            url = ends.enter_context(served(app))
            app.shared.settings = settings.model_copy(update={"api_url": url})
            return Served(url, job, app.shared)

        yield make


@pytest.mark.parametrize(
    ("name", "kind", "manifest"),
    [
        ("cbcs", "shaka", "dash/manifest.mpd"),
        ("cbcs", "dash", "dash/manifest.mpd"),
        ("cbcs", "shaka", "hls/master.m3u8"),
        ("aes-128", "hls", "hls/master.m3u8"),
    ],
)
def test_a_token_opens_outputs_and_keys(
    encrypted: Callable[[str], Served], browser: Browser, name: str, kind: str, manifest: str
) -> None:
    playback.assert_plays(encrypted(name).at(manifest), kind, browser=browser, duration=SECONDS)


@pytest.mark.parametrize(("kind", "manifest"), [("shaka", "dash/manifest.mpd"), ("hls", "hls/master.m3u8")])
def test_without_one_nothing_is_shown(
    encrypted: Callable[[str], Served], browser: Browser, kind: str, manifest: str
) -> None:
    seen = playback.play(encrypted("cbcs").at(manifest, token="nobodys"), kind, browser)
    assert seen.errors
    assert seen.frames == 0


@pytest.mark.parametrize(("name", "names"), [("cbcs", ["hls", "dash"]), ("aes-128", ["hls"])])
def test_the_player_page_plays_it(
    encrypted: Callable[[str], Served], s3: S3Client, media_bucket: str, browser: Browser, name: str, names: list[str]
) -> None:
    video, paths = encrypted(name), {"hls": layout.HLS_MASTER, "dash": layout.DASH_MANIFEST}
    manifest = {
        "video": {"tenant": "acme", "name": "secret", "title": "secret"}, "source": {"width": 640, "height": 360},
        "duration": SECONDS, "audio": [{}], "poster": None, "thumbnails": None,
        "renditions": [
            {
                "name": rung.name, "width": rung.width, "height": rung.height, "frame_rate": rung.frame_rate,
                "average_bitrate": rung.bitrate, "peak_bitrate": rung.bitrate, "bytes": 1,
            }
            for rung in PLANS[name].renditions
        ],
        "encryption": {"scheme": name, "systems": ["clearkey"]},
        "outputs": {item: {"path": paths[item]} for item in names},
    }  # fmt: skip
    s3.put_object(Bucket=video.job.bucket, Key=f"{PREFIX}/manifest.json", Body=json.dumps(manifest).encode())
    for key, (body, kind) in player_files(REPOSITORY).items():
        s3.put_object(Bucket=media_bucket, Key=key, Body=body, ContentType=kind)
    context = browser.new_context()
    page = context.new_page()
    page.goto(video.at("player.html?manifest=manifest.json"))
    page.get_by_role("button", name="Play").click()
    page.wait_for_selector(".playing")
    while not page.evaluate("video.ended"):  # the test's own time limit ends it
        assert page.locator("#message").inner_text() == ""
        page.wait_for_timeout(100)
    assert page.evaluate("video.getVideoPlaybackQuality().totalVideoFrames") > 10
    context.close()


def test_the_demo_shows_it_with_a_token_and_to_nobody_without(encrypted: Callable[[str], Served]) -> None:
    """With nothing but what browsers have by themselves."""
    video = encrypted("cbcs")
    token = video.shared.grant(video.job.video_id, "ada").token
    attempts = try_to_see(video.job, token, video.url, video.shared.settings)
    assert all(attempt.right for attempt in attempts), attempts
    assert [attempt.told.partition(" ")[0] for attempt in attempts[:4]] == ["refused", "refused", "0", "0"]
    assert int(attempts[4].told.partition(" ")[0]) > 100
