"""A tenant's export holds everything of it and nothing else; its removal leaves nothing but what it did."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from mypy_boto3_s3 import S3Client
from sqlalchemy import select, text
from support.fixtures.values import engine_result, make_plan, probed_source, queued_job
from typer.testing import CliRunner
from vodflow.catalog import jobs
from vodflow.catalog.database import acting_for, transaction
from vodflow.catalog.publications import publish
from vodflow.catalog.rows import JobRow
from vodflow.catalog.tables import metadata, reporting
from vodflow.cli.app import app
from vodflow.cli.auditing import note
from vodflow.errors import CatalogError, ConfigurationError
from vodflow.jobs.tenant_export import export_tenant
from vodflow.jobs.tenant_removal import days_reported, places_of, remove_tenant
from vodflow.reports.partitions import recompute_day
from vodflow.settings import Settings
from vodflow.tenancy import registry, state

pytestmark = pytest.mark.integration

PROTECTED = text("SELECT format('%s.%s', schemaname, tablename) FROM pg_policies WHERE policyname = 'own_tenant'")


@pytest.fixture
def two(
    catalog: Settings,
    s3: S3Client,
    source_bucket: str,
    media_bucket: str,
    set_settings: Callable[..., Settings],
    today: date,
) -> Settings:
    """The tenants acme and globex with a published video each, its objects, and whatever else a tenant may have."""
    settings = set_settings(sealing_keys=json.dumps([Fernet.generate_key().decode()]))
    for slug in ("acme", "globex"):
        registry.create(slug, "", settings)
        registry.configure(slug, {"profile": "sd"}, settings, by="test", assigned_too=True)
        key = f"{slug}/a.mp4"
        s3.put_object(Bucket=source_bucket, Key=key, Body=b"bytes")
        with transaction("test") as connection:
            job = published(
                connection, probed_source(connection, tenant=slug, bucket=source_bucket, key=key), media_bucket
            )
            _more(connection, slug, job)
        for name in ("manifest.json", "hls/master.m3u8"):
            s3.put_object(Bucket=media_bucket, Key=f"{job.prefix}/{name}", Body=b"made")
    recompute_day(today, settings)
    return settings


def published(connection: Any, row: Any, bucket: str) -> JobRow:
    plan = make_plan(row)
    job = jobs.open_job(
        connection, row.id, plan, engine="local", priority=50, run_id="r", bucket=bucket, prefix=f"vod/{plan.prefix}"
    )
    jobs.begin(connection, job.id, engine="local", worker="host")
    jobs.store_result(connection, job.id, engine_result(job))
    publish(connection, job.id, [], [], f"s3://{bucket}/{job.prefix}/manifest.json")
    return job


def _more(connection: Any, slug: str, job: JobRow) -> None:
    statements = """
        INSERT INTO api_key (prefix, hash, tenant_id, name, scopes, created_by)
        SELECT substr(md5(:slug), 1, 12), repeat('a', 64), id, 'crm', '{}', 't' FROM tenant WHERE slug = :slug;
        INSERT INTO upload (public_id, tenant_id, bucket, key, filename, content_type, size_bytes, created_by)
        SELECT gen_random_uuid(), id, 'u', :slug || '/u.mp4', 'u', 'video/mp4', 1, 't' FROM tenant WHERE slug = :slug;
        INSERT INTO course (tenant_id, code) SELECT id, 'c' FROM tenant WHERE slug = :slug;
        INSERT INTO course_video (course_id, video_id)
        SELECT course.id, :video FROM course JOIN tenant ON tenant.id = tenant_id WHERE slug = :slug;
        INSERT INTO content_key (key_id, tenant, content_id, label, sealed_key)
        VALUES (gen_random_uuid(), :slug, :slug || '/x', 'all', 'sealed');
        INSERT INTO dead_letter (origin, identity, code, message, job_id) VALUES ('t', :slug, 'c', 'm', :job);
        INSERT INTO audit_event (actor, actor_kind, tenant, action, object) VALUES ('t', 'user', :slug, 'a', 'o');
        INSERT INTO engine_event (engine, event_id, job_id, external_id, kind, at, detail)
        VALUES ('mediaconvert', :slug, :job, 'x', 'COMPLETE', now(), '{}')
    """
    for statement in statements.split(";"):
        connection.execute(text(statement), {"slug": slug, "job": job.id, "video": job.video_id})


def rows_of(slug: str) -> dict[str, int]:
    """Rows of each table that the tenant's requests would see."""
    counts = {}
    with acting_for(slug), transaction("test") as connection:
        protected = text(
            "SELECT format('%s.%s', schemaname, tablename) FROM pg_policies WHERE policyname = 'own_tenant'"
        )
        for name in sorted(connection.scalars(protected)):
            counts[name] = connection.scalar(text(f"SELECT count(*) FROM {name}"))  # noqa: S608 - names of our own
    return {name: count for name, count in counts.items() if count}


