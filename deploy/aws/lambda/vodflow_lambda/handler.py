"""What Lambda calls: ``vodflow_lambda.handler.handle``.

Events come from S3 itself, through EventBridge or SNS (then the call fails where something is left to do, and Lambda
calls again), or in batches of an SQS queue (then the messages that are left stay in the queue, and only they).
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from vodflow.sensing.notices import Notice, parse_message

from vodflow_lambda.api_target import ApiTarget
from vodflow_lambda.configuration import Configuration, configuration
from vodflow_lambda.log import log, request_id
from vodflow_lambda.queue_target import QueueTarget

_SQS: Final = "aws:sqs"
_SNS: Final = "aws:sns"


class Unfinished(Exception):
    """Something of an event is left to do; what is done may be done again."""


class Target(Protocol):
    """Where objects are announced."""

    def send(self, notices: list[Notice]) -> list[str | None]:
        """What is wrong with each, none where it is done."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of an event.

    :param id: by which it is left in its queue; none where there is no queue
    :param body: text or JSON
    """

    id: str | None
    body: Any


def handle(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Take one event of Lambda.

    :return: for batches of SQS the messages that are left, otherwise how many objects there were of each kind
    :raises Unfinished: where no queue keeps what is left
    :raises Misconfigured: the environment is wrong
    """
    request_id.set(getattr(context, "aws_request_id", None))
    used = configuration()
    messages = list(messages_of(event))
    counts: Counter[str] = Counter()
    failures: defaultdict[int, list[str]] = defaultdict(list)
    wanted: dict[Notice, list[int]] = {}
    for place, message in enumerate(messages):
        _read(place, message, used, wanted, failures, counts)
    answers = _target(used, context).send(list(wanted))
    for (notice, places), error in zip(wanted.items(), answers, strict=True):
        counts["failed" if error else "done"] += 1
        for place in places if error else ():
            failures[place].append(f"s3://{notice.bucket}/{notice.key}: {error}")
    log("error" if failures else "info", "finished", messages=len(messages), left=len(failures), **counts)
    if messages and messages[0].id is not None:
        return {"batchItemFailures": [{"itemIdentifier": messages[place].id} for place in sorted(failures)]}
    if failures:
        raise Unfinished("; ".join(wrong for one in failures.values() for wrong in one))
    return dict(counts)


def messages_of(event: Mapping[str, Any]) -> Iterator[Message]:
    """The messages that Lambda brought: of SQS, of SNS, or the event itself."""
    found = event.get("Records")
    records = [record for record in found if isinstance(record, Mapping)] if isinstance(found, list) else []
    if records and all(record.get("eventSource") == _SQS for record in records):
        yield from (Message(str(record.get("messageId")), record.get("body")) for record in records)
    elif records and all(record.get("EventSource") == _SNS for record in records):
        yield from (Message(None, (record.get("Sns") or {}).get("Message")) for record in records)
    else:
        yield Message(None, event)


def _read(
    place: int,
    message: Message,
    used: Configuration,
    wanted: dict[Notice, list[int]],
    failures: defaultdict[int, list[str]],
    counts: Counter[str],
) -> None:
    parsed = parse_message(message.body)
    counts["ignored"] += parsed.ignored
    for notice in parsed.notices:
        if used.wants(notice.key):
            wanted.setdefault(notice, []).append(place)
        else:
            counts["skipped"] += 1
            log("info", "skipped", bucket=notice.bucket, key=notice.key)
    for problem in parsed.problems:
        # No retry helps; it goes to the dead letters, where somebody sees it.
        failures[place].append(problem.detail)
        log("error", "not understood", message_id=message.id, error=problem.detail)


def _target(used: Configuration, context: Any) -> Target:
    if used.api_url is None:
        return QueueTarget(used)
    ask = getattr(context, "get_remaining_time_in_millis", None)
    return ApiTarget(used, (lambda: ask() / 1000) if ask else (lambda: math.inf))
