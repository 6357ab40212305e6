"""Reports and pages over a year of a busy catalog: marts by day and by year, the list of videos, the HTML report."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import psycopg2

from benchmarks.context import Context
from benchmarks.measure import Usage, run
from benchmarks.parts import aws_and_catalog
from benchmarks.results import Row, Section
from benchmarks.year.arrivals import DAYS, FIRST_DAY
from benchmarks.year.loading import fill

QUICK_SCALE: Final = 0.002
#: Rows from which on reading a whole table is worth a word.
LARGE: Final = 50_000
MIB: Final = 1024

METHOD = """A catalog filled from a seed with a year of work ({rows}), in the embedded stack's PostgreSQL with its
ordinary settings. Each line is a fresh Python process that does what the task or the page does; memory is its peak
resident size. The *day* is a busy one near the end of the year, when all that was stored before counts. Pages are
asked for again and again with filters and places from all over the year; the times are those of what the pages ask of
the catalog, at the server, without HTTP."""

#: Not ru_maxrss: the kernel counts the memory of the process that forked in it.
_SAY = """
peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM:"))
print(json.dumps({"peak": int(peak), **found}))
"""
_BEGIN = """
import json, random, sys, time
from datetime import date, timedelta
from vodflow.reports.refresh import recompute
first, count = date.fromisoformat(sys.argv[1]), int(sys.argv[2])
days = [first + timedelta(days=number) for number in range(count)]
found = {}
def p95(work, asked):
    times = []
    for one in asked:
        begin = time.perf_counter()
        work(one)
        times.append((time.perf_counter() - begin) * 1000)
    return sorted(times)[int(len(times) * 0.95)]
"""
_RECOMPUTE = _BEGIN + "recompute(days)" + _SAY
_PAGES = (
    _BEGIN
    + """
from vodflow.catalog.database import transaction
from vodflow.catalog.video_details import video_details
from vodflow.catalog.video_list import Place, VideoFilter, list_videos
from datetime import UTC, datetime
dice = random.Random(1)
def filters():
    yield VideoFilter()
    yield VideoFilter(tenant=f"tenant-{dice.randint(1, 120)}")
    yield VideoFilter(statuses=frozenset({dice.choice(("FAILED", "REJECTED", "CANCELED", "PUBLISHED"))}))
    yield VideoFilter(engine=dice.choice(("local", "mediaconvert", "kubernetes")), profile=dice.choice(("sd", "uhd")))
    yield VideoFilter(search=f"film {dice.randint(1, 10**6)}")
asked = [(one, Place(datetime(2025, 1, 1, tzinfo=UTC) + timedelta(seconds=dice.randint(0, 365 * 86400)), 0))
         for _ in range(40) for one in filters()]
def ask(one):
    with transaction("bench") as conn:
        list_videos(conn, one[0], 50, after=one[1])
def show(one):
    with transaction("bench") as conn:
        video_details(conn, one)
videos = int(sys.argv[3])
show(1)
found["list"] = p95(ask, asked)
found["video"] = p95(show, [dice.randint(1, videos) for _ in range(200)])
"""
    + _SAY
)
_REPORT = (
    _BEGIN
    + """
from vodflow.reports.html_report import render
found["bytes"] = len(render(days[0], days[-1]).encode())
"""
    + _SAY
)


@dataclass(frozen=True)
class _Run:
    """One process: what it took, what it said, and how PostgreSQL found its rows."""

    usage: Usage
    found: dict[str, Any]
    scans: str

    @property
    def memory(self) -> float:
        """Peak resident size, MiB."""
        return float(self.found["peak"]) / MIB


def analytics(context: Context) -> Section:
    """Measure the section."""
    with aws_and_catalog(context.home / "analytics") as environment:
        url = environment["VODFLOW_CATALOG_URL"].replace("+psycopg2", "")
        counts = fill(url, QUICK_SCALE if context.quick else 1.0, say=context.say)
        return measure(context, environment, url, counts)


def measure(context: Context, environment: Mapping[str, str], url: str, counts: Mapping[str, int]) -> Section:
    """Measure a catalog that is filled already."""
    late = (FIRST_DAY + timedelta(days=DAYS - 20), 1)
    year = (FIRST_DAY, 10 if context.quick else DAYS)
    programs = {
        "year": (_RECOMPUTE, year), "day": (_RECOMPUTE, late), "pages": (_PAGES, late), "html": (_REPORT, year),
    }  # fmt: skip
    runs = {
        name: _run(context, environment, url, program, (*days, counts["video"]))
        for name, (program, days) in programs.items()
    }
    rows = ", ".join(f"{counts[name]:,} {name}s" for name in ("video", "rendition", "job_event"))
    section = Section("analytics", "Analytics", METHOD.format(rows=rows.replace("job_event", "event")))
    section.rows = [
        Row("Every mart of one day", runs["day"].usage.wall, "s", target=10),
        Row("Every mart of the year", runs["year"].usage.wall, "s", target=600),
        Row("Peak memory of the report task, a year", runs["year"].memory, "MiB", target=500),
        Row("List of videos, a page, p95", runs["pages"].found["list"], "ms", target=100),
        Row("One video, p95", runs["pages"].found["video"], "ms", target=100),
        Row("HTML report of the year", runs["html"].usage.wall, "s", target=20,
            note=f"{runs['html'].found['bytes'] / 1e6:.2f} MB, peak {runs['html'].memory:.0f} MiB"),
    ]  # fmt: skip
    section.more = "How PostgreSQL found the rows:\n\n" + "\n".join(
        f"* {name}: {one.scans}" for name, one in runs.items()
    )
    section.raw = {name: {"wall": one.usage.wall, "cpu": one.usage.cpu, **one.found} for name, one in runs.items()}
    return section


def _run(
    context: Context, environment: Mapping[str, str], url: str, program: str, arguments: tuple[object, ...]
) -> _Run:
    context.await_quiet()
    before = _scans(url)
    with context.folder() as folder:
        usage, said = run([sys.executable, "-c", program, *map(str, arguments)], cwd=folder, env=environment)
    after = _scans(url)
    used = {name: count - before.get(name, 0) for name, count in after.items() if count > before.get(name, 0)}
    scans = ", ".join(f"`{name}` {count:,}" for name, count in sorted(used.items(), key=lambda item: -item[1]))
    context.say(f"{usage.wall:.1f} s, {usage.cpu:.1f} CPU s; {scans}")
    return _Run(usage, json.loads(said.splitlines()[-1]), scans)


def _scans(url: str) -> dict[str, int]:
    """How often each index was used so far, and each large table read as a whole."""
    with closing(psycopg2.connect(url, connect_timeout=10)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexrelname, idx_scan FROM pg_stat_user_indexes UNION ALL "
            "SELECT relname || ' as a whole', seq_scan FROM pg_stat_user_tables WHERE n_live_tup > %s",
            (LARGE,),
        )
        return dict(cursor.fetchall())
