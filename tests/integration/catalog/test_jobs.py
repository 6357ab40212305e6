import threading
from datetime import timedelta

import pytest
from sqlalchemy import select, text, update
from support.fixtures.values import engine_result, make_plan, probed_source, published_job, queued_job, verified_job
from vodflow.catalog import jobs, sources
from vodflow.catalog.database import transaction
from vodflow.catalog.states import JobStatus, SourceStatus
from vodflow.catalog.tables import job, job_attempt
from vodflow.contract.engine_names import EngineName
from vodflow.errors import (
    CatalogError,
    EngineStalled,
    ErrorClass,
    IllegalTransition,
    JobBusy,
    RejectionReason,
    VerificationError,
)

pytestmark = pytest.mark.integration


def _attempts():
    with transaction("test") as conn:
        columns = (job_attempt.c.number, job_attempt.c.worker, job_attempt.c.outcome, job_attempt.c.error_class)
        return [tuple(row) for row in conn.execute(select(*columns).order_by(job_attempt.c.id))]


def _opened(run_id="run-1", **changes):
    with transaction("plan") as conn:
        return queued_job(conn, probed_source(conn, **changes), run_id=run_id)


def _begin(job_id, **changes):
    with transaction("worker") as conn:
        return jobs.begin(conn, job_id, engine="local", worker="host", **changes)


def _age(job_id, seconds):
    with transaction("test") as conn:
        age = timedelta(seconds=seconds)
        times = {name: job.c[name] - age for name in ("heartbeat_at", "started_at", "queued_at")}
        conn.execute(update(job).where(job.c.id == job_id).values(times))


def test_the_way_to_a_published_job(catalog):
    with transaction("test") as conn:
        source = probed_source(conn)
        job = queued_job(conn, source)
        assert (job.status, job.engine, job.priority, job.progress) == (JobStatus.QUEUED, EngineName.LOCAL, 50, 0)
        assert job.plan == make_plan(source)
        jobs.begin(conn, job.id, engine="local", worker="host")
        jobs.record_progress(conn, job.id, "encode", 40, speed=2.5, eta=12)
        jobs.record_progress(conn, job.id, "encode", 30)
        jobs.record_progress(conn, job.id, "upload", 140, eta=-1)
        at_work = jobs.get_job(conn, job.id)
        stored = jobs.store_result(conn, job.id, engine_result(job))
    assert (at_work.status, at_work.stage, at_work.progress, at_work.eta_seconds) == (
        JobStatus.PROGRESSING, "upload", 100, 0,
    )  # fmt: skip
    assert (stored.status, stored.encode_seconds, stored.speed) == (JobStatus.VERIFYING, 30, 2)
    assert stored.result == engine_result(job)
    assert not stored.published
    assert _attempts() == [(1, "host", "succeeded", None)]


def test_the_same_source_and_plan_is_one_job(catalog):
    first = _opened()
    assert _opened("run-2").id == first.id
    _begin(first.id, run_id="run-2")
    with transaction("test") as conn:
        assert conn.scalar(text("SELECT count(*) FROM job")) == 1


