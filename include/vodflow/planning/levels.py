"""H.264 levels: which decoder a rendition needs (ITU-T H.264, Annex A, tables A-1 and A-2)."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

#: x264 keeps four frames for its pyramid of B pictures, whatever the number of references (``sps_init``).
_PYRAMID_FRAMES = 4

#: Reference frames of x264's presets (``param_apply_preset``).
_PRESET_REFERENCES = {
    "ultrafast": 1,
    "superfast": 1,
    "veryfast": 1,
    "faster": 2,
    "fast": 2,
    "medium": 3,
    "slow": 5,
    "slower": 8,
    "veryslow": 16,
}

#: cpbBrVclFactor: bits that one unit of MaxBR and MaxCPB stands for (table A-2; clause A.3.1 for Baseline and Main).
_RATE_FACTOR = {"baseline": 1000, "main": 1000, "high": 1250}


class Level(NamedTuple):
    """One line of table A-1.

    :param macroblock_rate: MaxMBPS, macroblocks a second
    :param frame_size: MaxFS, macroblocks
    :param picture_buffer: MaxDpbMbs, macroblocks
    :param bit_rate: MaxBR, units of cpbBrVclFactor bits a second
    :param coded_buffer: MaxCPB, units of cpbBrVclFactor bits
    """

    name: str
    macroblock_rate: int
    frame_size: int
    picture_buffer: int
    bit_rate: int
    coded_buffer: int


#: Table A-1 without level 1b, which no encoder of ours signals.
LEVELS = (
    Level("1.0", 1_485, 99, 396, 64, 175),
    Level("1.1", 3_000, 396, 900, 192, 500),
    Level("1.2", 6_000, 396, 2_376, 384, 1_000),
    Level("1.3", 11_880, 396, 2_376, 768, 2_000),
    Level("2.0", 11_880, 396, 2_376, 2_000, 2_000),
    Level("2.1", 19_800, 792, 4_752, 4_000, 4_000),
    Level("2.2", 20_250, 1_620, 8_100, 4_000, 4_000),
    Level("3.0", 40_500, 1_620, 8_100, 10_000, 10_000),
    Level("3.1", 108_000, 3_600, 18_000, 14_000, 14_000),
    Level("3.2", 216_000, 5_120, 20_480, 20_000, 20_000),
    Level("4.0", 245_760, 8_192, 32_768, 20_000, 25_000),
    Level("4.1", 245_760, 8_192, 32_768, 50_000, 62_500),
    Level("4.2", 522_240, 8_704, 34_816, 50_000, 62_500),
    Level("5.0", 589_824, 22_080, 110_400, 135_000, 135_000),
    Level("5.1", 983_040, 36_864, 184_320, 240_000, 240_000),
    Level("5.2", 2_073_600, 36_864, 184_320, 240_000, 240_000),
    Level("6.0", 4_177_920, 139_264, 696_320, 240_000, 240_000),
    Level("6.1", 8_355_840, 139_264, 696_320, 480_000, 480_000),
    Level("6.2", 16_711_680, 139_264, 696_320, 800_000, 800_000),
)


def h264_level(
    width: int, height: int, frame_rate: Fraction, *, max_bitrate: int, buffer_size: int, profile: str = "high"
) -> Level | None:
    """The lowest level that allows this stream, with room for x264's B pyramid.

    :param width: pixels
    :param height: pixels
    :param frame_rate: frames a second
    :param max_bitrate: VBV peak, bits a second
    :param buffer_size: VBV buffer, bits
    :return: none when no level allows it
    """
    columns, rows = -(-width // 16), -(-height // 16)
    frame = columns * rows
    factor = _RATE_FACTOR[profile]
    for level in LEVELS:
        if (
            frame <= level.frame_size
            and max(columns, rows) ** 2 <= 8 * level.frame_size  # A.3.1: neither side above sqrt(8 * MaxFS)
            and frame * frame_rate <= level.macroblock_rate
            and frame * _PYRAMID_FRAMES <= level.picture_buffer
            and max_bitrate <= level.bit_rate * factor
            and buffer_size <= level.coded_buffer * factor
        ):
            return level
    return None


def reference_frames(width: int, height: int, level: Level, preset: str) -> int:
    """Reference frames of the preset, as far as the level's picture buffer holds them.

    x264 signals a level but does not keep to its picture buffer: preset ``slow`` would make 1080p level 5.0.
    """
    frame = -(-width // 16) * -(-height // 16)
    return max(1, min(_PRESET_REFERENCES[preset], level.picture_buffer // frame, 16))
