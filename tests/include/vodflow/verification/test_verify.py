"""Every rule is broken by at least one change of a good output tree, and each change breaks exactly that rule."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from vodflow.contract.plan import Output
from vodflow.errors import EngineError, VerificationError
from vodflow.ffmpeg.tools import ffmpeg_path
from vodflow.verification import Rule, decode

pytestmark = pytest.mark.integration

MASTER, MPD = "hls/master.m3u8", "dash/manifest.mpd"
V360, V180, A = "cmaf/video_360p", "cmaf/video_180p", "cmaf/audio"


@pytest.mark.parametrize("tree", ["fmp4", "ts", "mp4", "silent"], indirect=True)
def test_good_outputs_pass(tree: Any) -> None:
    result = tree.verify()
    assert [item.name for item in result.renditions] == [
        *(item.name for item in tree.plan.renditions),
        *(item.name for item in tree.plan.audio),
    ]
    top = result.rendition("360p")
    assert (top.width, top.height, top.frame_rate, top.codec) == (640, 360, "25/1", "avc1.64001e")
    assert top.duration == pytest.approx(5.0, abs=0.05)
    assert 300_000 < top.average_bitrate <= top.peak_bitrate < 1_200_000
    assert result.objects == len(result.sizes)
    assert result.bytes == sum(path.stat().st_size for path in tree.root.rglob("*") if path.is_file())


def test_measures_audio_and_mp4(tree: Any) -> None:
    result = tree.verify()
    audio = result.rendition("audio")
    assert (audio.codec, audio.channels, audio.sample_rate, audio.segments) == ("mp4a.40.2", 2, 48_000, 3)
    assert result.rendition("180p").mp4_bytes == (tree.root / "mp4/video_180p.mp4").stat().st_size
    assert len(result.thumbnails) == 3
    with pytest.raises(KeyError):
        result.rendition("720p")


def test_a_published_manifest_is_no_foreign_object(tree: Any) -> None:
    (tree.root / "manifest.json").write_text("{}")
    assert tree.verify().sizes["manifest.json"] == 2


# -- how outputs are broken ------------------------------------------------------------------------------------------


def delete(name: str) -> Callable[[Any], None]:
    return lambda tree: (tree.root / name).unlink()


def edit(name: str, old: str, new: str, count: int = -1) -> Callable[[Any], None]:
    return lambda tree: tree.edit(name, old, new, count)


def write(name: str, data: bytes) -> Callable[[Any], None]:
    return lambda tree: (tree.root / name).write_bytes(data)


def cut(name: str, count: int) -> Callable[[Any], None]:
    return lambda tree: (tree.root / name).write_bytes((tree.root / name).read_bytes()[:-count])


def copy(source: str, target: str) -> Callable[[Any], None]:
    return lambda tree: shutil.copy(tree.root / source, tree.root / target)


def swap(one: str, other: str) -> Callable[[Any], None]:
    def change(tree: Any) -> None:
        (tree.root / one).rename(tree.root / "swap")
        (tree.root / other).rename(tree.root / one)
        (tree.root / "swap").rename(tree.root / other)

    return change


def damage(name: str, share: float) -> Callable[[Any], None]:
    """Overwrite 64 bytes of a coded picture, as a lost disk block or a broken upload would."""

    def change(data: bytearray) -> None:
        place = int(len(data) * share)
        data[place : place + 64] = b"\xa5" * 64

    return lambda tree: tree.patch(name, change)


def after(box: bytes, offset: int, value: int, size: int = 4) -> Callable[[bytearray], None]:
    """Overwrite a field at ``offset`` behind a box type."""

    def change(data: bytearray) -> None:
        place = data.index(box) + 4 + offset
        data[place : place + size] = value.to_bytes(size, "big")

    return change


def caption(data: bytearray) -> None:
    """Make captions of what x264 says of itself, a message of user data in the first picture."""
    message = b"\xb5\x00\x31GA94\x03"
    place = data.index(b"x264 - core") - 16  # behind its UUID
    data[place : place + len(message)] = message


def patch(name: str, change: Callable[[bytearray], None]) -> Callable[[Any], None]:
    return lambda tree: tree.patch(name, change)


def shift_track(folder: str, ticks: int) -> Callable[[Any], None]:
    """Move all segments of a track in time: tfdt is version 0 or 1, its last four bytes are the low word."""

    def shift(data: bytearray) -> None:
        place = data.index(b"tfdt") + 8
        place += 4 if data[place - 4] else 0
        data[place : place + 4] = (int.from_bytes(data[place : place + 4], "big") + ticks).to_bytes(4, "big")

    def change(tree: Any) -> None:
        for path in sorted((tree.root / folder).glob("*.m4s")):
            tree.patch(f"{folder}/{path.name}", shift)

    return change


def remux(name: str, *arguments: str) -> Callable[[Any], None]:
    def change(tree: Any) -> None:
        path = tree.root / name
        source = tree.root / "before.mp4"
        path.rename(source)
        argv = [ffmpeg_path(), "-v", "error", "-i", str(source), "-c", "copy", *arguments, str(path)]
        subprocess.run(argv, check=True, timeout=60)
        source.unlink()

    return change


def replan(**fields: Any) -> Callable[[Any], None]:
    def change(tree: Any) -> None:
        tree.plan = tree.plan.model_copy(update=fields)

    return change


def rerung(**fields: Any) -> Callable[[Any], None]:
    def change(tree: Any) -> None:
        first, second = tree.plan.renditions
        tree.plan = tree.plan.model_copy(update={"renditions": (first, second.model_copy(update=fields))})

    return change


def reaudio(**fields: Any) -> Callable[[Any], None]:
    def change(tree: Any) -> None:
        tree.plan = tree.plan.model_copy(update={"audio": (tree.plan.audio[0].model_copy(update=fields),)})

    return change


def longer_source(tree: Any) -> None:
    video = tree.plan.media.video.model_copy(update={"duration": 6.0})
    tree.plan = tree.plan.model_copy(update={"media": tree.plan.media.model_copy(update={"video": video})})


def both(*changes: Callable[[Any], None]) -> Callable[[Any], None]:
    def change(tree: Any) -> None:
        for each in changes:
            each(tree)

    return change


FMP4 = [
    (delete(MASTER), Rule.OBJECT_PRESENT, MASTER),
    (delete("hls/iframe_180p.m3u8"), Rule.OBJECT_PRESENT, "hls/iframe_180p.m3u8"),
    (delete(f"{A}/init.mp4"), Rule.OBJECT_PRESENT, f"{A}/init.mp4"),
    (delete("mp4/video_180p.mp4"), Rule.OBJECT_PRESENT, "mp4/video_180p.mp4"),
    (delete("thumbnails/poster.jpg"), Rule.OBJECT_PRESENT, "thumbnails/poster.jpg"),
    (write(f"{V360}/00002.m4s", b""), Rule.OBJECT_PRESENT, f"{V360}/00002.m4s"),
    (write(f"{V360}/00004.tmp", b"x"), Rule.NO_FOREIGN_OBJECT, f"{V360}/00004.tmp"),
    (write("hls/old.m3u8", b"#EXTM3U"), Rule.NO_FOREIGN_OBJECT, "hls/old.m3u8"),
    (delete(f"{V180}/00002.m4s"), Rule.SEGMENT_NUMBERING, f"{V180}/00002.m4s"),
    (delete("thumbnails/thumb_00001.jpg"), Rule.SEGMENT_NUMBERING, "thumbnails/thumb_00001.jpg"),
    (edit("hls/audio.m3u8", "#EXT-X-ENDLIST", ""), Rule.HLS_SYNTAX, "hls/audio.m3u8"),
    (edit("hls/video_360p.m3u8", "#EXTM3U", ""), Rule.HLS_SYNTAX, "hls/video_360p.m3u8"),
    (edit("hls/video_360p.m3u8", "VERSION:6", "VERSION:3"), Rule.HLS_SYNTAX, "hls/video_360p.m3u8"),
    (edit("hls/video_360p.m3u8", "#EXT-X-MAP", "#X"), Rule.HLS_SYNTAX, "hls/video_360p.m3u8"),
    (edit("hls/video_360p.m3u8", "../cmaf", "/cmaf"), Rule.HLS_SYNTAX, "hls/video_360p.m3u8"),
    (edit("hls/video_360p.m3u8", "#EXTINF:2.000", "#EXTINF:two"), Rule.HLS_SYNTAX, "hls/video_360p.m3u8"),
    (edit(MASTER, "#EXT-X-INDEPENDENT-SEGMENTS", ""), Rule.HLS_SYNTAX, MASTER),
    (edit(MASTER, "\nvideo_180p.m3u8", "\nvideo_360p.m3u8"), Rule.HLS_RESOLUTION, MASTER),
    (edit(MASTER, "\nvideo_180p.m3u8", "\naudio.m3u8"), Rule.HLS_VARIANTS, MASTER),
    (edit(MASTER, "#EXT-X-I-FRAME-STREAM-INF", "#X", 1), Rule.HLS_VARIANTS, MASTER),
    (edit(MASTER, 'AUDIO="audio"', 'AUDIO="sound"', 1), Rule.HLS_AUDIO_GROUP, MASTER),
    (edit(MASTER, "AUTOSELECT=YES", "AUTOSELECT=NO"), Rule.HLS_AUDIO_GROUP, MASTER),
    (edit(MASTER, 'URI="audio.m3u8"', 'URI="dub.m3u8"'), Rule.HLS_AUDIO_GROUP, MASTER),
    (edit("hls/video_360p.m3u8", "00002.m4s", "00009.m4s"), Rule.HLS_SEGMENTS, f"{V360}/00009.m4s"),
    (edit("hls/video_360p.m3u8", "00002.m4s", "00003.m4s"), Rule.HLS_SEGMENTS, "hls/video_360p.m3u8"),
    (edit("hls/video_360p.m3u8", "cmaf/video_360p/0", "cmaf/video_180p/0"), Rule.HLS_SEGMENTS, "hls/video_360p.m3u8"),
    (
        edit("hls/video_180p.m3u8", "#EXTINF:2.000", "#EXTINF:1.900", 1),
        Rule.HLS_SEGMENT_DURATION,
        "hls/video_180p.m3u8",
    ),
    (edit("hls/audio.m3u8", "DURATION:3", "DURATION:1"), Rule.HLS_SEGMENT_DURATION, "hls/audio.m3u8"),
    (edit("hls/iframe_360p.m3u8", "@", "99999999@", 1), Rule.HLS_IFRAMES, "hls/iframe_360p.m3u8"),
    (edit("hls/iframe_360p.m3u8", "BYTERANGE:", "BYTERANGE:1@9\n#X", 1), Rule.HLS_IFRAMES, "hls/iframe_360p.m3u8"),
    (edit("hls/iframe_360p.m3u8", "video_360p/0", "video_180p/0", 1), Rule.HLS_IFRAMES, "hls/iframe_360p.m3u8"),
    (edit(MASTER, "avc1.64001e,", "avc1.42c01e,", 1), Rule.HLS_CODECS, MASTER),
    (edit(MASTER, ",mp4a.40.2", "", 1), Rule.HLS_CODECS, MASTER),
    (edit(MASTER, "RESOLUTION=320x180", "RESOLUTION=640x180", 1), Rule.HLS_RESOLUTION, MASTER),
    (edit(MASTER, "FRAME-RATE=25.000", "FRAME-RATE=24.000", 1), Rule.HLS_FRAME_RATE, MASTER),
    (edit(MASTER, 'CHANNELS="2"', 'CHANNELS="6"'), Rule.HLS_CHANNELS, MASTER),
    (edit(MASTER, "INF:BANDWIDTH=", "INF:BANDWIDTH=1", 1), Rule.HLS_BANDWIDTH, MASTER),
    (edit(MASTER, "INF:BANDWIDTH=", "INF:BANDWIDTH=100000,X=", 1), Rule.HLS_BANDWIDTH, MASTER),
    (edit(MASTER, "AVERAGE-BANDWIDTH=", "AVERAGE-BANDWIDTH=1", 1), Rule.HLS_AVERAGE_BANDWIDTH, MASTER),
    (edit(MPD, "</Period>", ""), Rule.DASH_SYNTAX, MPD),
    (edit(MPD, "SegmentTimeline", "Timeline"), Rule.DASH_SYNTAX, MPD),
    (edit(MPD, ' r="1"', ' r="-1"', 1), Rule.DASH_SYNTAX, MPD),
    (edit(MPD, 'type="static"', 'type="dynamic"'), Rule.DASH_STATIC, MPD),
    (edit(MPD, 'type="static"', 'type="static" minimumUpdatePeriod="PT2S"'), Rule.DASH_STATIC, MPD),
    (edit(MPD, 'mediaPresentationDuration="PT5', 'mediaPresentationDuration="PT6'), Rule.DASH_DURATION, MPD),
    (edit(MPD, "mediaPresentationDuration", "duration"), Rule.DASH_DURATION, MPD),
    (edit(MPD, "video_180p/init.mp4", "video_360p/init.mp4"), Rule.DASH_REPRESENTATIONS, MPD),
    (edit(MPD, "video_180p/init.mp4", "video_90p/init.mp4"), Rule.DASH_REPRESENTATIONS, MPD),
    (edit(MPD, ' r="1"', ' r="2"', 1), Rule.DASH_SEGMENTS, f"{V360}/00004.m4s"),
    (edit(MPD, ' r="1"', ' r="0"', 1), Rule.DASH_SEGMENTS, MPD),
    (edit(MPD, 't="0"', 't="4000"', 1), Rule.DASH_SEGMENTS, MPD),
    (edit(MPD, "mp4a.40.2", "mp4a.40.5"), Rule.DASH_CODECS, MPD),
    (edit(MPD, 'width="320"', 'width="322"'), Rule.DASH_RESOLUTION, MPD),
    (edit(MPD, 'frameRate="', 'frameRate="2'), Rule.DASH_FRAME_RATE, MPD),
    (edit(MPD, 'audioSamplingRate="48000"', 'audioSamplingRate="44100"'), Rule.DASH_AUDIO, MPD),
    (edit(MPD, 'value="2"', 'value="6"'), Rule.DASH_AUDIO, MPD),
    (edit(MPD, 'bandwidth="', 'bandwidth="9', 1), Rule.DASH_BANDWIDTH, MPD),
    (cut(f"{V360}/00002.m4s", 1), Rule.CONTAINER, f"{V360}/00002.m4s"),
    (cut(f"{A}/00003.m4s", 4000), Rule.CONTAINER, f"{A}/00003.m4s"),
    (cut(f"{V180}/init.mp4", 300), Rule.CONTAINER, f"{V180}/init.mp4"),
    (copy(f"{A}/init.mp4", f"{V180}/init.mp4"), Rule.CONTAINER, f"{V180}/init.mp4"),
    (write(f"{V180}/00002.m4s", b"<html>not found</html>"), Rule.CONTAINER, f"{V180}/00002.m4s"),
    (cut("mp4/video_180p.mp4", 10), Rule.CONTAINER, "mp4/video_180p.mp4"),
    (copy(f"{V180}/00001.m4s", f"{V180}/00002.m4s"), Rule.SEGMENT_CONTINUITY, f"{V180}/00002.m4s"),
    (shift_track(V180, 6400), Rule.SEGMENTS_ALIGNED, f"{V180}/00001.m4s"),
    (rerung(h264_level="1.3"), Rule.CODEC_AS_PLANNED, f"{V180}/init.mp4"),
    (rerung(h264_profile="main"), Rule.CODEC_AS_PLANNED, f"{V180}/init.mp4"),
    (both(swap(V180, V360)), Rule.RESOLUTION_AS_PLANNED, f"{V360}/init.mp4"),
    (rerung(frame_rate="30/1"), Rule.FRAME_RATE_AS_PLANNED, f"{V180}/init.mp4"),
    (replan(audio=()), Rule.AUDIO_PRESENT, "manifest.json"),
    (remux("mp4/video_360p.mp4", "-an", "-movflags", "+faststart"), Rule.AUDIO_PRESENT, "mp4/video_360p.mp4"),
    (reaudio(channels=1), Rule.AUDIO_AS_PLANNED, f"{A}/init.mp4"),
    (reaudio(sample_rate=44_100), Rule.AUDIO_AS_PLANNED, f"{A}/init.mp4"),
    (longer_source, Rule.DURATION, f"{V360}/00003.m4s"),
    (damage(f"{V360}/00003.m4s", 0.8), Rule.DECODES, f"{V360}/00003.m4s"),
    (damage(f"{V180}/00001.m4s", 0.05), Rule.DECODES, f"{V180}/00001.m4s"),
    (damage(f"{A}/00003.m4s", 0.7), Rule.DECODES, f"{A}/00003.m4s"),
    (remux("mp4/video_180p.mp4"), Rule.MP4_FASTSTART, "mp4/video_180p.mp4"),
    (
        remux("mp4/video_180p.mp4", "-map", "0:v", "-map", "0:a", "-map", "0:a", "-movflags", "+faststart"),
        Rule.MP4_TRACKS,
        "mp4/video_180p.mp4",
    ),
    (patch(f"{V180}/00001.m4s", caption), Rule.NO_HIDDEN_CAPTIONS, f"{V180}/00001.m4s"),
    (swap("mp4/video_180p.mp4", "mp4/video_360p.mp4"), Rule.RESOLUTION_AS_PLANNED, "mp4/video_360p.mp4"),
    (
        both(delete("thumbnails/thumb_00003.jpg"), delete("thumbnails/thumb_00002.jpg")),
        Rule.THUMBNAIL_COUNT,
        "thumbnails/thumb_00001.jpg",
    ),
    (cut("thumbnails/thumb_00002.jpg", 500), Rule.THUMBNAIL_IMAGE, "thumbnails/thumb_00002.jpg"),
    (write("thumbnails/poster.jpg", b"GIF89a"), Rule.THUMBNAIL_IMAGE, "thumbnails/poster.jpg"),
    (copy("thumbnails/poster.jpg", "thumbnails/thumb_00002.jpg"), Rule.THUMBNAIL_IMAGE, "thumbnails/thumb_00002.jpg"),
]


def _id(case: tuple[Any, Rule, str]) -> str:
    return f"{case[1].value}:{case[2]}"


def assert_breaks(tree: Any, change: Callable[[Any], None], rule: Rule, name: str) -> None:
    change(tree)
    with pytest.raises(VerificationError) as raised:
        tree.verify()
    assert (raised.value.rule, raised.value.uri) == (rule.value, str(tree.root / name)), str(raised.value)
    assert name in str(raised.value)
    assert not raised.value.retryable


@pytest.mark.parametrize(("change", "rule", "name"), FMP4, ids=map(_id, FMP4))
def test_a_broken_output_is_named(tree: Any, change: Callable[[Any], None], rule: Rule, name: str) -> None:
    assert_breaks(tree, change, rule, name)


def not_a_keyframe(data: bytearray) -> None:
    """Set sample_is_non_sync_sample of the first sample; the packager writes flags for each sample."""
    place = data.index(b"trun") + 4
    flags = int.from_bytes(data[place : place + 4], "big")
    fields = [flags & bit for bit in (0x100, 0x200)]
    start = place + 8 + (4 if flags & 1 else 0) + (0 if flags & 4 else 4 * sum(map(bool, fields)))
    data[start + 1] |= 1


def test_a_segment_must_start_with_a_keyframe(tree: Any) -> None:
    assert_breaks(tree, patch(f"{V180}/00002.m4s", not_a_keyframe), Rule.SEGMENT_KEYFRAME, f"{V180}/00002.m4s")


def test_a_swapped_segment_of_another_rung_is_found(tree: Any) -> None:
    """Same times, other bytes: what the I-frame playlist says of the segment does not fit it any more."""
    change = copy(f"{V360}/00002.m4s", f"{V180}/00002.m4s")
    assert_breaks(tree, change, Rule.HLS_IFRAMES, "hls/iframe_180p.m3u8")


def test_a_swapped_first_segment_does_not_decode(tree: Any) -> None:
    """Without HLS, and with a rate that fits, only decoding tells that the bytes belong to another header."""
    packaging = tree.plan.packaging.model_copy(update={"outputs": (Output.DASH,)})
    tree.plan = tree.plan.model_copy(update={"packaging": packaging, "thumbnails": None})
    for folder in ("hls", "mp4", "thumbnails"):
        shutil.rmtree(tree.root / folder)
    mpd = tree.root / MPD
    mpd.write_text(re.sub(r'(id="1" bandwidth=)"\d+"', r'\1"500000"', mpd.read_text()))
    change = copy(f"{V360}/00001.m4s", f"{V180}/00001.m4s")
    assert_breaks(tree, change, Rule.DECODES, f"{V180}/00001.m4s")


def test_a_stopped_ffmpeg_says_nothing_about_the_outputs(
    tree: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stopped = tmp_path / "ffmpeg"
    stopped.write_text("#!/bin/sh\nkill -TERM $$\n")
    stopped.chmod(0o755)
    monkeypatch.setattr(decode, "ffmpeg_path", lambda: str(stopped))
    with pytest.raises(EngineError, match="was stopped") as caught:
        tree.verify()
    assert caught.value.retryable


TS = [
    (delete("hls/video_360p/00002.ts"), Rule.SEGMENT_NUMBERING, "hls/video_360p/00002.ts"),
    (delete("hls/video_360p/00003.ts"), Rule.DURATION, "hls/video_360p/00002.ts"),
    (cut("hls/video_360p/00002.ts", 100), Rule.CONTAINER, "hls/video_360p/00002.ts"),
    (cut("hls/audio/00002.aac", 10), Rule.CONTAINER, "hls/audio/00002.aac"),
    (write("hls/video_180p/00001.ts", b"\0" * 1880), Rule.CONTAINER, "hls/video_180p/00001.ts"),
    (copy("hls/audio/00001.aac", "hls/audio/00002.aac"), Rule.SEGMENT_CONTINUITY, "hls/audio/00002.aac"),
    (
        patch("hls/video_180p/00003.ts", lambda data: data.__setitem__(188 * 50, 0)),
        Rule.CONTAINER,
        "hls/video_180p/00003.ts",
    ),
    (swap("hls/video_180p", "hls/video_360p"), Rule.RESOLUTION_AS_PLANNED, "hls/video_360p/00001.ts"),
    (
        edit("hls/video_180p.m3u8", "#EXTINF:2.000", "#EXTINF:1.900", 1),
        Rule.HLS_SEGMENT_DURATION,
        "hls/video_180p.m3u8",
    ),
    (edit("hls/iframe_360p.m3u8", "@", "99999999@", 1), Rule.HLS_IFRAMES, "hls/iframe_360p.m3u8"),
    (edit(MASTER, "INF:BANDWIDTH=", "INF:BANDWIDTH=1", 1), Rule.HLS_BANDWIDTH, MASTER),
]


@pytest.mark.parametrize("tree", ["ts"], indirect=True)
@pytest.mark.parametrize(("change", "rule", "name"), TS, ids=map(_id, TS))
def test_a_broken_transport_stream_is_named(tree: Any, change: Callable[[Any], None], rule: Rule, name: str) -> None:
    assert_breaks(tree, change, rule, name)


def damage_picture(data: bytearray) -> None:
    """Damage the payload of packets near the end, keeping the packets' headers."""
    for packet in range(len(data) // 188 - 20, len(data) // 188 - 10):
        data[packet * 188 + 40 : packet * 188 + 180] = b"\xa5" * 140


@pytest.mark.parametrize("tree", ["ts"], indirect=True)
def test_a_damaged_picture_in_a_transport_stream_does_not_decode(tree: Any) -> None:
    assert_breaks(tree, patch("hls/video_360p/00003.ts", damage_picture), Rule.DECODES, "hls/video_360p/00003.ts")


@pytest.mark.parametrize("tree", ["mp4"], indirect=True)
def test_a_damaged_mp4_does_not_decode(tree: Any) -> None:
    assert_breaks(tree, damage("mp4/video_360p.mp4", 0.83), Rule.DECODES, "mp4/video_360p.mp4")


def test_every_rule_is_broken_by_a_test() -> None:
    # Sync needs a source: tests/integration/engines/test_sync.py. Encryption: test_encrypted.py.
    elsewhere = {Rule.SEGMENT_KEYFRAME, Rule.SYNC, Rule.ENCRYPTED, Rule.ENCRYPTION_KEYS, Rule.ENCRYPTION_SIGNALS}
    broken = {rule for _, rule, _ in [*FMP4, *TS]} | elsewhere
    assert broken == set(Rule)
