import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.pool import NullPool
from support.two_tenants import ASKS, OTHER, fill
from typer.testing import CliRunner
from vodflow.catalog import migrate
from vodflow.catalog.database import acting_for, dispose_engines, transaction
from vodflow.catalog.migrations import versions
from vodflow.catalog.tables import metadata, reporting
from vodflow.cli.catalog import app
from vodflow.reports.partitions import recompute_day

pytestmark = pytest.mark.integration

#: The newest revision; they are numbered in their files' names.
HEAD = max(path.name for path in Path(versions.__file__).parent.glob("0*.py")).partition("_")[0]

_CONSTRAINTS = """
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(pg_constraint.oid)
      FROM pg_constraint JOIN pg_namespace ON pg_namespace.oid = connamespace
     WHERE nspname IN ('public', 'reporting') AND conrelid <> 0 ORDER BY 1, 2
"""
_INDEXES = """
    SELECT indexname, indexdef FROM pg_indexes WHERE schemaname IN ('public', 'reporting') ORDER BY schemaname, 1
"""
_COMMENTS = """
    SELECT attrelid::regclass::text, attname, col_description(attrelid, attnum), obj_description(attrelid, 'pg_class')
      FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
     WHERE relnamespace = to_regnamespace('reporting') AND attnum > 0 AND relkind = 'r' ORDER BY 1, attnum
"""
_SCHEMA = (_CONSTRAINTS, _INDEXES, _COMMENTS)


def _tables(url):
    engine = create_engine(url, poolclass=NullPool)
    return set(inspect(engine).get_table_names())


def test_up_down_and_up_again(empty_database):
    assert migrate.current(empty_database) is None
    migrate.upgrade(empty_database)
    assert migrate.current(empty_database) == HEAD
    assert _tables(empty_database) == {*metadata.tables, "alembic_version"}
    migrate.downgrade(empty_database, "base")
    assert migrate.current(empty_database) is None
    assert _tables(empty_database) == {"alembic_version"}
    with create_engine(empty_database, poolclass=NullPool).connect() as conn:
        assert conn.scalar(text("SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace")) == 0
    migrate.upgrade(empty_database)
    migrate.upgrade(empty_database)
    assert _tables(empty_database) == {*metadata.tables, "alembic_version"}


