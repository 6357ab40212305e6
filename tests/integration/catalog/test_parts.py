"""The parts of divided jobs in the catalog."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection
from support.fixtures.values import probed_source, queued_job
from vodflow.catalog import parts
from vodflow.catalog.database import transaction
from vodflow.catalog.rows import JobRow
from vodflow.catalog.states import PartState
from vodflow.contract.parts import Part, PartFile, PartRecord, part_digest
from vodflow.errors import CatalogError, EngineError

pytestmark = pytest.mark.integration

PART = Part("chunk-001", "chunk 001 (00:00:00–00:01:00)", ("720p",))


@pytest.fixture
def job(catalog: object) -> Iterator[tuple[Connection, JobRow]]:
    with transaction("test") as connection:
        yield connection, queued_job(connection, probed_source(connection))


def made(job: JobRow, size: int = 10) -> PartRecord:
    files = (PartFile(name="video_720p.mp4", size=size, checksum="AAAAAA=="),)
    return PartRecord(part=PART.name, digest=part_digest(job.plan, PART), files=files, frames=1500, cpu_seconds=4.5)


def test_a_part_from_its_first_attempt_to_its_end(job: tuple[Connection, JobRow]) -> None:
    connection, row = job
    assert parts.parts_of(connection, row.id) == []
    assert parts.begin_part(connection, row.id, row.plan, PART, "pod-1") == 1
    (running,) = parts.parts_of(connection, row.id)
    assert (running.state, running.worker, running.ended_at, running.size_bytes) == (
        PartState.RUNNING, "pod-1", None, None,
    )  # fmt: skip
    assert parts.end_part(connection, row.id, made(row))
    (done,) = parts.parts_of(connection, row.id)
    assert (done.state, done.size_bytes, done.cpu_seconds, done.attempt) == (PartState.DONE, 10, 4.5, 1)
    assert done.ended_at is not None


def test_of_two_attempts_the_first_to_end_is_kept(job: tuple[Connection, JobRow]) -> None:
    connection, row = job
    assert [parts.begin_part(connection, row.id, row.plan, PART, name) for name in ("slow", "quick")] == [1, 2]
    assert parts.end_part(connection, row.id, made(row))
    assert not parts.end_part(connection, row.id, made(row, size=99))
    (done,) = parts.parts_of(connection, row.id)
    assert (done.size_bytes, done.attempt) == (10, 2)


def test_a_failed_attempt_says_why_and_may_be_begun_again(job: tuple[Connection, JobRow]) -> None:
    connection, row = job
    parts.begin_part(connection, row.id, row.plan, PART, "pod-1")
    parts.fail_part(connection, row.id, PART.name, 1, EngineError("node lost", code="node_lost", retryable=True))
    (failed,) = parts.parts_of(connection, row.id)
    assert (failed.state, failed.ended_at is not None) == (PartState.FAILED, True)
    assert parts.begin_part(connection, row.id, row.plan, PART, "pod-2") == 2
    # What the first one says now is late: the second one works.
    parts.fail_part(connection, row.id, PART.name, 1, EngineError("gone", retryable=True))
    assert parts.parts_of(connection, row.id)[0].state == PartState.RUNNING


def test_nobody_ends_what_was_never_begun(job: tuple[Connection, JobRow]) -> None:
    connection, row = job
    with pytest.raises(CatalogError, match=r"has no part chunk-001 that was begun"):
        parts.end_part(connection, row.id, made(row))


def test_two_attempts_side_by_side(job: tuple[Connection, JobRow]) -> None:
    connection, row = job
    assert parts.begin_part(connection, row.id, row.plan, PART, "media/slow") == 1
    assert parts.begin_part(connection, row.id, row.plan, PART, None, beside=True) == 2
    parts.assign_part(connection, row.id, PART.name, 2, "media/quick")
    assert parts.parts_of(connection, row.id)[0].live == (1, 2)
    assert parts.live_parts(connection, row.engine) == 1
    assert parts.end_part(connection, row.id, made(row), attempt=1, worker="media/slow")
    (done,) = parts.parts_of(connection, row.id)
    assert (done.state, done.attempt, done.worker, done.live) == (PartState.DONE, 2, "media/slow", ())
    assert [(one["attempt"], one["code"]) for one in done.failures] == [(2, parts.OVERTAKEN)]


def test_a_part_fails_with_the_last_of_its_attempts(job: tuple[Connection, JobRow]) -> None:
    connection, row = job
    parts.begin_part(connection, row.id, row.plan, PART, "media/one")
    parts.begin_part(connection, row.id, row.plan, PART, "media/two", beside=True)
    lost = EngineError("node lost", code="node_lost", retryable=True)
    parts.fail_part(connection, row.id, PART.name, 1, lost, worker="media/one", node="n1")
    (running,) = parts.parts_of(connection, row.id)
    assert (running.state, running.live) == (PartState.RUNNING, (2,))
    assert running.failures == [
        {"attempt": 1, "code": "node_lost", "message": "node lost", "worker": "media/one", "node": "n1"}
    ]
    parts.fail_part(connection, row.id, PART.name, 2, lost)
    (failed,) = parts.parts_of(connection, row.id)
    assert (failed.state, failed.live, len(failed.failures)) == (PartState.FAILED, (), 2)
    # Nobody said how the third one ended, so it is lost with the fourth.
    parts.begin_part(connection, row.id, row.plan, PART, "media/three")
    assert parts.begin_part(connection, row.id, row.plan, PART, "media/four") == 4
    assert [one["code"] for one in parts.parts_of(connection, row.id)[0].failures] == [
        "node_lost", "node_lost", parts.LOST,
    ]  # fmt: skip
