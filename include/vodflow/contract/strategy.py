"""How a plan's encode is divided: one process, a process for each group of rungs, or one for each stretch of time.

Part of the plan, so that every engine divides it alike and people see why, but not of its hash: what is made does not
change. The parts of a plan, with the names that people read, are those of :mod:`vodflow.contract.parts`.
"""

from __future__ import annotations

from enum import StrEnum
from itertools import pairwise
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

#: Most stretches of one video: Airflow's grid and its scheduler stay readable and quick.
MOST_CHUNKS: Final = 100


class StrategyKind(StrEnum):
    """Who encodes what."""

    SINGLE = "single"
    RENDITIONS = "renditions"
    CHUNKS = "chunks"


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Chunk(_Value):
    """A stretch of the outputs' frames, encoded by itself.

    :param first: its first frame, counted on the outputs' frame grid from time 0; a whole number of GOPs
    :param end: the frame after its last; none for the last chunk, which goes on to the end
    :param seek: seconds after the container's start at which FFmpeg finds the keyframe that decoding begins with
    :param weight: its average bit rate as a share of the plan's
    :param warm_up: frames before its first one that are encoded for the rate control alone, and thrown away; a whole
        number of GOPs
    """

    first: int = Field(ge=0)
    end: int | None = Field(default=None, gt=0)
    seek: float = Field(default=0.0, ge=0)
    weight: float = Field(default=1.0, gt=0, exclude_if=lambda weight: weight == 1.0)
    warm_up: int = Field(default=0, ge=0, exclude_if=lambda frames: not frames)

    @property
    def begin(self) -> int:
        """The first frame that is encoded."""
        return self.first - self.warm_up


class Reused(_Value):
    """A track that was made with the same parameters before: by an older plan of the same source, or an earlier try.

    :param track: its name in paths: ``video_720p``, ``audio``
    :param bucket: of the outputs that have it
    :param prefix: key prefix of these outputs
    :param mp4: the MP4 that holds it, below that prefix
    :param checksums: of the MP4, one of which S3 states as long as it is the one that was made; none where nobody knows
    """

    track: str
    bucket: str
    prefix: str
    mp4: str
    checksums: tuple[str, ...] = Field(default=(), exclude_if=lambda sums: not sums)


class Strategy(_Value):
    """How the encode is divided, and why, in one sentence.

    :param chunks: of ``chunks``: all stretches, in their order, without gaps
    :param groups: of ``renditions``: names of the rungs that are encoded together
    :param reused: of ``renditions``: tracks that are not encoded at all
    :param pictures: key prefix of the older outputs whose pictures are these, where the rung that they are made of is
        reused
    """

    kind: StrategyKind = StrategyKind.SINGLE
    reason: str = "One process encodes all rungs from one decode, which costs least."
    chunks: tuple[Chunk, ...] = Field(default=(), max_length=MOST_CHUNKS, exclude_if=lambda chunks: not chunks)
    groups: tuple[tuple[str, ...], ...] = Field(default=(), exclude_if=lambda groups: not groups)
    reused: tuple[Reused, ...] = Field(default=(), exclude_if=lambda reused: not reused)
    pictures: str | None = Field(default=None, exclude_if=lambda pictures: pictures is None)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if bool(self.chunks) != (self.kind == StrategyKind.CHUNKS):
            raise ValueError("chunks and only chunks has stretches of time")
        if bool(self.groups or self.reused) != (self.kind == StrategyKind.RENDITIONS):
            raise ValueError("renditions and only renditions has groups of rungs or tracks that are there")
        whole = not self.chunks or (self.chunks[0].first == 0 and self.chunks[-1].end is None)
        if not whole or any(before.end != after.first for before, after in pairwise(self.chunks)):
            raise ValueError("chunks must follow one another without a gap, from frame 0 to the end")
        if any(chunk.begin < 0 for chunk in self.chunks):
            raise ValueError("a warm-up cannot begin before frame 0")
        return self


#: What a plan has that does not say otherwise.
SINGLE: Final = Strategy()
