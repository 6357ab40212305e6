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
