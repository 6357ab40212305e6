import math

import pytest
from vodflow.reports.ladder import Rung, hull, judge, rate_for


def test_hull_leaves_out_what_lies_below_it():
    rungs = [Rung(1_000_000, 70), Rung(2_000_000, 72), Rung(4_000_000, 90), Rung(8_000_000, 89)]
    assert hull(rungs) == [rungs[0], rungs[2]]
    assert hull([]) == []
    assert hull([Rung(5, 80), Rung(5, 90)]) == [Rung(5, 90)]


def test_rates_are_interpolated_in_the_logarithm():
    points = [Rung(1_000_000, 80), Rung(4_000_000, 100)]
    assert rate_for(points, 90) == pytest.approx(2_000_000)
    assert rate_for(points, 70) == 1_000_000
    assert rate_for(points[:1], 81) is None
    assert rate_for([], 81) is None


def test_what_is_said_of_a_ladder():
    low, middle, high, top = judge([Rung(500_000, 60), Rung(2_000_000, 92), Rung(4_000_000, 96), Rung(8_000_000, 97)])
    assert (low.starving, low.too_close, low.wasted) == (True, False, False)
    assert (middle.starving, middle.too_close, middle.wasted) == (False, False, False)
    assert (high.too_close, high.wasted) == (True, True)
    enough = 2_000_000 * math.exp(0.75 * math.log(2))  # three of the four points between 92 and 96
    assert high.saved == pytest.approx(1 - enough / 4_000_000)
    assert top.saved == pytest.approx(1 - enough / 8_000_000)
    assert low.saved == middle.saved == 0


def test_one_rung_alone_saves_nothing():
    (only,) = judge([Rung(3_000_000, 99)])
    assert only == (False, False, False, 0.0)


def test_rungs_of_other_sizes_count_by_what_they_would_take_at_this_one():
    small, large = judge([Rung(1_000_000, 98, 640 * 360), Rung(8_000_000, 96, 1920 * 1080)])
    assert (small.wasted, large.wasted) == (False, True)
    assert large.saved == pytest.approx(1 - 9**0.75 / 8)
    assert not large.too_close
    # A large picture that takes no more than a small one would is not wasted, however good the small one is.
    assert not judge([Rung(1_000_000, 98, 640 * 360), Rung(5_000_000, 96, 1920 * 1080)])[1].wasted


def test_steps_are_judged_within_one_size():
    hd, sd = 1280 * 720, 640 * 360
    verdicts = judge([Rung(500_000, 80, sd), Rung(900_000, 82, hd), Rung(1_000_000, 84, sd), Rung(2_000_000, 90, hd)])
    assert [verdict.too_close for verdict in verdicts] == [False, False, True, False]
