"""What a listener is given and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class EventSource(StrEnum):
    """Who an event is from, and so which queue it belongs into."""

    S3 = "s3"
    MEDIACONVERT = "mediaconvert"


class Outcome(StrEnum):
    """What became of an event that was taken."""

    QUEUED = "queued"
    IGNORED = "ignored"
    REPEATED = "repeated"
    SUBSCRIBED = "subscribed"


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request.

    :param headers: names in any case; of a repeated header one value
    :param body: as it was received, not decoded: signatures cover the bytes
    """

    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    def header(self, name: str) -> str | None:
        """The header's value; none when there is none.

        :param name: in lower case
        """
        return next((value for given, value in self.headers.items() if given.lower() == name), None)


@dataclass(frozen=True, slots=True)
class Proof:
    """Somebody may send.

    :param once: names what they sent, where it is signed: the same name again is the same message again
    """

    once: str | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """The event is good.

    :param source: none for what an SNS topic says of itself
    :param queue_url: where it belongs; none when it is well formed and none of our business, a test event for example
    :param message: what to put there: JSON in ASCII, which every queue takes
    :param event_id: the sender's own id, the same for a duplicate, where there is one
    :param once: see :class:`Proof`
    :param topic: ARN, of what an SNS topic says of itself
    :param confirm: its question whether its messages are wanted here: the URL that says yes
    """

    source: EventSource | None
    queue_url: str | None
    message: str
    event_id: str | None = None
    outcome: Outcome = Outcome.QUEUED
    once: str | None = None
    topic: str | None = None
    confirm: str | None = None

    @property
    def status(self) -> int:
        """HTTP status: 202 for what is in a queue now, 200 for what needs nothing more."""
        return 202 if self.outcome is Outcome.QUEUED else 200


@dataclass(frozen=True, slots=True)
class Refused:
    """The event is not taken.

    :param status: HTTP status; 5xx and 429 mean that sending it again later can help
    :param message: one sentence for the sender; holds no secret
    """

    status: int
    message: str
