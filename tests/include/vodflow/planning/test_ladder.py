"""Ladders: geometry and rates for every kind of source."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from vodflow.planning.ladder import MIN_BITRATE, fit, ladder, nominal_height
from vodflow.planning.profiles import load_profile, profile_names

STANDARD = load_profile("standard").rungs

#: Every shape, many sizes: landscape, portrait, square, very wide, odd, tiny.
SIZES = [
    (width, height)
    for width in (16, 90, 176, 353, 640, 853, 1080, 1279, 1280, 1920, 2560, 3840, 4096, 7680)
    for height in (16, 144, 272, 360, 479, 480, 607, 720, 1080, 1088, 1600, 2160, 2400, 4320)
]


def sizes(width: int, height: int) -> list[tuple[str, int, int]]:
    return [(step.name, step.width, step.height) for step in ladder(width, height, STANDARD)]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ((1920, 1080), [("1080p", 1920, 1080), ("720p", 1280, 720), ("480p", 854, 480), ("360p", 640, 360)]),
        ((1280, 720), [("720p", 1280, 720), ("480p", 854, 480), ("360p", 640, 360)]),
        ((3840, 2160), [("1080p", 1920, 1080), ("720p", 1280, 720), ("480p", 854, 480), ("360p", 640, 360)]),
        # Portrait and square: the short side is the rung
        ((1080, 1920), [("1080p", 1080, 1920), ("720p", 720, 1280), ("480p", 480, 854), ("360p", 360, 640)]),
        ((1080, 1080), [("1080p", 1080, 1080), ("720p", 720, 720), ("480p", 480, 480), ("360p", 360, 360)]),
        # Wide films keep their shape: no bars
        ((1920, 800), [("1080p", 1920, 800), ("720p", 1280, 534), ("480p", 854, 356), ("360p", 640, 266)]),
        ((640, 272), [("360p", 640, 272)]),
        # 4:3
        ((1440, 1080), [("1080p", 1440, 1080), ("720p", 960, 720), ("480p", 640, 480), ("360p", 480, 360)]),
        ((640, 480), [("480p", 640, 480), ("360p", 480, 360)]),
        # Between rungs: a rung of its own size where it is worth it
        ((1600, 900), [("900p", 1600, 900), ("720p", 1280, 720), ("480p", 854, 480), ("360p", 640, 360)]),
        ((768, 576), [("576p", 768, 576), ("480p", 640, 480), ("360p", 480, 360)]),
        ((1024, 768), [("720p", 960, 720), ("480p", 640, 480), ("360p", 480, 360)]),
        # Below every rung
        ((176, 144), [("144p", 176, 144)]),
        ((426, 240), [("240p", 426, 240)]),
        # Nearly a rung: no rescale
        ((1920, 1088), [("1080p", 1920, 1088), ("720p", 1270, 720), ("480p", 848, 480), ("360p", 636, 360)]),
        ((1918, 1078), [("1080p", 1918, 1078), ("720p", 1280, 720), ("480p", 854, 480), ("360p", 640, 360)]),
        ((853, 479), [("480p", 852, 478), ("360p", 640, 360)]),
    ],
)
def test_known_sources(source: tuple[int, int], expected: list[tuple[str, int, int]]) -> None:
    assert sizes(*source) == expected


@pytest.mark.parametrize("profile", profile_names())
def test_rules_that_hold_for_every_source(profile: str) -> None:
    rungs = load_profile(profile).rungs
    for width, height in SIZES:
        steps = ladder(width, height, rungs)
        where = (profile, width, height, steps)
        assert steps, where
        assert len({step.name for step in steps}) == len(steps), where
        for step in steps:
            assert step.width <= width, where
            assert step.height <= height, where
            assert step.width % 2 == step.height % 2 == 0, where
            assert MIN_BITRATE <= step.bitrate <= step.rung.bitrate, where
            # The same shape, to the one pixel that evenness costs.
            scale = min(Fraction(step.width, width), Fraction(step.height, height))
            assert abs(step.width - width * scale) <= 2 + 2 * width / height, where
            assert abs(step.height - height * scale) <= 2 + 2 * height / width, where
        for upper, lower in pairwise(steps):
            assert lower.width * lower.height < upper.width * upper.height, where
            assert lower.bitrate <= upper.bitrate, where


@pytest.mark.parametrize("size", SIZES)
def test_turning_the_source_turns_the_ladder(size: tuple[int, int]) -> None:
    upright = ladder(size[1], size[0], STANDARD)
    assert [(step.height, step.width, step.bitrate) for step in upright] == [
        (step.width, step.height, step.bitrate) for step in ladder(*size, STANDARD)
    ]


def test_promised_rates_at_16_by_9() -> None:
    assert [step.bitrate for step in ladder(1920, 1080, STANDARD)] == [5_000_000, 3_000_000, 1_500_000, 800_000]
    assert [step.bitrate for step in ladder(1080, 1920, STANDARD)] == [5_000_000, 3_000_000, 1_500_000, 800_000]


def test_fewer_pixels_get_fewer_bits() -> None:
    wide = ladder(1920, 800, STANDARD)[0]
    assert wide.bitrate == round(5_000_000 * (800 / 1080) ** 0.75, -3)


def test_a_rung_between_two_has_a_rate_between_theirs() -> None:
    own, below = ladder(1600, 900, STANDARD)[:2]
    assert below.bitrate < own.bitrate < 5_000_000
    assert own.bitrate == pytest.approx(3_970_000, rel=0.01)  # 3M * (5/3) ** (ln(900/720) / ln(1080/720))


def test_no_more_bits_than_the_source_is_worth() -> None:
    free = ladder(1920, 1080, STANDARD)
    capped = ladder(1920, 1080, STANDARD, source_bitrate=2_000_000)
    assert [step.bitrate for step in capped] == [2_000_000, 1_089_000, 593_000, 385_000]
    assert [(step.width, step.height) for step in capped] == [(step.width, step.height) for step in free]
    assert ladder(1920, 1080, STANDARD, source_bitrate=50_000_000) == free
    assert ladder(640, 360, STANDARD, source_bitrate=1)[0].bitrate == MIN_BITRATE


def test_nominal_height() -> None:
    assert nominal_height(1920, 1080) == nominal_height(1080, 1920) == 1080
    assert nominal_height(1920, 800) == 1080
    assert nominal_height(640, 480) == 480


def test_fit_never_enlarges() -> None:
    assert fit(320, 240, 1080) == (320, 240)
    assert fit(3, 3, 2) == (2, 2)
    assert fit(1, 1, 2) == (2, 2)  # nothing even is smaller
