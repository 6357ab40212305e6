"""From MediaConvert's end to verified outputs: real transcodes, real S3, the verifier of every engine."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from mypy_boto3_s3 import S3Client
from support.fixtures.mediaconvert_site import Site, attempt, reread
from vodflow.catalog.rows import JobRow
from vodflow.catalog.states import JobStatus
from vodflow.contract import layout
from vodflow.engines.mediaconvert import collect
from vodflow.engines.mediaconvert.charge import charged
from vodflow.engines.mediaconvert.snapshot import Snapshot
from vodflow.engines.mediaconvert.steps import cancel_job, collect_job, submit_job
from vodflow.errors import (
    CatalogError,
    ConfigurationError,
    EngineCanceled,
    EngineError,
    InputRejected,
    RejectionReason,
    SourceUnreadable,
    VodflowError,
)
from vodflow.pipeline.publish import publish_job, verify_job
from vodflow.settings import get_settings
from vodflow.storage.copies import Outputs
from vodflow.storage.objects import list_objects

pytestmark = pytest.mark.integration


def transcoded(site: Site, job: JobRow) -> None:
    """Submitted, and over."""
    ended = site.ended(submit_job(job.id, run_id="manual-1").external_id)
    assert ended["Status"] == "COMPLETE", ended.get("ErrorMessage")


def kept(job: JobRow) -> set[str]:
    row = reread(job)
    assert row.result is not None
    return {item.name for item in row.result.objects}


class Crash(BaseException):
    """The process dies here."""


def test_collected_with_its_event_then_verified_and_published(site: Site, s3: S3Client) -> None:
    job = site.planned("small")
    transcoded(site, job)
    site.note(until="COMPLETE")
    collect_job(job.id, run_id="manual-1")
    row = reread(job)
    assert row.status == JobStatus.VERIFYING
    result = row.result
    assert result is not None
    # What is there is what the result says: size, checksum, type and lifetime, as the local engine's upload has them.
    listing = list_objects(job.bucket, job.prefix)
    assert {item.name: item.size for item in result.objects} == listing
    for item in result.objects:
        head = s3.head_object(Bucket=job.bucket, Key=f"{job.prefix}/{item.name}", ChecksumMode="ENABLED")
        assert (head["ContentType"], head["ChecksumCRC32"]) == (layout.content_type(item.name), item.checksum)
        short = layout.is_manifest(item.name)
        wanted = get_settings().manifest_cache_control if short else get_settings().segment_cache_control
        assert head["CacheControl"] == wanted
    assert [track.name for track in result.tracks][:2] == ["360p", "240p"]
    assert result.encode_seconds >= 1
    assert result.warnings == ()
    # The clip is shorter than the ten seconds that AWS bills at least, so what was made costs what was expected.
    assert row.actual_cost == row.estimated_cost
    verify_job(job.id)
    publish_job(job.id)
    assert reread(job).status == JobStatus.PUBLISHED
    before = list_objects(job.bucket, job.prefix)
    collect_job(job.id, run_id="manual-1")
    assert list_objects(job.bucket, job.prefix) == before


def test_a_crash_at_any_point_loses_nothing(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """No event came either: names are derived from destinations and modifiers, and confirmed in S3."""
    job = site.planned("small", outputs=["hls", "mp4"])
    transcoded(site, job)

    def dying(method: Callable[..., Any], times: int) -> Callable[..., Any]:
        left = itertools.count(times, -1)

        def call(*args: Any, **kwargs: Any) -> Any:
            if next(left) <= 0:
                raise Crash
            return method(*args, **kwargs)

        return call

    points = [(Outputs, "_copy", 0), (Outputs, "_copy", 3), (Outputs, "write", 0), (Outputs, "write", 4)]
    for owner, method, times in points:
        with monkeypatch.context() as patch, pytest.raises(Crash):
            patch.setattr(owner, method, dying(getattr(owner, method), times))
            collect_job(job.id, run_id="manual-1")
        assert reread(job).status in {JobStatus.SUBMITTED, JobStatus.PROGRESSING}
    with monkeypatch.context() as patch, pytest.raises(Crash):
        patch.setattr(collect, "_store", dying(collect._store, 0))
        collect_job(job.id, run_id="manual-1")
    with monkeypatch.context() as patch, pytest.raises(Crash):
        patch.setattr(Outputs, "delete", dying(Outputs.delete, 0))
        collect_job(job.id, run_id="manual-1")
    # The result is kept, the originals are still there: a retried task takes them away.
    assert reread(job).status == JobStatus.VERIFYING
    assert set(list_objects(job.bucket, job.prefix)) > kept(job)
    assert submit_job(job.id, run_id="manual-1").ended
    collect_job(job.id, run_id="manual-1")
    assert set(list_objects(job.bucket, job.prefix)) == kept(job)
    verify_job(job.id)
    publish_job(job.id)
    assert len(site.jobs()) == 1
    assert attempt(job).number == 1


def test_what_a_job_cost_follows_its_outputs_and_its_own_prices(idle_site: Site, set_settings: Any) -> None:
    job = idle_site.planned("small", outputs=["mp4"])
    submit_job(job.id, run_id="manual-1")
    made = attempt(job)
    assert made.estimated_cost
    groups = idle_site.jobs()[0]["Settings"]["OutputGroups"]

    def ended(seconds: float) -> Snapshot:
        lengths = [{"DurationInMs": round(seconds * 1000)}]
        return Snapshot("j", "COMPLETE", outputs=[{"OutputDetails": lengths * len(item["Outputs"])} for item in groups])

    # Settings that changed since then do not change what was bought; a fourfold of the billed ten seconds costs so.
    set_settings(mediaconvert_acceleration="enabled")
    assert charged(reread(job), made, ended(2)) == made.estimated_cost
    assert charged(reread(job), made, ended(40)) == pytest.approx(4 * made.estimated_cost, abs=Decimal("0.0004"))
    # What cannot be priced any more fails nothing.
    gone = dataclasses.replace(made, request={**(made.request or {}), "prices": "1999-01-01"})
    assert charged(reread(job), gone, ended(2)) is None
    assert charged(reread(job), dataclasses.replace(made, estimated_cost=None), ended(2)) is None


def test_outputs_that_are_gone_need_a_new_job(idle_site: Site) -> None:
    """This site's jobs end without having written anything."""
    job = idle_site.planned("small", outputs=["mp4"])
    idle_site.release()
    transcoded(idle_site, job)
    with pytest.raises(EngineError, match=r"mp4/video_360p\.mp4.* cannot be found in S3") as caught:
        collect_job(job.id, run_id="manual-1")
    assert (caught.value.retryable, reread(job).error_code) == (False, "outputs_missing")
    transcoded(idle_site, job)
    assert attempt(job).number == 2


