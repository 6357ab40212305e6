"""The HLS multivariant playlist."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import m3u8
from local_mediaconvert.transcode.frames import Frame
from local_mediaconvert.transcode.multivariant import Rendition, multivariant, with_own_groups
from vodflow.packaging.playlist import Rates

FRAME = Frame(1280, 720, Fraction(1), Fraction(30_000, 1001))


def pictures(name: str, **settings: Any) -> Rendition:
    iframes = (f"{name}_I-Frame.m3u8", Rates(90, 100, 10, 1.0))
    return Rendition(
        f"{name}.m3u8", ("avc1.64001f",), Rates(900, 1000, 100, 1.0), settings, frame=FRAME, iframes=iframes
    )


def sound(name: str, codec: str = "mp4a.40.2", **settings: Any) -> Rendition:
    return Rendition(f"{name}.m3u8", (codec,), Rates(90, 100, 10, 1.0), settings, channels=2, language="eng", name=name)


def parsed(*renditions: Rendition, **options: Any) -> Any:
    return m3u8.loads(multivariant(renditions, **options))


def test_audio_groups_and_variants() -> None:
    found = parsed(
        pictures("v", AudioRenditionSets="aac, dolby"),
        sound("stereo", AudioGroupId="aac", AudioTrackType="ALTERNATE_AUDIO_AUTO_SELECT_DEFAULT"),
        sound("loud", "ec-3", AudioGroupId="dolby", AudioTrackType="ALTERNATE_AUDIO_NOT_AUTO_SELECT"),
        sound("alone", AudioTrackType="AUDIO_ONLY_VARIANT_STREAM"),
    )
    assert [(item.uri, item.stream_info.audio, item.stream_info.codecs) for item in found.playlists] == [
        ("v.m3u8", "aac", "avc1.64001f,mp4a.40.2"),
        ("v.m3u8", "dolby", "avc1.64001f,ec-3"),
        ("alone.m3u8", None, "mp4a.40.2"),
    ]
    assert [(item.group_id, item.default, item.autoselect, item.channels) for item in found.media] == [
        ("aac", "YES", "YES", "2"), ("dolby", "YES", "YES", "2"),
    ]  # fmt: skip
    assert (found.playlists[0].stream_info.bandwidth, found.playlists[0].stream_info.average_bandwidth) == (1100, 990)
    assert found.playlists[0].stream_info.frame_rate == 29.97
    assert [item.uri for item in found.iframe_playlists] == ["v_I-Frame.m3u8"]


def test_sound_without_groups_is_a_variant() -> None:
    assert [item.uri for item in parsed(sound("a"), sound("b")).playlists] == ["a.m3u8", "b.m3u8"]


def test_captions_and_descriptions() -> None:
    captions = Rendition(
        "c.m3u8", (), Rates(1, 1, 1, 1.0), {}, language="eng", name="English", captions=True, accessible=True
    )
    described = sound("d", AudioGroupId="aac", DescriptiveVideoServiceFlag="FLAG")
    found = parsed(pictures("v"), described, captions, resolution=False)
    subtitles = next(item for item in found.media if item.type == "SUBTITLES")
    assert (subtitles.uri, subtitles.language, "transcribes-spoken-dialog" in subtitles.characteristics) == (
        "c.m3u8", "eng", True,
    )  # fmt: skip
    assert "describes-video" in found.media[0].characteristics
    assert (found.playlists[0].stream_info.subtitles, found.playlists[0].stream_info.resolution) == ("subs", None)
    assert found.playlists[0].stream_info.audio == "aac"


def test_cmaf_sound_without_groups_goes_with_every_variant() -> None:
    alone = sound("alone", AudioTrackType="AUDIO_ONLY_VARIANT_STREAM")
    own = [sound("eng"), sound("dub"), sound("named", AudioGroupId="named")]
    found = m3u8.loads(multivariant(with_own_groups([pictures("v"), *own, alone])))
    assert [(item.group_id, item.name) for item in found.media] == [
        ("program_audio_0", "eng"), ("program_audio_1", "dub"), ("named", "named"),
    ]  # fmt: skip
    assert [(item.uri, item.stream_info.audio) for item in found.playlists] == [
        ("v.m3u8", "program_audio_0"), ("v.m3u8", "program_audio_1"), ("alone.m3u8", None),
    ]  # fmt: skip
