"""Exactly one MediaConvert job for a plan, whatever crashes when: on real PostgreSQL, S3 and the service's own API."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import pytest
from mypy_boto3_s3 import S3Client
from support.fixtures.mediaconvert_site import Site, attempt, reread
from vodflow.catalog import jobs, submissions
from vodflow.catalog.database import transaction
from vodflow.catalog.rows import JobRow
from vodflow.catalog.source_rows import get_source
from vodflow.catalog.states import JobStatus
from vodflow.engines.mediaconvert.client import MediaConvert
from vodflow.engines.mediaconvert.steps import cancel_job, submit_job
from vodflow.engines.mediaconvert.submit import require_current
from vodflow.errors import (
    BudgetExceeded,
    CatalogUnavailable,
    ConfigurationError,
    EngineError,
    ErrorClass,
    JobBusy,
    JobSettingsError,
    SourceNotFound,
    SourceUnreadable,
)
from vodflow.jobs.control import cancel
from vodflow.storage.objects import resolve_source
from vodflow.tenancy import registry

pytestmark = pytest.mark.integration


@pytest.fixture
def job(site: Site) -> JobRow:
    """A planned job, and a queue in which nothing begins."""
    site.hold()
    return site.planned("small")


class Crash(BaseException):
    """The process dies here."""


class Service(MediaConvert):
    """The service, with a crash where a test wants one."""

    def __init__(self, site: Site, *, before: bool = False, after: bool = False) -> None:
        super().__init__(site.client)
        self._before, self._after = before, after
        self.requests: list[Any] = []

    def create(self, request: Any) -> str:
        self.requests.append(request)
        if self._before:
            raise Crash
        made = super().create(request)
        if self._after:
            raise Crash
        return made


def test_submitted_once_and_found_again(site: Site, job: JobRow) -> None:
    first = submit_job(job.id, run_id="manual-1")
    assert not first.ended
    (made,) = site.jobs()
    assert made["Id"] == first.external_id
    assert made["UserMetadata"]["vodflow-job-id"] == str(job.id)
    row = reread(job)
    assert (row.status, row.external_id, row.engine) == (JobStatus.SUBMITTED, first.external_id, "mediaconvert")
    assert row.estimated_cost
    kept = attempt(job)
    assert (kept.number, kept.tier, kept.external_id) == (1, "basic", first.external_id)
    assert kept.estimated_cost == row.estimated_cost
    # A later try of the same task, however it ended, is the same job.
    assert submit_job(job.id, run_id="manual-1") == first
    assert len(site.jobs()) == 1
    assert attempt(job).id == kept.id


@pytest.mark.parametrize("after", [False, True], ids=["before CreateJob", "after CreateJob"])
def test_a_crash_around_create_job_makes_no_second_job(site: Site, job: JobRow, after: bool) -> None:
    with pytest.raises(Crash):
        submit_job(job.id, run_id="manual-1", service=Service(site, before=not after, after=after))
    row = reread(job)
    assert (row.status, row.external_id) == (JobStatus.SUBMITTED, None)
    assert len(site.jobs()) == int(after)
    found = submit_job(job.id, run_id="manual-1")
    (made,) = site.jobs()
    assert found.external_id == made["Id"]
    assert attempt(job).number == 1
    assert reread(job).external_id == made["Id"]


def test_a_lost_job_is_found_without_the_token(site: Site, job: JobRow) -> None:
    """The client token protects for a minute; after it only ``UserMetadata`` tells."""
    with pytest.raises(Crash):
        submit_job(job.id, run_id="manual-1", service=Service(site, after=True))
    watching = Service(site)
    submit_job(job.id, run_id="manual-1", service=watching)
    assert watching.requests == []


def test_a_crash_before_the_id_is_stored(site: Site, job: JobRow, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise CatalogUnavailable("The catalog does not answer.")

    with monkeypatch.context() as patch:
        patch.setattr("vodflow.engines.submitting.record", away)
        with pytest.raises(CatalogUnavailable):
            submit_job(job.id, run_id="manual-1")
    submit_job(job.id, run_id="manual-1")
    assert len(site.jobs()) == 1


def test_a_plan_that_is_made_again_goes_on_with_its_job(site: Site, job: JobRow) -> None:
    first = submit_job(job.id, run_id="manual-1")
    again = site.planned("small")
    assert (again.id, again.status, again.external_id) == (job.id, JobStatus.QUEUED, None)
    assert submit_job(job.id, run_id="manual-1") == first
    assert reread(job).external_id == first.external_id
    assert len(site.jobs()) == 1


def test_another_run_waits_its_turn_and_then_takes_over(site: Site, job: JobRow, set_settings: Any) -> None:
    first = submit_job(job.id, run_id="manual-1")
    with pytest.raises(JobBusy):
        submit_job(job.id, run_id="manual-2")
    set_settings(job_lease=0.001)
    assert submit_job(job.id, run_id="manual-2") == first
    assert reread(job).run_id == "manual-2"
    assert len(site.jobs()) == 1


def test_two_at_once_submit_one(site: Site, job: JobRow) -> None:
    outcomes: list[object] = []

    def submit() -> None:
        try:
            outcomes.append(submit_job(job.id, run_id="manual-1").external_id)
        except JobBusy as error:
            outcomes.append(error)

    threads = [threading.Thread(target=submit) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(outcomes) == 4
    (made,) = site.jobs()
    assert {item for item in outcomes if isinstance(item, str)} == {made["Id"]}


def test_throttled_half_of_the_time(site: Site, job: JobRow, set_settings: Any) -> None:
    site.restart(seed=14, throttle=[{"percent": 50}])
    set_settings(aws_attempts=1)
    refusals: list[EngineError] = []
    while reread(job).external_id is None:
        try:
            submit_job(job.id, run_id="manual-1")
        except EngineError as error:
            refusals.append(error)
        assert len(refusals) < 30
    assert refusals
    assert all(error.retryable and error.error_class is ErrorClass.THROTTLED for error in refusals)
    assert attempt(job).number == 1
    site.restart()
    assert len(site.jobs()) == 1


def test_a_canceled_job_gets_a_new_attempt(site: Site, job: JobRow) -> None:
    first = submit_job(job.id, run_id="manual-1")
    assert cancel_job(job.id) is True
    assert reread(job).status == JobStatus.CANCELED
    assert site.ended(str(first.external_id))["Status"] == "CANCELED"
    assert cancel_job(job.id) is False
    second = submit_job(job.id, run_id="manual-1")
    assert second.external_id != first.external_id
    assert attempt(job).number == 2


def test_the_library_cancels_a_job_whose_run_is_gone(site: Site, job: JobRow) -> None:
    """Nobody waits for it any more, but it would go on and cost."""
    submit_job(job.id, run_id="manual-1")

    class Airflow:
        def run(self, dag_id: str, run_id: str) -> None:
            """There is no such run."""

        run_state = run

    canceled = cancel(job.id, airflow=Airflow(), settings=site.settings)  # type: ignore[arg-type]
    assert canceled.status == JobStatus.CANCELED
    (made,) = site.jobs()
    assert made["Status"] == "CANCELED"


def test_cancelling_finds_a_job_whose_id_was_lost(site: Site, job: JobRow) -> None:
    with pytest.raises(Crash):
        submit_job(job.id, run_id="manual-1", service=Service(site, after=True))
    assert cancel_job(job.id) is True
    (made,) = site.jobs()
    assert made["Status"] == "CANCELED"


def test_a_failure_that_may_pass_keeps_the_job_and_a_final_one_does_not(site: Site, job: JobRow) -> None:
    first = submit_job(job.id, run_id="manual-1")

    def fail(*, retryable: bool) -> None:
        with transaction("test") as connection:
            jobs.fail_job(connection, job.id, EngineError("S3 does not answer", retryable=retryable))

    fail(retryable=True)
    assert submit_job(job.id, run_id="manual-1") == first
    assert reread(job).status == JobStatus.SUBMITTED
    fail(retryable=False)
    assert submit_job(job.id, run_id="manual-1").external_id != first.external_id
    assert attempt(job).number == 2


def test_a_job_that_the_service_forgot_is_submitted_anew(site: Site, job: JobRow) -> None:
    submit_job(job.id, run_id="manual-1")
    with transaction("test") as connection:
        connection.exec_driver_sql(
            "UPDATE job_attempt SET external_id = '1700000000000-gone00'; UPDATE job SET external_id = NULL"
        )
    submit_job(job.id, run_id="manual-1")
    assert attempt(job).number == 2
    assert attempt(job).external_id in {made["Id"] for made in site.jobs()}


def test_an_overwritten_source_is_refused(site: Site, job: JobRow) -> None:
    site.upload("silent")
    with pytest.raises(SourceUnreadable, match="overwritten"):
        submit_job(job.id, run_id="manual-1")
    row = reread(job)
    assert (row.status, row.error_code, row.retryable) == (JobStatus.FAILED, "gone", False)
    assert site.jobs() == []
    with transaction("test") as connection:
        assert get_source(connection, job.source_id).status == "UNREADABLE"


def test_the_newest_version_must_have_the_bytes_that_were_planned(s3: S3Client, source_bucket: str) -> None:
    s3.put_bucket_versioning(Bucket=source_bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket=source_bucket, Key="acme/a.mp4", Body=b"A")
    planned = resolve_source(source_bucket, "acme/a.mp4").ref
    require_current(planned)
    s3.put_object(Bucket=source_bucket, Key="acme/a.mp4", Body=b"B")
    with pytest.raises(SourceNotFound, match="newest version"):
        require_current(planned)
    # The same bytes once more, under a version id of their own.
    s3.put_object(Bucket=source_bucket, Key="acme/a.mp4", Body=b"A")
    assert resolve_source(source_bucket, "acme/a.mp4").ref != planned
    require_current(planned)


@pytest.mark.parametrize(
    ("budget", "limit", "wanted"),
    [("mediaconvert_budget_job", "job", "above the limit of 0.0001 USD a job"),
     ("mediaconvert_budget_tenant_day", "tenant_day", "0.0001 USD a day")],
)  # fmt: skip
def test_a_budget_refuses_before_anything_is_submitted(
    site: Site, job: JobRow, set_settings: Any, budget: str, limit: str, wanted: str
) -> None:
    set_settings(**{budget: "0.0001"})
    with pytest.raises(BudgetExceeded, match=wanted) as caught:
        submit_job(job.id, run_id="manual-1")
    assert "normalised minutes" in str(caught.value)
    row = reread(job)
    assert (row.status, row.error_code, row.retryable) == (JobStatus.FAILED, f"budget_{limit}", False)
    assert site.jobs() == []
    # More money: the same job goes.
    set_settings(**{budget: "100"})
    submit_job(job.id, run_id="manual-1")
    assert len(site.jobs()) == 1


def test_a_tenants_own_budget_goes_before_the_installations(site: Site, job: JobRow, set_settings: Any) -> None:
    used = set_settings(mediaconvert_budget_tenant_day="100")

    def assign(budget: str | None, tenant: str = "acme") -> None:
        if tenant != "acme":
            registry.create(tenant, "", used)
        registry.configure(tenant, {"assigned": {"budget_day": budget}}, used, by="test", assigned_too=True)

    assign("0", tenant="globex")  # another's is nothing to it
    assign("0.0001")
    with pytest.raises(BudgetExceeded, match=r"acme would be above its limit of 0\.0001 USD a day"):
        submit_job(job.id, run_id="manual-1")
    assert (reread(job).error_code, site.jobs()) == ("budget_tenant_day", [])
    set_settings(mediaconvert_budget_tenant_day="0")
    assign("100")
    submit_job(job.id, run_id="manual-1")
    assert len(site.jobs()) == 1


def test_what_a_tenant_spent_today_counts(site: Site, job: JobRow, set_settings: Any) -> None:
    if (left := 86_400 - time.time() % 86_400) < 60:
        time.sleep(left)  # no day ends meanwhile
    submit_job(job.id, run_id="manual-1")
    spent = reread(job).estimated_cost
    assert spent is not None
    with transaction("test") as connection:
        assert submissions.spending(connection, "acme").tenant_today == spent
        assert submissions.spending(connection, "other").tenant_today == 0
        assert submissions.spending(connection, "other").minutes_this_month.keys() == {"basic"}
    set_settings(mediaconvert_budget_tenant_day=f"{spent * 3 / 2}")
    other = site.planned("small", "manual-2", force=True)
    with pytest.raises(BudgetExceeded, match=f"{spent.normalize()}.* already spent today"):
        submit_job(other.id, run_id="manual-2")


def test_a_region_without_prices_needs_no_estimate(site: Site, job: JobRow, set_settings: Any) -> None:
    set_settings(aws_region="ap-south-2", mediaconvert_budget_job="1")
    with pytest.raises(ConfigurationError, match="ap-south-2"):
        submit_job(job.id, run_id="manual-1")
    # Where nobody set a limit, a table without the Region is no reason to do nothing.
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("VODFLOW_MEDIACONVERT_BUDGET_JOB")
        set_settings()
        submit_job(job.id, run_id="manual-1")
        assert attempt(job).estimated_cost is None


def test_settings_that_the_service_refuses_fail_at_once(site: Site, job: JobRow, set_settings: Any) -> None:
    set_settings(mediaconvert_queue="no-such-queue")
    with pytest.raises((JobSettingsError, EngineError)) as caught:
        submit_job(job.id, run_id="manual-1")
    assert caught.value.retryable is False
    assert reread(job).status == JobStatus.FAILED


def test_who_encodes_is_said_by_the_run_then_the_place_then_the_profile(site: Site, set_settings: Any) -> None:
    bucket = site.settings.watch[0].bucket
    rules = [{"bucket": bucket, "prefix": "aws/", "tenant_pattern": "aws/{tenant}/", "engine": "mediaconvert"},
             {"bucket": bucket}]  # fmt: skip
    site.settings = set_settings(watch=json.dumps(rules))

    def engine_of(key: str, **asked: Any) -> tuple[str, str]:
        made = site.planned("small", f"run-{key}-{asked}", key=key, **{"engine": None} | asked)
        return made.engine.value, made.plan.tenant

    assert engine_of("aws/acme/a.mp4") == ("mediaconvert", "acme")
    assert engine_of("aws/acme/b.mp4", engine="local") == ("local", "acme")
    assert engine_of("acme/c.mp4") == ("local", "acme")


def test_options_whose_outputs_fit_nowhere_are_refused_before_anything_is_paid(
    site: Site, job: JobRow, set_settings: Any
) -> None:
    set_settings(mediaconvert_options='{"dash": "iso"}')
    with pytest.raises(ConfigurationError, match="Choose dash=cmaf"):
        submit_job(job.id, run_id="manual-1")
    assert site.jobs() == []
    for options, problem in (
        ('{"iframe_playlists": false}', "iframe_playlists must stay on"),
        ('{"encryption": {"kind": "speke", "url": "https://a", "resource_id": "b", "hls_systems": ["c"]}}', "of one"),
        ('{"dash": "no"}', "dash"),
        ("nonsense", "JSON"),
    ):
        with pytest.raises(ConfigurationError, match=f"(?s)VODFLOW_MEDIACONVERT_OPTIONS.*{problem}"):
            set_settings(mediaconvert_options=options)


def test_without_a_role_the_engine_is_refused_by_name(site: Site, job: JobRow, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("VODFLOW_MEDIACONVERT_ROLE", "AWS_MEDIACONVERT_ROLE_ARN", "MEDIACONVERT_ROLE_ARN"):
        monkeypatch.delenv(name, raising=False)
    from vodflow.settings import get_settings  # noqa: PLC0415

    get_settings.cache_clear()
    with pytest.raises(ConfigurationError, match="set VODFLOW_MEDIACONVERT_ROLE"):
        site.planned("small")
