"""The role ``analyst``: reads the schema ``reporting``, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import psycopg2
import pytest
from sqlalchemy import Connection, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool
from support.analyst import as_analyst
from support.fixtures.postgres import TestPostgres
from typer.testing import CliRunner
from vodflow.catalog import analyst, migrate
from vodflow.catalog.database import transaction
from vodflow.catalog.tables import metadata, reporting
from vodflow.cli.report import app
from vodflow.errors import ConfigurationError
from vodflow.settings import Settings

pytestmark = pytest.mark.integration

_RELATIONS = "SELECT relname FROM pg_class WHERE relnamespace = '{}'::regnamespace AND relkind IN ('r', 'p', 'v', 'm')"


@pytest.fixture
def reader(catalog: Settings) -> Iterator[Connection]:
    with as_analyst(catalog) as conn:
        yield conn


def refused(conn: Connection, statement: str) -> None:
    with pytest.raises(DBAPIError) as error:
        conn.execute(text(statement))
    assert error.value.orig is not None
    assert getattr(error.value.orig, "pgcode", "") == "42501", statement  # insufficient_privilege
    conn.rollback()


def names(conn: Connection, schema: str) -> set[str]:
    return set(conn.scalars(text(_RELATIONS.format(schema))))


def test_reads_every_table_and_view_of_reporting(reader: Connection) -> None:
    found = names(reader, "reporting")
    assert found > {table.name for table in reporting.tables.values()}
    for name in found:
        reader.execute(text(f'SELECT * FROM "{name}"'))  # noqa: S608 - names from the catalog


def test_reads_nothing_else(reader: Connection) -> None:
    found = names(reader, "public")
    assert found >= set(metadata.tables)
    for name in found:
        refused(reader, f'SELECT * FROM public."{name}"')  # noqa: S608


def test_writes_and_makes_nothing(reader: Connection) -> None:
    with transaction("test") as conn:
        analyst.grant(conn)  # a database that is copied, as here, has not the rights of its template
    reader.execute(text("SET default_transaction_read_only = off"))
    reader.commit()
    for statement in (
        "DELETE FROM reporting.job_outcome",
        "INSERT INTO reporting.watermark VALUES ('x', 1, now())",
        "UPDATE reporting.failures SET occurrences = 1",
        "TRUNCATE reporting.job_outcome",
        "CREATE TABLE reporting.mine (n int)",
        "CREATE TABLE public.mine (n int)",
        "CREATE TEMPORARY TABLE mine (n int)",
        "CREATE SCHEMA mine",
        "CREATE ROLE mine",
        "DROP TABLE reporting.failures",
    ):
        refused(reader, statement)


def test_its_sessions_are_bounded(reader: Connection) -> None:
    shown = {name: reader.scalar(text(f"SHOW {name}")) for name in ("statement_timeout", "search_path", "timezone")}
    assert shown == {"statement_timeout": "5min", "search_path": "reporting", "timezone": "UTC"}
    assert reader.scalar(text("SHOW transaction_read_only")) == "on"


def test_later_tables_are_read_too(catalog: Settings) -> None:
    with transaction("test") as conn:
        conn.execute(text("CREATE TABLE reporting.later (n int)"))
    with as_analyst(catalog) as conn:
        assert conn.execute(text("SELECT * FROM later")).all() == []


def test_a_role_that_was_not_there_at_the_migration(
    catalog: Settings, empty_database: str, postgres: TestPostgres
) -> None:
    migrate.upgrade(empty_database)
    engine = create_engine(empty_database, poolclass=NullPool)
    with engine.begin() as conn:  # as if it had been made later
        conn.execute(text("DROP OWNED BY analyst"))
    later = catalog.model_copy(update={"catalog_url": type(catalog.catalog_url)(empty_database)})
    with as_analyst(later) as conn:
        refused(conn, "SELECT * FROM reporting.failures")
    for _ in range(2):
        with engine.begin() as conn:
            analyst.grant(conn)
    with as_analyst(later) as conn:
        assert conn.execute(text("SELECT * FROM failures")).all() == []


def test_dsn_says_how_to_connect(catalog: Settings, set_settings: Callable[..., Settings]) -> None:
    url = make_url(catalog.catalog_url.get_secret_value())
    told = CliRunner().invoke(app, ["dsn"])
    assert told.exit_code == 0
    assert f"postgresql://analyst:PASSWORD@{url.host}:{url.port}/{url.database}" in told.stdout
    assert "ALTER ROLE analyst PASSWORD" in told.stderr

    with as_analyst(catalog):  # its password is set
        set_settings(analyst_password="of analysts/1")
        told = CliRunner().invoke(app, ["dsn"])
    address = told.stdout.splitlines()[0]
    assert told.stderr == ""
    assert all(word in told.stdout for word in (f'psql "{address}"', "pandas", "ATTACH"))
    connection = psycopg2.connect(address)
    connection.cursor().execute("SELECT * FROM transcoding_daily")
    connection.close()


def test_prices_are_listed_and_added(catalog: Settings) -> None:
    assert "storage.gb_month" in CliRunner().invoke(app, ["prices"]).stdout
    for _ in range(2):  # the same again is no other
        added = CliRunner().invoke(app, ["price", "storage.gb_month", "0.0225", "--from", "2999-01-01"])
        assert added.exit_code == 0, added.output
    assert "0.0225" in added.stdout
    with transaction("test") as conn:
        there = text("SELECT amount FROM price WHERE name = 'storage.gb_month' ORDER BY valid_from")
        assert [float(amount) for amount in conn.scalars(there)] == [0.023, 0.0225]
    for arguments, says in (
        (["storage.gb_month", "0.02", "--from", "2999-01-01"], "from 2999-01-01 on already"),
        (["storage.gb_month", "0.02", "--from", "2020-01-01"], "2020-01-01 is over"),
        (["storage.tb_month", "0.02"], "no such price; there are cpu_second.kubernetes"),
        (["storage.gb_month", "1e20"], "is no price"),
    ):
        with pytest.raises(ConfigurationError, match=says):
            CliRunner().invoke(app, ["price", *arguments], catch_exceptions=False)