def test_tables_equal_migrations(empty_database, postgres):
    migrate.upgrade(empty_database)
    engine = create_engine(empty_database, poolclass=NullPool)
    with engine.connect() as conn:
        context = MigrationContext.configure(conn, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []
        migrated = [conn.execute(text(query)).all() for query in _SCHEMA]

    # Alembic does not compare checks and partial indexes: compare PostgreSQL's own words for them.
    other = postgres.create()
    with create_engine(postgres.url(other), poolclass=NullPool).begin() as conn:
        conn.execute(text("CREATE SCHEMA reporting"))
        metadata.create_all(conn)
        reporting.create_all(conn)
        created = [conn.execute(text(query)).all() for query in _SCHEMA]
    postgres.drop(other)
    for ours, theirs in zip(migrated, created, strict=True):
        assert [row for row in ours if "alembic_version" not in str(row)] == theirs


def test_rows_of_the_first_revision_are_kept(empty_database):
    """An installation with jobs gets the later tables, and can go back."""
    migrate.upgrade(empty_database, "0001")
    engine = create_engine(empty_database, poolclass=NullPool)
    with engine.begin() as conn:
        for statement in (
            "INSERT INTO tenant (slug) VALUES ('acme')",
            "INSERT INTO video (tenant_id, bucket, key) VALUES (1, 'footage', 'a.mp4')",
            (
                "INSERT INTO source (video_id, bucket, key, version, etag, size_bytes, last_modified, discovered_by)"
                " VALUES (1, 'footage', 'a.mp4', 'v1', 'e', 1, now(), 'event')"
            ),
            (
                "INSERT INTO job (source_id, video_id, plan_hash, plan, profile, engine, bucket, prefix)"
                " VALUES (1, 1, '0123456789abcdef', '{}', 'sd', 'local', 'media', 'vod/a')"
            ),
            "INSERT INTO job_attempt (job_id, number, worker) VALUES (1, 1, 'host')",
        ):
            conn.execute(text(statement))
    migrate.upgrade(empty_database)
    with engine.connect() as conn:
        assert conn.execute(text("SELECT engine, external_id FROM job_attempt")).all() == [("local", None)]
        assert conn.execute(text("SELECT engine FROM source")).all() == [(None,)]
    migrate.downgrade(empty_database, "0001")
    migrate.upgrade(empty_database)
    with engine.connect() as conn:
        assert conn.scalar(text("SELECT count(*) FROM job_attempt WHERE engine = 'local'")) == 1


def test_what_was_judged_gone_for_good_can_come_back(empty_database):
    migrate.upgrade(empty_database, "0003")
    engine = create_engine(empty_database, poolclass=NullPool)
    with engine.begin() as conn:
        for statement in (
            "INSERT INTO tenant (slug) VALUES ('acme')",
            "INSERT INTO video (tenant_id, bucket, key) VALUES (1, 'footage', 'a.mp4')",
            (
                "INSERT INTO source (video_id, bucket, key, version, etag, size_bytes, last_modified, discovered_by,"
                " status, rejection_reason, rejection_detail, rejected_at)"
                " SELECT 1, 'footage', 'a.mp4', reason, 'e', 1, '2026-05-01', 'event', 'REJECTED', reason, 'why', now()"
                " FROM unnest(ARRAY['gone', 'truncated']) AS reason"
            ),
        ):
            conn.execute(text(statement))
    query = text(
        "SELECT status, rejection_reason, unreadable_reason, unreadable_detail, current_since = last_modified"
        " FROM source ORDER BY id"
    )
    for _ in range(2):
        migrate.upgrade(empty_database)
        with engine.connect() as conn:
            assert conn.execute(query).all() == [
                ("UNREADABLE", None, "gone", "why", True),
                ("REJECTED", "truncated", None, None, True),
            ]
        migrate.downgrade(empty_database, "0003")
        with engine.connect() as conn:
            found = conn.execute(text("SELECT rejection_reason FROM source WHERE status = 'REJECTED' ORDER BY id"))
            assert found.scalars().all() == ["gone", "truncated"]


_ALL = """
    SELECT 'column', attrelid::regclass::text, attname, format_type(atttypid, atttypmod) || attnotnull
      FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
     WHERE relnamespace::regnamespace::text IN ('public', 'reporting') AND attnum > 0 AND NOT attisdropped
       AND relkind IN ('r', 'v')
     UNION
    SELECT 'function', oid::regprocedure::text, prosecdef::text, prosrc || coalesce(proconfig::text, '') FROM pg_proc
     WHERE pronamespace::regnamespace::text IN ('public', 'reporting')
     UNION
    SELECT 'trigger', tgrelid::regclass::text, tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
     UNION
    SELECT 'view', oid::regclass::text, '', pg_get_viewdef(oid) FROM pg_class
     WHERE relnamespace::regnamespace::text IN ('public', 'reporting') AND relkind = 'v'
     UNION
    SELECT 'rights', oid::regclass::text, relrowsecurity::text,
           (coalesce(relacl::text, '') LIKE '%vodflow_tenant%')::text FROM pg_class
     WHERE relnamespace::regnamespace::text IN ('public', 'reporting') AND relkind IN ('r', 'v')
     ORDER BY 1, 2, 3
"""


def test_the_last_release_comes_here_and_goes_back(empty_database, set_settings, today):
    """A catalog with everything in it; the only thing that is made anew is what reports compute."""
    migrate.upgrade(empty_database, "0015")
    engine = create_engine(empty_database, poolclass=NullPool)

    def found():
        with engine.connect() as conn:
            return {tuple(map(str, row)) for query in (*_SCHEMA[:2], _ALL) for row in conn.execute(text(query))}

    def rows():
        with engine.connect() as conn:
            names = conn.scalars(text("SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND relnamespace"
                                      "::regnamespace::text IN ('public', 'reporting')")).all()  # fmt: skip
            return {
                name: conn.scalars(text(f"SELECT to_jsonb(one) FROM {name} AS one ORDER BY one::text")).all()  # noqa: S608
                for name in names
                if name not in {"alembic_version", "reporting.pipeline_latency"}
            }

    released = found()
    migrate.upgrade(empty_database)
    set_settings(catalog_url=empty_database, sealing_keys='["MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="]')
    for slug in (ASKS, OTHER):
        fill(slug, f"of-{slug}", f"has-{slug}")
    recompute_day(today)
    here = found()
    dispose_engines()
    migrate.downgrade(empty_database, "0015")
    assert found() ^ released == set()
    before = rows()
    assert len(before["job"]) == 4
    migrate.upgrade(empty_database)
    assert found() ^ here == set()
    with acting_for(ASKS), transaction("test") as conn:
        assert conn.scalar(text("SELECT count(*) FROM job")) == conn.scalar(text("SELECT count(*) FROM source")) == 2
        assert conn.scalar(text("SELECT count(*) FROM reporting.pipeline_latency"))
        assert conn.scalar(text("SELECT status FROM tenant")) == "ACTIVE"
    dispose_engines()
    migrate.downgrade(empty_database, "0015")
    after = rows()
    assert {name for name in before if before[name] != after[name]} == set()


def test_upgrades_at_once_wait_for_each_other(empty_database):
    errors = []

    def upgrade():
        try:
            migrate.upgrade(empty_database)
        except Exception as error:  # noqa: BLE001
            errors.append(error)

    threads = [threading.Thread(target=upgrade) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert migrate.current(empty_database) == HEAD


def test_a_failed_upgrade_leaves_nothing(empty_database):
    with create_engine(empty_database, poolclass=NullPool).begin() as conn:
        conn.execute(text("CREATE TABLE publication (in_the_way int)"))
    with pytest.raises(Exception, match="publication"):
        migrate.upgrade(empty_database)
    assert _tables(empty_database) == {"publication"}


def test_command_line(empty_database):
    run = CliRunner().invoke
    assert "no tables yet" in run(app, ["current", "--url", empty_database]).output
    assert f"revision {HEAD}" in run(app, ["upgrade", "--url", empty_database]).output
    assert run(app, ["current", "--url", empty_database]).output.strip() == HEAD
    assert run(app, ["downgrade", "base", "--url", empty_database], input="n\n").exit_code == 1
    assert migrate.current(empty_database) == HEAD
    assert "no tables" in run(app, ["downgrade", "base", "--yes", "--url", empty_database]).output
