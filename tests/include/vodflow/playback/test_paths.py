from __future__ import annotations

import pytest
from vodflow.contract import layout
from vodflow.playback.paths import allowed, below, is_output

OUTPUTS = (
    layout.HLS_MASTER, layout.DASH_MANIFEST, layout.MANIFEST, layout.POSTER, layout.THUMBNAIL_PATTERN % 1,
    "hls/video_1080p.m3u8", "hls/iframe_1080p.m3u8", "hls/audio_96k.m3u8", "hls/video_720p/00001.ts",
    "hls/audio/00001.aac", "cmaf/video_720p/init.mp4", "cmaf/audio/00001.m4s", "mp4/video_720p.mp4", "captions/en.vtt",
)  # fmt: skip


@pytest.mark.parametrize("path", OUTPUTS)
def test_outputs_are_allowed(path: str) -> None:
    assert allowed(path)


@pytest.mark.parametrize(
    "path",
    [
        "", "/", ".", "..", "hls", "hls/", "/hls/master.m3u8", "hls//master.m3u8", "hls/../manifest.json", "../x.m3u8",
        "hls/..", "hls/.m3u8", "hls/.hidden/a.ts", "hls/a/b/c.ts", "hls/master.m3u8/", "hls/master.m3u8\n",
        "hls/%2e%2e/x.ts",
        "hls\\master.m3u8", "hls/ma ster.m3u8", "hls/m\u00e4ster.m3u8", "hls/master.m3u8\0", "hls/master.M3U8x",
        "work/plan.json", "chunks/0/video.mp4", "manifest.json/x", "hls/video.exe", "hls/video", "secret.json",
        "cmaf/\uff0e\uff0e/x.mp4", "hls/" + "a" * 300 + ".ts", "hls/a..ts/b.ts", "hls/..a/b.ts",
    ],
)  # fmt: skip
def test_everything_else_is_not(path: str) -> None:
    assert not allowed(path)


def test_relative_addresses_lead_below_the_prefix() -> None:
    assert below("/hls/", "video_720p.m3u8") == "hls/video_720p.m3u8"
    assert below("/hls/", "../cmaf/video_720p/00001.m4s") == "cmaf/video_720p/00001.m4s"
    assert below("/dash/", "../cmaf/video_720p/$Number%05d$.m4s") == "cmaf/video_720p/$Number%05d$.m4s"
    for strange in (
        "https://elsewhere.example/a.ts", "//elsewhere.example/hls/a.ts", "skd://key", "data:text/plain,x",
        "javascript:alert(1)", "", "../../../x.ts",
    ):  # fmt: skip
        assert below("/hls/", strange) is None, strange


def test_templates_name_outputs() -> None:
    assert is_output("cmaf/video_720p/$Number%05d$.m4s")
    assert is_output("dash/$RepresentationID$/init.mp4")
    assert not is_output("keys/$Number$")
    assert not is_output("cmaf/$Time$/$Number$/$Bandwidth$.m4s")