def keys(s3: S3Client, bucket: str) -> set[str]:
    return {item["Key"] for item in s3.list_objects_v2(Bucket=bucket).get("Contents", ())}


def test_an_export_has_everything_and_nothing_else(two: Settings, s3: S3Client, tmp_path: Path) -> None:
    for _ in range(2):
        done = export_tenant("acme", str(tmp_path), two, with_bytes=True)
    expected = rows_of("acme")
    found = {path.stem: path.read_text().splitlines() for path in tmp_path.glob("*.jsonl")}
    named = {name.removeprefix("public."): count for name, count in expected.items()}
    assert {name: len(lines) for name, lines in found.items() if lines and name != "objects"} == named
    assert done.rows == sum(named.values())
    everything = "\n".join(line for lines in found.values() for line in lines)
    assert "globex" not in everything
    assert "sealed_key" not in everything
    assert '"hash"' not in everything
    assert {json.loads(line)["key"].split("/")[-1] for line in found["objects"]} == {
        "a.mp4", "manifest.json", "master.m3u8"
    }  # fmt: skip
    assert (tmp_path / "objects" / two.watch[0].bucket / "acme" / "a.mp4").read_bytes() == b"bytes"
    export_tenant("acme", f"s3://{two.media_bucket}/leaving/acme", two)
    assert "leaving/acme/tenant.jsonl" in keys(s3, two.media_bucket)


def test_what_cannot_be_a_file_is_said(two: Settings, s3: S3Client, tmp_path: Path) -> None:
    with transaction("test") as connection:
        prefix = connection.scalar(
            text("SELECT prefix FROM job JOIN tenant ON tenant.id = tenant_id AND slug = 'acme'")
        )
    for name in ("hls", "../../../../../out", "x" * 300):
        s3.put_object(Bucket=two.media_bucket, Key=f"{prefix}/{name}", Body=b"odd")
        with pytest.raises(ConfigurationError, match=r"cannot be a file below .*Export to s3://"):
            export_tenant("acme", str(tmp_path), two, with_bytes=True)
        assert export_tenant("acme", f"s3://{two.media_bucket}/leaving", two, with_bytes=True).objects == 4
        s3.delete_object(Bucket=two.media_bucket, Key=f"{prefix}/{name}")
    assert not (tmp_path.parent / "out").exists()


@pytest.mark.parametrize("target", ["s3://", "s3:///acme", "ftp://host/acme", "file:///tmp/acme", "S3://bucket/acme"])
def test_a_target_that_is_none(target: str, two: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match="neither a folder nor a place in S3"):
        export_tenant("acme", target, two)
    assert not list(tmp_path.iterdir())


