"""Tables for people. A narrow terminal loses whole columns, never letters; what is piped has every column."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

#: Columns of an output in which anything fits.
UNLIMITED = 10_000

#: Columns of a terminal that a text needs before it is broken into lines, and the gap between two columns.
_READABLE, _GAP = 20, 2

Cell = str | Text


@dataclass(frozen=True)
class Column:
    """One column.

    :param drop: when it goes for want of room: the highest number first; never with 0
    :param folds: whether its text may go over several lines
    """

    title: str
    drop: int = 0
    right: bool = False
    folds: bool = False


def console() -> Console:
    """Standard output; as wide as anything needs where it is no terminal and ``COLUMNS`` says nothing."""
    narrow = sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdecimal()
    return Console(highlight=False, width=None if narrow else UNLIMITED)


def show(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], title: str | None = None) -> None:
    """Print a table on standard output, with the columns that have room and are not empty."""
    out = console()
    kept, left_out = _fitting(columns, rows, out.width)
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for index in kept:
        column = columns[index]
        table.add_column(
            column.title, justify="right" if column.right else "left", no_wrap=not column.folds, overflow="fold"
        )
    for row in rows:
        table.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in (row[index] for index in kept)))
    out.print(table)
    if left_out:
        out.print(f"For want of room without: {', '.join(left_out)}.", style="dim")


def _fitting(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], width: int) -> tuple[list[int], list[str]]:
    """Which columns are shown, and the titles of those that had no room."""
    kept = [index for index in range(len(columns)) if not rows or any(str(row[index]) for row in rows)]
    left_out = []
    while sum(_needed(columns[index], index, rows) for index in kept) + _GAP * (len(kept) - 1) > width:
        worst = max(kept, key=lambda index: columns[index].drop, default=None)
        if worst is None or columns[worst].drop == 0:
            break
        kept.remove(worst)
        left_out.append(columns[worst].title)
    return kept, left_out


def _needed(column: Column, index: int, rows: Sequence[Sequence[Cell]]) -> int:
    texts = [line for row in rows for line in str(row[index]).splitlines()]
    longest = max((cell_len(text) for text in (column.title, *texts)), default=0)
    return min(longest, max(_READABLE, cell_len(column.title))) if column.folds else longest
