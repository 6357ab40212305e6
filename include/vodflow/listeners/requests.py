"""What a listener is given and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class EventSource(StrEnum):
    """Who an event is from, and so which queue it belongs into."""

    S3 = "s3"
    MEDIACONVERT = "mediaconvert"


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
class Accepted:
    """The event is good.

    :param queue_url: where it belongs; none when it is well formed and none of our business, a test event for example
    :param message: what to put there: JSON in ASCII, which every queue takes
    :param event_id: the sender's own id, the same for a duplicate, where there is one
    """

    source: EventSource
    queue_url: str | None
    message: str
    event_id: str | None = None
    status: int = 202


@dataclass(frozen=True, slots=True)
class Refused:
    """The event is not taken.

    :param status: HTTP status; 5xx and 429 mean that sending it again later can help
    :param message: one sentence for the sender; holds no secret
    """

    status: int
    message: str
