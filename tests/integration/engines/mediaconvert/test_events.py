"""Events of MediaConvert written down: once each, in any order, late, lost, of somebody else, or no events at all."""

from __future__ import annotations

import itertools
import json
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text
from support.fixtures.values import probed_source, queued_job
from vodflow.catalog import jobs, submissions
from vodflow.catalog.database import transaction
from vodflow.catalog.engine_events import details_of
from vodflow.catalog.rows import AttemptRow, JobRow
from vodflow.catalog.states import JobStatus
from vodflow.catalog.submissions import Quote
from vodflow.contract.engine_names import EngineName
from vodflow.engines.mediaconvert.snapshot import Snapshot
from vodflow.engines.mediaconvert.steps import Noted, note_messages, note_snapshots
from vodflow.sensing.queue import Message
from vodflow.settings import Settings

pytestmark = pytest.mark.integration

ENGINE = EngineName.MEDIACONVERT
EXTERNAL = "1767828920764-abc123"
_numbers = itertools.count(1)


@pytest.fixture
def job(catalog: Settings) -> JobRow:
    """A job whose first attempt is intended; MediaConvert's id is not known yet."""
    with transaction("test") as connection:
        made = queued_job(connection, probed_source(connection))
        intend(connection, made)
        return jobs.get_job(connection, made.id)


def intend(connection: Any, job: JobRow) -> AttemptRow:
    quote = Quote("basic", Decimal(3), Decimal("0.05"), {"options": {}})
    return submissions.intend(
        connection, job.id, lambda *_: quote, engine=ENGINE, worker="MediaConvert", run_id=job.run_id
    )


def assign(job: JobRow, external_id: str = EXTERNAL) -> None:
    with transaction("test") as connection:
        attempt = submissions.last_attempt(connection, job.id, ENGINE)
        assert attempt is not None
        submissions.assign(connection, attempt, external_id)


def metadata(job: JobRow, attempt: int = 1, **changes: str) -> dict[str, str]:
    known = {
        "vodflow-job-id": str(job.id), "vodflow-attempt": str(attempt), "vodflow-plan": job.plan_hash,
        "vodflow-tenant": "acme",
    }  # fmt: skip
    return known | changes


def message(job: JobRow, status: str, *, at: int = 0, external: str = EXTERNAL, **detail: Any) -> Message:
    told = {
        "id": f"event-{next(_numbers)}",
        "source": "aws.mediaconvert",
        "detail": {
            "timestamp": 1767828920764 + at * 1000,
            "jobId": external,
            "status": status,
            "userMetadata": metadata(job),
            **detail,
        },
    }
    return Message(json.dumps(told), message_id="m", receipt="r")


def update(job: JobRow, percent: int, at: int, phase: str = "TRANSCODING") -> Message:
    progress = {"jobPercentComplete": percent, "currentPhase": phase}
    return message(job, "STATUS_UPDATE", at=at, jobProgress=progress)


def note(*messages: Message) -> Noted:
    return note_messages(messages)


def state(job: JobRow) -> JobRow:
    with transaction("test") as connection:
        return jobs.get_job(connection, job.id)


def kept() -> list[str]:
    with transaction("test") as connection:
        return [row.kind for row in connection.execute(text("SELECT kind FROM engine_event ORDER BY id"))]


def test_a_job_s_life(job: JobRow) -> None:
    assign(job)
    note(message(job, "PROGRESSING", at=1))
    assert state(job).status == JobStatus.PROGRESSING
    note(message(job, "INPUT_INFORMATION", at=2, inputDetails=[]), update(job, 50, 3))
    row = state(job)
    assert (row.stage, row.progress) == ("transcoding", pytest.approx(48.5))
    assert row.heartbeat_at is not None
    noted = note(message(job, "COMPLETE", at=9))
    assert noted.ended == {EXTERNAL}
    assert noted.videos == {job.video_id}
    # Collecting is still to be done.
    assert state(job).status == JobStatus.PROGRESSING
    assert kept() == ["PROGRESSING", "INPUT_INFORMATION", "STATUS_UPDATE", "COMPLETE"]


def test_twice_is_once(job: JobRow) -> None:
    assign(job)
    messages = [message(job, "PROGRESSING"), update(job, 20, 1), message(job, "COMPLETE", at=2)]
    note(*messages, *messages)
    again = note(*messages)
    assert (again.duplicates, again.ended, again.videos) == (3, set(), set())
    assert kept() == ["PROGRESSING", "STATUS_UPDATE", "COMPLETE"]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_any_order_ends_the_same(job: JobRow, order: tuple[int, ...]) -> None:
    assign(job)
    told = [message(job, "PROGRESSING", at=1), update(job, 30, 2), message(job, "COMPLETE", at=3)]
    for place in order:
        note(told[place])
    row = state(job)
    assert row.status == JobStatus.PROGRESSING
    assert row.progress >= 29
    with transaction("test") as connection:
        assert len(details_of(connection, ENGINE, EXTERNAL, "COMPLETE")) == 1


