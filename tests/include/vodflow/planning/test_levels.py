"""H.264 levels, against what encoders and the standard's own examples say."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from vodflow.planning.ladder import ladder
from vodflow.planning.levels import LEVELS, h264_level, reference_frames
from vodflow.planning.profiles import load_profile

NTSC = Fraction(30000, 1001)


@pytest.mark.parametrize(
    ("width", "height", "rate", "bits", "expected"),
    [
        (1920, 1080, Fraction(30), 7_500_000, "4.0"),
        (1080, 1920, NTSC, 7_500_000, "4.0"),
        (1920, 1080, Fraction(60), 7_500_000, "4.2"),
        (1920, 1088, Fraction(30), 7_500_000, "4.0"),
        (1280, 720, Fraction(30), 4_500_000, "3.1"),
        (1280, 720, Fraction(60), 4_500_000, "3.2"),
        (854, 480, Fraction(30), 2_250_000, "3.1"),  # 54 macroblocks by 30 at 30 is above 40,500 a second
        (854, 480, Fraction(25), 2_250_000, "3.0"),
        (640, 360, Fraction(30), 1_200_000, "3.0"),
        (176, 144, Fraction(30), 230_000, "1.1"),
        (3840, 2160, Fraction(30), 24_000_000, "5.1"),
        (3840, 2160, Fraction(60), 24_000_000, "5.2"),
        (1920, 1080, Fraction(30), 30_000_000, "4.1"),  # for its rate alone
        (4096, 16, Fraction(1), 100_000, "4.0"),  # for its width alone
    ],
)
def test_level(width: int, height: int, rate: Fraction, bits: int, expected: str) -> None:
    level = h264_level(width, height, rate, max_bitrate=bits, buffer_size=bits * 4 // 3)
    assert level is not None
    assert level.name == expected


def test_nothing_is_beyond_every_level_but_the_absurd() -> None:
    assert h264_level(7680, 4320, Fraction(60), max_bitrate=10**8, buffer_size=10**8) is not None
    assert h264_level(16384, 16384, Fraction(60), max_bitrate=10**8, buffer_size=10**8) is None


def test_main_profile_allows_fewer_bits() -> None:
    assert h264_level(640, 360, Fraction(25), max_bitrate=12_000_000, buffer_size=10**6).name == "3.0"
    assert h264_level(640, 360, Fraction(25), max_bitrate=12_000_000, buffer_size=10**6, profile="main").name == "3.1"


def test_levels_only_grow() -> None:
    for lower, upper in pairwise(LEVELS):
        assert all(small <= large for small, large in zip(lower[1:], upper[1:], strict=True))


@pytest.mark.parametrize("preset", ["ultrafast", "medium", "slow", "veryslow"])
def test_references_fit_the_picture_buffer(preset: str) -> None:
    for name in ("standard", "streaming", "sd", "hd", "uhd"):
        for step in ladder(3840, 2160, load_profile(name).rungs):
            level = h264_level(
                step.width, step.height, Fraction(30), max_bitrate=step.bitrate, buffer_size=step.bitrate
            )
            frames = reference_frames(step.width, step.height, level, preset)
            assert 1 <= frames <= 16
            assert frames * -(-step.width // 16) * -(-step.height // 16) <= level.picture_buffer


def test_slow_presets_do_not_raise_1080p_beyond_level_4() -> None:
    level = h264_level(1920, 1080, Fraction(30), max_bitrate=7_500_000, buffer_size=10_000_000)
    assert (level.name, reference_frames(1920, 1080, level, "slow")) == ("4.0", 4)
    assert reference_frames(1920, 1080, level, "medium") == 3
