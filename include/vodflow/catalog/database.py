"""Connections to the catalog: one bounded pool a process, transactions with a named actor, typed errors."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache

from sqlalchemy import URL, Connection, Engine, create_engine, func, make_url, select, text, true
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from vodflow.errors import CatalogError, CatalogUnavailable, ConfigurationError, IllegalTransition, VodflowError
from vodflow.settings import Settings, get_settings

#: SQLSTATE that the job trigger raises (see the migrations). Class VF is not used by PostgreSQL.
ILLEGAL_TRANSITION = "VF001"

#: SQLSTATEs that mean "try again": serialization failure, deadlock, lock not available, statement canceled.
_TRY_AGAIN = frozenset({"40001", "40P01", "55P03", "57014"})

#: SQLSTATE classes of a server or connection that is going away: connection exception, operator intervention,
#: insufficient resources.
_AWAY = ("08", "57", "53")

#: SQLSTATEs of a schema that is not this version's: no such table, no such column.
_OTHER_SCHEMA = frozenset({"42P01", "42703"})

#: SQLSTATEs of a role that is not there, or may not be taken on.
_NO_ROLE = frozenset({"22023", "42501", "42704"})

_LAST_PORT = 65535

#: The role of transactions that are one tenant's; the migrations say what it sees.
TENANT_ROLE = "vodflow_tenant"

#: Code of the error when it is missing.
NO_TENANT_ROLE = "no_tenant_role"

#: Whose transactions this context opens; see :func:`acting_for`.
_tenant: ContextVar[str | None] = ContextVar("tenant", default=None)

#: One row, also where there is no such tenant; who acts for that one is nobody, and sees no rows under its name.
_AS_TENANT = text(
    "SELECT set_config('vodflow.tenant', coalesce(max(slug), ''), true),"
    " set_config('vodflow.tenant_id', coalesce(max(id)::text, ''), true),"
    " set_config('role', :role, true) FROM tenant WHERE slug = :slug"
)

#: Seconds after which a pooled connection is replaced, so that failovers and password changes are noticed.
_RECYCLE = 1800


def parse_url(text: str) -> URL:
    """A database's SQLAlchemy URL; also one as libpq writes it, without a driver.

    :raises ConfigurationError: it is none of PostgreSQL with psycopg2; the message shows no password
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):  # without its text, which shows the password
        url = None
    if url is None or (url.port or 0) > _LAST_PORT or url.drivername not in {"postgresql", "postgresql+psycopg2"}:
        raise ConfigurationError(
            "A database URL (VODFLOW_CATALOG_URL) cannot be used; it looks like "
            "postgresql+psycopg2://role:password@host:5432/database."
        )
    return url.set(drivername="postgresql+psycopg2")


@lru_cache(maxsize=4)
def _engine(settings: Settings) -> Engine:
    milliseconds = int(settings.catalog_statement_timeout * 1000)
    engine = create_engine(
        parse_url(settings.catalog_url.get_secret_value()),
        pool_size=settings.catalog_pool_size,
        max_overflow=settings.catalog_pool_limit - settings.catalog_pool_size,
        pool_timeout=settings.catalog_timeout,
        pool_pre_ping=True,
        pool_recycle=_RECYCLE,
        # There is no hstore; looking for it costs each new connection two round trips.
        use_native_hstore=False,
        connect_args={
            "connect_timeout": max(2, int(settings.catalog_timeout)),  # libpq takes nothing below 2
            "application_name": "vodflow",
            "options": f"-c statement_timeout={milliseconds} -c lock_timeout={milliseconds}"
            f" -c idle_in_transaction_session_timeout={milliseconds * 5} -c timezone=UTC",
            # Notice a dead peer within about half a minute, not after two hours.
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
        },
    )
    # A forked child (Airflow forks its tasks) must not talk over its parent's sockets.
    os.register_at_fork(after_in_child=lambda: engine.dispose(close=False))
    return engine


