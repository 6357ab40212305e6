"""How far the videos are that somebody looks at: one query a second, whatever the number of viewers."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Collection
from typing import Final

from vodflow.catalog.database import transaction
from vodflow.catalog.video_list import LiveVideo, live_videos
from vodflow.errors import CatalogError

#: Seconds between two queries.
EVERY: Final = 1.0
#: Seconds after which nobody is taken to look at a video any more who has not asked again.
_FORGET: Final = 10.0


class Snapshot:
    """The videos that somebody has asked for lately, as they were a second ago at most."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked: dict[int, float] = {}
        self._seen: dict[int, tuple[LiveVideo, int]] = {}
        self._taken = 0.0
        self._trouble: CatalogError | None = None
        self._number = 0
        self._name = secrets.token_hex(4)

    def look(self, video_ids: Collection[int], stamp: str | None) -> tuple[dict[int, LiveVideo], set[int], str]:
        """These videos, the ids of those that have changed since a stamp, and the stamp to ask with next time.

        :param stamp: of an earlier answer; one of another process, or none, means all of them
        :raises CatalogError: the catalog does not answer
        """
        name, _, number = (stamp or "").partition(".")
        since = int(number) if name == self._name and number.isdecimal() else -1
        with self._lock:
            now = time.monotonic()
            self._asked |= dict.fromkeys(video_ids, now)
            if now - self._taken >= EVERY:
                self._try(now)
            if self._trouble is not None:
                raise self._trouble
            found = {item: self._seen[item] for item in video_ids if item in self._seen}
            changed = {item for item, (_, number_then) in found.items() if number_then > since}
            return {item: video for item, (video, _) in found.items()}, changed, f"{self._name}.{self._number}"

    def _try(self, now: float) -> None:
        """Those who wait for a catalog that does not answer all learn it at once, and not one after another."""
        self._trouble = None
        try:
            self._take(now)
        except CatalogError as error:
            self._trouble, self._taken = error, time.monotonic()

    def _take(self, now: float) -> None:
        self._asked = {video_id: at for video_id, at in self._asked.items() if now - at < _FORGET}
        with transaction("vodflow.pages") as conn:
            found = live_videos(conn, self._asked)
        self._number += 1
        old = self._seen
        self._seen = {
            video_id: old[video_id] if video_id in old and old[video_id][0] == video else (video, self._number)
            for video_id, video in found.items()
        }
        self._taken = now


SNAPSHOT: Final = Snapshot()
