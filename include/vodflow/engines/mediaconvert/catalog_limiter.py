"""The rate of submissions to MediaConvert, shared by several machines through PostgreSQL.

``MEDIACONVERT_SUBMISSION_LIMITER=vodflow.engines.mediaconvert.catalog_limiter:catalog_limiter`` switches it on. It
keeps one row for each account and region in a table of its own, which it makes when it is not there: any database
will do.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import ProgrammingError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from vodflow.engines.mediaconvert.submission_rate import SUBMIT_BURST, SUBMIT_RATE, ReservingLimiter
from vodflow.settings import get_settings

#: Two that make the table at once would disturb each other; any number that nobody else uses.
_MAKING: Final = 7_205_311_943
_NOW: Final = "SELECT extract(epoch FROM clock_timestamp())::double precision"
_TABLE: Final = """
CREATE TABLE IF NOT EXISTS mediaconvert_submission_rate (key text PRIMARY KEY, free_at double precision NOT NULL)
"""


class PostgresRateLimiter(ReservingLimiter):
    """Slots in rows of PostgreSQL, by the database's clock.

    :param url: SQLAlchemy URL of the database
    """

    unusable = (SQLAlchemyError,)

    def __init__(self, url: str, rate: float = SUBMIT_RATE, burst: int = SUBMIT_BURST, **options: Any) -> None:
        super().__init__(rate, burst, **options)
        self._engine: Engine = create_engine(
            url,
            poolclass=NullPool,
            connect_args={"connect_timeout": 5, "options": "-c statement_timeout=10s -c lock_timeout=5s"},
        )

    def _reserve(self, key: str) -> float:
        try:
            return self._take(key)
        except ProgrammingError:
            self._make_table()
            return self._take(key)

    def _take(self, key: str) -> float:
        with self._engine.begin() as connection:
            connection.execute(
                text("INSERT INTO mediaconvert_submission_rate VALUES (:key, 0) ON CONFLICT DO NOTHING"), {"key": key}
            )
            row = connection.execute(
                text("SELECT free_at FROM mediaconvert_submission_rate WHERE key = :key FOR UPDATE"), {"key": key}
            ).one()
            # Asked after the lock was had: the transaction began before others took their slots.
            now = connection.execute(
                text("SELECT extract(epoch FROM clock_timestamp())::double precision")
            ).scalar_one()
            wait, free_at = self._next(row.free_at, now)
            if free_at is not None:
                connection.execute(
                    text("UPDATE mediaconvert_submission_rate SET free_at = :free_at WHERE key = :key"),
                    {"key": key, "free_at": free_at},
                )
        return wait

    def _make_table(self) -> None:
        with self._engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _MAKING})
            connection.execute(text(_TABLE))


def catalog_limiter(rate: float = SUBMIT_RATE) -> PostgresRateLimiter:
    """Slots in the catalog's database (``VODFLOW_CATALOG_URL``)."""
    return PostgresRateLimiter(get_settings().catalog_url.get_secret_value(), rate)
