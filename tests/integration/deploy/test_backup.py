"""Backup and restore by the commands of docs/deployment.md, with PostgreSQL's own programs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from mypy_boto3_s3 import S3Client
from sqlalchemy import text
from support.fixtures.postgres import TestPostgres
from support.fixtures.values import media_info, published_job
from vodflow.catalog import migrate, sources
from vodflow.catalog.database import transaction
from vodflow.sensing.sweep import sweep
from vodflow.settings import Settings
from vodflow.stack.home import REPOSITORY
from vodflow.stack.postgres import shipped_installation

pytestmark = pytest.mark.integration

DOCS = (REPOSITORY / "docs" / "deployment.md").read_text("utf-8")


def commands(name: str) -> str:
    found = re.search(rf"<!-- {name}: .*?-->\n```sh\n(.*?)```", DOCS, re.DOTALL)
    assert found, name
    return found[1]


def plain(url: str) -> str:
    return url.replace("+psycopg2", "")


@pytest.fixture
def run(postgres: TestPostgres, tmp_path: Path) -> Iterator[Callable[..., None]]:
    """The commands, in a folder of their own, as a person types them."""
    programs = os.pathsep.join(
        (str(shipped_installation() / "bin"), str(Path(sys.executable).parent), os.environ["PATH"])
    )
    addresses = {"ADMIN": plain(postgres.url("postgres")), "RESTORED": plain(postgres.url("vodflow_restored"))}

    def type_in(name: str, **variables: str) -> None:
        environment = {**os.environ, "PATH": programs, **addresses, **variables}
        command = ["sh", "-ec", commands(name)]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=200, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    yield type_in
    postgres.drop("vodflow_restored")


def rows(statement: str) -> list[tuple[object, ...]]:
    with transaction("test") as conn:
        return [tuple(row) for row in conn.execute(text(statement))]


def test_what_the_dump_does_not_have_the_sweep_finds(
    catalog: Settings, source_bucket: str, s3: S3Client, postgres: TestPostgres, run: Callable[..., None],
    set_settings: Callable[..., Settings],
) -> None:  # fmt: skip
    s3.put_object(Bucket=source_bucket, Key="acme/before.mp4", Body=b"video")
    assert sweep().registered == 1
    with transaction("test") as conn:
        (row,) = sources.undispatched_sources(conn, 2)
        sources.mark_dispatched(conn, [row.id])
        sources.mark_probed(conn, row.id, media_info(60.0))
        published = published_job(conn, row)
    original = catalog.catalog_url.get_secret_value()
    run("backup", CATALOG=plain(original))
    everything = "SELECT id, key, status FROM source ORDER BY id"
    kept = rows(everything), rows("SELECT id, status, prefix FROM job"), rows("SELECT count(*) FROM job_event")

    s3.put_object(Bucket=source_bucket, Key="acme/after.mp4", Body=b"video")
    assert sweep().registered == 1

    run("restore")
    restored = postgres.url("vodflow_restored")
    set_settings(catalog_url=restored)
    assert (
        rows(everything),
        rows("SELECT id, status, prefix FROM job"),
        rows("SELECT count(*) FROM job_event"),
    ) == kept
    assert published.prefix in str(kept)
    assert migrate.current(restored) == migrate.current(original)
    assert sweep().registered == 1, "the video that came after the dump, and no other"
    assert [row[1] for row in rows(everything)] == ["acme/before.mp4", "acme/after.mp4"]
    assert sweep().registered == 0
    numbers = [row[0] for row in rows(everything)]
    assert numbers[1] - numbers[0] > 1_000_000, "no run of the time before bears its number"


def test_a_dump_of_an_earlier_version_is_migrated(
    empty_database: str, postgres: TestPostgres, run: Callable[..., None], set_settings: Callable[..., Settings]
) -> None:
    migrate.upgrade(empty_database, "0005")
    run("backup", CATALOG=plain(empty_database))
    run("restore")
    whole = postgres.create()
    migrate.upgrade(postgres.url(whole))
    tables = "SELECT table_schema, table_name FROM information_schema.tables ORDER BY 1, 2"
    listings = []
    for url in (postgres.url("vodflow_restored"), postgres.url(whole)):
        set_settings(catalog_url=url)
        listings.append(rows(tables))
    assert listings[0] == listings[1]
    assert migrate.current(postgres.url("vodflow_restored")) == migrate.current(postgres.url(whole))
    set_settings(catalog_url=empty_database)
    postgres.drop(whole)
