"""What the database lets a tenant's transactions see and change."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select, text
from support.fixtures.values import probed_source, published_job
from vodflow.catalog.database import acting_for, acting_tenant, transaction
from vodflow.catalog.tables import metadata
from vodflow.errors import CatalogError

pytestmark = pytest.mark.integration


@pytest.fixture
def job_id(catalog):
    with transaction("test") as connection:
        return published_job(connection, probed_source(connection)).id


def seen(table: str) -> int:
    with transaction("test") as connection:
        return connection.scalar(select(func.count()).select_from(metadata.tables[table]))


TABLES = ("tenant", "video", "source", "job", "job_event", "listing", "rendition", "publication", "publication_event")


def test_a_tenant_sees_its_own_rows(job_id):
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


def test_a_tenant_changes_its_own_rows_alone(job_id):
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
