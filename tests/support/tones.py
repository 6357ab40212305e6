"""Which tones a file holds, and when: Goertzel's filter over decoded sound."""

from __future__ import annotations

import array
import math
import subprocess
from collections.abc import Sequence
from pathlib import Path

from vodflow.ffmpeg.tools import ffmpeg_path

_RATE = 16_000


def samples(path: Path, *options: str) -> list[array.array[float]]:
    """The left and the right channel, -1 to 1, :data:`_RATE` samples a second.

    :param options: of FFmpeg, before the output
    """
    argv = [ffmpeg_path(), "-v", "error", "-i", str(path), *options, "-ac", "2", "-ar", str(_RATE), "-f", "f32le", "-"]
    decoded = array.array("f", subprocess.run(argv, capture_output=True, check=True, timeout=60).stdout)
    return [decoded[0::2], decoded[1::2]]


def level(side: Sequence[float], frequency: float, start: float, seconds: float = 0.4) -> float:
    """The amplitude of a tone within a part of one channel.

    :param start: of the part, seconds
    """
    part = side[round(start * _RATE) : round((start + seconds) * _RATE)]
    turn, before, last = 2 * math.cos(2 * math.pi * frequency / _RATE), 0.0, 0.0
    for value in part:
        before, last = last, value + turn * last - before
    return 2 * math.sqrt(max(0.0, last**2 + before**2 - turn * last * before)) / len(part)


def heard(path: Path, frequencies: Sequence[float], start: float, *options: str) -> list[set[float]]:
    """The tones of the left and of the right side at a time: those at least a tenth as loud as the loudest."""
    found = [{hertz: level(side, hertz, start) for hertz in frequencies} for side in samples(path, *options)]
    loudest = max(max(side.values()) for side in found)
    return [{hertz for hertz, loud in side.items() if loud > max(loudest / 10, 0.001)} for side in found]


def recording(path: Path, parts: tuple[tuple[int, str, int], ...], codec: str) -> None:
    """400 Hz on the left and 700 Hz on the right; every part sounds from 0.2 s to 0.8 s after its beginning."""
    with path.open("wb") as whole:
        for second, (_, layout, rate) in enumerate(parts):
            part = path.with_name(f"part{second}.ts")
            tones = "|".join(f"0.4*sin(2*PI*{hertz}*t)*between(t,0.2,0.8)" for hertz in (400, 700))
            sound = f"aevalsrc='{tones}':sample_rate={rate}:duration=1"
            argv = [ffmpeg_path(), "-v", "error", "-y", "-f", "lavfi", "-i", "color=size=128x72:rate=25:duration=1"]
            argv += ["-f", "lavfi", "-i", sound, "-af", f"aformat=channel_layouts={layout}", "-c:v", "mpeg2video"]
            argv += ["-c:a", codec, "-b:a", "192k", "-output_ts_offset", str(second), str(part)]
            subprocess.run(argv, check=True, timeout=60)
            whole.write(part.read_bytes())
