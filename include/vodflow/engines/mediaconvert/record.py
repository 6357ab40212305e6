"""What MediaConvert tells, by events or when it is asked, written down.

An event may come twice, late, out of order, or for a job of somebody else; nothing here depends on its coming. It is
kept first and acted on in the same transaction, so a message may be deleted once that is committed.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import Connection

from vodflow.catalog import engine_events, jobs, submissions
from vodflow.catalog.database import transaction
from vodflow.catalog.dead_letters import NewDeadLetter, record_dead_letters
from vodflow.catalog.engine_events import NewEngineEvent
from vodflow.catalog.rows import AttemptRow, JobRow
from vodflow.catalog.states import JobStatus
from vodflow.contract.engine_names import EngineName
from vodflow.engines.mediaconvert.events import JobEvent, NotAnEvent, read_event, warning_text
from vodflow.engines.mediaconvert.request.job import METADATA_ATTEMPT, METADATA_JOB, METADATA_PLAN
from vodflow.engines.mediaconvert.snapshot import Snapshot
from vodflow.sensing.queue import Message

log = logging.getLogger(__name__)

ENGINE = EngineName.MEDIACONVERT
_ACTOR = "mediaconvert-events"

#: Percent of a job when MediaConvert has ended; the rest is collecting.
_COLLECTING = 97.0
#: Below this a guess of the time left is worth nothing.
_GUESSABLE = 5.0


@dataclass
class Noted:
    """What some messages told.

    :param ended: MediaConvert's ids of the jobs that are over
    :param videos: whose jobs got on
    :param foreign: events of jobs that are not this catalog's
    :param unreadable: messages that are no events; each is a dead letter
    """

    events: int = 0
    duplicates: int = 0
    foreign: int = 0
    unreadable: int = 0
    ended: set[str] = field(default_factory=set)
    videos: set[int] = field(default_factory=set)


def note_messages(messages: Sequence[Message]) -> Noted:
    """Write down what these messages tell, in one transaction; then they may be deleted.

    :raises CatalogError: when the catalog does not answer; nothing of it is written
    """
    noted = Noted()
    events: list[JobEvent] = []
    letters: list[NewDeadLetter] = []
    for message in messages:
        try:
            events.append(read_event(message.body))
        except NotAnEvent as error:
            log.warning("Message %s is a dead letter: %s", message.message_id, error)
            letters.append(_letter(message, str(error)))
    with transaction(_ACTOR) as connection:
        record_dead_letters(connection, letters)
        # By job, so that two who note events of the same jobs wait for each other and not in a circle.
        for event in sorted(events, key=lambda item: (item.metadata.get(METADATA_JOB, ""), item.at)):
            _note(connection, event, noted)
    noted.events, noted.unreadable = len(events), len(letters)
    return noted


def note_snapshots(snapshots: Iterable[Snapshot]) -> set[int]:
    """Write down how far jobs are, as MediaConvert says when it is asked: for progress whose events were lost.

    :return: the videos whose jobs got on
    :raises CatalogError: when the catalog does not answer
    """
    listed = sorted(snapshots, key=lambda item: item.metadata.get(METADATA_JOB, ""))
    videos: set[int] = set()
    with transaction("mediaconvert-poll") as connection:
        for seen in listed:
            attempt = _attempt_of(connection, seen.metadata)
            if attempt is None or attempt.external_id != seen.job_id:
                continue
            running = seen.status in {"PROGRESSING", "COMPLETE"}
            videos |= _advance(
                connection, attempt, running=running, phase=seen.phase, percent=seen.percent, at=datetime.now(UTC)
            )
        submissions.touch(connection, ENGINE, [seen.job_id for seen in listed if not seen.ended])
    return videos


def _note(connection: Connection, event: JobEvent, noted: Noted) -> None:
    attempt = _attempt_of(connection, event.metadata)
    if attempt is None:
        noted.foreign += 1
        log.debug("Event %s of MediaConvert's job %s is of no job here", event.event_id, event.job_id)
        return
    kept = NewEngineEvent(
        ENGINE, event.event_id, attempt.job_id, event.job_id, event.kind, event.at, dict(event.detail)
    )
    if not engine_events.add_event(connection, kept):
        noted.duplicates += 1
        return
    if attempt.external_id is None:
        # The event was quicker than whoever submitted, or that one crashed before it knew the id.
        submissions.assign(connection, attempt, event.job_id)
    elif attempt.external_id != event.job_id:
        log.warning(
            "job %d: MediaConvert's job %s says it is attempt %d, which is job %s",
            attempt.job_id, event.job_id, attempt.number, attempt.external_id,
        )  # fmt: skip
        return
    if event.kind == "NEW_WARNING":
        log.warning("job %d: %s", attempt.job_id, warning_text(event.detail))
    if event.terminal:
        noted.ended.add(event.job_id)
    percent = 100.0 if event.kind == "COMPLETE" else event.percent
    noted.videos |= _advance(
        connection, attempt, running=event.running, phase=event.phase, percent=percent, at=event.at
    )


def _advance(
    connection: Connection,
    attempt: AttemptRow,
    *,
    running: bool,
    phase: str | None,
    percent: float | None,
    at: datetime,
) -> set[int]:
    """Bring the job's row to where its attempt is, never backwards; what is late or over changes nothing.

    :return: the video whose job got on, if it did
    """
    if attempt.outcome is not None:
        return set()
    job = jobs.locked_job(connection, attempt.job_id)
    if job.status == JobStatus.SUBMITTED and running:
        job = jobs.set_status(connection, job.id, JobStatus.PROGRESSING)
    if job.status != JobStatus.PROGRESSING:
        return set()
    stage = phase.lower() if phase else job.stage
    if stage is not None and percent is not None:
        jobs.record_progress(
            connection, job.id, stage, percent * _COLLECTING / 100, eta=_seconds_left(job, percent, at)
        )
    return {job.video_id}


def _seconds_left(job: JobRow, percent: float, at: datetime) -> float | None:
    if job.started_at is None or percent < _GUESSABLE:
        return None
    passed = (at - job.started_at).total_seconds()
    return max(0.0, passed * (100 - percent) / percent)


def _attempt_of(connection: Connection, metadata: object) -> AttemptRow | None:
    """The attempt that a job's ``UserMetadata`` names, if this catalog has it."""
    if not isinstance(metadata, dict):
        return None
    try:
        job_id, number = int(metadata[METADATA_JOB]), int(metadata[METADATA_ATTEMPT])
    except (KeyError, ValueError):
        return None
    if not (0 < job_id < 2**63 and 0 < number < 2**31):
        return None
    return submissions.find_attempt(connection, job_id, number, str(metadata.get(METADATA_PLAN)), ENGINE)


def _letter(message: Message, problem: str) -> NewDeadLetter:
    told = f"{problem}\n{message.body}".encode(errors="backslashreplace")
    return NewDeadLetter(
        origin="mediaconvert.events",
        code="not_an_event",
        message=problem,
        identity=hashlib.sha256(told).hexdigest(),
        payload={"message_id": message.message_id, "body": message.body},
    )
