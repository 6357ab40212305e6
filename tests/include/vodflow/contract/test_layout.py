from __future__ import annotations

import pytest
from support.engine_plans import written_plan
from vodflow.contract import layout


def test_paths_of_the_specification() -> None:
    rung, audio = written_plan().renditions[0], written_plan().audio[0]
    assert layout.hls_playlist(rung) == "hls/video_1080p.m3u8"
    assert layout.hls_playlist(audio) == "hls/audio.m3u8"
    assert layout.mp4_file(rung) == "mp4/video_1080p.mp4"
    assert layout.HLS_MASTER == "hls/master.m3u8"
    assert layout.DASH_MANIFEST == "dash/manifest.mpd"


def test_tracks_are_the_rungs_then_the_audio() -> None:
    assert [layout.track_name(track) for track in layout.tracks(written_plan())] == [
        "video_1080p", "video_720p", "video_360p", "audio", "audio_96k",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "kind", "manifest"),
    [
        ("hls/master.m3u8", "application/vnd.apple.mpegurl", True),
        ("dash/manifest.mpd", "application/dash+xml", True),
        ("manifest.json", "application/json", True),
        ("cmaf/audio/00001.m4s", "video/iso.segment", False),
        ("thumbnails/poster.jpg", "image/jpeg", False),
    ],
)
def test_how_objects_are_served(name: str, kind: str, manifest: bool) -> None:
    assert layout.content_type(name) == kind
    assert layout.is_manifest(name) is manifest
