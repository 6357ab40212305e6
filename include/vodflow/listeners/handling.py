"""From an HTTP request to a message in a queue."""

from __future__ import annotations

import json
import logging
import time
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from vodflow.errors import ConfigurationError
from vodflow.listeners.authentication import authenticate
from vodflow.listeners.events import EventError, classify, decode
from vodflow.listeners.requests import Accepted, EventSource, Refused, Request
from vodflow.settings import Settings, get_settings

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

log = logging.getLogger(__name__)

#: Bytes of a request, and of the message made of it: what EventBridge sends and every SQS queue takes.
SIZE_LIMIT: Final = 256 * 1024

#: Seconds to connect to SQS and to wait for its answer: EventBridge gives an API destination five in all.
_SQS_TIMES: Final = (1.5, 2.5)

_QUEUES: Final = {
    EventSource.S3: ("event_queue_url", "VODFLOW_EVENT_QUEUE_URL"),
    EventSource.MEDIACONVERT: ("mediaconvert_event_queue_url", "VODFLOW_MEDIACONVERT_EVENT_QUEUE_URL"),
}


def handle(request: Request, settings: Settings, *, now: float, only: EventSource | None = None) -> Accepted | Refused:
    """Decide about a request. Pure.

    :param now: seconds since 1970, for the age of signatures
    :param only: the one kind of event that this address is for; none means any
    """
    if len(request.body) > SIZE_LIMIT:
        return Refused(413, f"The body has {len(request.body)} bytes; {SIZE_LIMIT} are accepted.")
    try:
        refusal = authenticate(request, settings, now)
        if refusal is not None:
            return refusal
        document = decode(request.body)
        source, event, needed = classify(document)
    except EventError as error:
        return Refused(error.status, f"Not an event: {error}.")
    except ConfigurationError as error:
        log.error("The listener cannot check requests: %s", error)  # noqa: TRY400 - the message is what helps
        return Refused(503, "This listener is not configured correctly; its log says how.")
    if only is not None and source is not only:
        return Refused(422, f"Not an event for this address: it is for {only.value}, the event is of {source.value}.")
    return _queued(source, event, settings) if needed else Accepted(source, None, "", _event_id(event), status=200)


def _queued(source: EventSource, event: dict[str, Any], settings: Settings) -> Accepted | Refused:
    field, variable = _QUEUES[source]
    queue_url = getattr(settings, field)
    if not queue_url:
        return Refused(503, f"Nobody reads events of {source.value} here: {variable} is not set.")
    # ASCII, because SQS refuses some characters that JSON may hold; this may be longer than what came.
    message = json.dumps(event, separators=(",", ":"))
    if len(message) > SIZE_LIMIT:
        return Refused(413, f"The event has {len(message)} bytes in ASCII; {SIZE_LIMIT} are accepted.")
    return Accepted(source, queue_url, message, _event_id(event))


def _event_id(event: dict[str, Any]) -> str | None:
    found = event.get("id")
    return found if isinstance(found, str) else None


def listen(
    request: Request, *, only: EventSource | None = None, settings: Settings | None = None
) -> Accepted | Refused:
    """Decide about a request and queue what is good. Only when the queue has it, it is accepted.

    :param only: the one kind of event that this address is for; none means any
    """
    used = settings or get_settings()
    decision = handle(request, used, now=time.time(), only=only)
    if isinstance(decision, Refused):
        log.warning("Refused an event with %d: %s", decision.status, decision.message)
        return decision
    if decision.queue_url is None:
        return decision
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - the pure part needs no boto3

    try:
        _client(used).send_message(QueueUrl=decision.queue_url, MessageBody=decision.message)
    except (ClientError, BotoCoreError) as error:
        log.warning("An event of %s could not be queued: %s", decision.source, error)
        return Refused(503, "The queue does not take the event now; send it again later.")
    log.info("Queued event %s of %s", decision.event_id, decision.source)
    return decision


@lru_cache(maxsize=2)
def _client(settings: Settings) -> SQSClient:
    from botocore.config import Config  # noqa: PLC0415

    from vodflow.storage.clients import new_session  # noqa: PLC0415

    connect, read = _SQS_TIMES
    return new_session().client(
        "sqs",
        region_name=settings.aws_region,
        endpoint_url=settings.aws_endpoint_url,
        config=Config(connect_timeout=connect, read_timeout=read, retries={"total_max_attempts": 1}),
    )