def test_nothing_is_left_of_a_tenant(two: Settings, s3: S3Client) -> None:
    theirs, others = rows_of("acme"), rows_of("globex")
    assert {name for name, table in metadata.tables.items() if table.c.keys() and f"public.{name}" in theirs} >= {
        "tenant", "video", "source", "job", "job_event", "publication_event", "course_video", "content_key", "api_key",
    }  # fmt: skip
    bucket, media = two.watch[0].bucket, two.media_bucket
    with transaction("test") as connection:
        running = queued_job(connection, probed_source(connection, key="acme/b.mp4"))
    with pytest.raises(CatalogError, match="1 jobs that are not over"):
        remove_tenant("acme", two)
    assert state("acme") == "ACTIVE"
    with transaction("test") as connection:
        jobs.cancel_job(connection, running.id)
    done = remove_tenant("acme", two)
    assert (done.objects, len(done.days)) == (3, 1)
    assert state("acme") is None
    assert rows_of("acme") == {}
    assert rows_of("globex") == others
    with transaction("test") as connection:
        assert connection.scalar(text("SELECT count(*) FROM audit_event WHERE tenant = 'acme'")) == 1
        named = [
            table.fullname
            for table in [*metadata.sorted_tables, *reporting.sorted_tables]
            if table.name != "audit_event" and "acme" in str(connection.execute(select(table)).all())
        ]
    assert not named
    assert not {key for key in keys(s3, bucket) | keys(s3, media) if "acme" in key}
    assert len(keys(s3, bucket)) == 1
    with pytest.raises(CatalogError, match="no tenant acme"):
        remove_tenant("acme", two)


class _Killed(BaseException):
    pass


def test_a_removal_that_is_killed_goes_on(two: Settings, s3: S3Client) -> None:
    """However often, and wherever: what is gone stays gone, and the next run does what this one left."""
    others, said = rows_of("globex"), list[str]()

    def dies(words: str) -> None:
        if words not in said:
            said.append(words)
            raise _Killed

    for _ in range(100):
        try:
            remove_tenant("acme", two, dies)
            break
        except _Killed:
            assert state("acme") == "DELETING"
            with pytest.raises(CatalogError, match="being deleted"):
                registry.resume("acme", two)
    assert state("acme") is None
    assert len(said) > 10
    assert rows_of("globex") == others
    assert rows_of("acme") == {}
    assert not {key for key in keys(s3, two.watch[0].bucket) | keys(s3, two.media_bucket) if "acme" in key}


def test_days_are_reported_again_whenever_it_was_killed(two: Settings) -> None:
    """A run that goes on where another ended finds no rows of the days that named the tenant any more."""
    told: list[Any] = []

    def dies(days: list[Any]) -> None:
        told.append(days)
        raise _Killed

    note(
        "tenants.delete",
        "tenant acme",
        tenant="acme",
        detail={"days": [str(day) for day in days_reported("acme", two)]},
    )
    with pytest.raises(_Killed):
        remove_tenant("acme", two, before_the_end=dies)
    remove_tenant("acme", two, before_the_end=told.append)
    assert len(told[0]) == 1
    assert told[0] == told[1]


def test_what_others_have_in_its_places_stays(two: Settings, s3: S3Client) -> None:
    """Whoever assigned them, and whenever: of a place that is not the tenant's alone goes what is known to be its."""
    sources, media = two.watch[0].bucket, two.media_bucket
    before = {key for key in keys(s3, sources) | keys(s3, media) if "globex" in key}
    places = [{"bucket": media, "prefix": "vod/"}, {"bucket": sources, "prefix": ""}]
    with transaction("test") as connection:
        connection.execute(
            text(
                "UPDATE tenant_configuration"
                " SET document = jsonb_set(document, '{assigned,places}', cast(:places AS jsonb))"
                " FROM tenant WHERE id = tenant_id AND slug = 'acme'"
            ),
            {"places": json.dumps(places)},
        )
    said: list[str] = []
    done = remove_tenant("acme", two, said.append)
    assert done.objects == 3
    assert any("things of globex lie below" in words for words in said)
    left = keys(s3, sources) | keys(s3, media)
    assert before
    assert before <= left
    assert not {key for key in left if "acme" in key}


def test_pages_of_reports_that_name_it_go(two: Settings, s3: S3Client, today: date) -> None:
    go = {f"reports/html/acme/{today}_{today}.html", f"reports/html/{today - timedelta(days=29)}_{today}.html"}
    stay = {f"reports/html/globex/{today}_{today}.html", "reports/html/2020-01-01_2020-01-30.html"}
    for key in go | stay:
        s3.put_object(Bucket=two.media_bucket, Key=key, Body=b"page")
    remove_tenant("acme", two)
    assert {key for key in keys(s3, two.media_bucket) if "/html/" in key} == stay


