"""Frame rates, GOPs and segments."""

from __future__ import annotations

from fractions import Fraction

import pytest
from vodflow.planning.timing import STANDARD_RATES, gop_frames, output_rate, segment_seconds

NTSC = Fraction(30000, 1001)
FILM = Fraction(24000, 1001)


@pytest.mark.parametrize(
    ("rate", "expected"),
    [
        (Fraction(25), Fraction(25)),
        (FILM, FILM),
        (Fraction(24), Fraction(24)),
        (NTSC, NTSC),
        (Fraction(2997, 100), NTSC),
        (Fraction(23976, 1000), FILM),
        (Fraction(60000, 1001), Fraction(60000, 1001)),
        (Fraction(60), Fraction(60)),
        (Fraction(100), Fraction(50)),
        (Fraction(120), Fraction(60)),
        (Fraction(120000, 1001), Fraction(60000, 1001)),
        (Fraction(240), Fraction(60)),
        (Fraction(90), Fraction(45)),
        (Fraction(25, 2), Fraction(25, 2)),
        (Fraction(15), Fraction(15)),
        (Fraction(1, 5), Fraction(1)),
        (Fraction(15360000, 512533), NTSC),
        (Fraction(19_700_001, 1_000_000), Fraction(197, 10)),
    ],
)
def test_constant_rates_are_kept_up_to_60(rate: Fraction, expected: Fraction) -> None:
    assert output_rate(rate, variable=False) == expected


@pytest.mark.parametrize(
    ("rate", "expected"),
    [
        (Fraction(3002, 100), Fraction(30)),
        (Fraction(294, 10), NTSC),
        (Fraction(300, 19), Fraction(20)),
        (Fraction(47), Fraction(48)),
        (Fraction(3), Fraction(5)),
        (Fraction(90), Fraction(60)),
        (Fraction(1000), Fraction(60)),
    ],
)
def test_variable_rates_become_standard_ones_that_drop_nothing(rate: Fraction, expected: Fraction) -> None:
    assert output_rate(rate, variable=True) == expected


@pytest.mark.parametrize(
    ("rate", "gop", "segment"),
    [
        (Fraction(25), 50, 6.0),
        (Fraction(24), 48, 6.0),
        (FILM, 48, 6.006),
        (NTSC, 60, 6.006),
        (Fraction(30), 60, 6.0),
        (Fraction(50), 100, 6.0),
        (Fraction(60000, 1001), 120, 6.006),
        (Fraction(60), 120, 6.0),
        (Fraction(15), 30, 6.0),
        (Fraction(25, 2), 25, 6.0),
        (Fraction(1), 2, 6.0),
    ],
)
def test_two_second_gops_in_six_second_segments(rate: Fraction, gop: int, segment: float) -> None:
    assert gop_frames(rate, 2.0) == gop
    assert segment_seconds(rate, gop, 2.0, 6.0) == segment


def test_every_rate_gives_whole_gops() -> None:
    rates = [*STANDARD_RATES, *(Fraction(number, 7) for number in range(7, 421))]
    for source in rates:
        rate = output_rate(source, variable=False)
        assert 1 <= rate <= 60
        gop = gop_frames(rate, 2.0)
        assert abs(gop / rate - 2) <= 1 / (2 * rate)  # the nearest whole frame
        segment = segment_seconds(rate, gop, 2.0, 6.0)
        assert segment == pytest.approx(float(3 * gop / rate), abs=1e-6)
