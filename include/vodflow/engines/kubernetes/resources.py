"""What a plan's pod asks for: CPUs, memory, disk. Pure.

The constants were measured with the pinned FFmpeg (x264 ``medium``) on two cores, see ``docs/kubernetes-engine.md``.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Final

from vodflow.contract.parts import Part, rungs_of
from vodflow.contract.plan import TranscodePlan
from vodflow.engines.local.workspace import needed_bytes, part_bytes

MIB: Final = 1024**2

#: Pixels a second that one CPU is asked for: about what x264 ``medium`` encodes in it, so that a pod that gets what it
#: asks for works in about the playing time.
PIXELS_PER_CPU: Final = 60e6
#: More CPUs for one FFmpeg are left idle by the decoder.
MOST_CPUS: Final = 16
#: Seconds of video for which a single CPU is enough: the pod's start would take as long as is saved.
SHORT: Final = 60.0

#: Bytes of a worker beside its pictures: Python with boto3, FFmpeg's code, buffers of packets, uploads. Measured: 110
#: MiB and 60 MiB; the rest for the packager and parts on their way. Packaging takes less than the encode before it: at
#: most 121 MiB for six tracks, with Python and an FFmpeg that writes MP4s beside the packager.
BASE_MEMORY: Final = 240 * MIB
#: Pictures of a rung that x264 holds at once: 40 of look-ahead (``rc-lookahead``, ``medium``), references, B-frames,
#: and one in work a thread; each with a half-size copy, motion vectors and padding, and the filters' own. Fitted to
#: FFmpeg's peak on ladders from 360p (145 MiB), 1080p (841 MiB) and 2160p (2718 MiB), which need 90 to 110.
ENCODER_PICTURES: Final = 100
#: Pictures of the source that decoder and filters hold: 16 references (H.264, Table A-1), one a thread, filter queues.
DECODER_PICTURES: Final = 32
#: Bytes of a pixel in 4:2:0 with 8 bits, and in 4:2:2 or 4:4:4 with more, as FFmpeg's frames hold it.
ENCODED_PIXEL: Final = 1.5
SOURCE_PIXEL: Final = 3.0
#: Bytes of the packager for each track, where it comes beside nothing larger: it reads and writes ahead
#: (:data:`vodflow.packaging.shaka.READ_AHEAD`). Measured: 69 MiB for four, 59 MiB for six short ones.
PACKAGED_TRACK: Final = 24 * MIB
#: What pods may take beyond their request before they are killed.
MEMORY_MARGIN: Final = 1.25


@dataclass(frozen=True)
class Resources:
    """Requests of one pod.

    :param cpus: whole CPUs; also FFmpeg's threads
    :param memory: bytes; the limit is :data:`MEMORY_MARGIN` times as much
    :param disk: bytes of temporary files, also the limit
    """

    cpus: int
    memory: int
    disk: int

    @property
    def memory_limit(self) -> int:
        """Bytes at which the pod is killed."""
        return ceil(self.memory * MEMORY_MARGIN)


def estimate(plan: TranscodePlan, *, memory_factor: float = 1.0) -> Resources:
    """What carrying this plan out needs, by its rungs, their codec and the source's length.

    :param memory_factor: more than 1 for a plan whose pod was killed for want of memory
    """
    rate = sum(rung.width * rung.height * rung.fps for rung in plan.renditions)
    cpus = 1 if plan.media.duration <= SHORT else min(MOST_CPUS, max(1, ceil(rate / PIXELS_PER_CPU)))
    pictures = sum(rung.width * rung.height for rung in plan.renditions) * ENCODED_PIXEL * ENCODER_PICTURES
    track = plan.media.video
    pictures += track.width * track.height * SOURCE_PIXEL * DECODER_PICTURES
    memory = (BASE_MEMORY + pictures) * memory_factor
    return Resources(cpus, _whole_mib(memory), _whole_mib(needed_bytes(plan)))


def estimate_part(plan: TranscodePlan, part: Part, *, memory_factor: float = 1.0) -> Resources:
    """What one part of a divided plan needs, by its own rungs and its own length.

    :param memory_factor: more than 1 for a part whose pod was killed for want of memory
    """
    rungs = rungs_of(plan, part)
    # CPU seconds by the measure of a whole plan; what takes one CPU no longer than a pod's start is worth gets one.
    rate = sum(rung.width * rung.height * rung.fps for rung in rungs) / PIXELS_PER_CPU
    cpus = 1 if rate * _seconds(plan, part) <= SHORT else min(MOST_CPUS, max(1, ceil(rate)))
    pictures = sum(rung.width * rung.height for rung in rungs) * ENCODED_PIXEL * ENCODER_PICTURES
    if rungs:
        track = plan.media.video
        pictures += track.width * track.height * SOURCE_PIXEL * DECODER_PICTURES
    memory = (BASE_MEMORY + pictures) * memory_factor
    return Resources(cpus, _whole_mib(memory), _whole_mib(part_bytes(plan, part)))


def estimate_join(plan: TranscodePlan, *, memory_factor: float = 1.0) -> Resources:
    """What joining and packaging all parts needs: room for everything, and no picture in memory."""
    tracks = len(plan.renditions) + len(plan.audio)
    memory = (BASE_MEMORY + tracks * PACKAGED_TRACK) * memory_factor
    return Resources(1, _whole_mib(memory), _whole_mib(needed_bytes(plan)))


def _seconds(plan: TranscodePlan, part: Part) -> float:
    if part.chunk is None:
        return plan.media.duration
    rate = plan.renditions[0].fps
    end = plan.media.duration if part.chunk.end is None else float(part.chunk.end / rate)
    return end - float(part.chunk.first / rate)


def _whole_mib(size: float) -> int:
    return ceil(size / MIB) * MIB