def get_engine(settings: Settings | None = None) -> Engine:
    """The connection pool of this process for these settings; made once, opened on first use."""
    return _engine(settings or get_settings())


def dispose_engines() -> None:
    """Close the pool of this process and forget all others, for tests."""
    if _engine.cache_info().currsize:
        get_engine().dispose()
    _engine.cache_clear()


@contextmanager
def acting_for(tenant: str | None) -> Iterator[None]:
    """Have every transaction that is opened within the block see and change this tenant's rows alone.

    It holds for this context (:mod:`contextvars`): for the task, and for threads that are given a copy of it.

    :param tenant: slug; none means the installation itself, which sees everything. A tenant that does not exist sees
        nothing.
    """
    token = _tenant.set(tenant)
    try:
        yield
    finally:
        _tenant.reset(token)


def acting_tenant() -> str | None:
    """Slug of the tenant that this context acts for; none where it is the installation itself."""
    return _tenant.get()


@contextmanager
def transaction(actor: str, settings: Settings | None = None) -> Iterator[Connection]:
    """One transaction, committed at the end of the block and rolled back on any exception.

    Within :func:`acting_for` the database itself keeps other tenants' rows out (row-level security).

    :param actor: who changes things, kept in ``job_event.actor``: ``transcode_video.probe``, ``cli``, a user
    :raises IllegalTransition: for a job status change outside the state machine
    :raises CatalogUnavailable: when the database does not answer or asks to try again (retryable)
    :raises ConfigurationError: when one tenant is acted for, and the server has no role for it
    :raises CatalogError: for everything else the database refuses
    """
    with translated(), get_engine(settings).begin() as connection:
        connection.execute(select(func.set_config("vodflow.actor", actor, true())))
        if (tenant := _tenant.get()) is not None:
            connection.execute(_AS_TENANT, {"slug": tenant, "role": TENANT_ROLE})
        yield connection


@contextmanager
def translated() -> Iterator[None]:
    """Errors of the database as errors of our own; see :func:`transaction`."""
    try:
        yield
    except PoolTimeout as error:
        raise CatalogUnavailable(
            f"No free catalog connection: {error}. Raise VODFLOW_CATALOG_POOL_LIMIT or run fewer tasks."
        ) from error
    except DBAPIError as error:
        raise _typed(error) from error


def _typed(error: DBAPIError) -> VodflowError:
    state = getattr(error.orig, "pgcode", None)
    message = str(error.orig).strip() or type(error.orig).__name__
    if state in _NO_ROLE and "role" in message and TENANT_ROLE in message:
        return ConfigurationError(
            f"The catalog cannot keep tenants apart: {_first(message)} Have an administrator run `vodflow init` with "
            f"VODFLOW_POSTGRES_ADMIN_URL, or CREATE ROLE {TENANT_ROLE} NOLOGIN and GRANT {TENANT_ROLE} TO the owner of "
            "the catalog; then run `vodflow tenants grant`.",
            code=NO_TENANT_ROLE,
        )
    if state == ILLEGAL_TRANSITION:
        return IllegalTransition(message.splitlines()[0], code=state)
    if isinstance(error, IntegrityError):
        return CatalogError(f"The catalog refuses this row: {message}", code=state)
    lost = error.connection_invalidated or (isinstance(error, OperationalError) and state is None)
    if lost or state in _TRY_AGAIN or (state or "").startswith(_AWAY):
        advice = "" if state else " VODFLOW_CATALOG_URL says where it is; `vodflow up` starts the embedded stack's."
        return CatalogUnavailable(f"The catalog does not answer: {_first(message)}{advice}", code=state)
    if state in _OTHER_SCHEMA:
        return CatalogError(
            f"The catalog has not this version's tables: {_first(message)} Run `vodflow catalog upgrade`.",
            code=state,
        )
    return CatalogError(f"The catalog refuses this statement: {message}", code=state)


def _first(message: str) -> str:
    return f"{message.splitlines()[0].rstrip('.')}."
