"""The items of a tenant that goes, and nobody else's."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from cryptography.fernet import Fernet
from mypy_boto3_s3 import S3Client
from sqlalchemy import text
from support.fixtures.dynamodb import TestTable
from support.fixtures.values import new_source, probed_source
from vodflow.catalog import sightings
from vodflow.catalog.database import transaction
from vodflow.errors import EngineUnavailable
from vodflow.jobs.tenant_removal import remove_tenant
from vodflow.outcomes.dynamodb import sync
from vodflow.outcomes.dynamodb.removal import remove_items
from vodflow.settings import Settings
from vodflow.tenancy import registry, state

pytestmark = pytest.mark.integration


@pytest.fixture
def settings(
    catalog: Settings, table: TestTable, s3: S3Client, source_bucket: str, media_bucket: str,
    set_settings: Callable[..., Settings],
) -> Settings:  # fmt: skip
    """Two tenants, with three items and one."""
    used = set_settings(sealing_keys=json.dumps([Fernet.generate_key().decode()]))
    for slug, names in (("acme", "abc"), ("globex", "a")):
        registry.create(slug, "", used)
        with transaction("test") as connection:
            for name in names:
                row = probed_source(connection, tenant=slug, bucket=source_bucket, key=f"{slug}/{name}.mp4")
                later = new_source(tenant=slug, bucket=source_bucket, key=row.key, version="v2")
                sightings.register_sources(connection, [later])  # a second source of the video: still one item
    with transaction("test") as connection:
        videos = connection.scalars(text("SELECT id FROM video")).all()
    assert all(sync.sync_video(video_id, settings=used) for video_id in videos)
    return used


def tenants_of(table: TestTable) -> list[str]:
    return sorted(item["tenant"] for item in table.items())


def test_items_go_with_their_tenant(settings: Settings, table: TestTable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vodflow.outcomes.dynamodb.removal._PAGE", 2)
    assert tenants_of(table) == ["acme"] * 3 + ["globex"]
    with transaction("test") as connection:
        acme = connection.scalar(text("SELECT id FROM tenant WHERE slug = 'acme'"))
    for _ in range(2):
        assert remove_items(acme, settings=settings) == 3
        assert tenants_of(table) == ["globex"]


def test_nothing_brings_them_back(settings: Settings, table: TestTable) -> None:
    """A round of updates while the tenant's objects are being removed, which takes long, writes none of its items."""
    with transaction("test") as connection:
        connection.execute(text("UPDATE metadata_sync SET version = version + 1, due_at = now() - interval '1 s'"))
    done = remove_tenant("acme", settings, lambda _: (sync.sync_due(settings=settings), None)[1])
    assert done.items == 3
    assert tenants_of(table) == ["globex"]


def test_a_table_that_is_away_is_said_and_the_next_run_goes_on(settings: Settings, table: TestTable) -> None:
    table.drop()
    with pytest.raises(EngineUnavailable, match="stays"):
        remove_tenant("acme", settings)
    assert state("acme") == "DELETING"
    table.create()
    remove_tenant("acme", settings)
    assert state("acme") is None