def test_progress_never_goes_back(job: JobRow) -> None:
    assign(job)
    note(update(job, 60, 5))
    note(update(job, 20, 3, "PROBING"))
    assert state(job).progress == pytest.approx(58.2)


def test_an_event_before_the_id_is_stored_brings_it(job: JobRow) -> None:
    assert state(job).external_id is None
    note(message(job, "PROGRESSING"))
    row = state(job)
    assert (row.external_id, row.status) == (EXTERNAL, JobStatus.PROGRESSING)
    assign(job)  # the one who submitted is slower


def test_a_job_that_is_over_is_left_alone(job: JobRow) -> None:
    assign(job)
    with transaction("test") as connection:
        jobs.cancel_job(connection, job.id)
    noted = note(update(job, 50, 1), message(job, "CANCELED", at=2))
    assert state(job).status == JobStatus.CANCELED
    assert noted.ended == {EXTERNAL}
    assert kept() == ["STATUS_UPDATE", "CANCELED"]


def test_an_earlier_attempt_s_event_changes_nothing(job: JobRow) -> None:
    assign(job)
    with transaction("test") as connection:
        jobs.cancel_job(connection, job.id)
        intend(connection, job)
    assign(job, "1767828920764-second")
    note(update(job, 90, 1))
    row = state(job)
    assert (row.status, row.progress, row.external_id) == (JobStatus.SUBMITTED, 0.0, "1767828920764-second")


def test_a_second_job_that_claims_the_attempt_is_not_believed(job: JobRow) -> None:
    assign(job)
    noted = note(message(job, "COMPLETE", external="1767828920764-double"))
    assert noted.ended == set()
    assert state(job).external_id == EXTERNAL


@pytest.mark.parametrize(
    "other",
    [
        {"vodflow-plan": "0" * 16}, {"vodflow-job-id": "999999"}, {"vodflow-job-id": "x"}, {"vodflow-attempt": "7"},
        {"vodflow-job-id": str(10**30)}, {"vodflow-attempt": "-1"},
    ],
)  # fmt: skip
def test_events_of_others_are_passed_over(job: JobRow, other: dict[str, str]) -> None:
    noted = note(message(job, "COMPLETE", userMetadata=metadata(job, **other)), message(job, "ERROR", userMetadata={}))
    assert (noted.foreign, noted.ended, kept()) == (2, set(), [])


def test_what_is_no_event_is_a_dead_letter_and_holds_nothing_up(job: JobRow) -> None:
    assign(job)
    noted = note(Message("rubbish \x00"), Message(None), message(job, "PROGRESSING"), Message("rubbish \x00"))
    assert (noted.events, noted.unreadable) == (1, 3)
    assert state(job).status == JobStatus.PROGRESSING
    with transaction("test") as connection:
        letters = connection.execute(
            text("SELECT origin, code, occurrences FROM dead_letter ORDER BY occurrences")
        ).all()
    assert letters == [("mediaconvert.events", "not_an_event", 1), ("mediaconvert.events", "not_an_event", 2)]


def test_an_event_is_never_rewritten(job: JobRow) -> None:
    assign(job)
    note(message(job, "NEW_WARNING", warningCode="1", warningMessage="nul \x00 and \ud800"))
    from vodflow.errors import CatalogError  # noqa: PLC0415

    with pytest.raises(CatalogError, match="engine_event keeps what the engine said"), transaction("test") as change:
        change.execute(text("UPDATE engine_event SET kind = 'COMPLETE'"))
    with transaction("test") as change:  # what is old may go
        change.execute(text("DELETE FROM engine_event"))


def test_polls_tell_progress_and_life(job: JobRow) -> None:
    assign(job)
    seen = Snapshot(EXTERNAL, "PROGRESSING", "TRANSCODING", 40, metadata=metadata(job))
    other = Snapshot("1767828920764-other", "PROGRESSING", "TRANSCODING", 90, metadata=metadata(job))
    assert note_snapshots([seen, other, Snapshot("1-foreign", "COMPLETE")]) == {job.video_id}
    row = state(job)
    assert (row.status, row.stage, row.progress) == (JobStatus.PROGRESSING, "transcoding", pytest.approx(38.8))
