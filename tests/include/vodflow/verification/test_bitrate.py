from __future__ import annotations

import pytest
from vodflow.verification.bitrate import average_bitrate, highest_bitrate, peak_bitrate

KB = 125  # bytes of a kilobit


@pytest.mark.parametrize(
    ("kilobits", "durations", "target", "peak"),
    [
        pytest.param([600, 1200, 600], [6, 6, 6], 6, 200, id="the largest single segment"),
        pytest.param([600, 600], [6, 6], 6, 100, id="equal ones"),
        pytest.param([600, 900], [6, 2], 6, 187.5, id="a short last one counts only together with the one before"),
        pytest.param([600, 900], [6, 3], 6, 300, id="half the target duration counts by itself"),
        pytest.param([100, 900, 100], [2, 2, 2], 6, 250, id="runs of short segments"),
        pytest.param([500], [2], 6, 250, id="nothing is long enough: the whole"),
        pytest.param([], [], 6, 0, id="nothing at all"),
    ],
)
def test_peak_segment_bit_rate(kilobits: list[int], durations: list[float], target: float, peak: float) -> None:
    assert peak_bitrate([size * KB for size in kilobits], durations, target) == pytest.approx(peak * 1000)


def test_average_weighs_by_time() -> None:
    assert average_bitrate([600 * KB, 300 * KB], [6, 2]) == pytest.approx(112_500)


def test_a_packager_may_count_a_short_segment() -> None:
    assert highest_bitrate([600 * KB, 900 * KB], [6, 2], 6) == pytest.approx(450_000)
