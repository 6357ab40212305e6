"""What holds for a tenant that has something of its own, and what suspending it does."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet
from mypy_boto3_s3 import S3Client
from sqlalchemy import text, update
from support.clips import clip
from support.fixtures.receiver import Receiver
from support.fixtures.values import new_source, probed_source, queued_job
from vodflow.catalog import jobs, sightings, submissions, url_imports
from vodflow.catalog.audit import add_event
from vodflow.catalog.database import transaction
from vodflow.catalog.deliveries import recent
from vodflow.catalog.sources import undispatched_sources
from vodflow.catalog.states import JobStatus, TenantStatus
from vodflow.catalog.submissions import Quote
from vodflow.catalog.tables import job as jobs_table
from vodflow.contract.engine_names import EngineName
from vodflow.errors import CatalogError, ConfigurationError, TenantBusy, TenantSuspended
from vodflow.jobs.url_imports import start_waiting_imports
from vodflow.outcomes.announce import deliver_outcomes
from vodflow.pipeline.planning import plan_job, profile_of
from vodflow.pipeline.prepare import probe_source
from vodflow.pipeline.request import TranscodeRequest
from vodflow.sensing.places import watched
from vodflow.settings import Settings
from vodflow.tenancy import effective, registry, state
from vodflow.tenancy.limits import upload_limits

pytestmark = pytest.mark.integration

Configure = Callable[..., None]


@pytest.fixture
def settings(catalog: Settings, set_settings: Callable[..., Settings]) -> Settings:
    return set_settings(sealing_keys=json.dumps([Fernet.generate_key().decode()]))


def test_coming_and_stopping(settings: Settings) -> None:
    assert state("acme") is None
    made = registry.create("acme", "Acme Ltd", settings)
    assert (made.slug, made.name, state("acme")) == ("acme", "Acme Ltd", TenantStatus.ACTIVE)
    with pytest.raises(CatalogError, match="tenant acme already"):
        registry.create("acme", "", settings)
    for wrong in ("Acme", "", "a b", "-a", "a--b", "a" * 64):
        with pytest.raises(ConfigurationError, match="cannot be a tenant's slug"):
            registry.create(wrong, "", settings)
    for _ in range(2):
        registry.suspend("acme", "unpaid", settings)
    assert state("acme") is TenantStatus.SUSPENDED
    with pytest.raises(TenantSuspended, match=r"acme is suspended since .*: unpaid"):
        effective("acme").require_active()
    registry.resume("acme", settings)
    effective("acme").require_active()
    with pytest.raises(CatalogError, match="no tenant globex"):
        registry.suspend("globex", "x", settings)


@pytest.mark.parametrize(
    "name", ["Grüße & Söhne", "名前", "<b>x</b>'; DROP TABLE tenant --", "a\udcffb\x00", "x" * 5000]
)
def test_names_are_for_people(name: str, settings: Settings) -> None:
    made = registry.create("acme", name, settings)
    assert made.name == name.replace("\x00", "").replace("\udcff", "\\udcff")
    with transaction("test") as connection:
        add_event(connection, "tenants.create", "tenant acme", actor="t", actor_kind="command", detail={"name": name})


def test_a_configuration_has_versions(configure: Configure, settings: Settings) -> None:
    configure(assigned={"concurrency": 2}, profile="sd")
    found = registry.configuration("acme", settings)
    assert (found.version, found.document["profile"], found.updated_by) == (1, "sd", "test")
    unchanged = registry.configure("acme", found.document, settings, by="other", assigned_too=True)
    assert (unchanged.version, unchanged.changed) == (1, {})
    changed = registry.configure("acme", {"profile": "hd"}, settings, by="acme", version=1, assigned_too=False)
    assert changed.changed == {"profile": {"old": "sd", "new": "hd"}}
    assert changed.document["assigned"]["concurrency"] == 2
    with pytest.raises(CatalogError, match="version 2, not 1"):
        registry.configure("acme", {}, settings, by="acme", version=1, assigned_too=False)
    with pytest.raises(ConfigurationError, match="installation's to change"):
        registry.configure("acme", {"assigned": {"concurrency": 9}}, settings, by="acme", assigned_too=False)
    with pytest.raises(ConfigurationError, match="nosuch"):
        registry.configure("acme", {"profile": "nosuch"}, settings, by="acme", assigned_too=False)


def test_profiles(configure: Configure, settings: Settings) -> None:
    configure(assigned={"profiles": ["sd", "hd"]}, profile="hd")
    with transaction("test") as connection:
        row = probed_source(connection)
        other = probed_source(connection, tenant="globex", key="globex/a.mp4")
    assert profile_of(row, TranscodeRequest(source_id=row.id), settings).name == "hd"
    assert profile_of(other, TranscodeRequest(source_id=other.id), settings).name == settings.default_profile
    with pytest.raises(ConfigurationError, match="acme may not use the profile uhd; it may use sd, hd"):
        profile_of(row, TranscodeRequest(source_id=row.id, profile="uhd"), settings)


def test_outputs_have_a_place_of_their_own(configure: Configure) -> None:
    configure(assigned={"output": {"bucket": "acme-media", "prefix": "out/"}})
    with transaction("test") as connection:
        row = probed_source(connection)
    job = plan_job(row.id, TranscodeRequest(source_id=row.id), "run-1")
    assert job.bucket == "acme-media"
    assert job.prefix.startswith("out/acme/")
    assert watched(effective("acme").settings).writes("acme-media", "out/acme/x.mp4")


def test_uploads_have_limits_of_their_own(configure: Configure, settings: Settings) -> None:
    configure(assigned={"uploads": {"open_uploads": 0, "max_size": 10**15}})
    found, usual = upload_limits("acme", settings), upload_limits("globex", settings)
    assert (found.open_uploads, found.bytes_day, found.max_size) == (0, settings.uploads_bytes_day, settings.max_size)
    assert usual.open_uploads == settings.uploads_open


def test_a_tenant_does_not_fill_all_slots(configure: Configure) -> None:
    configure(assigned={"concurrency": 1})
    with transaction("test") as connection:
        first, second, third = (
            queued_job(connection, probed_source(connection, key=f"acme/{name}.mp4"), run_id=name) for name in "abc"
        )
        theirs = queued_job(connection, probed_source(connection, tenant="globex", key="globex/a.mp4"))
        jobs.begin(connection, first.id, engine="local", worker="host")
    with pytest.raises(TenantBusy, match="1 jobs of tenant acme are at work"), transaction("test") as connection:
        jobs.begin(connection, second.id, engine="local", worker="host")
    with pytest.raises(TenantBusy), transaction("test") as connection:
        submissions.intend(
            connection, third.id, lambda *_: Quote(None, None, None, {}), engine=EngineName.MEDIACONVERT, worker="w",
            run_id="c",
        )  # fmt: skip
    with transaction("test") as connection:
        assert jobs.get_job(connection, second.id).status == JobStatus.QUEUED
        jobs.begin(connection, first.id, engine="local", worker="host")  # once more, after a crash
        jobs.begin(connection, theirs.id, engine="local", worker="host")
        jobs.cancel_job(connection, first.id)
        jobs.begin(connection, second.id, engine="local", worker="host")
        # Of whom nothing was heard for long, nobody waits for.
        moments = (jobs_table.c.heartbeat_at, jobs_table.c.started_at)
        connection.execute(update(jobs_table).values({one: one - timedelta(hours=1) for one in moments}))
        jobs.begin(connection, third.id, engine="local", worker="host")


def test_nothing_of_a_suspended_tenant_starts(
    configure: Configure, settings: Settings, s3: S3Client, source_bucket: str
) -> None:
    configure()
    s3.put_object(Bucket=source_bucket, Key="acme/clip.mp4", Body=clip("small").read_bytes())
    with transaction("test") as connection:
        sightings.register_sources(connection, [new_source(), new_source(tenant="globex", key="globex/a.mp4")])
    registry.suspend("acme", "unpaid", settings)
    with transaction("test") as connection:
        assert [row.tenant for row in undispatched_sources(connection, 10)] == ["globex"]
    request = TranscodeRequest(source_uri=f"s3://{source_bucket}/acme/clip.mp4")
    with pytest.raises(TenantSuspended, match="unpaid"):
        probe_source(request, "manual-1")
    registry.resume("acme", settings)
    with transaction("test") as connection:
        assert "acme" in {row.tenant for row in undispatched_sources(connection, 10)}


def test_imports_of_a_suspended_tenant_wait(configure: Configure, settings: Settings) -> None:
    configure()
    registry.create("globex", "", settings)
    with transaction("test") as connection:
        for slug in ("acme", "globex"):
            values = {"url": "https://example.org/a", "sealed_url": "x", "identity": slug, "bucket": "footage",
                      "key": f"{slug}/a.mp4", "created_by": "t"}  # fmt: skip
            url_imports.open_import(connection, slug, values)
    begun: list[int] = []
    registry.suspend("acme", "unpaid", settings)
    assert start_waiting_imports(lambda _dag, _run, import_id: begun.append(import_id)) == 1
    registry.resume("acme", settings)
    assert start_waiting_imports(lambda _dag, _run, import_id: begun.append(import_id)) == 2
    assert begun[1:] == [begun[1], begun[0]]


def test_nothing_comes_of_a_tenant_that_is_being_deleted(configure: Configure) -> None:
    """Neither a job, however long ago its run began, nor videos that are noticed meanwhile."""
    configure()
    with transaction("test") as connection:
        row = probed_source(connection)
        connection.execute(text("UPDATE tenant SET status = 'DELETING' WHERE slug = 'acme'"))
    with pytest.raises(TenantSuspended, match="acme is being deleted"), transaction("test") as connection:
        queued_job(connection, row)
    again = new_source(version="v2", last_modified=row.last_modified + timedelta(hours=1))
    with transaction("test") as connection:
        others = new_source(tenant="globex", key="globex/a.mp4")
        made = sightings.register_sources(connection, [new_source(key="acme/new.mp4"), again, others])
        tenants = connection.scalars(text("SELECT slug FROM tenant JOIN source ON tenant.id = tenant_id")).all()
    assert len(made) == 1
    assert sorted(tenants) == ["acme", "globex"]


def channel(receiver: Receiver, **changes: Any) -> dict[str, Any]:
    return {"type": "webhook", "name": "crm", "url": receiver.url, "secret": "s3cret", "events": ["canceled"]} | changes


def canceled(**changes: Any) -> int:
    with transaction("test") as connection:
        job = queued_job(connection, probed_source(connection, **changes))
        jobs.cancel_job(connection, job.id)
    return job.id


def test_own_channels_hear_of_own_videos(
    configure: Configure, receiver: Receiver, set_settings: Callable[..., Settings]
) -> None:
    set_settings(tenant_private_hosts='["127.0.0.0/8"]')
    with pytest.raises(ConfigurationError, match="private address"):
        configure(channels=[channel(receiver)])  # whose settings allow nothing private
    own = set_settings(tenant_private_hosts='["127.0.0.0/8"]')
    registry.configure("acme", {"channels": [channel(receiver)]}, own, by="t", assigned_too=True)
    canceled()
    canceled(tenant="globex", key="globex/a.mp4")
    assert deliver_outcomes()["delivered"] == 1
    (told,) = receiver.requests
    assert told.document["tenant"] == "acme"
    assert told.headers["host"] in receiver.url
    with transaction("test") as connection:
        (row,) = recent(connection)
        kept = connection.scalar(text("SELECT document::text || secrets::text FROM tenant_configuration"))
    assert row.channel == "acme/crm"
    assert "s3cret" not in kept
    assert receiver.url not in kept


def test_a_channel_that_leads_inside_is_not_served(
    configure: Configure, receiver: Receiver, set_settings: Callable[..., Settings]
) -> None:
    own = set_settings(tenant_private_hosts='["127.0.0.0/8"]')
    registry.configure("acme", {"channels": [channel(receiver)]}, own, by="t", assigned_too=True)
    set_settings(tenant_private_hosts="[]")
    canceled()
    assert deliver_outcomes()["given_up"] == 1
    assert not receiver.requests
    with transaction("test") as connection:
        (row,) = recent(connection)
    assert "private address" in str(row.error)


def test_a_masked_secret_stays(configure: Configure, receiver: Receiver, set_settings: Callable[..., Settings]) -> None:
    own = set_settings(tenant_private_hosts='["127.0.0.0/8"]')
    registry.configure("acme", {"channels": [channel(receiver)]}, own, by="t", assigned_too=True)
    shown = registry.configuration("acme", own).document
    shown["channels"][0] |= {"events": ["canceled", "failed"]}
    changed = registry.configure("acme", shown, own, by="t", assigned_too=True).changed
    assert set(changed) == {"channels"}
    shown["channels"][0] |= {"secret": "other"}
    changed = registry.configure("acme", shown, own, by="t", assigned_too=True).changed
    assert changed == {"channels.crm.secret": "changed"}
    canceled()
    assert deliver_outcomes()["delivered"] == 1


def test_secrets_that_nobody_opens_any_more_are_sent_anew(
    configure: Configure, receiver: Receiver, set_settings: Callable[..., Settings]
) -> None:
    own = set_settings(tenant_private_hosts='["127.0.0.0/8"]')
    registry.configure("acme", {"channels": [channel(receiver)]}, own, by="t", assigned_too=True)
    lost = set_settings(sealing_keys=json.dumps([Fernet.generate_key().decode()]))
    shown = registry.configuration("acme", lost).document
    with pytest.raises(ConfigurationError, match="crm has no stored url yet: send the value itself"):
        registry.configure("acme", shown, lost, by="t", assigned_too=True)
    changed = registry.configure("acme", {"channels": [channel(receiver)]}, lost, by="t", assigned_too=True).changed
    assert changed == {"channels.crm.secret": "changed", "channels.crm.url": "changed"}
    canceled()
    assert deliver_outcomes()["delivered"] == 1
    assert registry.configure("acme", {"channels": []}, own, by="t", assigned_too=True).document["channels"] == []