def test_opened_at_once_is_one_job(catalog):
    with transaction("test") as conn:
        source = probed_source(conn)
    ids, start = [], threading.Barrier(6)

    def open_it():
        start.wait()
        with transaction("test") as conn:
            ids.append(queued_job(conn, source).id)

    threads = [threading.Thread(target=open_it) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 6
    assert len(set(ids)) == 1


def test_a_crashed_try_of_the_same_run_begins_again(catalog):
    job = _opened()
    _begin(job.id)
    with transaction("worker") as conn:
        jobs.record_progress(conn, job.id, "encode", 70)
    _begin(job.id)
    with transaction("test") as conn:
        again = jobs.get_job(conn, job.id)
    assert (again.status, again.progress) == (JobStatus.PROGRESSING, 0)
    assert _attempts() == [(1, "host", "lost", None), (2, "host", None, None)]
    assert _opened().status == JobStatus.QUEUED


def test_another_run_waits_for_the_lease(catalog):
    job = _opened()
    _begin(job.id)
    with pytest.raises(JobBusy, match="PROGRESSING in run run-1") as busy:
        _opened("run-2")
    assert busy.value.retryable
    with pytest.raises(JobBusy):
        _begin(job.id, run_id="run-2")
    _age(job.id, 301)
    taken = _opened("run-2")
    assert (taken.id, taken.status, taken.run_id) == (job.id, JobStatus.QUEUED, "run-2")


def test_two_runs_at_once_begin_one(catalog):
    job_id = _opened().id
    outcomes, start = [], threading.Barrier(4)

    def begin(number):
        start.wait()
        try:
            _begin(job_id, run_id=f"run-{number}")
            outcomes.append("began")
        except JobBusy:
            outcomes.append("busy")

    threads = [threading.Thread(target=begin, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["began", "busy", "busy", "busy"]
    assert _attempts() == [(1, "host", None, None)]


def test_the_result_of_a_finished_engine_is_kept(catalog):
    with transaction("test") as conn:
        job = verified_job(conn, probed_source(conn))
    again = _opened("run-2")
    assert (again.id, again.status) == (job.id, JobStatus.VERIFYING)
    assert again.result is not None
    with transaction("test") as conn:
        queued = jobs.set_status(conn, job.id, JobStatus.QUEUED)
    assert (queued.result, queued.encode_seconds, queued.speed) == (None, None, None)


def test_published_and_rejected_jobs_stay(catalog):
    with transaction("test") as conn:
        done = published_job(conn, probed_source(conn))
    assert _opened("run-2") == done
    with pytest.raises(IllegalTransition):
        _begin(done.id, run_id="run-2")
    refused = _opened(key="acme/b.mp4")
    _begin(refused.id)
    with transaction("worker") as conn:
        rejected = jobs.reject_job(conn, refused.id, RejectionReason.UNDECODABLE, "no frame in 10 s")
        assert jobs.reject_job(conn, refused.id, "truncated", "late") == rejected
        source = sources.get_source(conn, refused.source_id)
    assert (rejected.status, rejected.error_code, rejected.error_message) == (
        JobStatus.REJECTED, "undecodable", "no frame in 10 s",
    )  # fmt: skip
    assert (source.status, source.rejection_reason) == (SourceStatus.REJECTED, RejectionReason.UNDECODABLE)
    assert _attempts()[-1] == (1, "host", "rejected", None)


@pytest.mark.parametrize(
    ("error", "kept", "expected"),
    [
        (EngineStalled("no progress for 120 s", code="stalled"), None, (ErrorClass.TRANSIENT, "stalled", True)),
        (VerificationError("gap", uri="s3://a/b", rule="segments"), None, (ErrorClass.PERMANENT, "segments", False)),
        (RuntimeError("boom"), None, (ErrorClass.PERMANENT, "RuntimeError", False)),
        (RuntimeError(), True, (ErrorClass.TRANSIENT, "RuntimeError", True)),
    ],
)
def test_failed_and_queued_again(catalog, error, kept, expected):
    job = _opened()
    _begin(job.id)
    with transaction("worker") as conn:
        failed = jobs.fail_job(conn, job.id, error, retryable=kept)
        assert jobs.fail_job(conn, job.id, RuntimeError("late")) == failed
        jobs.record_progress(conn, job.id, "encode", 99)
    assert (failed.status, failed.error_class, failed.error_code, failed.retryable) == (JobStatus.FAILED, *expected)
    assert failed.error_message
    assert _attempts() == [(1, "host", "failed", expected[0])]
    again = _opened()
    assert (again.id, again.status, again.error_class, again.progress, again.finished_at) == (
        job.id, JobStatus.QUEUED, None, 0, None,
    )  # fmt: skip


def test_messages_are_storable(catalog):
    job = _opened()
    with transaction("worker") as conn:
        failed = jobs.fail_job(conn, job.id, RuntimeError("\x00\ud800" + "x" * 9000 + "the end"))
    assert len(failed.error_message) == 4000
    assert failed.error_message.startswith("…")
    assert failed.error_message.endswith("the end")


def test_canceled(catalog):
    job = _opened()
    _begin(job.id)
    with transaction("person") as conn:
        canceled = jobs.cancel_job(conn, job.id)
        assert jobs.cancel_job(conn, job.id) == canceled
    assert canceled.status == JobStatus.CANCELED
    assert _attempts() == [(1, "host", "canceled", None)]
    assert _opened().status == JobStatus.QUEUED


def test_revisions(catalog):
    with transaction("test") as conn:
        source = probed_source(conn)

        def revision(run_id, *, force=True, profile="standard"):
            return jobs.revision_for(conn, source.id, profile, run_id=run_id, force=force)

        assert revision("run-1") == 0
        queued_job(conn, source)
        assert revision("run-1") == 0
        assert revision("run-2") == 1
        forced = queued_job(conn, source, run_id="run-2", revision=1)
        assert forced.revision == 1
        assert revision("run-2") == 1
        assert revision("run-3") == 2
        assert revision("run-3", profile="hd") == 0
        assert revision("run-3", force=False) == 0


def test_progress_touches_no_index(catalog):
    job = _opened()
    _begin(job.id)
    for percent in range(50):
        with transaction("worker") as conn:
            jobs.record_progress(conn, job.id, "encode", percent)
    with transaction("test") as conn:
        conn.execute(text("SELECT pg_stat_force_next_flush()"))
    with transaction("test") as conn:
        row = conn.execute(text("SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname='job'")).one()
    assert row.n_tup_upd >= 50
    assert row.n_tup_hot_upd >= 50


def test_unknown_job(catalog):
    for call in (
        lambda conn: jobs.get_job(conn, 9),
        lambda conn: jobs.set_status(conn, 9, "QUEUED"),
        lambda conn: jobs.fail_job(conn, 9, RuntimeError()),
        lambda conn: jobs.begin(conn, 9, engine="local", worker="host"),
    ):
        with pytest.raises(CatalogError, match="no job 9"), transaction("test") as conn:
            call(conn)
    with pytest.raises(CatalogError, match="no source 9"), transaction("test") as conn:
        source = probed_source(conn)
        jobs.open_job(
            conn, 9, make_plan(source), engine="local", priority=1, run_id="run", bucket="media", prefix="vod"
        )
