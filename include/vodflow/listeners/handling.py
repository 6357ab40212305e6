"""From an HTTP request to a message in a queue."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from vodflow.errors import ConfigurationError, EngineError
from vodflow.listeners import sns
from vodflow.listeners.authentication import authenticate
from vodflow.listeners.events import EventError, classify, decode
from vodflow.listeners.repetitions import once
from vodflow.listeners.requests import Accepted, EventSource, Outcome, Proof, Refused, Request
from vodflow.listeners.sns_calls import certificate_at, confirm
from vodflow.settings import Settings, get_settings

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

log = logging.getLogger(__name__)

#: Bytes of a request, and of the message made of it: what EventBridge sends and every SQS queue takes.
SIZE_LIMIT: Final = 256 * 1024

#: Characters that are said of what is wrong with an event, which may be made of it.
_LONGEST: Final = 500

_QUEUES: Final = {
    EventSource.S3: ("event_queue_url", "VODFLOW_EVENT_QUEUE_URL"),
    EventSource.MEDIACONVERT: ("mediaconvert_event_queue_url", "VODFLOW_MEDIACONVERT_EVENT_QUEUE_URL"),
}


def handle(
    request: Request,
    settings: Settings,
    *,
    now: float,
    only: EventSource | None = None,
    trusted: bool = False,
    certificate: Callable[[str], Certificate] = certificate_at,
) -> Accepted | Refused:
    """Decide about a request. Pure but for the certificates of messages that SNS signed.

    :param now: seconds since 1970, for the age of signatures
    :param only: the one kind of event that this address is for; none means any
    :param trusted: whether the sender is known to have the right to send already
    :param certificate: the one at a URL of SNS
    """
    if len(request.body) > SIZE_LIMIT:
        return Refused(413, f"The body has {len(request.body)} bytes; {SIZE_LIMIT} are accepted.")
    try:
        proof = Proof() if trusted else authenticate(request, settings, now, certificate)
        if isinstance(proof, Refused):
            return proof
        message = sns.read_message(request.body)
        if message is not None and message.kind != sns.NOTIFICATION:
            # A key does not make up for the signature: this has us call SNS.
            sns.check(message, settings, now, certificate)
            return _about_itself(message, settings)
        return _judged(classify(decode(request.body)), settings, proof, only)
    except (EventError, sns.SnsError, sns.SnsUnavailable, ConfigurationError) as error:
        return _refusal(error)


def _refusal(error: Exception) -> Refused:
    match error:
        case EventError():
            return Refused(error.status, f"Not an event: {str(error)[:_LONGEST]}.")
        case sns.SnsError():
            return Refused(401, f"Not authorised: {error}.")
        case sns.SnsUnavailable():
            return Refused(503, f"This message cannot be checked now: {error}; send it again later.")
    log.error("The listener cannot check requests: %s", error)
    return Refused(503, "This listener is not configured correctly; its log says how.")


def _about_itself(message: sns.SnsMessage, settings: Settings) -> Accepted:
    """What a topic says of its subscription: it asks whether it is wanted, or was told that it is not any more."""
    found = Accepted(None, None, "", message.message_id, Outcome.IGNORED, topic=message.topic)
    if message.kind != sns.SUBSCRIPTION:
        return found
    return replace(found, outcome=Outcome.SUBSCRIBED, confirm=sns.confirmation_url(message, settings))


def _judged(
    found: tuple[EventSource, dict[str, Any], bool], settings: Settings, proof: Proof, only: EventSource | None
) -> Accepted | Refused:
    source, event, needed = found
    if only is not None and source is not only:
        return Refused(422, f"Not an event for this address: it is for {only.value}, the event is of {source.value}.")
    if not needed:
        return Accepted(source, None, "", _event_id(event), Outcome.IGNORED)
    field, variable = _QUEUES[source]
    queue_url = getattr(settings, field)
    if not queue_url:
        return Refused(503, f"Nobody reads events of {source.value} here: {variable} is not set.")
    # ASCII, because SQS refuses some characters that JSON may hold; this may be longer than what came.
    message = json.dumps(event, separators=(",", ":"))
    if len(message) > SIZE_LIMIT:
        return Refused(413, f"The event has {len(message)} bytes in ASCII; {SIZE_LIMIT} are accepted.")
    return Accepted(source, queue_url, message, _event_id(event), once=proof.once)


def _event_id(event: dict[str, Any]) -> str | None:
    found = event.get("id")
    # It is told, and written into a line of the log.
    return found if isinstance(found, str) and len(found) <= _LONGEST and found.isprintable() else None


def listen(
    request: Request, *, only: EventSource | None = None, trusted: bool = False, settings: Settings | None = None
) -> Accepted | Refused:
    """Decide about a request and queue what is good. Only when the queue has it, it is accepted.

    A message that was signed and comes again is answered, and not queued again.

    :param only: the one kind of event that this address is for; none means any
    :param trusted: whether the sender is known to have the right to send already
    """
    used = settings or get_settings()
    decision = handle(request, used, now=time.time(), only=only, trusted=trusted)
    if isinstance(decision, Accepted):
        decision = _carry_out(decision, used)
    if isinstance(decision, Refused):
        log.warning("Refused an event with %d: %s", decision.status, decision.message)
    else:
        log.info("Event %s of %s: %s", decision.event_id, decision.source or "an SNS topic", decision.outcome)
    return decision


def _carry_out(decision: Accepted, settings: Settings) -> Accepted | Refused:
    if decision.confirm is not None:
        try:
            confirm(decision.confirm)
        except sns.SnsUnavailable as error:
            return Refused(503, f"The subscription cannot be confirmed now: {error}; send it again later.")
    if decision.queue_url is None:
        return decision
    if decision.once is None:
        return _send(decision, settings)
    return once(decision, settings, lambda: _send(decision, settings))


def _send(decision: Accepted, settings: Settings) -> Accepted | Refused:
    from vodflow.listeners.queues import send  # noqa: PLC0415 - the pure part needs no boto3

    try:
        send(str(decision.queue_url), decision.message, settings)
    except EngineError as error:
        log.warning("An event of %s could not be queued: %s", decision.source, error)
        return Refused(503, "The queue does not take the event now; send it again later.")
    return decision
