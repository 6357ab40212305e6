"""From messages to sources: parse, judge, ask S3 what is really there, register.

A message is only a hint. S3 delivers it at least once, sometimes late, sometimes out of order; so each object is
looked up before it is registered, and the object as it is now is what counts.
"""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from vodflow.catalog.database import transaction
from vodflow.catalog.dead_letters import NewDeadLetter, record_dead_letters
from vodflow.catalog.rows import NewSource
from vodflow.catalog.sightings import register_sources
from vodflow.catalog.states import DiscoveredBy
from vodflow.errors import ConfigurationError, SourceNotFound, VodflowError
from vodflow.sensing import queue
from vodflow.sensing.notices import Notice, Problem, ProblemName, parse_message
from vodflow.sensing.places import watched
from vodflow.sensing.queue import Message
from vodflow.sensing.registration import source_of
from vodflow.sensing.rules import Ignored, Places, Watched, counted, judge
from vodflow.settings import Settings, get_settings
from vodflow.storage.objects import SourceObject, resolve_source

log = logging.getLogger(__name__)

#: HeadObject calls at a time.
_LOOKUPS: Final = 8

#: Messages that one call takes from the queue at most, and a round altogether: bounds its time and memory.
DRAIN_LIMIT: Final = 10_000


@dataclass(slots=True)
class IntakeResult:
    """What came of some messages.

    :param registered: ids of the sources that get a run, ascending
    :param gone: objects that were deleted or overwritten before they were looked up
    :param postponed: messages left in the queue because S3 did not answer about their objects
    :param ignored: notices that do not count, by reason
    """

    messages: int = 0
    notices: int = 0
    registered: list[int] = field(default_factory=list)
    gone: int = 0
    problems: int = 0
    postponed: int = 0
    ignored: Counter[Ignored] = field(default_factory=Counter)


@dataclass(slots=True)
class _Findings:
    """What one message led to; ``postponed`` when it must be read again."""

    message: Message
    notices: list[Notice] = field(default_factory=list)
    sources: list[NewSource] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    postponed: bool = False


def take_in(
    messages: Sequence[Message],
    result: IntakeResult | None = None,
    *,
    on_registered: Callable[[list[int]], None] = lambda _: None,
    settings: Settings | None = None,
) -> IntakeResult:
    """Take in messages that are at hand and then everything the event queue holds.

    Each batch is registered in one transaction, then deleted from the queue, then handed to ``on_registered``.

    :param messages: for example those that woke this run
    :param result: counts are added to it
    :param on_registered: called after each batch that brought something new, with the new source ids
    :raises CatalogError: when the catalog does not answer; nothing is deleted from the queue that was not committed
    """
    used = settings or get_settings()
    places = watched(used)
    result = result or IntakeResult()
    before = result.messages
    with ThreadPoolExecutor(_LOOKUPS, thread_name_prefix="vodflow-head") as pool:
        for batch in _batches(messages, used):
            findings = [_read(message, places, result) for message in batch]
            _look_up(findings, places, result, pool, used)
            new = _commit(findings, result, used)
            if new:
                on_registered(new)
    if result.messages == before:
        return result
    log.info(
        "Took in %d messages with %d notices: %d new sources, %d gone, %d problems, %d postponed; ignored %s",
        result.messages, result.notices, len(result.registered), result.gone, result.problems, result.postponed,
        counted(result.ignored),
    )  # fmt: skip
    return result


def _batches(messages: Sequence[Message], settings: Settings) -> Iterable[list[Message]]:
    for start in range(0, len(messages), queue.BATCH):
        yield list(messages[start : start + queue.BATCH])
    if settings.event_queue_url:
        yield from queue.receive(settings.event_queue_url, limit=DRAIN_LIMIT, settings=settings)


def _read(message: Message, places: Places, result: IntakeResult) -> _Findings:
    parsed = parse_message(message.body)
    findings = _Findings(message, problems=parsed.problems)
    for notice in parsed.notices:
        verdict = judge(places, notice.bucket, notice.key, size=notice.size)
        if isinstance(verdict, Watched):
            findings.notices.append(notice)
        else:
            result.ignored[verdict] += 1
    result.messages += 1
    result.notices += len(parsed.notices)
    return findings


def _look_up(batch: list[_Findings], places: Places, result: IntakeResult, pool: Executor, settings: Settings) -> None:
    told = [(findings, notice) for findings in batch for notice in findings.notices]
    answers = pool.map(lambda one: _resolve(one[1], settings), told)
    for (findings, _), answer in zip(told, answers, strict=True):
        if isinstance(answer, SourceObject):
            _judge_found(findings, answer, places, result)
        elif isinstance(answer, SourceNotFound):
            result.gone += 1
        elif isinstance(answer, ConfigurationError):
            findings.problems.append(Problem(ProblemName.FORBIDDEN, str(answer)))
        else:
            log.warning("Message %s is left in the queue: %s", findings.message.message_id, answer)
            findings.postponed = True


def _resolve(notice: Notice, settings: Settings) -> SourceObject | VodflowError:
    """The version that the message names, as the current one where it is that."""
    try:
        if notice.version_id is not None:
            with suppress(SourceNotFound):  # its key may have been deleted since
                current = resolve_source(notice.bucket, notice.key, settings=settings)
                if current.ref.version_id == notice.version_id:
                    return current
        return resolve_source(notice.bucket, notice.key, notice.version_id, settings=settings)
    except VodflowError as error:
        return error


def _judge_found(findings: _Findings, found: SourceObject, places: Places, result: IntakeResult) -> None:
    now, ref = datetime.now(UTC), found.ref
    verdict = judge(places, ref.bucket, ref.key, size=ref.size, last_modified=found.last_modified, now=now)
    if isinstance(verdict, Watched):
        findings.sources.append(source_of(found, places, DiscoveredBy.EVENT))
    else:
        # An object that is too young is the next sweep's.
        result.ignored[verdict] += 1


def _commit(findings: list[_Findings], result: IntakeResult, settings: Settings) -> list[int]:
    sources = [source for finding in findings for source in finding.sources]
    letters = [_letter(finding.message, problem) for finding in findings for problem in finding.problems]
    new: list[int] = []
    if sources or letters:
        with transaction("intake", settings) as connection:
            new = register_sources(connection, sources)
            record_dead_letters(connection, letters)
    done = [finding.message for finding in findings if not finding.postponed]
    if settings.event_queue_url:
        queue.delete(settings.event_queue_url, done, settings=settings)
    result.registered.extend(new)
    result.problems += len(letters)
    result.postponed += len(findings) - len(done)
    return new


def _letter(message: Message, problem: Problem) -> NewDeadLetter:
    log.error("Message %s is a dead letter: %s: %s", message.message_id, problem.name, problem.detail)
    # Not the message id: the same rubbish a thousand times is one letter to read.
    told = f"{problem.detail}\n{message.body}".encode(errors="backslashreplace")
    return NewDeadLetter(
        origin="ingest_videos.intake",
        code=problem.name.value,
        message=problem.detail,
        identity=hashlib.sha256(told).hexdigest(),
        payload={"message_id": message.message_id, "body": message.body},
    )
