"""``vodflow.jobs``: create, look, wait, cancel and retry against a real catalog and S3."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from integration.jobs.conftest import Place
from vodflow import jobs
from vodflow.catalog import jobs as catalog_jobs
from vodflow.catalog.database import transaction
from vodflow.catalog.sources import undispatched_sources
from vodflow.errors import (
    AirflowError,
    CatalogError,
    ConfigurationError,
    EngineCanceled,
    EngineError,
    InputRejected,
    PlanError,
    ProfileError,
    SourceNotFound,
    SourceUnreadable,
    VodflowError,
    WaitTimeout,
)
from vodflow.pipeline.prepare import prepare, probe_source
from vodflow.pipeline.request import TranscodeRequest
from vodflow.settings import Settings

pytestmark = pytest.mark.integration


def test_a_job_from_request_to_manifest(place: Place) -> None:
    uri = place.put("acme/a b+ü.mp4")
    asked = jobs.create(uri, outputs=["mp4"], qualities=["360p"], priority=70)
    assert (asked.id, asked.ref, asked.run_id, asked.run_state) == (None, "source-1", "source-1", "queued")
    assert asked.tenant == "acme"
    assert place.airflow.runs["source-1"]["conf"] == {
        "source_id": 1, "outputs": ["mp4"], "qualities": ["360p"], "priority": 70,
    }  # fmt: skip
    with transaction("test") as connection:
        assert undispatched_sources(connection, 10) == [], "ingest starts no second run"
    seen: list[str] = []
    worker = threading.Thread(target=place.carry_out, args=("source-1",), kwargs={"really": True})
    worker.start()
    done = jobs.wait(asked, timeout=240, poll=0.05, on_progress=lambda job: seen.append(job.status))
    worker.join()
    assert done.raise_for_status() is done
    assert (done.outputs, done.qualities, done.priority) == (("mp4",), ("360p",), 70)
    assert done.public
    assert done.manifest == f"{done.output}/manifest.json"
    assert seen[-1] == "PUBLISHED"
    assert "PROGRESSING" in seen
    told = jobs.details(done)
    assert [event["new_status"] for event in told["history"]] == ["QUEUED", "PROGRESSING", "VERIFYING", "PUBLISHED"]
    assert {item["name"] for item in told["renditions"]} >= {"360p"}
    assert "mp4" in {item["kind"] for item in told["artifacts"]}
    assert [how["kind"] for how in told["strategy"]] == ["single"]
    assert told["parts"] == []
    # Every name finds it.
    for ref in (done.id, str(done.id), "source-1", uri, done):
        assert jobs.get(ref).id == done.id


def test_asking_again_starts_nothing(place: Place) -> None:
    uri = place.put("acme/a.mp4")
    first = jobs.create(uri, outputs=["mp4"], qualities=["360p"])
    assert jobs.create(uri, outputs=["mp4"], qualities=["360p"]).run_id == first.run_id
    assert list(place.airflow.runs) == ["source-1"]
    made = place.carry_out("source-1")
    again = jobs.create(uri, outputs=["mp4"], qualities=["360p"])
    assert (again.id, again.status) == (made, "PUBLISHED")
    # The same work in other words.
    assert jobs.create(uri, profile="standard", outputs=["mp4", "mp4"], qualities=["360P"], priority=9).id == made
    assert list(place.airflow.runs) == ["source-1"]
    other = jobs.create(uri, outputs=["hls"])
    assert other.id is None
    assert other.run_id is not None
    assert other.run_id.startswith("source-1-")
    assert jobs.create(uri, outputs=["hls"]).run_id == other.run_id
    assert len(place.airflow.runs) == 2
    # Two forced requests are two, unless they say that they are one.
    forced = {jobs.create(uri, force=True).run_id, jobs.create(uri, force=True).run_id}
    assert len(forced) == 2
    assert jobs.create(uri, force=True, token="t").run_id == jobs.create(uri, force=True, token="t").run_id
    assert len(place.airflow.runs) == 5


def test_a_run_that_finds_the_work_done_is_over_with_that_job(place: Place) -> None:
    uri = place.put("acme/a.mp4")
    made = place.carry_out(str(jobs.create(uri, outputs=["mp4"]).run_id))
    # As if both had been asked for before the first was planned.
    place.airflow.runs["source-1-twin"] = {"state": "success", "conf": {"source_id": 1, "outputs": ["mp4"]}}
    assert jobs.wait("source-1-twin", timeout=5).id == made


def test_ingest_was_first(place: Place) -> None:
    """An upload that ingest started already with the defaults, and a person who wants something else of it."""
    uri = place.put("acme/a.mp4")
    place.airflow.runs["source-1"] = {"state": "running", "conf": {"source_id": 1}}
    assert jobs.create(uri).run_id == "source-1"
    special = jobs.create(uri, outputs=["mp4"])
    assert special.run_id != "source-1"
    assert len(place.airflow.runs) == 2


def test_wrong_requests_are_refused_before_anything_starts(place: Place) -> None:
    uri = place.put("acme/a.mp4")
    with pytest.raises(ConfigurationError, match=r"outputs\.0"):
        jobs.create(uri, outputs=["avi"])
    with pytest.raises(ConfigurationError, match="source_uri"):
        jobs.create("a.mp4")
    with pytest.raises(ProfileError, match="no profile 'cinema'"):
        jobs.create(uri, profile="cinema")
    with pytest.raises(PlanError, match=r"no quality 4k\. Choose from: 480p, 360p, 240p"):
        jobs.create(uri, profile="sd", qualities=["4k"])
    with pytest.raises(PlanError, match=r"Profile standard has no quality 4k"):
        jobs.create(uri, qualities=["4k"])
    with pytest.raises(SourceNotFound, match=r"nothing\.mp4"):
        jobs.create(f"s3://{place.bucket}/nothing.mp4")
    assert place.airflow.runs == {}


def test_airflow_must_be_named_and_there(place: Place, set_settings: Callable[..., Settings]) -> None:
    uri = place.put("acme/a.mp4")
    place.airflow.broken = 500
    with pytest.raises(AirflowError):
        jobs.create(uri)
    with transaction("test") as connection:
        # Registered and not dispatched: the next round of ingest starts it, whoever died here.
        assert [row.id for row in undispatched_sources(connection, 10)] == [1]
    place.airflow.broken = None
    set_settings(airflow_url="")
    with pytest.raises(ConfigurationError, match="VODFLOW_AIRFLOW_URL"):
        jobs.create(uri)


def test_a_rejected_input(place: Place) -> None:
    uri = place.put("acme/text.mp4", b"no video" * 100)
    asked = jobs.create(uri)
    with pytest.raises(InputRejected):
        probe_source(TranscodeRequest(source_id=1), "source-1")
    place.airflow.runs["source-1"]["state"] = "success"
    refused = jobs.wait(asked, timeout=5)
    assert (refused.status, refused.error_code) == ("REJECTED", "not_a_video")
    with pytest.raises(InputRejected, match="not_a_video"):
        refused.raise_for_status()
    assert jobs.create(uri).status == "REJECTED"
    with pytest.raises(CatalogError, match=r"REJECTED: there is nothing to try again.*--force"):
        jobs.retry(refused)
    forced = jobs.create(uri, force=True)
    run = place.airflow.runs[str(forced.run_id)]
    assert run["conf"] == {"source_id": 1, "force": True}
    # The rejection is the earlier run's until this one has judged.
    assert (forced.status, forced.reason, forced.over) == ("DISPATCHED", None, False)
    with pytest.raises(WaitTimeout):
        jobs.wait(forced, timeout=0.2, poll=0.05)
    run["state"] = "success"
    assert jobs.wait(forced, timeout=5).status == "REJECTED"


def test_a_source_that_comes_back_has_a_run_of_its_own(place: Place) -> None:
    uri = place.put("acme/a.mp4")
    waiting = jobs.create(uri, airflow=place.client)
    place.s3.delete_object(Bucket=place.bucket, Key="acme/a.mp4")
    with pytest.raises(SourceUnreadable):
        place.carry_out("source-1")
    place.airflow.runs["source-1"]["state"] = "success"  # everything was skipped
    gone = jobs.wait(waiting, timeout=20, airflow=place.client)
    assert (gone.status, gone.error_code, gone.over, gone.succeeded) == ("UNREADABLE", "gone", True, False)
    with pytest.raises(SourceUnreadable, match="gone"):
        gone.raise_for_status()
    assert [job.ref for job in jobs.list_jobs(status="unreadable").jobs] == ["source-1"]
    place.put("acme/a.mp4")
    again = jobs.create(uri, airflow=place.client)
    assert (again.run_id, again.over) == ("source-1-again-1", False)
    assert jobs.get("source-1", airflow=place.client).run_state == "queued"
    place.carry_out("source-1-again-1")
    assert jobs.wait("source-1", timeout=20, airflow=place.client).succeeded
    assert set(place.airflow.runs) == {"source-1", "source-1-again-1"}


def test_an_archived_object_is_said_at_once(place: Place) -> None:
    place.put("acme/a.mp4", StorageClass="GLACIER")
    job = jobs.create(f"s3://{place.bucket}/acme/a.mp4", airflow=place.client)
    assert (job.status, job.error_code, job.over) == ("UNREADABLE", "archived", True)
    assert place.airflow.runs == {}


def test_a_run_that_fails_before_it_has_a_job(place: Place) -> None:
    asked = jobs.create(place.put("acme/a.mp4"))
    place.airflow.runs["source-1"]["state"] = "failed"
    failed = jobs.wait(asked, timeout=5)
    assert failed.status == "FAILED"
    assert "source-1 ended (failed) without making a job" in str(failed.reason)
    again = jobs.retry(asked)
    assert again.run_state == "queued"
    assert not again.over
    place.airflow.runs["source-1"]["state"] = "failed"
    assert jobs.create(f"s3://{place.bucket}/acme/a.mp4").run_state == "queued", "asking again tries again"


def test_waiting_ends_in_time(place: Place) -> None:
    asked = jobs.create(place.put("acme/a.mp4"))
    with pytest.raises(WaitTimeout, match="source-1 is not over after 0 s; its status is D"):
        jobs.wait(asked, timeout=0.2, poll=0.05)
    with pytest.raises(CatalogError, match="no job 99"):
        jobs.wait(99, timeout=1)


def test_a_failure_is_over_only_with_its_run(place: Place) -> None:
    jobs.create(place.put("acme/a.mp4"))
    made = place.carry_out("source-1", until="plan")
    with transaction("test") as connection:
        catalog_jobs.begin(connection, made, engine="local", worker="host")
        catalog_jobs.fail_job(connection, made, EngineError("out of luck", job_id=made, code="137"))
    with pytest.raises(WaitTimeout):
        jobs.wait(made, timeout=0.3, poll=0.05)
    place.airflow.runs["source-1"]["state"] = "failed"
    failed = jobs.wait(made, timeout=10, poll=0.05)
    with pytest.raises(EngineError, match="out of luck") as caught:
        failed.raise_for_status()
    assert (caught.value.code, caught.value.retryable, caught.value.job_id) == ("137", True, made)
    again = jobs.retry(made)
    assert (again.status, again.run_state, again.reason) == ("QUEUED", "queued", None)
    assert jobs.retry(made).status == "QUEUED", "again changes nothing"
    assert place.carry_out("source-1") == made
    with pytest.raises(CatalogError, match="PUBLISHED"):
        jobs.retry(made)


def test_cancelling_what_waits(place: Place) -> None:
    jobs.create(place.put("acme/a.mp4"))
    made = place.carry_out("source-1", until="plan")
    for _ in range(2):
        assert jobs.cancel(made).status == "CANCELED"
        assert place.airflow.runs["source-1"]["state"] == "failed"
    with pytest.raises(EngineCanceled):
        jobs.get(made).raise_for_status()
    assert jobs.retry(made).status == "QUEUED"
    assert place.carry_out("source-1") == made
    assert jobs.cancel(made).status == "PUBLISHED", "what is over stays"


def test_cancelling_waits_for_the_engine_and_not_for_ever(place: Place) -> None:
    jobs.create(place.put("acme/a.mp4"))
    made = place.carry_out("source-1", until="plan")
    with transaction("test") as connection:
        catalog_jobs.begin(connection, made, engine="local", worker="host")

    def engine_stops(_: str) -> None:
        def record() -> None:
            with transaction("engine") as connection:
                catalog_jobs.cancel_job(connection, made)

        threading.Timer(0.5, record).start()

    place.airflow.on_fail = engine_stops
    assert jobs.cancel(made, reason="wrong file", by="ada", patience=20).status == "CANCELED"
    last = jobs.details(made)["history"][-1]
    assert (last["actor"], last["canceled_by"], last["reason"]) == ("engine", "ada", "wrong file")
    place.airflow.on_fail = lambda _: None
    jobs.retry(made)
    with transaction("test") as connection:
        catalog_jobs.begin(connection, made, engine="local", worker="host")
    place.airflow.runs["source-1"]["state"] = "running"
    assert jobs.cancel(made, patience=0.3).status == "CANCELED", "an engine that is dead records nothing"
    last = jobs.details(made)["history"][-1]
    assert (last["actor"], last["canceled_by"], last["reason"]) == ("vodflow.jobs", "vodflow.jobs", None), "no old one"


def test_cancelling_while_the_task_begins(place: Place) -> None:
    """The job waits, but its task runs already and begins it before anybody tells it to stop."""
    jobs.create(place.put("acme/a.mp4"))
    made = place.carry_out("source-1", until="plan")
    place.airflow.busy = True

    def task(_: str) -> None:
        def begin() -> None:
            with transaction("task") as connection:
                catalog_jobs.begin(connection, made, engine="local", worker="host", run_id="source-1")
            threading.Timer(0.9, stop).start()

        def stop() -> None:
            with transaction("task") as connection:
                catalog_jobs.cancel_job(connection, made)

        threading.Timer(0.6, begin).start()

    place.airflow.on_fail = task
    assert jobs.cancel(made).status == "CANCELED"
    told = [(event["new_status"], event["actor"]) for event in jobs.details(made)["history"]]
    assert told[-2:] == [("PROGRESSING", "task"), ("CANCELED", "task")], "the engine had stopped when cancel returned"


def test_a_retry_while_the_cancelled_task_still_ends_is_not_cancelled_as_well(place: Place) -> None:
    jobs.create(place.put("acme/a.mp4"))
    made = place.carry_out("source-1", until="plan")
    place.airflow.busy = True

    def again() -> None:
        while jobs.get(made).status != "CANCELED":
            time.sleep(0.05)
        jobs.retry(made)

    person = threading.Thread(target=again)
    place.airflow.on_fail = lambda _: person.start()
    assert jobs.cancel(made).status == "QUEUED"
    person.join()
    assert [event["new_status"] for event in jobs.details(made)["history"]] == ["QUEUED", "CANCELED", "QUEUED"]


def test_cancelling_before_there_is_a_job(place: Place) -> None:
    asked = jobs.create(place.put("acme/a.mp4"))
    canceled = jobs.cancel(asked)
    assert (canceled.id, canceled.run_state, canceled.over) == (None, "failed", True)


@pytest.mark.parametrize("options", [{}, {"qualities": ["360p"], "outputs": ["mp4"]}, {"force": True}])
def test_a_run_that_airflow_has_forgotten_is_made_again(place: Place, options: dict[str, object]) -> None:
    """Airflow's metadata are cleaned up after some weeks; the job is retried all the same."""
    uri = place.put("acme/a.mp4")
    if options.get("force"):
        place.carry_out(str(jobs.create(uri).run_id))
    run_id = str(jobs.create(uri, **options).run_id)  # type: ignore[arg-type]
    made = place.carry_out(run_id, until="plan")
    jobs.cancel(made)
    del place.airflow.runs[run_id]
    jobs.retry(made)
    assert place.carry_out(run_id) == made
    assert jobs.get(made).status == "PUBLISHED"


