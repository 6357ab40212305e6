"""Bring a database to a revision of the catalog's schema. The migrations are part of the package."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from vodflow.catalog.database import parse_url, translated
from vodflow.errors import ConfigurationError
from vodflow.settings import get_settings

#: Two upgrades at once wait for each other here. Any constant of our own will do.
_LOCK = 0x766F64666C6F77  # "vodflow"


def upgrade(url: str | None = None, revision: str = "head") -> None:
    """Create or upgrade the schema; safe to run twice and from several processes at once.

    :param url: SQLAlchemy URL; none means the configured catalog
    :param revision: a revision of ``vodflow/catalog/migrations``
    :raises ConfigurationError: there is no such revision, or the URL is none
    :raises CatalogUnavailable: the database does not answer
    """
    with _locked(url) as connection, _known(revision):
        command.upgrade(_config(connection), revision)


def downgrade(url: str | None = None, revision: str = "base") -> None:
    """Go back to an earlier revision. ``base`` drops every table with its rows."""
    with _locked(url) as connection, _known(revision):
        command.downgrade(_config(connection), revision)


def current(url: str | None = None) -> str | None:
    """The revision the database is at; none when it has no schema yet."""
    with _connected(url) as connection:
        return MigrationContext.configure(connection).get_current_revision()


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


@contextmanager
def _known(revision: str) -> Iterator[None]:
    try:
        yield
    except (CommandError, AssertionError) as error:  # Alembic asserts that there are letters
        scripts = ScriptDirectory.from_config(_config()).walk_revisions()
        known = ", ".join(reversed([script.revision for script in scripts]))
        why = f" ({error})" if str(error) else ""
        raise ConfigurationError(
            f"There is no revision {revision!r}{why}; there are base, {known} and head."
        ) from error


@contextmanager
def _connected(url: str | None) -> Iterator[Connection]:
    engine = create_engine(
        parse_url(url or get_settings().catalog_url.get_secret_value()),
        poolclass=NullPool,
        connect_args={"connect_timeout": 10, "application_name": "vodflow-migrate"},
    )
    with translated(), engine.connect() as connection:
        yield connection


@contextmanager
def _locked(url: str | None) -> Iterator[Connection]:
    # One transaction for lock and migration: PostgreSQL's DDL is transactional, so a crash leaves no half schema.
    with _connected(url) as connection, connection.begin():
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        yield connection
