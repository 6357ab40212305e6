from __future__ import annotations

from vodflow.packaging.playlist import Segment, measure, move_up, parse_segments, target_duration

PLAYLIST = """#EXTM3U
#EXT-X-VERSION:6
#EXT-X-TARGETDURATION:7
#EXT-X-MAP:URI="cmaf/video_360p/init.mp4"
#EXTINF:6.006,
#EXT-X-BYTERANGE:22163@84
cmaf/video_360p/00001.m4s
#EXTINF:0.167,
cmaf/video_360p/00002.m4s
#EXT-X-ENDLIST
"""


def test_segments_and_target() -> None:
    assert parse_segments(PLAYLIST) == [
        Segment("cmaf/video_360p/00001.m4s", 6.006, 22163),
        Segment("cmaf/video_360p/00002.m4s", 0.167),
    ]
    assert target_duration(PLAYLIST) == 7.0
    assert target_duration("#EXTM3U\n") == 0.0


def test_shared_segments_are_a_folder_up_in_playlists_and_mpd() -> None:
    moved = move_up(PLAYLIST)
    assert 'URI="../cmaf/video_360p/init.mp4"' in moved
    assert "\n../cmaf/video_360p/00001.m4s\n" in moved
    assert move_up(moved) == moved
    assert move_up('media="cmaf/audio/$Number%05d$.m4s"') == 'media="../cmaf/audio/$Number%05d$.m4s"'
    assert move_up("video_360p/00001.ts\n") == "video_360p/00001.ts\n"


def test_rates() -> None:
    rates = measure([(2.0, 1000), (2.0, 3000), (2.0, 2000)], target=2.0)
    assert rates.average == 8000
    assert rates.peak == 12_000
    assert rates.size == 6000
    assert rates.duration == 6.0


def test_a_short_last_segment_is_no_peak_of_its_own_but_counts_with_its_neighbour() -> None:
    alone = measure([(6.0, 6000), (0.1, 5000)], target=6.0)
    assert alone.peak == round(11_000 * 8 / 6.1)


def test_one_short_segment_is_its_own_peak() -> None:
    assert measure([(0.5, 1000)], target=6.0).peak == 16_000


def test_nothing_is_zero() -> None:
    assert measure([], target=6.0).peak == 0