def fail(place: Place, run_id: str, **params: object) -> str:
    """The sentence with which a run by hand fails in ``prepare``."""
    with pytest.raises(VodflowError) as caught:
        prepare({"source_uri": None, "source_id": None, **params}, run_id)
    return str(caught.value)


def test_runs_that_fail_before_they_have_found_a_source(place: Place) -> None:
    empty = fail(place, "manual__1")
    missing = fail(place, "manual__2", source_uri=f"s3://{place.bucket}/acme/none.mp4", profile="hd", engine="local")
    listed = jobs.list_jobs().jobs
    assert [(job.ref, job.status, job.reason, job.tenant) for job in listed] == [
        ("manual__2", "FAILED", missing, "default"),
        ("manual__1", "FAILED", empty, "default"),
    ]
    assert [job.source for job in listed] == [f"s3://{place.bucket}/acme/none.mp4", ""]
    assert jobs.get("manual__2") == listed[0]
    assert (listed[0].over, listed[0].source_id, listed[0].error_code) == (True, None, "source_not_found")
    assert [job.ref for job in jobs.list_jobs(source=f"s3://{place.bucket}/acme").jobs] == ["manual__2"]
    assert [job.ref for job in jobs.list_jobs(profile="hd", engine="local", status="FAILED").jobs] == ["manual__2"]
    assert jobs.list_jobs(status="QUEUED").jobs == jobs.list_jobs(tenant="acme").jobs == ()
    assert jobs.details("manual__1")["history"] == []
    place.put("acme/none.mp4")
    prepare({"source_uri": f"s3://{place.bucket}/acme/none.mp4"}, "manual__2", first_try=False)
    assert [job.ref for job in jobs.list_jobs().jobs] == ["1", "manual__1"], "a later try went on"