def test_a_source_that_was_overwritten_meanwhile_is_not_published(idle_site: Site) -> None:
    job = idle_site.planned("small", outputs=["mp4"])
    idle_site.release()
    transcoded(idle_site, job)
    idle_site.upload("silent")
    with pytest.raises(SourceUnreadable, match="overwritten"):
        collect_job(job.id, run_id="manual-1")
    assert reread(job).status == JobStatus.FAILED


def test_outputs_of_a_job_that_was_ended_meanwhile_are_not_taken(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    job = site.planned("small", outputs=["mp4"])
    transcoded(site, job)
    store = collect._store

    def late(*arguments: Any) -> None:
        cancel_job(job.id)
        store(*arguments)

    monkeypatch.setattr(collect, "_store", late)
    with pytest.raises(CatalogError, match="they are not taken"):
        collect_job(job.id, run_id="manual-1")
    assert reread(job).status == JobStatus.CANCELED


def test_what_is_not_over_is_not_collected(idle_site: Site) -> None:
    job = idle_site.planned("small")
    with pytest.raises(CatalogError, match="no MediaConvert job to collect"):
        collect_job(job.id)
    submit_job(job.id, run_id="manual-1")
    with pytest.raises(EngineError, match="not to be collected yet"):
        collect_job(job.id)
    assert reread(job).status == JobStatus.SUBMITTED
    # Unless nobody waits any longer: then that is why it failed.
    with pytest.raises(EngineError, match="has not ended"):
        collect_job(job.id, given_up=EngineError("It has not ended", code="TIME_LIMIT", retryable=False))
    assert (reread(job).status, reread(job).error_code) == (JobStatus.FAILED, "TIME_LIMIT")


@pytest.mark.parametrize(
    ("code", "error", "status"),
    [(1076, InputRejected, JobStatus.REJECTED), (1040, ConfigurationError, JobStatus.FAILED),
     (1999, EngineError, JobStatus.FAILED)],
)  # fmt: skip
def test_a_job_that_failed_is_recorded_as_what_it_is(
    idle_site: Site, code: int, error: type[VodflowError], status: JobStatus
) -> None:
    idle_site.restart(fail=[{"code": code, "message": "As planned", "times": 1}])
    job = idle_site.planned("small")
    submission = submit_job(job.id, run_id="manual-1")
    idle_site.release()
    idle_site.ended(submission.external_id)
    with pytest.raises(error, match=str(code)) as caught:
        collect_job(job.id, run_id="manual-1")
    row = reread(job)
    assert row.status == status
    if isinstance(caught.value, InputRejected):
        assert caught.value.reason is RejectionReason.TRUNCATED
        with pytest.raises(InputRejected):
            verify_job(job.id)
    else:
        assert row.error_code == str(code)
        # A retry is a new job, which goes better.
        idle_site.hold()
        assert not submit_job(job.id, run_id="manual-1").ended
        assert attempt(job).number == 2


def test_a_job_that_a_person_cancelled_in_the_console_is_cancelled(idle_site: Site) -> None:
    job = idle_site.planned("small")
    submission = submit_job(job.id, run_id="manual-1")
    idle_site.client.cancel_job(Id=submission.external_id)
    # A task that comes back finds it ended, and does not start another.
    assert submit_job(job.id, run_id="manual-1").ended
    with pytest.raises(EngineCanceled) as caught:
        collect_job(job.id, run_id="manual-1")
    assert caught.value.retryable is False
    assert reread(job).status == JobStatus.CANCELED
    assert cancel_job(job.id) is False
