"""What the database lets a tenant's transactions see and change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext

import pytest
from sqlalchemy import create_engine, func, make_url, select, text
from sqlalchemy.pool import NullPool
from support.fixtures.postgres import TestPostgres
from support.fixtures.values import new_source, probed_source, published_job, queued_job
from typer.testing import CliRunner
from vodflow.catalog import jobs, migrate
from vodflow.catalog.database import TENANT_ROLE, acting_for, acting_tenant, dispose_engines, transaction
from vodflow.catalog.sightings import register_sources
from vodflow.catalog.tables import metadata, reporting
from vodflow.cli.app import app
from vodflow.errors import CatalogError, ConfigurationError
from vodflow.settings import Settings

pytestmark = pytest.mark.integration

#: Tables in which no row is anybody's; every other one has a policy.
WITHOUT_TENANT = {
    "price", "outage", "mediaconvert_submission_rate", "idempotency_record", "rate_counter",
    "reporting.partition", "reporting.watermark",
}  # fmt: skip
#: Of them, those that requests of a tenant read.
READ_BY_ALL = {"price", "reporting.partition", "reporting.watermark"}

_PROTECTED = text(
    "SELECT CASE nspname WHEN 'public' THEN relname ELSE nspname || '.' || relname END FROM pg_class"
    " JOIN pg_namespace ON pg_namespace.oid = relnamespace"
    " WHERE relrowsecurity AND EXISTS (SELECT FROM pg_policy WHERE polrelid = pg_class.oid AND polname = 'own_tenant'"
    " AND NOT polpermissive AND polcmd = '*')"
)


@pytest.fixture
def job_id(catalog: Settings) -> int:
    with transaction("test") as connection:
        return published_job(connection, probed_source(connection)).id


def seen(table: str) -> int:
    with transaction("test") as connection:
        return int(connection.scalar(select(func.count()).select_from(metadata.tables[table])) or 0)


TABLES = ("tenant", "video", "source", "job", "job_event", "listing", "rendition", "publication", "publication_event")


def test_a_tenant_sees_its_own_rows(job_id: int) -> None:
    with transaction("test") as connection:
        (own,) = connection.scalars(text("SELECT slug FROM tenant"))
        connection.execute(text("INSERT INTO tenant (slug) VALUES ('globex')"))
    everything = {table: seen(table) for table in TABLES}
    with acting_for(own):
        assert acting_tenant() == own
        assert {table: seen(table) for table in TABLES} == everything | {"tenant": 1}
    with acting_for("globex"):
        assert {table: seen(table) for table in TABLES} == dict.fromkeys(TABLES, 0) | {"tenant": 1}
    for nobody in ("", "no-such-tenant"):
        with acting_for(nobody):
            assert {table: seen(table) for table in TABLES} == dict.fromkeys(TABLES, 0)
    assert {table: seen(table) for table in TABLES} == everything


def test_a_tenant_changes_its_own_rows_alone(job_id: int) -> None:
    with transaction("test") as connection:
        (own,) = connection.scalars(text("SELECT slug FROM tenant"))
        connection.execute(text("INSERT INTO tenant (slug) VALUES ('globex')"))
        theirs = connection.scalar(text("SELECT tenant_id FROM video"))
    with acting_for("globex"), transaction("test") as connection:
        assert connection.execute(text("UPDATE job SET priority = 1")).rowcount == 0
    with (
        acting_for("globex"),
        pytest.raises(CatalogError, match="row-level security"),
        transaction("test") as connection,
    ):
        connection.execute(text("INSERT INTO video (tenant_id, bucket, key) VALUES (:id, 'b', 'k')"), {"id": theirs})
    with acting_for(own), transaction("test") as connection:
        assert connection.execute(text("UPDATE job SET priority = 1")).rowcount == 1
    with acting_for(own), pytest.raises(CatalogError, match="permission denied"), transaction("test") as connection:
        connection.execute(text("UPDATE tenant SET slug = 'mine'"))
    assert acting_tenant() is None


def test_every_table_has_a_policy_or_no_tenant(catalog: Settings) -> None:
    with transaction("test") as connection:
        protected = set(connection.scalars(_PROTECTED))
    everything = {*metadata.tables, *(table.fullname for table in reporting.tables.values())}
    assert everything - protected == WITHOUT_TENANT


@pytest.mark.parametrize("name", sorted(WITHOUT_TENANT))
def test_what_is_nobodys_is_read_where_it_must_be(name: str, catalog: Settings) -> None:
    allowed = nullcontext() if name in READ_BY_ALL else pytest.raises(CatalogError, match="permission denied")
    with acting_for("acme"), allowed, transaction("test") as connection:
        connection.execute(text(f"SELECT * FROM {name}"))  # noqa: S608 - names of our own


def test_the_library_works_for_a_tenant(job_id: int) -> None:
    """Registering, opening, failing and queueing again, with all that triggers do."""
    with acting_for("acme"), transaction("test") as connection:
        row = probed_source(connection, key="acme/b.mp4")
        job = queued_job(connection, row)
        jobs.ask_to_cancel(connection, job.id, by="test")
        assert jobs.cancel_job(connection, job.id).finished_at
    with acting_for("acme"):
        assert seen("listing") == 2
        assert seen("job_event") > 2
    with acting_for("acme"), transaction("test") as connection:
        assert not register_sources(connection, [new_source(tenant="globex", key="globex/a.mp4")])
    assert seen("source") == 2


def test_a_tenant_sees_of_reports_its_own(june: Settings) -> None:
    with transaction("test", june) as connection:
        total = connection.scalar(text("SELECT count(*) FROM reporting.pipeline_latency"))
        (slug, own) = connection.execute(
            text("SELECT tenant, count(*) FROM reporting.pipeline_latency GROUP BY 1 ORDER BY 2 DESC LIMIT 1")
        ).one()
        assert connection.scalar(text("SELECT count(*) FROM reporting.work_now"))
    assert 0 < own < total
    with acting_for(slug), transaction("test", june) as connection:
        assert connection.scalar(text("SELECT count(*) FROM reporting.pipeline_latency")) == own
        for view in ("work_now", "last_hour"):
            others = text(f"SELECT count(*) FROM reporting.{view} WHERE tenant <> :slug")  # noqa: S608
            assert connection.scalar(others, {"slug": slug}) == 0


LISTS = (
    "SELECT id FROM job ORDER BY id DESC LIMIT 50",
    "SELECT id FROM source ORDER BY id DESC LIMIT 50",
    "SELECT video_id FROM listing ORDER BY registered_at DESC, video_id DESC LIMIT 50",
    "SELECT id FROM job WHERE id = 4711",
    "SELECT * FROM job_event WHERE job_id = 4711 ORDER BY id",
    "SELECT * FROM rendition WHERE job_id = 4711",
    "SELECT id FROM audit_event ORDER BY id DESC LIMIT 50",
    "SELECT id FROM notification_delivery ORDER BY id DESC LIMIT 50",
)


@pytest.mark.parametrize("query", LISTS)
def test_lists_of_a_small_tenant_use_an_index(query: str, june: Settings) -> None:
    """However many rows others have: no plan reads a table from its beginning."""
    with transaction("test", june) as connection:
        slug = connection.scalar(text("SELECT slug FROM tenant ORDER BY id DESC LIMIT 1"))
    with acting_for(slug), transaction("test", june) as connection:
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        plan = "\n".join(connection.scalars(text(f"EXPLAIN {query}")))
    assert "Seq Scan on" not in plan.replace("Seq Scan on tenant", ""), plan
    if "LIMIT" in query:
        assert "Index Cond: (tenant" in plan, plan


@pytest.fixture
def poor_owner(postgres: TestPostgres, request: pytest.FixtureRequest) -> Iterator[str]:
    """URL of an empty catalog whose owner may make no roles, or what a test says, and is no superuser."""
    postgres.execute(f"CREATE ROLE poor LOGIN PASSWORD 'poor' {getattr(request, 'param', '')}")
    postgres.execute("CREATE DATABASE poor_catalog OWNER poor")
    url = make_url(postgres.url("poor_catalog")).set(username="poor", password="poor")
    yield url.render_as_string(hide_password=False)
    postgres.drop("poor_catalog")
    postgres.execute("DROP ROLE poor")


@pytest.fixture
def no_role_yet(postgres: TestPostgres, _catalog_template: str) -> Iterator[None]:
    """As on a server that never had a catalog of this version: for others their role has another name meanwhile."""
    postgres.execute(f"ALTER ROLE {TENANT_ROLE} RENAME TO set_aside")
    yield
    postgres.execute(f"DROP ROLE IF EXISTS {TENANT_ROLE}")
    postgres.execute(f"ALTER ROLE set_aside RENAME TO {TENANT_ROLE}")


@pytest.mark.parametrize("poor_owner", ["CREATEROLE"], indirect=True)
def test_an_owner_as_managed_servers_have(
    no_role_yet: None, poor_owner: str, set_settings: Callable[..., Settings]
) -> None:
    """It makes roles, and is no superuser: nobody else has to do anything."""
    migrate.upgrade(poor_owner)
    set_settings(catalog_url=poor_owner)
    with transaction("test") as connection:
        published_job(connection, probed_source(connection))
        published_job(connection, probed_source(connection, tenant="globex", key="globex/a.mp4"))
    for slug in ("acme", "globex"):
        with acting_for(slug):
            assert (seen("tenant"), seen("job"), seen("video"), seen("listing")) == (1, 1, 1, 1)
    assert seen("job") == 2
    dispose_engines()
    migrate.downgrade(poor_owner, "0015")
    migrate.upgrade(poor_owner)
    with acting_for("acme"):
        assert seen("job") == 1


def test_a_server_where_the_migration_could_not_make_the_role(
    poor_owner: str, postgres: TestPostgres, set_settings: Callable[..., Settings]
) -> None:
    migrate.upgrade(poor_owner)
    set_settings(catalog_url=poor_owner)
    with (
        acting_for("acme"),
        pytest.raises(ConfigurationError, match=r"cannot keep tenants apart.*vodflow tenants grant"),
        transaction("test"),
    ):
        pass
    refused = CliRunner().invoke(app, ["tenants", "grant"])
    assert isinstance(refused.exception, ConfigurationError | CatalogError)
    postgres.execute(f"GRANT {TENANT_ROLE} TO poor")
    for _ in range(2):
        granted = CliRunner().invoke(app, ["tenants", "grant"], catch_exceptions=False)
        assert granted.exit_code == 0, granted.output
    with transaction("test") as connection:
        published_job(connection, probed_source(connection))
        published_job(connection, probed_source(connection, tenant="globex", key="globex/a.mp4"))
    with acting_for("acme"):
        assert seen("job") == 1
    with acting_for("globex"):
        assert seen("video") == 1


def test_grants_say_the_same_again(catalog: Settings) -> None:
    rights = text(
        "SELECT table_schema, table_name, privilege_type FROM information_schema.role_table_grants"
        " WHERE grantee = 'vodflow_tenant' ORDER BY 1, 2, 3"
    )
    engine = create_engine(catalog.catalog_url.get_secret_value(), poolclass=NullPool)
    with engine.connect() as connection:
        before = connection.execute(rights).all()
    assert CliRunner().invoke(app, ["tenants", "grant"], catch_exceptions=False).exit_code == 0
    with engine.connect() as connection:
        assert connection.execute(rights).all() == before
        policies = connection.scalar(text("SELECT count(*) FROM pg_policies WHERE policyname = 'own_tenant'"))
    assert policies == len([*metadata.tables, *reporting.tables]) - len(WITHOUT_TENANT)
