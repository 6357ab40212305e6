"""Reports and pages over a year of a busy catalog: marts by day and by year, the list of videos, the HTML report."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import psycopg2

from benchmarks.context import Context
from benchmarks.measure import Usage, run
from benchmarks.parts import aws_and_catalog
from benchmarks.results import Row, Section
from benchmarks.year.arrivals import DAYS, FIRST_DAY
from benchmarks.year.loading import fill

QUICK_SCALE: Final = 0.002
MIB: Final = 1024
REPOSITORY: Final = Path(__file__).resolve().parent.parent

METHOD = """A catalog filled from a seed with a year of work ({rows}), in the embedded stack's PostgreSQL with its
ordinary settings. Each line is a fresh Python process that does what the task or the page does, its start included;
memory is its peak resident size. The *day* is a busy one near the end of the year, when all that was stored before
counts. Pages are asked for over Airflow's whole application (Starlette's test client, a viewer's session): 200 lists
with filters and places from all over the year, and 200 videos.

`python -m benchmarks.year URL --scale 1` fills a migrated catalog once; `make bench ARGS="analytics --catalog URL"`
measures it as often as one likes. Without it a catalog is filled and thrown away."""


@dataclass(frozen=True)
class _Run:
    """One process: what it took, what it said, and how PostgreSQL finds its rows."""

    usage: Usage
    found: dict[str, Any]

    @property
    def memory(self) -> float:
        """Peak resident size, MiB."""
        return float(self.found["peak"]) / MIB


def analytics(context: Context) -> Section:
    """Measure the section."""
    if context.catalog:
        return measure(context, {**os.environ, "VODFLOW_CATALOG_URL": context.catalog}, _counts(context.catalog))
    with aws_and_catalog(context.home / "analytics") as environment:
        url = environment["VODFLOW_CATALOG_URL"].replace("+psycopg2", "")
        return measure(context, environment, fill(url, QUICK_SCALE if context.quick else 1.0, say=context.say))


def measure(context: Context, environment: Mapping[str, str], counts: Mapping[str, int]) -> Section:
    """Measure a catalog that is filled already."""
    late = (FIRST_DAY + timedelta(days=DAYS - 20), 1)
    year = (FIRST_DAY, 10 if context.quick else DAYS)
    work = {"year": ("marts", year), "day": ("marts", late), "pages": ("pages", late), "html": ("html", year)}
    runs = {name: _run(context, environment, (kind, *days, counts["video"])) for name, (kind, days) in work.items()}
    rows = ", ".join(f"{counts[name]:,} {name}s" for name in ("video", "rendition", "job_event"))
    section = Section("analytics", "Analytics", METHOD.format(rows=rows.replace("job_event", "event")))
    section.rows = [
        Row("Every mart of one day", runs["day"].usage.wall, "s", target=10, note=_beside(runs["day"])),
        Row("Every mart of the year", runs["year"].usage.wall, "s", target=600, note=_beside(runs["year"])),
        Row("Peak memory of the report task, a year", runs["year"].memory, "MiB", target=500),
        Row("List of videos, a page, p95", runs["pages"].found["list"], "ms", target=100, note=_beside(runs["pages"])),
        Row("One video, p95", runs["pages"].found["video"], "ms", target=100),
        Row("HTML report of the year", runs["html"].usage.wall, "s", target=20,
            note=f"{runs['html'].found['bytes'] / 1e6:.2f} MB, peak {runs['html'].memory:.0f} MiB, "
                 f"{_beside(runs['html'])}"),
    ]  # fmt: skip
    plans = {name: _run(context, environment, (kind, *days, counts["video"], "explain")).found["plans"]
             for name, (kind, days) in work.items() if name != "year"}  # fmt: skip
    section.more = "\n".join(
        [
            "How PostgreSQL finds the rows, by EXPLAIN of the same statements in the same session:\n",
            *(line for name, found in plans.items() for line in _plans(name, found)),
        ]
    )
    section.raw = {name: {"cpu": one.usage.cpu, "wall": one.usage.wall, **one.found} for name, one in runs.items()}
    context.say(section.more)
    return section


def _beside(one: _Run) -> str:
    """What the machine did besides, which a time must be read with; PostgreSQL's work is in it."""
    return f"CPU {one.usage.cpu:.1f} s of this process, {one.usage.others:.1f} s of PostgreSQL and all others"


def _plans(name: str, plans: Mapping[str, Mapping[str, list[str]]]) -> Iterator[str]:
    for query, uses in sorted(plans.items()):
        if found := [f"`{index}`" for index in uses["indexes"]] + [f"`{table}` as a whole" for table in uses["whole"]]:
            yield f"* {name}, `{query}`: {', '.join(found)}"


def _run(context: Context, environment: Mapping[str, str], arguments: tuple[object, ...]) -> _Run:
    context.await_quiet()
    with context.folder() as folder:
        argv = [sys.executable, "-m", "benchmarks.analytics_work", *map(str, arguments)]
        usage, said = run(argv, cwd=folder, env={**environment, "PYTHONPATH": str(REPOSITORY)})
    found = json.loads(said.splitlines()[-1])
    context.say(f"{arguments[0]}: {usage.wall:.1f} s, {usage.cpu:.1f} CPU s")
    return _Run(usage, found)


def _counts(url: str) -> dict[str, int]:
    """Rows of a catalog that was filled before."""
    with closing(psycopg2.connect(url.replace("+psycopg2", ""), connect_timeout=10)) as connection:
        cursor = connection.cursor()
        counts = {}
        for name in ("video", "rendition", "job_event"):
            cursor.execute(f"SELECT count(*) FROM {name}")  # noqa: S608 - ours
            counts[name] = cursor.fetchone()[0]
    return counts
