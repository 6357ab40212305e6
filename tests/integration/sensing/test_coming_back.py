"""Bytes that are seen again: readable once more, current once more, restored; and those that are not."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from integration.sensing.conftest import Place, Runs
from integration.sensing.test_intake import notice
from sqlalchemy import text
from support.fixtures.values import artifact, make_plan, media_info, rendition, verified_job
from support.restores import is_under_way, wait_for_restore
from vodflow.catalog import jobs, sources
from vodflow.catalog.database import transaction
from vodflow.catalog.publications import get_publication, publish
from vodflow.catalog.rows import JobRow, SourceRow
from vodflow.catalog.sources import run_id_of
from vodflow.catalog.tables import publication
from vodflow.errors import EngineError, InputRejected, SourceUnreadable, UnreadableReason
from vodflow.pipeline.object_request import source_request
from vodflow.pipeline.prepare import probe_source
from vodflow.pipeline.request import TranscodeRequest
from vodflow.sensing.ingest import ingest
from vodflow.sensing.intake import take_in
from vodflow.sensing.notices import parse_message
from vodflow.sensing.queue import Message
from vodflow.sensing.sweep import sweep
from vodflow.settings import Settings

pytestmark = pytest.mark.integration

KEY = "acme/a.mp4"


@pytest.fixture
def place(place: Place) -> Place:
    """Its objects are seen when a test looks, and not before."""
    place.lose_events()
    return place


def by_sweep(place: Place) -> list[int]:
    new: list[int] = []
    sweep(on_registered=new.extend)
    return new


def by_event(place: Place) -> list[int]:
    """As the message about the newest version tells it."""
    head = place.s3.head_object(Bucket=place.bucket, Key=KEY)
    named = {"versionId": head["VersionId"]} if "VersionId" in head else {}
    return take_in([Message(notice(place, KEY, **named))]).registered


DOORS = pytest.mark.parametrize("see", [by_sweep, by_event])


def row_of(source_id: int) -> SourceRow:
    with transaction("test") as connection:
        return sources.get_source(connection, source_id)


def published(source_id: int, *, revision: int = 0) -> JobRow:
    """A job of this source that went all the way."""
    with transaction("test") as connection:
        sources.mark_probed(connection, source_id, media_info())
        job = verified_job(connection, sources.get_source(connection, source_id), revision=revision)
        publish(connection, job.id, [rendition()], [artifact()], f"s3://{job.bucket}/{job.prefix}/manifest.json")
        return jobs.get_job(connection, job.id)


def public(video_id: int) -> tuple[int, str]:
    with transaction("test") as connection:
        found = get_publication(connection, video_id)
    return found.job_id, found.manifest_uri


def versioned(place: Place, *, on: bool) -> Place:
    if on:
        place.s3.put_bucket_versioning(Bucket=place.bucket, VersioningConfiguration={"Status": "Enabled"})
    return place


@DOORS
def test_deleted_while_its_run_waits_and_put_again(place: Place, runs: Runs, see: Callable[[Place], list[int]]) -> None:
    place.put(KEY)
    (source_id,) = see(place)
    ingest(runs)
    place.s3.delete_object(Bucket=place.bucket, Key=KEY)
    with pytest.raises(SourceUnreadable) as caught:
        probe_source(TranscodeRequest(source_id=source_id), "source-1")
    assert caught.value.reason is UnreadableReason.GONE
    gone = row_of(source_id)
    assert (gone.status, gone.unreadable_reason) == ("UNREADABLE", "gone")
    assert by_sweep(place) == [], "nothing is there yet"
    place.put(KEY)
    assert see(place) == [source_id]
    again = row_of(source_id)
    assert (again.status, again.reopened, again.unreadable_reason) == ("DISCOVERED", 1, "gone")
    assert ingest(runs).started == 1
    assert row_of(source_id).run_id == run_id_of(source_id, 1) == f"source-{source_id}-again-1"
    assert see(place) == []
    assert ingest(runs).started == 0


def test_seen_at_once_by_many_it_gets_one_run(place: Place) -> None:
    place.put(KEY)
    (source_id,) = by_sweep(place)
    with transaction("test") as connection:
        sources.mark_unreadable(connection, source_id, UnreadableReason.GONE, "deleted")
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: take_in([Message(notice(place, KEY))]).registered, range(8)))
    assert sorted(found) == [[]] * 7 + [[source_id]]
    assert row_of(source_id).reopened == 1


def test_a_job_that_lost_its_source_goes_on_with_the_next_put(place: Place, runs: Runs) -> None:
    place.put(KEY)
    (source_id,) = by_sweep(place)
    ingest(runs)
    with transaction("test") as connection:
        sources.mark_probed(connection, source_id, media_info())
        plan = make_plan(sources.get_source(connection, source_id))
        job = jobs.open_job(
            connection, source_id, plan, engine="local", priority=50, run_id="r", bucket="media", prefix="p"
        )
        jobs.end_job(connection, job.id, SourceUnreadable(UnreadableReason.GONE, "deleted"))
    assert row_of(source_id).status == "UNREADABLE"
    assert by_sweep(place) == [source_id], "it has been there all the time"
    assert ingest(runs).started == 1
    # What was probed is not probed again.
    assert row_of(source_id).status == "PROBED"
    assert probe_source(TranscodeRequest(source_id=source_id), "source-1-again-1") == source_id


@pytest.mark.parametrize("versioning", [False, True])
@DOORS
def test_the_video_shows_what_its_key_has(place: Place, see: Callable[[Place], list[int]], versioning: bool) -> None:
    versioned(place, on=versioning)
    place.put(KEY, b"A")
    (first,) = see(place)
    job_a = published(first)
    place.put(KEY, b"B")
    (second,) = see(place)
    job_b = published(second)
    assert public(job_a.video_id)[0] == job_b.id
    place.put(KEY, b"A")
    assert see(place) == [], "nothing is to be made"
    assert public(job_a.video_id) == (job_a.id, f"s3://{job_a.bucket}/{job_a.prefix}/manifest.json")
    # Publishing the other one once more, as a cleared task does, changes nothing.
    with transaction("test") as connection:
        assert not publish(connection, job_b.id, [], [], "s3://media/other").current
    place.put(KEY, b"B")
    assert see(place) == []
    assert public(job_a.video_id)[0] == job_b.id
    with transaction("test") as connection:
        assert connection.scalar(text("SELECT count(*) FROM source")) == 2
        assert connection.execute(publication.select()).one().job_id == job_b.id


@DOORS
def test_bytes_that_came_back_win_over_those_still_encoded(place: Place, see: Callable[[Place], list[int]]) -> None:
    place.put(KEY, b"A")
    (first,) = see(place)
    job_a = published(first)
    place.put(KEY, b"B")
    (second,) = see(place)
    place.put(KEY, b"A")
    assert see(place) == []
    job_b = published(second)
    assert job_b.status == "PUBLISHED"
    assert public(job_a.video_id)[0] == job_a.id


@pytest.mark.parametrize("versioning", [False, True])
@DOORS
def test_bytes_that_came_back_and_had_failed_are_tried_again(
    place: Place, runs: Runs, see: Callable[[Place], list[int]], versioning: bool
) -> None:
    versioned(place, on=versioning)
    place.put(KEY, b"A")
    (first,) = see(place)
    ingest(runs)
    with transaction("test") as connection:
        sources.mark_probed(connection, first, media_info())
        job = verified_job(connection, sources.get_source(connection, first))
        jobs.fail_job(connection, job.id, EngineError("no", retryable=False))
    place.put(KEY, b"B")
    (second,) = see(place)
    published(second)
    place.put(KEY, b"A")
    assert see(place) == [first]
    assert ingest(runs).started == 1
    assert see(place) == []
    assert published(first).id == job.id
    assert public(job.video_id)[0] == job.id


def test_a_version_that_is_current_again_because_later_ones_were_deleted(place: Place) -> None:
    versioned(place, on=True)
    place.put(KEY, b"A")
    (first,) = by_sweep(place)
    job_a = published(first)
    version = place.s3.put_object(Bucket=place.bucket, Key=KEY, Body=b"B")["VersionId"]
    (second,) = by_sweep(place)
    job_b = published(second)
    assert public(job_a.video_id)[0] == job_b.id
    place.s3.delete_object(Bucket=place.bucket, Key=KEY, VersionId=version)
    assert by_sweep(place) == []
    assert public(job_a.video_id)[0] == job_a.id


@pytest.mark.parametrize("versioning", [False, True])
def test_bytes_that_are_put_again_with_a_wish_get_a_run_for_it(place: Place, runs: Runs, versioning: bool) -> None:
    versioned(place, on=versioning)
    place.put(KEY, b"A")
    (first,) = by_event(place)
    ingest(runs)
    published(first)
    place.put(KEY, b"B")
    published(by_event(place)[0])
    place.s3.put_object(Bucket=place.bucket, Key=KEY, Body=b"A", Metadata={"vodflow-profile": "hd"})
    assert by_event(place) == [first]
    assert source_request(row_of(first)).profile == "hd"
    assert row_of(first).reopened == 1
    assert by_event(place) == by_sweep(place) == []


def test_a_late_message_about_an_old_version_changes_nothing(place: Place) -> None:
    versioned(place, on=True)
    old = place.s3.put_object(Bucket=place.bucket, Key=KEY, Body=b"A")["VersionId"]
    (first,) = by_event(place)
    published(first)
    place.put(KEY, b"B")
    (second,) = by_event(place)
    job_b = published(second)
    assert take_in([Message(notice(place, KEY, versionId=old))]).registered == []
    assert public(job_b.video_id)[0] == job_b.id


def test_rejected_bytes_stay_rejected_however_often_they_are_put(place: Place) -> None:
    place.put(KEY, b"no video")
    (source_id,) = by_sweep(place)
    with transaction("test") as connection:
        sources.reject_source(connection, source_id, "not_a_video", "text")  # type: ignore[arg-type]
    place.put(KEY, b"other")
    by_sweep(place)
    place.put(KEY, b"no video")
    assert by_sweep(place) == by_event(place) == []
    assert row_of(source_id).status == "REJECTED"


@pytest.mark.parametrize("storage_class", ["GLACIER", "DEEP_ARCHIVE"])
@DOORS
def test_an_archived_object_waits_without_a_run(
    place: Place, runs: Runs, see: Callable[[Place], list[int]], storage_class: str
) -> None:
    place.s3.put_object(Bucket=place.bucket, Key=KEY, Body=b"video", StorageClass=storage_class)  # type: ignore[arg-type]
    assert see(place) == []
    assert place.rows("status, unreadable_reason, reopened") == [("UNREADABLE", "archived", 0)]
    (detail,) = place.rows("unreadable_detail")[0]
    assert storage_class in str(detail)
    assert ingest(runs, sweeping=True).started == 0
    place.s3.restore_object(Bucket=place.bucket, Key=KEY, RestoreRequest={"Days": 1})
    early = see(place)
    assert not (early and is_under_way(place.s3, place.bucket, KEY)), "a restore takes its time"
    wait_for_restore(place.s3, place.bucket, KEY)
    (source_id,) = early or see(place)
    assert row_of(source_id).status == "DISCOVERED"
    assert ingest(runs).started == 1
    assert see(place) == []


def test_what_was_archived_after_it_was_made_stays_as_it_is(place: Place) -> None:
    place.put(KEY, b"A")
    (source_id,) = by_sweep(place)
    job = published(source_id)
    # What a lifecycle rule does keeps the time; a copy onto itself is the nearest that can be had here.
    place.s3.put_object(Bucket=place.bucket, Key=KEY, Body=b"A", StorageClass="GLACIER")
    assert by_sweep(place) == by_event(place) == []
    assert row_of(source_id).status == "PROBED"
    assert public(job.video_id)[0] == job.id


def test_a_run_by_hand_finds_an_archived_object_and_reports_it(place: Place) -> None:
    place.s3.put_object(Bucket=place.bucket, Key=KEY, Body=b"video", StorageClass="GLACIER")
    request = TranscodeRequest(source_uri=f"s3://{place.bucket}/{KEY}")
    for _ in range(2):
        with pytest.raises(SourceUnreadable, match=r"archived: .* lies in GLACIER"):
            probe_source(request, "manual-1")
    assert place.rows("status, unreadable_reason") == [("UNREADABLE", "archived")]


def test_an_object_that_nobody_may_read_waits_for_the_permission(place: Place, runs: Runs) -> None:
    place.put(KEY)
    (source_id,) = by_sweep(place)
    ingest(runs)
    with transaction("test") as connection:
        sources.mark_unreadable(connection, source_id, UnreadableReason.DENIED, "403")
    # Every sweep asks before it starts a run; here S3 lets us read.
    assert by_sweep(place) == [source_id]


def test_what_is_still_refused_gets_no_run_from_the_sweep(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.put(KEY)
    (source_id,) = by_sweep(place)
    with transaction("test") as connection:
        sources.mark_unreadable(connection, source_id, UnreadableReason.DENIED, "403")

    def refuse(*_: object, **__: object) -> None:
        raise SourceUnreadable(UnreadableReason.DENIED, "S3 refused to read it (AccessDenied).")

    monkeypatch.setattr("vodflow.sensing.sweep.check_readable", refuse)
    assert by_sweep(place) == []
    assert row_of(source_id).status == "UNREADABLE"


def test_a_run_by_hand_takes_the_profile_of_the_watch_rule(watch: Callable[..., Place]) -> None:
    place = watch(profile="hd", engine="local", tenant_pattern="{tenant}/")
    place.put(KEY)
    request = TranscodeRequest(source_uri=f"s3://{place.bucket}/{KEY}", profile="sd")
    with pytest.raises(InputRejected, match="not_a_video"):
        probe_source(request, "manual-1")
    by_hand = place.rows("profile, engine, run_id")
    assert by_hand == [("hd", "local", "manual-1")]
    assert by_sweep(place) == by_event(place) == []


def test_the_notice_of_a_restore_in_either_form() -> None:
    item = {"bucket": {"name": "b1b"}, "object": {"key": "k"}}
    for body in (
        {"Records": [{"eventName": "ObjectRestore:Completed", "s3": item}]},
        {"source": "aws.s3", "detail-type": "Object Restore Completed", "detail": item},
    ):
        assert [one.key for one in parse_message(json.dumps(body)).notices] == ["k"]


def test_notices_are_queued_once_for_each_change_of_what_is_public(
    place: Place, set_settings: Callable[..., Settings]
) -> None:
    channel = {"type": "webhook", "name": "hook", "url": "http://127.0.0.1:9/", "secret": "x" * 32}
    place.settings = set_settings(notifications=json.dumps([channel]))
    place.put(KEY, b"A")
    (first,) = by_sweep(place)
    published(first)
    place.put(KEY, b"B")
    (second,) = by_sweep(place)
    published(second)
    place.put(KEY, b"A")
    for _ in range(2):
        by_sweep(place)
    with transaction("test") as connection:
        query = text(
            "SELECT event, source_id, payload -> 'publication' ->> 'current' FROM notification_delivery ORDER BY id"
        )
        told = [tuple(row) for row in connection.execute(query)]
    assert told == [("published", first, "true"), ("published", second, "true"), ("published", first, "true")]
    place.s3.delete_object(Bucket=place.bucket, Key=KEY)
    with pytest.raises(SourceUnreadable):
        probe_source(TranscodeRequest(source_id=second, force=True), "source-2")
    with transaction("test") as connection:
        document = connection.scalar(text("SELECT payload FROM notification_delivery ORDER BY id DESC LIMIT 1"))
    assert (document["type"], document["unreadable"]["reason"]) == ("video.unreadable", "gone")
