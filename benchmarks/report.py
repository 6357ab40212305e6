"""Shows what was measured: a table for the terminal, ``docs/benchmarks.md`` for readers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.results import Row, Section

INTRODUCTION = """# Benchmarks

What Vodflow costs beside what one would use without it. `make bench` runs both sides on the same machine in the same
run and rewrites this page; every single measurement is kept as JSON in `.vodflow/bench/results/`.

A ratio below 1 means that Vodflow takes less. Where a line names no baseline, the target is absolute.
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
    """Write the page for readers."""
    parts = [INTRODUCTION, "## Machine\n", "| | |\n|---|---|"]
    parts += [f"| {name} | {value} |" for name, value in machine.items()]
    for section in sections:
        parts += [f"\n## {section.title}\n", section.method, f"\nMeasured {section.measured_at}.\n", _markdown(section)]
        parts += [f"\n{section.more}"] if section.more else []
    path.write_text("\n".join(parts) + "\n", encoding="utf-8")


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
