"""What others must hear of, noted in the transaction that makes it true (a transactional outbox).

The modules that change jobs and sources call this one. With neither notifications nor a metadata table configured it
does nothing at all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, func, select, true

from vodflow.catalog.source_rows import get_source
from vodflow.catalog.states import FINISHED, JobStatus
from vodflow.catalog.tables import job_event, source
from vodflow.errors import RejectionReason, UnreadableReason
from vodflow.settings import Settings, get_settings
from vodflow.settings.channels import EventKind

if TYPE_CHECKING:
    from vodflow.catalog.outages import OutageRow
    from vodflow.catalog.rows import JobRow

#: Seconds after which a state that will soon be followed by another is sent to the metadata table, if nothing else
#: has sent it: the steps of a video that is under way cost no call of their own.
INTERIM_DELAY: Final = 60.0

#: Seconds that a hold has to last before anybody is told: a service that throttles may begin and end many of them.
HOLD_DELAY: Final = 20.0

_KINDS: Final = {JobStatus.FAILED: EventKind.FAILED, JobStatus.CANCELED: EventKind.CANCELED}


def job_changed(conn: Connection, row: JobRow) -> None:
    """A job's status was written. PUBLISHED and REJECTED have their own functions, which know more."""
    settings = get_settings()
    if settings.dynamodb_table:
        _mark(conn, row.video_id, delay=0.0 if row.status in FINISHED else INTERIM_DELAY)
    kind = _KINDS.get(row.status)
    if kind is None or not _may_be_asked(settings, kind):
        return
    later = settings.failure_delay if kind is EventKind.FAILED and row.retryable else 0.0
    _enqueue(conn, settings, kind, row.source_id, row, delay=later)


def job_published(
    conn: Connection, row: JobRow, manifest_uri: str, *, current: bool, again: datetime | None = None
) -> None:
    """A job became PUBLISHED; call it when its renditions are written and the publication is decided.

    :param current: whether it is the video's public job now
    :param again: when it became public once more, after other bytes; none at the first time
    """
    settings = get_settings()
    if again and settings.dynamodb_table:
        _mark(conn, row.video_id, delay=0.0)
    if _may_be_asked(settings, EventKind.PUBLISHED):
        from vodflow.publication.manifest import public_url  # noqa: PLC0415 - needed for notifications only

        bucket, _, name = manifest_uri.removeprefix("s3://").partition("/")
        base = public_url(bucket, settings)
        details = {
            "manifest_uri": manifest_uri,
            "manifest_url": base and f"{base}/{name}",
            "current": current,
            "duration": row.plan.media.duration,
            "qualities": [rung.name for rung in row.plan.renditions],
            "outputs": [str(output) for output in row.plan.packaging.outputs],
        }
        key = f"job-{row.id}-public-{again:%Y%m%dT%H%M%S.%f}" if again else None
        _enqueue(conn, settings, EventKind.PUBLISHED, row.source_id, row, key=key, publication=details)


def source_changed(conn: Connection, source_id: int) -> None:
    """A source was judged."""
    if get_settings().dynamodb_table:
        _mark(conn, _video_of(conn, source_id), delay=INTERIM_DELAY)


def source_rejected(
    conn: Connection, source_id: int, reason: RejectionReason, detail: str, row: JobRow | None = None
) -> None:
    """A source was rejected, before it had a job or by the job ``row``, which is REJECTED already."""
    settings = get_settings()
    if settings.dynamodb_table:
        _mark(conn, row.video_id if row is not None else _video_of(conn, source_id), delay=0.0)
    if _may_be_asked(settings, EventKind.REJECTED):
        rejection = {"reason": reason.value, "detail": detail}
        _enqueue(conn, settings, EventKind.REJECTED, source_id, row, rejection=rejection)


def source_unreadable(conn: Connection, source_id: int, reason: UnreadableReason, detail: str) -> None:
    """A source without a job cannot be read as things stand."""
    settings = get_settings()
    if settings.dynamodb_table:
        _mark(conn, _video_of(conn, source_id), delay=0.0)
    if _may_be_asked(settings, EventKind.UNREADABLE):
        _enqueue(conn, settings, EventKind.UNREADABLE, source_id, None, unreadable={"reason": reason, "detail": detail})


def held(conn: Connection, outage: OutageRow) -> None:
    """Something begins to stop every video alike."""
    settings = get_settings()
    _enqueue_hold(conn, settings, EventKind.HELD, outage, [one.name for one in settings.notifications], HOLD_DELAY)