def test_a_run_that_fails_beside_jobs_of_its_source(place: Place) -> None:
    uri = place.put("acme/a.mp4")
    job = prepare({"source_uri": uri}, "manual__1")
    said = fail(place, "manual__2", source_id=job.source_id, profile="none")
    assert [(job.ref, job.status) for job in jobs.list_jobs().jobs] == [("manual__2", "FAILED"), ("1", "QUEUED")]
    assert (jobs.get("manual__2").reason, jobs.get("manual__2").source) == (said, uri)


def test_pages_of_every_size_hold_the_same(place: Place) -> None:
    """Jobs, sources without one and failed runs, in one order; none twice, none left out."""
    for number in range(1, 9):
        asked = jobs.create(place.put(f"acme/{number}.mp4", b"x" * number if number % 3 else None))
        if number % 3 == 0:
            place.carry_out(str(asked.run_id), until="plan")
    # A newer job of an old source.
    place.carry_out(str(jobs.create(f"s3://{place.bucket}/acme/3.mp4", outputs=["hls"]).run_id), until="plan")
    for number in range(3):
        fail(place, f"manual__{number}")
    everything = [(job.id, job.source_id) for job in jobs.iterate(limit=100)]
    runs = [(None, None)] * 3
    others = [(3, 3), (None, 8), (None, 7), (2, 6), (None, 5), (None, 4), (1, 3), (None, 2), (None, 1)]
    assert everything == [*runs, *others]
    for limit in range(1, 14):
        assert [(job.id, job.source_id) for job in jobs.iterate(limit=limit)] == everything


