"""Shows what was measured: a table for the terminal, ``docs/benchmarks.md`` for readers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.results import Row, Section

INTRODUCTION = """# Benchmarks

What Vodflow costs beside what one would use without it. `make bench` runs both sides on the same machine in the same
run and rewrites this page; every single measurement is kept as JSON in `.vodflow/bench/results/`.

A ratio below 1 means that Vodflow takes less. Where a line names no baseline, the target is absolute. A section
stays as it is until it is measured again; each says when that was.
"""


def table(section: Section) -> Table:
    """One section for the terminal."""
    shown = Table(title=section.title, title_justify="left", expand=True)
    shown.add_column("What", ratio=5)
    for heading in ("Vodflow", "Baseline", "Ratio", "Target", "Met"):
        shown.add_column(heading, justify="right")
    shown.add_column("Against", ratio=3)
    for row in section.rows:
        style = {True: "green", False: "bold red", None: ""}[row.met]
        shown.add_row(*_cells(row), row.baseline_name or row.note, style=style)
    return shown


def show(sections: Iterable[Section], console: Console) -> None:
    """Print all sections."""
    for section in sections:
        console.print(table(section))


def write_page(path: Path, machine: Mapping[str, str], sections: Iterable[Section]) -> None:
    """Write the page for readers; sections that were measured in another checkout stay on it."""
    facts = [f"| {name} | {value} |" for name, value in machine.items()]
    bodies = _bodies(path.read_text(encoding="utf-8")) if path.exists() else {}
    bodies["Machine"] = "\n".join(["| | |\n|---|---|", *facts])
    for section in sections:
        parts = [section.method, f"\nMeasured {section.measured_at}.\n", _markdown(section)]
        bodies[section.title] = "\n".join([*parts, *([f"\n{section.more}"] if section.more else [])])
    chapters = (f"\n## {title}\n\n{body}\n" for title, body in bodies.items())
    path.write_text("".join([INTRODUCTION, *chapters]), encoding="utf-8")


def _bodies(page: str) -> dict[str, str]:
    """What stands below each heading."""
    return {title: body.strip("\n") for title, body in re.findall(r"^## (.*)\n((?:(?!## ).*\n)*)", page, re.MULTILINE)}


def _markdown(section: Section) -> str:
    lines = ["| What | Vodflow | Baseline | Ratio | Target | Met |", "|---|--:|--:|--:|--:|---|"]
    notes: list[str] = []
    for row in section.rows:
        what, ours, baseline, ratio, target, met = _cells(row)
        against = f"{baseline} ({row.baseline_name})" if row.baseline is not None else ""
        lines.append(f"| {what} | {ours} | {against} | {ratio} | {target} | {met} |")
        if row.note:
            notes.append(f"- {what}: {row.note}")
    return "\n".join([*lines, *(["", *notes] if notes else [])])


def _cells(row: Row) -> tuple[str, ...]:
    bound = row.target is not None
    return (
        row.what,
        _number(row.ours, row.unit),
        "" if row.baseline is None else _number(row.baseline, row.unit),
        "" if row.ratio is None else f"{row.ratio:.3f}",
        "" if not bound else f"≤ {row.target:g}" + ("" if row.ratio is not None else f" {row.unit}"),
        {True: "yes", False: "**no**", None: ""}[row.met],
    )


def _number(value: float, unit: str) -> str:
    digits = 0 if abs(value) >= 1000 or float(value).is_integer() else 1 if abs(value) >= 100 else 2
    return f"{value:,.{digits}f} {unit}".strip()
