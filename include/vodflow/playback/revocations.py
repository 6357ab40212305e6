"""Which tokens were taken back: a list in memory, brought up to date in the background, so that looking is quick.

The list holds what was revoked, whose videos were taken down, and which tenants are suspended. A process that gets no
news of it for a while lets nobody watch.
"""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
import weakref
from collections.abc import Mapping

from vodflow.catalog import playback as rows
from vodflow.catalog.database import acting_for, transaction
from vodflow.errors import PlaybackUnavailable, TokenRevoked, VodflowError
from vodflow.playback.tokens import Claims
from vodflow.settings import Settings

log = logging.getLogger(__name__)

#: Tenant, video, user; none means all of them.
_Whose = tuple[str, int | None, str | None]


@dataclasses.dataclass(frozen=True)
class _News:
    void_until: Mapping[_Whose, float]
    closed: frozenset[str]
    at: float


class Revocations:
    """The list of one process. Its thread starts with the first look, so that a forked child has one of its own."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._news: _News | None = None
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()

    @property
    def known(self) -> bool:
        """Whether the list is there and new enough; where it is not, :meth:`check` may ask the database."""
        return self._news is not None and time.monotonic() - self._news.at < self._settings.playback_revocation_patience

    def check(self, claims: Claims) -> None:
        """See that a token was not taken back.

        :raises TokenRevoked: it was, its video was taken down, or its tenant is suspended
        :raises PlaybackUnavailable: nothing was heard for too long
        """
        self._begin()
        news = self._news
        if news is None or not self.known:
            raise PlaybackUnavailable(
                "Nobody may watch just now, for the list of revoked tokens cannot be read. Try again in a minute."
            )
        if claims.tenant in news.closed or any(
            claims.issued_at <= news.void_until.get(whose, 0.0)
            for whose in (
                (claims.tenant, claims.video_id, None), (claims.tenant, None, claims.user),
                (claims.tenant, claims.video_id, claims.user), (claims.tenant, None, None),
            )
        ):  # fmt: skip
            raise TokenRevoked("This playback token was taken back. Ask for a new one.")

    def refresh(self) -> None:
        """Read the list now.

        :raises CatalogUnavailable: the database does not answer
        """
        at = time.monotonic()
        with acting_for(None), transaction("playback.revocations", self._settings) as connection:
            void: dict[_Whose, float] = {}
            for row in rows.void_tokens(connection, self._settings.playback_token_limit):
                whose = (row.tenant, row.video_id, row.user_id)
                void[whose] = max(void.get(whose, 0.0), row.issued_before.timestamp())
            closed = frozenset(rows.closed_tenants(connection))
        self._news = _News(void, closed, at)

    def close(self) -> None:
        """Stop bringing it up to date."""
        self._stop.set()

    def _begin(self) -> None:
        if self._thread is not None:
            return
        with self._lock:
            if self._thread is None:
                if self._news is None:
                    self._try()
                follow = (weakref.ref(self), self._stop, self._settings.playback_revocation_interval)
                self._thread = threading.Thread(target=_follow, args=follow, name="vodflow-revocations", daemon=True)
                self._thread.start()

    def _try(self) -> None:
        try:
            self.refresh()
        except VodflowError as error:
            log.warning("The list of revoked playback tokens cannot be read: %s", error)


def _follow(whose: weakref.ref[Revocations], stop: threading.Event, interval: float) -> None:
    """Bring the list up to date as long as somebody has it."""
    while not stop.wait(interval):
        if (found := whose()) is None:
            return
        found._try()  # noqa: SLF001 - it is the thread of that very object
        del found
