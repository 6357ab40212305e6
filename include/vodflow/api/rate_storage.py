"""Counters of rate limits in PostgreSQL, for installations without Redis; of the library ``limits``."""

from __future__ import annotations

import time
from typing import Any, Final

from limits.storage import Storage
from sqlalchemy import delete, func, select, text
from sqlalchemy.exc import SQLAlchemyError

from vodflow.catalog.database import get_engine, translated
from vodflow.catalog.tables import rate_counter
from vodflow.errors import CatalogError
from vodflow.settings import Settings

#: Seconds between two looks for counters that are over, and how many of these go at a time.
_SWEPT_EVERY: Final = 60.0
_SWEPT: Final = 1000

_INCREASE: Final = text(
    "INSERT INTO rate_counter AS counter (key, amount, expires_at)"
    " VALUES (:key, :amount, clock_timestamp() + make_interval(secs => :expiry))"
    " ON CONFLICT (key) DO UPDATE SET"
    " amount = CASE WHEN counter.expires_at <= clock_timestamp() THEN 0 ELSE counter.amount END + excluded.amount,"
    " expires_at = CASE WHEN counter.expires_at <= clock_timestamp()"
    " THEN excluded.expires_at ELSE counter.expires_at END"
    " RETURNING amount"
)


class PostgresStorage(Storage):
    """One row a counter. Each call is one statement outside of any transaction, so that nobody waits for another."""

    STORAGE_SCHEME = None

    def __init__(self, settings: Settings) -> None:
        super().__init__(None, wrap_exceptions=True)
        self._engine = get_engine(settings).execution_options(isolation_level="AUTOCOMMIT")
        self._swept = time.monotonic()

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        """What a database that is away raises."""
        return (CatalogError, SQLAlchemyError)

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Count, and say how many there are.

        :param expiry: seconds for which a new counter counts
        """
        self._sweep()
        return int(self._scalar(_INCREASE, {"key": key, "amount": amount, "expiry": expiry}))

    def get(self, key: str) -> int:
        """How many there are."""
        living = rate_counter.c.expires_at > func.clock_timestamp()
        return int(self._scalar(select(rate_counter.c.amount).where(rate_counter.c.key == key, living)) or 0)

    def get_expiry(self, key: str) -> float:
        """When the counter is over, in seconds since 1970; now where there is none."""
        seconds = select(func.extract("epoch", rate_counter.c.expires_at)).where(rate_counter.c.key == key)
        found = self._scalar(seconds)
        return time.time() if found is None else float(found)

    def check(self) -> bool:
        """Whether the database answers."""
        try:
            return bool(self._scalar(select(1)) == 1)
        except self.base_exceptions:
            return False

    def reset(self) -> int | None:
        """Forget every counter."""
        with translated(), self._engine.connect() as connection:
            return connection.execute(delete(rate_counter)).rowcount

    def clear(self, key: str) -> None:
        """Forget one counter."""
        with translated(), self._engine.connect() as connection:
            connection.execute(delete(rate_counter).where(rate_counter.c.key == key))

    def _scalar(self, statement: Any, values: dict[str, Any] | None = None) -> Any:
        with translated(), self._engine.connect() as connection:
            return connection.scalar(statement, values)

    def _sweep(self) -> None:
        """Now and then, remove what nobody counts with any more."""
        now = time.monotonic()
        if now - self._swept < _SWEPT_EVERY:
            return
        self._swept = now
        over = select(rate_counter.c.key).where(rate_counter.c.expires_at < func.clock_timestamp()).limit(_SWEPT)
        with translated(), self._engine.connect() as connection:
            free = over.with_for_update(skip_locked=True)
            connection.execute(delete(rate_counter).where(rate_counter.c.key.in_(free)))
