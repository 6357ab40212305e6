"""What becomes of the files that MediaConvert wrote, without files."""

from __future__ import annotations

from typing import Any

import pytest
from support.engine_plans import LADDER, written_plan
from support.mediaconvert_values import TS
from vodflow.contract import layout
from vodflow.contract.plan import Output, Packaging
from vodflow.engines.mediaconvert.files.collection import Collection, finish, left_over, plan_collection
from vodflow.errors import EngineError
from vodflow.settings.encode_options import EncodeOptions

PLAIN = EncodeOptions()
#: One rung, 10 s, HLS with MPEG-TS segments alone.
PLAN = written_plan(
    ladder=LADDER[1:2], packaging=Packaging(outputs=(Output.HLS,), hls_segments="ts"), thumbnails=None
)  # fmt: skip
LISTING = {
    "hls/master.m3u8": 300, "hls/master_video_720p.m3u8": 200, "hls/master_video_720p_I-Frame.m3u8": 200,
    "hls/master_audio.m3u8": 200, "hls/master_audio_96k.m3u8": 200,
    "hls/master_video_720p_00001.ts": 3_000_000, "hls/master_video_720p_00002.ts": 1_000_000,
    "hls/master_audio_00001.aac": 96_000, "hls/master_audio_00002.aac": 64_000,
    "hls/master_audio_96k_00001.aac": 72_000, "hls/master_audio_96k_00002.aac": 48_000,
}  # fmt: skip
HEAD = "#EXTM3U\n#EXT-X-VERSION:4\n#EXT-X-TARGETDURATION:6\n#EXT-X-PLAYLIST-TYPE:VOD\n"
TEXTS = {
    "hls/master.m3u8": b"#EXTM3U\n"
    b'#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720,AUDIO="audio"\n'
    b"master_video_720p.m3u8\n",
    "hls/master_video_720p.m3u8": (
        f"{HEAD}#EXTINF:6,\nmaster_video_720p_00001.ts\n#EXTINF:4,\nmaster_video_720p_00002.ts\n#EXT-X-ENDLIST\n"
    ).encode(),
    "hls/master_video_720p_I-Frame.m3u8": (
        f"{HEAD}#EXT-X-I-FRAMES-ONLY\n#EXTINF:6,\n#EXT-X-BYTERANGE:60000@564\nmaster_video_720p_00001.ts\n"
        "#EXTINF:4,\n#EXT-X-BYTERANGE:40000@564\nmaster_video_720p_00002.ts\n#EXT-X-ENDLIST\n"
    ).encode(),
    "hls/master_audio.m3u8": (
        f"{HEAD}#EXTINF:6,\nmaster_audio_00001.aac\n#EXTINF:4,\nmaster_audio_00002.aac\n#EXT-X-ENDLIST\n"
    ).encode(),
}


def collected(listing: dict[str, int] | None = None, texts: dict[str, bytes] | None = None) -> tuple[Collection, Any]:
    found = plan_collection(PLAN, PLAIN, LISTING if listing is None else listing)
    return found, finish(PLAN, PLAIN, found, TEXTS | (texts or {}))


def test_every_object_gets_its_place() -> None:
    found, finished = collected()
    assert found.copies == {
        "hls/master_video_720p_00001.ts": "hls/video_720p/00001.ts",
        "hls/master_video_720p_00002.ts": "hls/video_720p/00002.ts",
        "hls/master_audio_00001.aac": "hls/audio/00001.aac",
        "hls/master_audio_00002.aac": "hls/audio/00002.aac",
    }
    # What names others comes after it, and the master last.
    assert list(finished.texts) == [
        "hls/audio.m3u8", "hls/iframe_720p.m3u8", "hls/video_720p.m3u8", "hls/master.m3u8",
    ]  # fmt: skip
    assert b"\nvideo_720p/00001.ts\n" in finished.texts["hls/video_720p.m3u8"]
    assert b"\nvideo_720p/00002.ts\n" in finished.texts["hls/iframe_720p.m3u8"]


def test_the_master_has_measured_rates_and_the_codecs_of_the_service() -> None:
    master = collected()[1].texts["hls/master.m3u8"].decode()
    # 4,160,000 bytes in 10 s; at most 3,096,000 bytes in 6 s.
    assert "BANDWIDTH=4128000,AVERAGE-BANDWIDTH=3328000" in master
    assert 'CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720' in master
    assert "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=80000" in master
    assert "audio_96k" not in master


