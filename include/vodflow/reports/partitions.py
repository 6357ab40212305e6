"""One day of every report table, in one transaction: computed, checked, then published in place of the old rows.

``sql/NAME.sql`` selects what a table has of a day; its columns are found by their names. A new column stands in the
table, its migration and its SQL, nowhere else. All statements of a day see the same moment of the catalog, so that
totals agree even while work goes on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

import pandas as pd
from sqlalchemy import Connection, Table, TextClause, delete, func, insert, select, text
from sqlalchemy.dialects.postgresql import insert as upsert

from vodflow.catalog.database import get_engine, translated
from vodflow.catalog.dead_letters import FAILED_RUN
from vodflow.catalog.failed_runs import NO_TENANT
from vodflow.catalog.tables import facts, marts
from vodflow.catalog.tables.facts import STAGE_SECONDS
from vodflow.reports import guard, ladder
from vodflow.reports.frames import fetch
from vodflow.settings import Settings, get_settings

_SQL: Final = Path(__file__).with_name("sql")

#: Every table that has days, each after those it is computed from.
ORDER: Final[tuple[Table, ...]] = (
    facts.job_outcome,
    facts.rendition_quality,
    marts.transcoding_daily,
    marts.failures,
    marts.pipeline_latency,
    marts.ladder_efficiency,
    marts.source_inventory,
    marts.content_quality,
    marts.storage_growth,
    marts.cost_daily,
    marts.tenant_usage,
    marts.backlog_hourly,
)


def computed_days(conn: Connection, first: date, last: date) -> int:
    """How many of these days, both ends included, were computed; a day on which nothing happened may be."""
    done = marts.partition.c.mart == marts.transcoding_daily.name, marts.partition.c.day.between(first, last)
    return conn.execute(select(func.count()).select_from(marts.partition).where(*done)).scalar_one()


def recompute_day(day: date, settings: Settings | None = None, tables: Sequence[Table] = ORDER) -> int:
    """Replace the day's rows; returns how many of ``transcoding_daily`` it has. A second run changes nothing.

    :param tables: which ones, in the order of :data:`ORDER`
    :raises ReportRefused: rows break a rule; the day keeps what it had
    :raises CatalogUnavailable: the database does not answer (retryable)
    """
    used = settings or get_settings()
    begin, end = day_bounds(day)
    values = {
        "day": day, "begin": begin, "end": end, "default_profile": used.default_profile, "no_tenant": NO_TENANT,
        "failed_run": FAILED_RUN,
    }  # fmt: skip
    with _alone(f"report_transcoding:{day}", used) as conn:
        frames = {table.name: _replace(conn, table, values) for table in tables}
        if len(frames) == len(ORDER):
            guard.agree(day, frames)
    return len(frames.get("transcoding_daily", ()))


def day_bounds(day: date) -> tuple[datetime, datetime]:
    """The first moment of a UTC day, and that of the next."""
    begin = datetime.combine(day, time(), UTC)
    return begin, begin + timedelta(days=1)


@contextmanager
def _alone(name: str, settings: Settings) -> Iterator[Connection]:
    """A transaction that sees one moment, of which there is one at a time: the lock is had before the moment is."""
    key = func.hashtextextended(name, 0)
    with translated(), get_engine(settings).connect() as conn:
        conn.execution_options(isolation_level="AUTOCOMMIT")
        conn.execute(select(func.pg_advisory_lock(key)))
        conn.commit()
        try:
            conn.execution_options(isolation_level="REPEATABLE READ")
            with conn.begin():
                yield conn
        finally:
            if not conn.invalidated:
                conn.execution_options(isolation_level="AUTOCOMMIT")
                conn.execute(select(func.pg_advisory_unlock(key)))
                conn.commit()


def _replace(conn: Connection, table: Table, values: dict[str, Any]) -> pd.DataFrame:
    fresh = Table(f"fresh_{table.name}", table.metadata.__class__(), *(c._copy() for c in table.columns))  # noqa: SLF001
    # A table of the session without the checks, so that a wrong row is found by name and not refused by PostgreSQL.
    conn.execute(text(f"CREATE TEMP TABLE IF NOT EXISTS {fresh.name} ON COMMIT DELETE ROWS AS "  # noqa: S608
                      f"SELECT * FROM {table.fullname} WITH NO DATA"))  # fmt: skip
    if table is marts.ladder_efficiency:
        if rows := ladder.efficiency(conn, values["day"]):
            conn.execute(insert(fresh), rows)
    else:
        conn.execute(_statement(table), values)
    frame = fetch(
        conn, select(fresh).order_by(*(fresh.c[key.name] for key in table.primary_key.columns)), fresh.columns
    )
    guard.check(table, values["day"], frame)
    names = [column.name for column in table.columns]
    conn.execute(delete(table).where(table.c.day == values["day"]))
    conn.execute(insert(table).from_select(names, select(fresh)))
    done = {"rows": len(frame), "computed_at": func.clock_timestamp()}
    key = {"mart": table.name, "day": values["day"]}
    conn.execute(upsert(marts.partition).values(**key, **done).on_conflict_do_update(index_elements=key, set_=done))
    return frame


@cache
def _statement(table: Table) -> TextClause:
    names = ", ".join(column.name for column in table.columns)
    query = (_SQL / f"{table.name}.sql").read_text("utf-8").replace("{stages}", _STAGES)
    query = query.replace("{stored}", (_SQL / "stored.sql").read_text("utf-8"))
    return text(f"INSERT INTO fresh_{table.name} ({names}) SELECT {names} FROM (\n{query}) AS mart")  # noqa: S608


_STAGES: Final = ", ".join(f"('{name.removesuffix('_seconds')}', {name})" for name in STAGE_SECONDS)
