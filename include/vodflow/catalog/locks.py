"""Locks between processes, kept by PostgreSQL and freed by it when their holder dies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import func, select

from vodflow.catalog.database import get_engine
from vodflow.settings import Settings


@contextmanager
def try_lock(name: str, settings: Settings | None = None) -> Iterator[bool]:
    """Whether this process got the lock ``name``; it holds it until the end of the block. Does not wait.

    A lock for economy, not for safety: when the connection breaks the lock is free while the block still runs.
    """
    key = func.hashtextextended(name, 0)
    # Autocommit: a transaction that stays open for the length of a sweep would be ended by its idle timeout.
    with get_engine(settings).connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        got = bool(connection.scalar(select(func.pg_try_advisory_lock(key))))
        try:
            yield got
        finally:
            if got and not connection.invalidated:
                connection.scalar(select(func.pg_advisory_unlock(key)))
