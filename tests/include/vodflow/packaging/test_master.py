from __future__ import annotations

import m3u8
from support.engine_plans import LADDER, written_plan
from support.fixtures.golden import Golden
from vodflow.contract.layout import track_name, tracks
from vodflow.contract.plan import TranscodePlan, VideoRendition
from vodflow.packaging.master import HlsTrack, master_playlist, read_codecs
from vodflow.packaging.playlist import Rates


def measured(plan: TranscodePlan) -> dict[str, HlsTrack]:
    made = {}
    for track in tracks(plan):
        rates = Rates(track.bitrate, track.bitrate * 12 // 10, 1000, 10.0)
        if isinstance(track, VideoRendition):
            made[track_name(track)] = HlsTrack("avc1.640028", rates, Rates(100_000, 150_000, 100, 10.0))
        else:
            made[track_name(track)] = HlsTrack("mp4a.40.2", rates)
    return made


def master(plan: TranscodePlan) -> str:
    return master_playlist(plan, measured(plan))


def test_whole_master_with_two_audio_rates(golden: Golden) -> None:
    golden("master_5_1.m3u8", master(written_plan()))


def test_whole_master_with_two_languages(golden: Golden) -> None:
    golden("master_two_languages.m3u8", master(written_plan(languages=("eng", "fra"), sound=(2, "stereo"))))


def test_whole_master_without_audio(golden: Golden) -> None:
    golden("master_no_audio.m3u8", master(written_plan(sound=None, rate="30000/1001")))


def test_every_variant_has_the_same_audio_and_the_sum_of_rates() -> None:
    parsed = m3u8.loads(master(written_plan()))
    variants = {variant.uri: variant.stream_info for variant in parsed.playlists}
    # hls.js does not come to the end of a video whose rungs have different groups.
    assert {variant.audio for variant in variants.values()} == {"audio"}
    assert variants["video_1080p.m3u8"].bandwidth == 6_000_000 + 153_600
    assert variants["video_360p.m3u8"].average_bandwidth == 800_000 + 128_000
    assert len(parsed.playlists) == len(parsed.iframe_playlists) == len(LADDER)
    assert parsed.is_independent_segments


def test_the_group_has_one_default_and_all_languages() -> None:
    parsed = m3u8.loads(master(written_plan(languages=("eng", "fra"), sound=(2, "stereo"))))
    assert {item.group_id for item in parsed.media} == {"audio"}
    assert [item.language for item in parsed.media] == ["eng", "fra"]
    assert [item.default for item in parsed.media] == ["YES", "NO"]
    assert len({item.name for item in parsed.media}) == 2


def test_codecs_of_the_packager() -> None:
    text = (
        "#EXTM3U\n"
        '#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS="avc1.640028,mp4a.40.2",AUDIO="a"\nvideo_1080p.m3u8\n'
        '#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS="avc1.64001e"\nvideo_360p.m3u8\n'
    )
    assert read_codecs(text) == {
        "video_1080p.m3u8": "avc1.640028",
        "video_360p.m3u8": "avc1.64001e",
        "audio": "mp4a.40.2",
    }
