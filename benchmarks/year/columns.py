"""Columns of rows that COPY takes: arrays of numbers, moments and words, some of them missing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

#: Microseconds of a second.
SECOND = 1_000_000

Numbers: TypeAlias = np.ndarray[Any, np.dtype[Any]]


def moments(microseconds: Numbers, known: Numbers | None = None) -> pa.Array:
    """Points in time.

    :param microseconds: since the epoch
    :param known: where there is one; none: everywhere
    """
    return pa.array(microseconds.astype(np.int64), pa.timestamp("us", "UTC"), mask=_mask(known))


def maybe(values: Numbers, known: Numbers) -> pa.Array:
    """Numbers, missing where they are not known."""
    return pa.array(values, mask=_mask(known))


def words(choices: Sequence[str | None], codes: Numbers, known: Numbers | None = None) -> pa.Array:
    """One of the words for each code."""
    return pa.array(list(choices), pa.string()).take(pa.array(codes.astype(np.int64), mask=_mask(known)))


def text(*parts: Any, known: Numbers | None = None) -> pa.Array:
    """Parts joined to one text a row: numbers, words, and what all rows share."""
    joined = [part if isinstance(part, str) else pc.cast(_array(part), pa.string()) for part in parts]
    found = pc.binary_join_element_wise(*joined, "")
    return found if known is None else pc.if_else(pa.array(known), found, pa.scalar(None, pa.string()))


def _array(part: Any) -> pa.Array:
    return part if isinstance(part, pa.Array | pa.ChunkedArray) else pa.array(part)


def _mask(known: Numbers | None) -> Numbers | None:
    return None if known is None else ~known
