"""What the commands that measure have found: readers of what FFmpeg and libvmaf write. Pure."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from statistics import fmean, quantiles
from typing import Final, NamedTuple

#: Integrated loudness that ``ebur128`` says of what is quieter than its absolute gate, which means silence.
_GATE: Final = -70.0
_NUMBER: Final = r"(-?inf|nan|-?\d+(?:\.\d+)?)"
_SAID: Final = {
    "loudness": re.compile(rf"^\s*I:\s+{_NUMBER} LUFS"),
    "loudness_range": re.compile(rf"^\s*LRA:\s+{_NUMBER} LU$"),
    "true_peak": re.compile(rf"^\s*Peak:\s+{_NUMBER} dBFS"),
    "clipped": re.compile(rf"DC offset: {_NUMBER}$"),
}
_METADATA: Final = re.compile(r"^lavfi\.(?:freezedetect\.)?(black|freeze|silence)_(start|end)=(-?[\d.]+)", re.MULTILINE)
_LUMA: Final = re.compile(r"YAVG=([\d.]+)")
_KINDS: Final = {"black": "black", "freeze": "frozen", "silence": "silent"}


@dataclass(frozen=True)
class PictureFigures:
    """How one rung compares with its source. VMAF 0 to 100, PSNR in decibels, SSIM up to 1, times in seconds."""

    vmaf_model: str
    frames: int
    vmaf: float
    vmaf_harmonic: float
    vmaf_p5: float
    vmaf_worst_second: float
    vmaf_worst_at: float
    psnr: float
    ssim: float


@dataclass(frozen=True)
class SoundFigures:
    """One track of sound. LUFS, LU, dBTP, seconds, and a share of the samples; none of silence."""

    loudness: float | None
    loudness_range: float | None
    true_peak: float | None
    silent_seconds: float
    clipped: float


class Stretch(NamedTuple):
    """Where something lasts. Seconds from the beginning.

    :param kind: black, frozen or silent
    """

    kind: str
    start: float
    end: float


def compared(text: str, rate: Fraction, model: str) -> PictureFigures:
    """The figures of a comparison.

    :param text: libvmaf's log in JSON
    :param rate: frames a second
    :raises ValueError: no frame was compared
    """
    log = json.loads(text)
    if not log["frames"]:
        raise ValueError("libvmaf compared no frame")
    pooled: Mapping[str, Mapping[str, float]] = log["pooled_metrics"]
    scores = [float(frame["metrics"]["vmaf"]) for frame in log["frames"]]
    seconds = defaultdict[int, list[float]](list)
    for frame, score in zip(log["frames"], scores, strict=True):
        seconds[int(frame["frameNum"] / rate)].append(score)
    worst = min(seconds, key=lambda second: fmean(seconds[second]))
    return PictureFigures(
        vmaf_model=model,
        frames=len(scores),
        vmaf=pooled["vmaf"]["mean"],
        vmaf_harmonic=pooled["vmaf"]["harmonic_mean"],
        vmaf_p5=quantiles(scores, n=20, method="inclusive")[0] if len(scores) > 1 else scores[0],
        vmaf_worst_second=fmean(seconds[worst]),
        vmaf_worst_at=float(worst),
        psnr=pooled["psnr_y"]["mean"],
        ssim=pooled["float_ssim"]["mean"],
    )


def heard(errors: Sequence[str], silent_seconds: float) -> SoundFigures:
    """The figures of a track of sound.

    :param errors: what FFmpeg wrote to standard error at its end
    :raises ValueError: the summary of ``ebur128`` is not among it: the track is empty
    """
    said = {name: match[1] for line in errors for name, pattern in _SAID.items() if (match := pattern.search(line))}
    if "loudness" not in said:
        raise ValueError("the track has no sound to measure")
    loudness = float(said["loudness"])
    silent = loudness <= _GATE
    peak = said.get("true_peak", "-inf")
    return SoundFigures(
        loudness=None if silent else loudness,
        loudness_range=None if silent else float(said["loudness_range"]),
        true_peak=None if peak in {"-inf", "nan"} else float(peak),
        silent_seconds=silent_seconds,
        clipped=min(1.0, max(0.0, float(said.get("clipped", "0")))),
    )


def stretches(text: str, end: float) -> list[Stretch]:
    """Stretches that FFmpeg's detectors have noted as metadata, in order; one that goes on to the end has no end there.

    :param end: seconds after which there is nothing more
    """
    found, begun = list[Stretch](), dict[str, float]()
    for word, edge, value in _METADATA.findall(text):
        at = max(0.0, float(value))
        if edge == "start":
            begun[word] = at
        elif word in begun:
            found.append(Stretch(_KINDS[word], begun.pop(word), at))
    found += [Stretch(_KINDS[word], at, end) for word, at in begun.items() if end > at]
    return sorted(found, key=lambda stretch: (stretch.start, stretch.kind))


def luma_clipped(text: str) -> float | None:
    """Mean share of the pixels at the ends of the luma range or beyond; none where no picture was looked at."""
    shares = [float(value) / 255 for value in _LUMA.findall(text)]
    return min(1.0, fmean(shares)) if shares else None


def total(found: Sequence[Stretch], kind: str) -> float:
    """Seconds of the stretches of one kind together."""
    return sum(stretch.end - stretch.start for stretch in found if stretch.kind == kind)


def vmaf_version(text: str) -> str:
    """The version of libvmaf, as its log in JSON says it."""
    return str(json.loads(text).get("version", "unknown"))