def test_filters(place: Place) -> None:
    first = jobs.create(place.put("acme/in/one.mp4"), outputs=["mp4"])
    made = place.carry_out("source-1")
    jobs.create(place.put("acme/other/two.mp4"), profile="hd")
    second = place.carry_out("source-2", until="plan")
    jobs.create(place.put("globex/in/three.mp4", b"x"))

    def found(**filters: object) -> list[object]:
        return [job.id for job in jobs.list_jobs(**filters).jobs]  # type: ignore[arg-type]

    assert found() == [None, second, made]
    assert found(status="published") == [made]
    assert found(status=["QUEUED", "dispatched"]) == [None, second]
    assert found(tenant="acme") == [second, made]
    assert found(engine="local") == [second, made]
    assert found(profile="hd") == [second]
    assert found(source=f"s3://{place.bucket}/acme/in/") == [made]
    assert found(source=f"s3://{place.bucket}") == [None, second, made]
    assert found(source=f"s3://{place.bucket}/acme/%") == []
    now = datetime.now(UTC)
    assert found(since=now - timedelta(hours=1), until=now + timedelta(hours=1)) == [None, second, made]
    assert found(since=now + timedelta(hours=1)) == []
    assert found(until=jobs.get(second).created_at) == [made]
    assert first.source_id == 1
    for wrong in (
        {"status": "done"}, {"engine": "clouds"}, {"source": "acme"}, {"limit": 0}, {"cursor": "x"},
        {"since": datetime(2026, 1, 1)},  # noqa: DTZ001
    ):  # fmt: skip
        with pytest.raises(ConfigurationError):
            found(**wrong)


def test_health(place: Place, set_settings: Callable[..., Settings]) -> None:
    # Its own patch: what surrounds this test has set the variable, and takes it away again.
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("AWS_MEDIACONVERT_ROLE_ARN", raising=False)
        set_settings()
        report = jobs.health()
        assert report.ok, report
        names = {check.name: check.ok for check in report.checks}
        assert names["catalog"]
        assert names[f"s3://{place.bucket}"]
        assert names["airflow"]
        assert names["engine local"]
        assert names["engine mediaconvert"] is None
        place.airflow.broken = 500
        set_settings(media_bucket="no-such-bucket", kubernetes_namespace="video")
        report = jobs.health()
    assert not report.ok
    wrong = {check.name: check.detail for check in report.checks if check.ok is False}
    assert wrong.keys() == {"airflow", "s3://no-such-bucket", "engine kubernetes"}
    assert wrong["engine kubernetes"].startswith("VODFLOW_KUBERNETES_IMAGE is not set")
