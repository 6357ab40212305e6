"""How much CPU time an engine of our own will take for a plan. Pure.

The constants were measured with the pinned FFmpeg (n9.0.2, x264 core 165) on two cores of an Intel Xeon, as user and
system time of FFmpeg less what it takes without the thing measured: 120 frames of *Big Buck Bunny* (720p, 25 frames a
second), rungs of 240 to 720 lines at the rates of profile ``standard``, one after the other, and two minutes of noise
for AAC. The rungs differed by 6 % for each pixel. Of the demo's real clips and of the encodes in docs/benchmarks.md the
worker took 0.8 to 1.25 times the estimate; the shortest clips are furthest above it (*bikes*: 2.9 s, estimated 1.8 and
0.6). Other content and other CPUs differ more; hence :data:`WITHIN`.
"""

from __future__ import annotations

from typing import Final

from vodflow.contract import layout
from vodflow.contract.plan import TranscodePlan, VideoRendition
from vodflow.contract.strategy import StrategyKind
from vodflow.planning import span

#: How many times more or less than the estimate a real video may take on the machine of the measurement.
WITHIN: Final = 2.5

#: CPU seconds for each million pixels of a source's frames: decoding H.264, scaling it down.
_READ: Final = 0.0036

#: CPU seconds for each million pixels that x264 encodes, by preset.
_ENCODE: Final = {
    "ultrafast": 0.005, "superfast": 0.010, "veryfast": 0.016, "faster": 0.030, "fast": 0.040, "medium": 0.045,
    "slow": 0.070, "slower": 0.105, "veryslow": 0.190, "placebo": 0.676,
}  # fmt: skip

#: CPU seconds for each second of a track of sound: decoding, mixing, AAC.
_SOUND: Final = 0.018

#: CPU seconds for each job: start of the worker, transfers, playlists.
_WORKER: Final = 0.2

#: CPU seconds for each second of a rung: packaging, MP4s, checksums.
_PACKAGE: Final = 0.005


def estimated_cpu_seconds(plan: TranscodePlan) -> float:
    """CPU seconds of all processes that carry a plan out, its strategy included: what is reused costs nothing."""
    strategy = plan.strategy
    there = {item.track for item in strategy.reused}
    rungs = [rung for rung in plan.renditions if layout.track_name(rung) not in there]
    sound = [item for item in plan.audio if layout.track_name(item) not in there]
    seconds = span.picture_seconds(plan)
    source = plan.media.video
    decodes = max(1, len(strategy.groups)) if rungs else 0
    if rungs and strategy.kind == StrategyKind.CHUNKS:
        rate = float(rungs[0].fps)
        seconds += sum(chunk.warm_up for chunk in strategy.chunks) / rate
    read = decodes * source.width * source.height * float(source.fps) * source.duration / 1e6 * _READ
    return round(
        _WORKER
        + read
        + sum(_megapixels(rung) * seconds * _ENCODE.get(rung.preset, _ENCODE["medium"]) for rung in rungs)
        + sum(span.sound_end(plan, item) * _SOUND for item in sound)
        + len(plan.renditions) * span.picture_seconds(plan) * _PACKAGE,
        3,
    )


def _megapixels(rung: VideoRendition) -> float:
    """A second of it."""
    return rung.width * rung.height * float(rung.fps) / 1e6
