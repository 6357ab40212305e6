"""The year into a migrated, empty catalog: COPY without triggers, and indexes afterwards."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any, Final

import numpy as np
import psycopg2
import pyarrow as pa
import pyarrow.csv as pa_csv

from benchmarks.year.arrivals import arrivals
from benchmarks.year.histories import jobs_of
from benchmarks.year.outputs import outputs, publications, published
from benchmarks.year.rows import Rows, assets, tenants, work

SEED: Final = 20250101

#: Indexes that no constraint needs: made at the end, which is several times faster.
_INDEXES = """
SELECT format('%I', relname), pg_get_indexdef(indexrelid) FROM pg_index
  JOIN pg_class ON pg_class.oid = indexrelid
 WHERE relnamespace = 'public'::regnamespace AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
 ORDER BY relname
"""
#: Prices that change within the year.
_PRICES = """
INSERT INTO price (name, valid_from, amount, unit) VALUES
  ('cpu_second.kubernetes', '2025-04-01', 0.000011, 'US dollars a CPU second'),
  ('cpu_second.local', '2025-07-01', 0.000014, 'US dollars a CPU second'),
  ('storage.gb_month', '2025-10-01', 0.021, 'US dollars a GB (10^9 bytes) and month'),
  ('viewing.plays_a_month', '2025-01-01', 12, 'plays of a published video a month')
"""
#: A month after they were replaced, half of the outputs are removed.
_DELETED = """
UPDATE job SET outputs_deleted_at = event.at + interval '30 days' FROM publication_event AS event
 WHERE event.old_job_id = job.id AND job.id % 2 = 0 AND event.at < '2025-11-30'
"""


def fill(
    url: str, scale: float = 1.0, *, seed: int = SEED, say: Callable[[str], None] = lambda _: None
) -> dict[str, int]:
    """Fill a migrated, empty catalog; returns the number of rows of each table.

    :param url: libpq's, of a superuser, because triggers are left out
    :param scale: share of the full year's rows
    """
    counts: dict[str, int] = {}
    with closing(psycopg2.connect(url, connect_timeout=10)) as connection:
        with connection, connection.cursor() as cursor:
            cursor.execute("SET session_replication_role = replica; SET maintenance_work_mem = '512MB'")
            with _without_indexes(cursor, say):
                for name, rows in year(scale, seed):
                    counts[name] = counts.get(name, 0) + _copy(cursor, name, rows)
                    if name == "job_event":
                        say(f"{counts['video']:,} videos, {counts[name]:,} events")
            cursor.execute(f"ANALYZE; {_PRICES}; {_DELETED}")
            # Kept by triggers otherwise.
            cursor.execute("INSERT INTO listing SELECT * FROM video_newest ON CONFLICT DO NOTHING")
            _follow(cursor)
        connection.autocommit = True
        connection.cursor().execute("VACUUM (ANALYZE)")
    return counts


def year(scale: float, seed: int = SEED) -> Iterator[tuple[str, Rows]]:
    """All rows, table after table, some sources at a time."""
    yield "tenant", tenants()
    jobs_before = events = renditions = 0
    public: list[tuple[Any, ...]] = []
    for some in arrivals(scale, seed):
        yield from assets(some, seed)
        jobs = jobs_of(some, jobs_before, seed)
        yield from work(some, jobs, events, seed)
        for name, rows in outputs(some, jobs, renditions, seed):
            yield name, rows
            renditions += len(rows["id"]) if name == "rendition" else 0
        done = published(jobs)
        at = jobs.last("PUBLISHED")[0][done]
        public.append((some.video[jobs.source[done]], some.ids[jobs.source[done]], jobs.ids[done], at))
        jobs_before, events = jobs_before + len(jobs), events + len(jobs.at)
    yield from publications(*(np.concatenate(column) for column in zip(*public, strict=True)))


def as_table(rows: Rows) -> pa.Table:
    """Rows as Arrow has them."""
    return pa.table({name: values if isinstance(values, pa.Array | pa.ChunkedArray) else pa.array(values)
                     for name, values in rows.items()})  # fmt: skip


def _copy(cursor: Any, name: str, rows: Rows) -> int:
    table, sink = as_table(rows), io.BytesIO()
    pa_csv.write_csv(table, sink, pa_csv.WriteOptions(include_header=False))
    sink.seek(0)
    cursor.copy_expert(f"COPY {name} ({', '.join(rows)}) FROM STDIN (FORMAT csv)", sink)
    return len(table)


@contextmanager
def _without_indexes(cursor: Any, say: Callable[[str], None]) -> Iterator[None]:
    cursor.execute(_INDEXES)
    found = cursor.fetchall()
    for name, _ in found:
        cursor.execute(f"DROP INDEX {name}")
    yield
    say(f"{len(found)} indexes")
    for _, definition in found:
        cursor.execute(definition)


def _follow(cursor: Any) -> None:
    """Let identities go on after the rows that are there."""
    cursor.execute("SELECT table_name FROM information_schema.columns WHERE is_identity = 'YES' "
                   "AND column_name = 'id' AND table_schema = 'public'")  # fmt: skip
    for (name,) in cursor.fetchall():
        cursor.execute(f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), max(id)) FROM {name}")  # noqa: S608 - ours