def resumed(conn: Connection, outage: OutageRow) -> None:
    """It is over: told to those who have heard of its beginning."""
    settings = get_settings()
    if _asked(settings, EventKind.HELD):
        from vodflow.catalog import deliveries  # noqa: PLC0415 - only where a channel is configured

        heard = deliveries.withdraw(conn, _hold_key(EventKind.HELD, outage), "the hold was over before")
        _enqueue_hold(conn, settings, EventKind.RESUMED, outage, heard, 0.0)


def reported(conn: Connection, last: date, report: dict[str, Any]) -> int:
    """What mattered of a day is told, once, to the channels that ask for it; returns their number."""
    channels = [one.name for one in get_settings().notifications if one.wants(EventKind.REPORTED, "")]
    if channels:
        from vodflow.catalog import deliveries  # noqa: PLC0415 - only where a channel is configured
        from vodflow.catalog.event_document import report_payload  # noqa: PLC0415

        key = f"report-{last}"
        document = report_payload(key, datetime.now(UTC), report)
        deliveries.enqueue(conn, channels, event_key=key, event=EventKind.REPORTED, document=document)
    return len(channels)


def _hold_key(kind: EventKind, outage: OutageRow) -> str:
    return f"hold-{outage.id}-{kind.value}"


def _enqueue_hold(
    conn: Connection, settings: Settings, kind: EventKind, outage: OutageRow, names: Sequence[str], delay: float
) -> None:
    channels = [one.name for one in settings.notifications if one.name in names and one.wants(kind, "")]
    if channels:
        from vodflow.catalog import deliveries  # noqa: PLC0415 - only where a channel is configured
        from vodflow.catalog.event_document import hold_payload  # noqa: PLC0415

        key = _hold_key(kind, outage)
        document = hold_payload(kind, key, outage)
        deliveries.enqueue(conn, channels, event_key=key, event=kind, document=document, delay=timedelta(seconds=delay))


def _video_of(conn: Connection, source_id: int) -> int:
    return int(conn.execute(select(source.c.video_id).where(source.c.id == source_id)).scalar_one())


def _asked(settings: Settings, kind: EventKind) -> bool:
    return any(kind in channel.events for channel in settings.notifications)


def _may_be_asked(settings: Settings, kind: EventKind) -> bool:
    """Also by tenants, who can have channels of their own where secrets can be sealed."""
    return bool(settings.sealing_keys) or _asked(settings, kind)


def _mark(conn: Connection, video_id: int, *, delay: float) -> None:
    from vodflow.catalog import metadata_syncs  # noqa: PLC0415 - only where a table is configured

    metadata_syncs.mark(conn, video_id, delay=timedelta(seconds=delay))


def _enqueue(
    conn: Connection,
    settings: Settings,
    kind: EventKind,
    source_id: int,
    row: JobRow | None,
    *,
    delay: float = 0.0,
    key: str | None = None,
    **details: dict[str, Any],
) -> None:
    from vodflow.catalog import deliveries, tenants  # noqa: PLC0415 - only where a channel is configured
    from vodflow.catalog.event_document import payload  # noqa: PLC0415

    about = get_source(conn, source_id)
    channels = [one.name for one in settings.notifications if one.wants(kind, about.tenant)]
    if settings.sealing_keys:
        channels += tenants.channels_asking(conn, about.tenant, kind)
    if not channels:
        return
    event_id, usual = _identity(conn, source_id, row)
    key = key or usual
    document = payload(kind, key, conn.execute(select(func.now())).scalar_one(), about, row, **details)
    deliveries.enqueue(
        conn,
        channels,
        event_key=key,
        event=kind,
        document=document,
        job_event_id=event_id,
        delay=timedelta(seconds=delay),
    )


def _identity(conn: Connection, source_id: int, row: JobRow | None) -> tuple[int | None, str]:
    """The job event that tells of it, and the event's key, the same whenever the same step runs again."""
    if row is not None:
        # The job's row is locked by this transaction: its newest event is the one just written.
        event_id = conn.scalar(select(func.max(job_event.c.id)).where(job_event.c.job_id == row.id))
        return event_id, f"job-event-{event_id}"
    # A rejection that a person asks for again is another one; its actor names the run.
    actor = str(conn.scalar(select(func.current_setting("vodflow.actor", true()))))
    # Hashed, because a key goes into HTTP headers and a run's id may hold any character.
    return None, f"source-{source_id}-{hashlib.sha256(actor.encode()).hexdigest()[:12]}"
