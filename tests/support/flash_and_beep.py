"""Where flashes and beeps are, by the time stamps of frames and samples: how far sound is from its pictures."""

from __future__ import annotations

import array
import re
import subprocess
from itertools import pairwise
from pathlib import Path

from vodflow.ffmpeg.tools import ffmpeg_path

#: Seconds within which a beep belongs to a flash.
_TOGETHER = 0.45
_RATE = 48_000
#: Samples that are looked at together: half a millisecond.
_STEP = 24


def offsets(path: Path) -> dict[int, float]:
    """By the number of each flash, from 0, how many milliseconds after it the beep comes; without those unheard."""
    beeps = beep_times(path)
    found = {}
    for number, flash in enumerate(flash_times(path)):
        nearest = min(beeps, key=lambda beep: abs(beep - flash), default=None)
        if nearest is not None and abs(nearest - flash) < _TOGETHER:
            found[number] = (nearest - flash) * 1000
    return found


def flash_times(path: Path) -> list[float]:
    """Seconds at which pictures turn white."""
    grey = "scale=1:1:flags=area,format=gray,showinfo=checksum=0"
    data, said = _decode(path, "-map", "0:v:0", "-fps_mode", "passthrough", "-vf", grey, "-f", "rawvideo")
    times = [float(time) for time in re.findall(r"showinfo.*? pts_time:(-?[\d.]+)", said)]
    frames = list(zip(times, (value > 160 for value in data), strict=True))
    return [after[0] for before, after in pairwise([(0.0, False), *frames]) if after[1] and not before[1]]


def beep_times(path: Path) -> list[float]:
    """Seconds at which a tone begins."""
    data, said = _decode(path, "-map", "0:a:0", "-af", f"aformat=s16:{_RATE}:mono,ashowinfo", "-f", "s16le")
    samples = array.array("h", data)
    found, loud, at = [], -1.0, 0
    for start, count in re.findall(r"ashowinfo.*? pts_time:(-?[\d.]+).*? nb_samples:(\d+)", said):
        for place in range(at, at + int(count), _STEP):
            if max(map(abs, samples[place : place + _STEP]), default=0) > 3000:
                now = float(start) + (place - at) / _RATE
                if now - loud > _TOGETHER:
                    found.append(now)
                loud = now
        at += int(count)
    return found


def _decode(path: Path, *options: str) -> tuple[bytes, str]:
    argv = [ffmpeg_path(), "-nostdin", "-hide_banner", "-v", "info", "-copyts", "-i", str(path), *options, "-"]
    done = subprocess.run(argv, capture_output=True, check=True, timeout=60)
    return done.stdout, done.stderr.decode(errors="replace")
