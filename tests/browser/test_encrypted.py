"""Encrypted videos play with their keys in the players that people use, and show nothing without."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from support import playback
from support.protected import ProtectedServer, keys_of, make_tracks, package, protected_plan
from vodflow.contract.content_keys import ContentKeys
from vodflow.contract.plan import Output, TranscodePlan

pytestmark = pytest.mark.browser

SECONDS = 5.0
Made = tuple[TranscodePlan, ContentKeys, Path]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Made]:
    tracks = make_tracks(tmp_path_factory.mktemp("tracks"))
    plans = {
        "cenc": protected_plan(scheme="cenc", systems=["clearkey"], keys="kinds"),
        "cbcs": protected_plan(scheme="cbcs", systems=["clearkey"], clear_lead=2),
        "all systems": protected_plan(scheme="cbcs", systems=["widevine", "playready", "fairplay", "clearkey"]),
        "rotated cenc": protected_plan(Output.DASH, scheme="cenc", systems=["clearkey"], rotation=2),
        "aes-128": protected_plan(Output.HLS, scheme="aes-128", rotation=2),
        "aes-128 ts": protected_plan(Output.HLS, scheme="aes-128", rotation=2, hls_segments="ts"),
    }
    done: dict[str, Made] = {}

    def one(name: str) -> Made:
        if name not in done:
            keys = keys_of(plans[name])
            done[name] = plans[name], keys, package(plans[name], keys, tracks, tmp_path_factory.mktemp("made"))
        return done[name]

    return one


@pytest.mark.parametrize(
    ("name", "kind", "manifest"),
    [
        ("cenc", "shaka", "dash/manifest.mpd"),
        ("cenc", "shaka", "hls/master.m3u8"),
        ("cenc", "dash", "dash/manifest.mpd"),
        ("cbcs", "shaka", "dash/manifest.mpd"),
        ("cbcs", "shaka", "hls/master.m3u8"),
        ("cbcs", "dash", "dash/manifest.mpd"),
        ("all systems", "shaka", "dash/manifest.mpd"),
        ("all systems", "dash", "dash/manifest.mpd"),
        ("all systems", "shaka", "hls/master.m3u8"),
        ("rotated cenc", "shaka", "dash/manifest.mpd"),
        ("aes-128", "hls", "hls/master.m3u8"),
        ("aes-128 ts", "hls", "hls/master.m3u8"),
    ],
)
def test_plays_with_its_keys(
    made: Callable[[str], Made], browser: Browser, name: str, kind: str, manifest: str
) -> None:
    _, keys, outputs = made(name)
    with ProtectedServer(outputs, keys.by_id) as server:
        playback.assert_plays(f"{server.url}/v/{manifest}", kind, browser=browser, heights=None, duration=SECONDS)
        assert set(server.asked) & set(keys.by_id), "it asked for keys"


@pytest.mark.parametrize(
    ("name", "kind", "manifest"),
    [
        ("cenc", "shaka", "dash/manifest.mpd"),
        ("all systems", "dash", "dash/manifest.mpd"),
        ("all systems", "shaka", "hls/master.m3u8"),
        ("aes-128", "hls", "hls/master.m3u8"),
    ],
)
def test_shows_nothing_with_wrong_keys(
    made: Callable[[str], Made], browser: Browser, name: str, kind: str, manifest: str
) -> None:
    plan, _, outputs = made(name)
    with ProtectedServer(outputs, keys_of(plan, salt=2).by_id) as server:
        seen = playback.play(f"{server.url}/v/{manifest}", kind, browser)
    assert seen.frames == 0
    assert seen.errors
    assert not seen.ended