def test_the_tracks_are_what_their_segments_are() -> None:
    video, audio, low = collected()[1].tracks
    assert (video.name, video.kind, video.size, video.duration, video.bitrate) == (
        "720p", "video", 4_000_000, 10.0, 3_200_000,
    )  # fmt: skip
    assert (audio.size, audio.bitrate) == (160_000, 128_000)
    # HLS has the main rate alone.
    assert (low.name, low.size) == ("audio_96k", 0)


def test_once_more_with_a_master_of_our_own() -> None:
    """The master playlist may have MediaConvert's name: a second time it is ours that is there."""
    first = collected()[1]
    again = collected(texts={"hls/master.m3u8": first.texts["hls/master.m3u8"]})[1]
    assert again == first


@pytest.mark.parametrize(
    ("gone", "told"),
    [
        ("hls/master.m3u8", "hls/master.m3u8"),
        ("hls/master_audio.m3u8", "hls/master_audio.m3u8"),
        ("hls/master_video_720p_I-Frame.m3u8", "I-Frame"),
    ],
)
def test_what_is_missing_is_named(gone: str, told: str) -> None:
    with pytest.raises(EngineError, match=told) as caught:
        collected({name: size for name, size in LISTING.items() if name != gone})
    assert (caught.value.code, caught.value.retryable) == ("outputs_missing", False)


def test_a_family_without_a_member_is_missing() -> None:
    with pytest.raises(EngineError, match="hls/audio/"):
        collected({name: size for name, size in LISTING.items() if not name.endswith(".aac")})


def test_a_segment_that_a_playlist_names_must_be_there() -> None:
    with pytest.raises(EngineError, match=r"names master_video_720p_00002\.ts"):
        collected({name: size for name, size in LISTING.items() if not name.endswith("00002.ts")})


def test_what_the_event_names_must_be_there() -> None:
    assert plan_collection(PLAN, PLAIN, LISTING, ["hls/master.m3u8"]) == plan_collection(PLAN, PLAIN, LISTING)
    with pytest.raises(EngineError, match=r"mp4/video_720p\.mp4"):
        plan_collection(PLAN, PLAIN, LISTING, ["mp4/video_720p.mp4"])


@pytest.mark.parametrize(
    ("texts", "problem"),
    [
        ({"hls/master_audio.m3u8": b"\xff\xfe"}, "no text"),
        ({"hls/master_audio.m3u8": HEAD.encode()}, "lists no segments"),
        ({"hls/master.m3u8": b"#EXTM3U\n"}, "states no codec of video_720p"),
    ],
)
def test_playlists_that_cannot_be_used(texts: dict[str, bytes], problem: str) -> None:
    with pytest.raises(EngineError, match=problem) as caught:
        collected(texts=texts)
    assert caught.value.retryable is False


def test_what_stays_behind_is_removed_and_nothing_else() -> None:
    found, finished = collected()
    kept = [*found.copies.values(), *finished.texts, layout.MANIFEST]
    stale = ["hls/video_720p/00003.ts", "cmaf/audio/00001.m4s"]
    foreign = ["notes.txt", "backup/hls/master.m3u8", layout.MANIFEST]
    removed = left_over([*LISTING, *kept, *stale, *foreign], kept)
    assert set(removed) == {*LISTING, *stale} - set(kept)
    assert "hls/master.m3u8" not in removed


def test_dash_and_ts_together_copy_every_name_once() -> None:
    plan = written_plan(ladder=LADDER[1:2], packaging=TS, thumbnails=None)
    files = {
        **LISTING, "mp4/video_720p.mp4": 1, "cmaf/master.mpd": 1,
        **{f"cmaf/master_{track}{end}": 1 for track, kind in (("video_720p", "v"), ("audio", "a"), ("audio_96k", "a"))
           for end in (f"init.cmf{kind}", f"_000000001.cmf{kind}")},
    }  # fmt: skip
    found = plan_collection(plan, PLAIN, files)
    assert len(set(found.copies.values())) == len(found.copies)
    assert found.copies["mp4/video_720p.mp4"] == "mp4/video_720p.mp4"
    assert found.texts["cmaf/master.mpd"] == "dash/manifest.mpd"
