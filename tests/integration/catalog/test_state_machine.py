"""The database's state machine against the documented one, over every pair of statuses."""

import contextlib
import itertools

import pytest
from sqlalchemy import insert, select, text
from support.fixtures.values import probed_source, queued_job
from vodflow.catalog import jobs
from vodflow.catalog.database import transaction
from vodflow.catalog.states import FINISHED, JOB_TRANSITIONS, JobStatus
from vodflow.catalog.tables import job, job_event
from vodflow.errors import CatalogError, ErrorClass, IllegalTransition

pytestmark = pytest.mark.integration

_FIELDS = {JobStatus.FAILED: {"error_class": ErrorClass.TRANSIENT, "retryable": True}}


def _path_to(target):
    """Statuses from QUEUED to the target, by breadth first search."""
    paths = [[JobStatus.QUEUED]]
    while paths:
        path = paths.pop(0)
        if path[-1] == target:
            return path[1:]
        paths += [[*path, after] for after in sorted(JOB_TRANSITIONS[path[-1]]) if after not in path]
    raise AssertionError(target)


def _job_in(conn, status):
    row = queued_job(conn, probed_source(conn))
    for step in _path_to(status):
        row = jobs.set_status(conn, row.id, step, **_FIELDS.get(step, {}))
    return row


class _RollBack(Exception):
    pass


def _try_and_roll_back(job_id, after, fields):
    with contextlib.suppress(_RollBack), transaction("test") as conn:
        assert jobs.set_status(conn, job_id, after, **fields).status == after
        raise _RollBack


@pytest.mark.parametrize("before", JobStatus)
def test_every_pair(catalog, before):
    with transaction("test") as conn:
        row = _job_in(conn, before)
        assert row.status == before
        assert (row.finished_at is not None) == (before in FINISHED)
    for after in JobStatus:
        if after == before:
            continue
        # A retry clears the error; other changes out of FAILED are refused before the check is reached.
        fields = _FIELDS.get(after, {})
        if after in JOB_TRANSITIONS[before]:
            _try_and_roll_back(row.id, after, fields)
        else:
            with (
                pytest.raises(IllegalTransition, match=f"Job {row.id} is {before}: it cannot become {after}"),
                transaction("test") as conn,
            ):
                jobs.set_status(conn, row.id, after, **fields)
    with transaction("test") as conn:
        assert jobs.get_job(conn, row.id).status == before


def test_every_status_is_reachable():
    assert {step for status in JobStatus for step in _path_to(status)} | {JobStatus.QUEUED} == set(JobStatus)
    assert set(JOB_TRANSITIONS) == set(JobStatus)


@pytest.mark.parametrize("status", sorted(set(JobStatus) - {JobStatus.QUEUED}))
def test_a_new_job_is_queued(catalog, status):
    with transaction("test") as conn:
        row = queued_job(conn, probed_source(conn))
        values = dict(conn.execute(select(job).where(job.c.id == row.id)).one()._mapping)
    values |= {"plan_hash": "0" * 16, "prefix": "other", "status": status}
    del values["id"]
    with pytest.raises(IllegalTransition, match="must be QUEUED"), transaction("test") as conn:
        conn.execute(insert(job).values(**values))


def test_each_change_is_one_event_with_its_actor(catalog):
    with transaction("plan") as conn:
        row = queued_job(conn, probed_source(conn), run_id="run-7")
    with transaction("worker") as conn:
        jobs.begin(conn, row.id, engine="local", worker="host")
        jobs.set_status(conn, row.id, JobStatus.PROGRESSING)  # no change, no event
        jobs.record_progress(conn, row.id, "encode", 10)
        jobs.fail_job(conn, row.id, RuntimeError("boom"))
    with transaction("reader") as conn:
        events = conn.execute(select(job_event).order_by(job_event.c.id)).all()
    assert [(event.actor, event.old_status, event.new_status) for event in events] == [
        ("plan", None, "QUEUED"),
        ("worker", "QUEUED", "PROGRESSING"),
        ("worker", "PROGRESSING", "FAILED"),
    ]
    assert events[0].detail == {"run_id": "run-7"}
    assert events[-1].detail["error_message"] == "boom"
    assert all(a.at <= b.at for a, b in itertools.pairwise(events))


@pytest.mark.parametrize(
    "statement", ["UPDATE job_event SET actor = 'me'", "DELETE FROM job_event", "TRUNCATE job_event", "DELETE FROM job"]
)
def test_events_are_append_only(catalog, statement):
    with transaction("test") as conn:
        queued_job(conn, probed_source(conn))
    with pytest.raises(CatalogError), transaction("test") as conn:
        conn.execute(text(statement))
    with transaction("test") as conn:
        assert conn.scalar(text("SELECT count(*) FROM job_event")) == 1


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("UPDATE job SET progress = 101", "ck_job_progress"),
        ("UPDATE job SET progress = -1", "ck_job_progress"),
        ("UPDATE job SET priority = 101", "ck_job_priority"),
        ("UPDATE job SET engine = 'abacus'", "ck_job_engine"),
        ("UPDATE job SET error_class = 'permanent', retryable = false", "ck_job_failed_has_class"),
        ("UPDATE job SET finished_at = now()", "ck_job_finished_has_time"),
        ("UPDATE job SET encode_seconds = -1", "ck_job_encode_seconds"),
        ("UPDATE job SET video_id = video_id + 1", "fk_job_source_id_video_id_source"),
        ("UPDATE source SET status = 'REJECTED', rejected_at = now()", "ck_source_rejected_has_reason"),
        ("UPDATE source SET rejection_reason = 'empty'", "ck_source_rejected_has_"),
        ("UPDATE source SET size_bytes = -1", "ck_source_size_bytes"),
        ("UPDATE source SET media_info = NULL, probed_at = NULL", "ck_source_probed_has_media_info"),
        ("UPDATE source SET run_id = 'x'", "ck_source_dispatched_has_run"),
        ("UPDATE source SET key = 'other'", "fk_source_video_id_bucket_key_video"),
        ("UPDATE tenant SET slug = 'No/Slug'", "ck_tenant_slug"),
        (
            "INSERT INTO publication (video_id, job_id, manifest_uri) SELECT video_id, id, 'x' FROM job",
            "fk_publication",
        ),
        (
            (
                "INSERT INTO publication (video_id, job_id, job_status, manifest_uri) "
                "SELECT video_id, id, 'QUEUED', 'x' FROM job"
            ),
            "ck_publication_job_status",
        ),
    ],
)
def test_wrong_states_are_impossible(catalog, change, constraint):
    with transaction("test") as conn:
        queued_job(conn, probed_source(conn))
    with pytest.raises(CatalogError, match=constraint), transaction("test") as conn:
        conn.execute(text(change))
