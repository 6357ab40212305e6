"""Whether a person may watch a video now: asked of the catalog's courses, or of a learning platform."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from typing import Any, Final, Protocol
from urllib.parse import quote

import httpx

from vodflow.catalog import playback as rows
from vodflow.catalog.database import transaction
from vodflow.errors import ConfigurationError, PlaybackUnavailable
from vodflow.settings import Settings

#: Answers of a platform that are remembered, a process.
_REMEMBERED: Final = 10_000
#: Bytes of an answer that are read; it has one word to say.
_LONGEST: Final = 64 * 1024


class Enrolments(Protocol):
    """Somebody who knows who takes part in what."""

    def may_watch(self, tenant: str, video_id: int, user: str, course: str | None) -> bool:
        """Whether this person may watch this video now.

        :param course: code of the course in which they do; none where nobody says
        :raises PlaybackUnavailable: it cannot be found out now
        """


class CatalogEnrolments:
    """The courses in the catalog. A video in no course may be watched by everybody who is given a token for it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def may_watch(self, tenant: str, video_id: int, user: str, course: str | None) -> bool:  # noqa: ARG002
        """See :class:`Enrolments`. The tenant is the one whose rows the caller sees."""
        with transaction("playback.enrolments", self._settings) as connection:
            allowed = rows.courses_of_video(connection, video_id, user)
        if course is not None:
            return allowed.get(course, False)
        return not allowed or any(allowed.values())


class PlatformEnrolments:
    """A learning platform, asked over HTTP.

    ``GET`` of the address in the settings; 200 with ``{"allowed": true}`` lets watch; ``{"allowed": false}``, 403 and
    404 do not; everything else is no answer. Answers are remembered for a while.
    """

    def __init__(self, settings: Settings, client: httpx.Client | None = None) -> None:
        self._settings = settings
        token = settings.enrolment_token
        headers = {"Authorization": f"Bearer {token.get_secret_value()}"} if token else {}
        self._client = client or httpx.Client(
            timeout=settings.enrolment_timeout, headers={"Accept": "application/json", **headers}, trust_env=False
        )
        self._remembered: OrderedDict[str, tuple[bool, float]] = OrderedDict()
        self._lock = threading.Lock()

    def may_watch(self, tenant: str, video_id: int, user: str, course: str | None) -> bool:
        """See :class:`Enrolments`."""
        words = {"tenant": tenant, "video": str(video_id), "user": user, "course": course or ""}
        try:
            address = str(self._settings.enrolment_url).format_map(
                {name: quote(word, safe="") for name, word in words.items()}
            )
        except (KeyError, ValueError, IndexError) as error:
            raise ConfigurationError(
                "VODFLOW_ENROLMENT_URL has braces around something that is none of tenant, user, video and course."
            ) from error
        with self._lock:
            allowed, until = self._remembered.get(address, (False, 0.0))
        if time.monotonic() < until:
            return allowed
        allowed = self._ask(address)
        with self._lock:
            self._remembered[address] = (allowed, time.monotonic() + self._settings.enrolment_cache_seconds)
            if len(self._remembered) > _REMEMBERED:
                self._remembered.popitem(last=False)
        return allowed

    def _ask(self, address: str) -> bool:
        status, body = self._answer(address)
        if status in {403, 404}:
            return False
        try:
            said: Any = httpx.Response(status, content=body).json() if status == httpx.codes.OK else None
        except (RecursionError, ValueError):
            said = None
        allowed = said.get("allowed") if isinstance(said, dict) else None
        if not isinstance(allowed, bool):
            raise PlaybackUnavailable(
                f"The learning platform answers {status} and not whether this person may watch. Try again later."
            )
        return allowed

    def _answer(self, address: str) -> tuple[int, bytes]:
        deadline = time.monotonic() + self._settings.enrolment_timeout
        try:
            with self._client.stream("GET", address) as answer:
                body = b""
                for chunk in answer.iter_bytes(8192):
                    body += chunk
                    if len(body) > _LONGEST or time.monotonic() > deadline:
                        return answer.status_code, b""
                return answer.status_code, body
        except httpx.HTTPError as error:
            raise PlaybackUnavailable(
                f"The learning platform does not answer ({type(error).__name__}). Try again later."
            ) from error


def enrolments_of(settings: Settings) -> Enrolments:
    """Whom the settings name."""
    return PlatformEnrolments(settings) if settings.playback_enrolments == "http" else CatalogEnrolments(settings)
