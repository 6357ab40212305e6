"""Filters as values, so that outputs which begin alike share their filters and their decode.

A chain is a tuple of steps. :func:`branches` lays chains over a stream as a tree: a common beginning is filtered once,
and split where the chains part.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar

from vodflow.ffmpeg.picture_filters import Stream

Key = TypeVar("Key", bound=Hashable)
Kind = Literal["video", "audio"]


class Filter(Hashable, Protocol):
    """What a chain is made of; equal ones do the same."""

    def apply(self, stream: Stream) -> Stream:
        """The stream behind this filter."""


@dataclass(frozen=True)
class Step:
    """One filter with its arguments."""

    name: str
    arguments: tuple[Any, ...] = ()
    options: tuple[tuple[str, Any], ...] = ()

    def apply(self, stream: Stream) -> Stream:
        """The stream behind this filter."""
        return stream.filter(self.name, *self.arguments, **dict(self.options))


Chain = tuple[Filter, ...]


def step(name: str, *arguments: Any, **options: Any) -> Step:
    """A filter as FFmpeg writes it: ``step("scale", 640, 360, flags="bicubic")``."""
    return Step(name, arguments, tuple(options.items()))


def branches(stream: Stream, chains: Mapping[Key, Chain], kind: Kind) -> dict[Key, Stream]:
    """The end of each chain over one stream; what chains have in common is filtered once."""
    groups: dict[Filter | None, dict[Key, Chain]] = {}
    ended = 0
    for key, chain in chains.items():
        # Chains that end here need an output each, also when they are equal.
        ended += not chain
        groups.setdefault(chain[0] if chain else None, {})[key] = chain[1:]
    count = ended + len(groups) - (None in groups)
    if count > 1:
        node = stream.filter_multi_output("split" if kind == "video" else "asplit", count)
        outputs = iter([node[index] for index in range(count)])
    else:
        outputs = iter([stream])
    ends: dict[Key, Stream] = {}
    for first, rest in groups.items():
        if first is None:
            ends |= {key: next(outputs) for key in rest}
        else:
            ends |= branches(first.apply(next(outputs)), rest, kind)
    return ends
