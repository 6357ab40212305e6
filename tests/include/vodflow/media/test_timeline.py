"""Tracks of streams without an index."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from vodflow.media.timeline import Extent, extents, with_extents


def packets(start: float, seconds: float, rate: int = 25) -> Iterator[str]:
    """Video as stream 0 and, beside it, sound as stream 1."""
    for number in range(round(seconds * rate)):
        time = start + number / rate
        yield f"0,{time + 2 / rate:.6f},{time:.6f},{1 / rate:.6f},"
        yield f"1,{time:.6f},{time:.6f},{1 / rate:.6f}"


def spans(lines: list[str]) -> dict[int, tuple[float, float]]:
    return {index: (found.start, found.end) for index, found in extents(lines, {0, 1}).items()}


def test_plain_stream() -> None:
    found = spans(list(packets(1.4, 3)))
    assert found[0] == pytest.approx((1.48, 4.48))
    assert found[1] == pytest.approx((1.4, 4.4))


@pytest.mark.parametrize("second", [0.0, 1.4, 500.0, 95_000.0])
def test_joined_recordings_follow_one_another(second: float) -> None:
    found = spans([*packets(1.4, 2), *packets(second, 2)])
    assert found[0] == pytest.approx((1.48, 5.48), abs=0.05)
    assert found[1] == pytest.approx((1.4, 5.4), abs=0.05)


def test_short_gaps_and_reordering_stay() -> None:
    assert spans([*packets(0, 1), *packets(6, 1)])[1] == pytest.approx((0, 7))
    assert spans(["0,0.0,0.0,0.04", "0,0.12,0.04,0.04", "0,0.04,0.08,0.04"])[0] == pytest.approx((0, 0.16))


def test_a_track_that_begins_far_away_is_brought_near() -> None:
    assert spans(["0,5,5,0.04", "1,900,900,0.04", "0,5.04,5.04,0.04"])[1] == pytest.approx((5, 5.04))


def test_other_streams_and_packets_without_times_do_not_count() -> None:
    assert spans(["2,99,99,1", "0,N/A,N/A,0.04", "0,1,N/A,N/A", "", "[h264] complaint, with commas"]) == {0: (1.0, 1.0)}


def test_measured_times_replace_estimates() -> None:
    document = {
        "format": {"format_name": "mpegts", "duration": "502.0", "start_time": "1.4"},
        "streams": [{"index": 0, "duration": "2.6"}, {"index": 2}],
    }
    result = with_extents(document, {0: Extent(1.5, 4.5, 4.4, 4.5)})
    assert result["format"] == {"format_name": "mpegts", "duration": "3.000000", "start_time": "1.500000"}
    assert result["streams"] == [{"index": 0, "duration": "3.000000", "start_time": "1.500000"}, {"index": 2}]
    assert with_extents(document, {}) == document