def test_a_bucket_of_its_own_is_emptied(two: Settings, s3: S3Client, make_bucket: Callable[[], str]) -> None:
    own = make_bucket()
    registry.configure("acme", {"assigned": {"places": [{"bucket": own}]}}, two, by="t", assigned_too=True)
    s3.put_object(Bucket=own, Key="never/noticed.txt", Body=b"x")
    remove_tenant("acme", two)
    assert keys(s3, own) == set()
    assert state("acme") is None


def test_reports_of_all_are_no_tenants(two: Settings, set_settings: Callable[..., Settings]) -> None:
    """Even of one that is called like their folder, where outputs have none."""
    registry.create("reports", "", two)
    found = places_of("reports", set_settings(output_prefix="", report_prefix="reports"))
    assert {place.prefix for place in found} == {"reports/tenants/reports/", "reports/html/reports/"}


def test_history_is_removed_with_its_tenant_alone(two: Settings) -> None:
    delete = text("DELETE FROM job_event")
    for name in ("", "globex", "acme"):  # none of them is being deleted
        with pytest.raises(CatalogError, match="append-only"), transaction("test") as connection:
            connection.execute(text("SELECT set_config('vodflow.removed_tenant', :name, true)"), {"name": name})
            connection.execute(delete)


def test_versions_go_as_well(two: Settings, s3: S3Client) -> None:
    bucket = two.watch[0].bucket
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket=bucket, Key="acme/a.mp4", Body=b"newer")
    s3.delete_object(Bucket=bucket, Key="acme/a.mp4")
    remove_tenant("acme", two)
    left = s3.list_object_versions(Bucket=bucket)
    assert {item["Key"] for item in [*left.get("Versions", ()), *left.get("DeleteMarkers", ())]} == {"globex/a.mp4"}


def test_open_uploads_are_given_up(two: Settings, s3: S3Client) -> None:
    bucket = two.watch[0].bucket
    begun = s3.create_multipart_upload(Bucket=bucket, Key="acme/parts.mp4")["UploadId"]
    with transaction("test") as connection:
        values = {"bucket": bucket, "id": begun}
        connection.execute(
            text(
                "UPDATE upload SET bucket = :bucket, key = 'acme/parts.mp4', multipart_id = :id, part_size = 1"
                " FROM tenant WHERE tenant.id = tenant_id AND slug = 'acme'"
            ),
            values,
        )
    remove_tenant("acme", two)
    assert not s3.list_multipart_uploads(Bucket=bucket).get("Uploads")


def test_whoever_may_not_write_reports_removes_it_all_the_same(
    two: Settings, monkeypatch: pytest.MonkeyPatch, today: date
) -> None:
    def refused(*_: object) -> None:
        raise ConfigurationError("S3 refuses to write the reports.")

    monkeypatch.setattr("vodflow.reports.export.export", refused)
    done = CliRunner().invoke(app, ["tenants", "delete", "acme", "--yes", "acme"], catch_exceptions=False)
    assert done.exit_code == 0
    assert f"writes these days anew: {today}. S3 refuses" in done.output
    assert state("acme") is None


def test_the_command_asks_for_the_slug(two: Settings) -> None:
    runner = CliRunner()
    refused = runner.invoke(app, ["tenants", "delete", "acme"], input="globex\n")
    assert isinstance(refused.exception, ConfigurationError)
    assert "nothing was removed" in str(refused.exception)
    done = runner.invoke(app, ["tenants", "delete", "acme"], input="acme\n", catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "Tenant acme is gone" in done.output
    assert "exported again" in done.output
    with transaction("test") as connection:
        told = connection.execute(text("SELECT action, actor_kind FROM audit_event WHERE tenant = 'acme' ORDER BY id"))
        assert told.all()[-1] == ("tenants.delete", "command")
