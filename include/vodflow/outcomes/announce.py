"""At the end of a step: tell the metadata table and the notification channels, without ever failing the step.

What has to be told is in the catalog already, written with the change itself (:mod:`vodflow.catalog.outbox`). This
is only the fast way; ``deliver_outcomes`` sends what did not get through here.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from vodflow.settings import Settings, get_settings

log = logging.getLogger(__name__)

#: Seconds of a step's patience that are kept for writing down how the sending went.
_MARGIN: Final = 0.5

#: Seconds in which the step itself tells of its change, before anybody else looks.
_GRACE: Final = 10.0


def announce(*, source_id: int, video_id: int, job_id: int | None = None) -> None:
    """Send what became due with this step's change; never raises, and waits ``notification_patience`` at most.

    :param job_id: the job that changed; none while the source has none
    """
    settings = get_settings()
    if not (settings.dynamodb_table or _has_channels(settings)):
        return
    workers = []
    if settings.dynamodb_table:
        workers.append(_start("metadata", lambda: _sync(video_id, settings)))
    if _has_channels(settings):
        workers.append(_start("notifications", lambda: _deliver(settings, source_id=source_id, job_id=job_id)))
    _await(workers, settings)


def announce_holds() -> None:
    """Send what became due of what stops every video alike; never raises, and waits as :func:`announce` does."""
    settings = get_settings()
    if settings.notifications:
        _await([_start("notifications", lambda: _deliver(settings, common=True))], settings)


def _has_channels(settings: Settings) -> bool:
    """Tenants can have some of their own where secrets can be sealed."""
    return bool(settings.notifications or settings.sealing_keys)


def _await(workers: list[threading.Thread], settings: Settings) -> None:
    deadline = time.monotonic() + settings.notification_patience
    for worker in workers:
        worker.join(max(0.0, deadline - time.monotonic()))
        if worker.is_alive():
            log.warning(
                "No end of %s within %s s; left to deliver_outcomes", worker.name, settings.notification_patience
            )


def _sync(video_id: int, settings: Settings) -> None:
    from vodflow.outcomes.dynamodb import sync  # noqa: PLC0415 - only where a table is configured

    if not sync.is_away(settings=settings):
        sync.sync_video(video_id, settings=settings)


def _deliver(settings: Settings, **which: Any) -> None:
    from vodflow.outcomes.notifications.delivery import deliver_now  # noqa: PLC0415 - only where a channel is configured

    limit = max(_MARGIN, settings.notification_patience - _MARGIN)
    deliver_now(limit=limit, settings=settings, **which)


def _start(name: str, work: Callable[[], None]) -> threading.Thread:
    """Run it beside the step, in a thread that does not keep the process alive: a hanging name server hangs alone."""
    thread = threading.Thread(target=_guarded, args=(name, work), name=name, daemon=True)
    thread.start()
    return thread


def _guarded(name: str, work: Callable[[], None]) -> None:
    try:
        work()
    except Exception:  # the video is what counts; deliver_outcomes tries again
        log.warning("The %s were not sent; left to deliver_outcomes", name, exc_info=True)


def due_in(settings: Settings | None = None) -> float | None:
    """Seconds until something waits that no step has told, 0 when it waits already; none when there is nothing.

    Two look-ups in small indexes, for whoever asks again and again.

    :raises CatalogError: the catalog does not answer
    """
    from vodflow.catalog import deliveries, metadata_syncs  # noqa: PLC0415 - only where something is configured
    from vodflow.catalog.database import transaction  # noqa: PLC0415

    used = settings or get_settings()
    with transaction("outcomes", used) as connection:
        moments = [
            deliveries.next_due(connection),
            metadata_syncs.next_due(connection) if used.dynamodb_table else None,
        ]
    found = [moment for moment in moments if moment is not None]
    return max(0.0, (min(found) - datetime.now(UTC)).total_seconds() + _GRACE) if found else None


def deliver_outcomes(settings: Settings | None = None) -> dict[str, int]:
    """Send everything that is due; counts of what was done, for people and XCom.

    :raises CatalogError: the catalog does not answer
    """
    from vodflow.outcomes.notifications.delivery import deliver_due  # noqa: PLC0415 - only where something is configured

    used = settings or get_settings()
    counts = {"items_written": 0, "items_failed": 0}
    if used.dynamodb_table:
        from vodflow.outcomes.dynamodb.sync import sync_due  # noqa: PLC0415

        synced = sync_due(settings=used)
        counts = {"items_written": synced.written, "items_failed": synced.failed}
    sent = deliver_due(settings=used)
    return counts | {"delivered": sent.delivered, "postponed": sent.postponed, "given_up": sent.given_up}


class ProgressFeed:
    """Keeps a video's item up to date while an engine works, in a thread of its own.

    Calls cost nothing when no table is configured, and never wait for DynamoDB.
    """

    def __init__(self, video_id: int, settings: Settings | None = None) -> None:
        self._video_id = video_id
        self._settings = settings or get_settings()
        # Not at once: a short encode is over before its progress would interest anybody.
        self._due = time.monotonic() + self._settings.dynamodb_progress_interval
        self._running: threading.Thread | None = None

    def __call__(self) -> None:
        """There is progress in the catalog; send it if the last update is old enough and has come to an end."""
        if not self._settings.dynamodb_table or time.monotonic() < self._due:
            return
        if self._running is not None and self._running.is_alive():
            return
        self._due = time.monotonic() + self._settings.dynamodb_progress_interval
        self._running = _start("metadata", lambda: _sync(self._video_id, self._settings))
