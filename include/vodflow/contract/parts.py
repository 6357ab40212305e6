"""The parts of a divided plan: what each one makes, what people call it, and where it lies in S3 until it is joined.

A part is named by what it makes, so a plan has the same parts on every machine and in every attempt.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from vodflow.contract.plan import TranscodePlan, VideoRendition
from vodflow.contract.strategy import Chunk, StrategyKind

#: The part with all sound, encoded once from the whole source: joined sound would have gaps.
AUDIO = "audio"
#: What a worker is asked for, in a part's place, when all parts are made.
JOIN = "join"
#: First folder of everything that parts leave until they are joined; a lifecycle rule may empty it.
WORK_PREFIX = "work"
#: Written last: a part that has it is done.
PART_RECORD = "part.json"


@dataclass(frozen=True)
class Part:
    """What one process makes of a plan.

    :param name: for programs, in paths: ``audio``, ``chunk-003``, ``rungs-2160p``
    :param title: for people: ``chunk 003 (00:01:00–00:01:30)``
    :param rungs: names of the rungs that are encoded; none of them where it is the sound
    :param chunk: the stretch of time; none means the whole
    :param number: its place among the plan's parts, from 0
    """

    name: str
    title: str
    rungs: tuple[str, ...] = ()
    chunk: Chunk | None = None
    number: int = 0


class PartFile(BaseModel):
    """One uploaded file of a part.

    :param name: path below the part's folder
    :param checksum: base64 of the CRC-32, as S3 stores it
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    size: int = Field(ge=0)
    checksum: str | None = None


class PartRecord(BaseModel):
    """What a part has made: ``part.json`` beside its files, and the worker's last line.

    :param digest: of what it was to make; a part of the same name may have been cut elsewhere before
    :param folder: of the files, below the part's; each attempt has one of its own, so that none harms another's
    :param frames: pictures of every rung; none of the sound
    :param encode_seconds: wall seconds of the encode
    :param cpu_seconds: user and system CPU seconds of all child processes
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    event: Literal["part"] = "part"
    part: str
    digest: str = ""
    folder: str = ""
    files: tuple[PartFile, ...]
    frames: int | None = None
    encode_seconds: float = Field(default=0.0, ge=0)
    cpu_seconds: float = Field(default=0.0, ge=0)
    wall_seconds: float = Field(default=0.0, ge=0)
    warnings: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    @property
    def checksum(self) -> str:
        """Of all files' names, sizes and checksums: hex digits of a SHA-256."""
        lines = "\n".join(f"{file.name} {file.size} {file.checksum}" for file in self.files)
        return hashlib.sha256(lines.encode()).hexdigest()[:16]


def parts(plan: TranscodePlan) -> tuple[Part, ...]:
    """All parts of a plan, the sound first; none where one process makes it all."""
    strategy = plan.strategy
    all_rungs = tuple(rung.name for rung in plan.renditions)
    made: list[Part] = []
    if strategy.kind == StrategyKind.CHUNKS:
        rate = plan.renditions[0].fps
        made = [
            Part(
                f"chunk-{number:03}", f"chunk {number:03} ({_span(chunk, rate, plan.media.duration)})", all_rungs, chunk
            )
            for number, chunk in enumerate(strategy.chunks, 1)
        ]
    elif strategy.kind == StrategyKind.RENDITIONS:
        made = [Part(f"rungs-{'-'.join(group)}", f"rungs {', '.join(group)}", group) for group in strategy.groups]
    there = {reused.track for reused in strategy.reused}
    if strategy.kind != StrategyKind.SINGLE and any(item.name not in there for item in plan.audio):
        made.insert(0, Part(AUDIO, AUDIO))
    return tuple(Part(part.name, part.title, part.rungs, part.chunk, place) for place, part in enumerate(made))


def find_part(plan: TranscodePlan, name: str) -> Part:
    """The part of that name.

    :raises KeyError: the plan has none
    """
    return {part.name: part for part in parts(plan)}[name]


def part_digest(plan: TranscodePlan, part: Part) -> str:
    """What tells a part from others of its name: hex digits of a SHA-256 of all that it is made by."""
    chunk = part.chunk.model_dump_json() if part.chunk else ""
    return hashlib.sha256("\0".join([plan.hash, part.name, *part.rungs, chunk]).encode()).hexdigest()[:16]


def rungs_of(plan: TranscodePlan, part: Part) -> tuple[VideoRendition, ...]:
    """The rungs that a part encodes."""
    return tuple(rung for rung in plan.renditions if rung.name in part.rungs)


def work_folder(prefix: str, part: Part) -> str:
    """Key prefix of a part's files.

    :param prefix: of the job's outputs
    """
    return f"{WORK_PREFIX}/{prefix}/{part.name}"


def files_folder(prefix: str, part: Part, record: PartRecord) -> str:
    """Key prefix of the files that a record names."""
    return "/".join(name for name in (work_folder(prefix, part), record.folder) if name)


def plan_key(prefix: str) -> str:
    """Key of the plan that the workers of all parts read."""
    return f"{WORK_PREFIX}/{prefix}/plan.json"


def _span(chunk: Chunk, rate: Fraction, duration: float) -> str:
    end = float(chunk.end / rate) if chunk.end is not None else duration
    return f"{_clock(float(chunk.first / rate))}–{_clock(end)}"


def _clock(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}"
