"""What the local engine makes plays in the players that people use: it starts, switches rungs, sounds, and ends."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser
from support import playback

pytestmark = pytest.mark.browser

SECONDS = 4.0


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("hls", "hls/master.m3u8"),
        ("shaka", "hls/master.m3u8"),
        ("shaka", "dash/manifest.mpd"),
        ("dash", "dash/manifest.mpd"),
    ],
)
def test_shared_segments_play(transcoded: dict[str, Any], browser: Browser, kind: str, name: str) -> None:
    url = transcoded["fmp4"].url(name)
    playback.assert_plays(url, kind, browser=browser, heights=(360, 720), duration=SECONDS)


@pytest.mark.parametrize(("kind", "name"), [("hls", "hls/master.m3u8"), ("shaka", "dash/manifest.mpd")])
def test_a_switch_in_the_last_segment_plays_to_the_end(
    transcoded: dict[str, Any], browser: Browser, kind: str, name: str
) -> None:
    """Which hls.js did not while the audio group changed with the rung."""
    playback.assert_plays(transcoded["fmp4"].url(name), kind, browser=browser, switch_at=2.6, duration=SECONDS)


def test_transport_streams_play(transcoded: dict[str, Any], browser: Browser) -> None:
    url = transcoded["ts"].url("hls/master.m3u8")
    playback.assert_plays(url, "hls", browser=browser, heights=(360, 720), duration=SECONDS)


def test_hls_plays_without_any_library(transcoded: dict[str, Any], browser: Browser) -> None:
    url = transcoded["fmp4"].url("hls/master.m3u8")
    playback.assert_plays(url, "native", browser=browser, duration=SECONDS)


def test_mp4_plays_and_seeks(transcoded: dict[str, Any], browser: Browser) -> None:
    seen = playback.assert_plays(transcoded["fmp4"].url("mp4/video_720p.mp4"), "mp4", browser=browser, duration=SECONDS)
    assert seen.seeked == pytest.approx(SECONDS * 0.6, abs=0.1)
    assert seen.heights == [720]


def test_a_missing_segment_is_an_error(transcoded: dict[str, Any], browser: Browser) -> None:
    """The helper sees what goes wrong: otherwise the tests above could not fail."""
    seen = playback.play(transcoded["fmp4"].url("hls/nothing.m3u8"), "hls", browser)
    assert seen.errors
    assert not seen.ended
