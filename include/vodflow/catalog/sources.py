"""Sources, the bytes of videos: look up, hand out, judge. Who makes them: :mod:`vodflow.catalog.sightings`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Connection, bindparam, case, func, select, text, update

from vodflow.catalog import outbox
from vodflow.catalog.rows import JobRow, SourceRow
from vodflow.catalog.source_rows import find_source, get_source, select_sources
from vodflow.catalog.states import SourceStatus, TenantStatus
from vodflow.catalog.storable import clean, clean_message
from vodflow.catalog.tables import source, tenant
from vodflow.contract.media_info import MediaInfo
from vodflow.errors import CatalogError, RejectionReason, UnreadableReason

__all__ = [
    "SourceRow", "SourceStatus", "find_source", "get_source", "mark_dispatched", "mark_probed",
    "mark_unreadable", "reject_source", "run_id_of", "undispatched_sources",
]  # fmt: skip

_RUN_PREFIX = "source-"
_NOT_REJECTED = dict.fromkeys(("rejection_reason", "rejection_detail", "rejected_at"))


def undispatched_sources(
    conn: Connection, limit: int, after_id: int = 0, *, ids: Sequence[int] | None = None
) -> list[SourceRow]:
    """The oldest sources whose run is not started yet, by ascending id, to be paged with ``after_id``.

    Those of tenants that are suspended wait until these go on.

    :param ids: only these; none means all
    """
    waits = (source.c.status == text("'DISCOVERED'"), source.c.id > after_id, tenant.c.status == TenantStatus.ACTIVE)
    query = select_sources().where(*waits)
    if ids is not None:
        query = query.where(source.c.id == func.any(bindparam("ids", list(ids), ARRAY(BigInteger))))
    return [SourceRow.of(row) for row in conn.execute(query.order_by(source.c.id).limit(limit))]


def run_id_of(source_id: int, reopened: int = 0) -> str:
    """The deterministic run id of a sensed source: starting it twice is refused by Airflow.

    :param reopened: how often a sighting has started it again
    """
    return f"{_RUN_PREFIX}{source_id}" + (f"-again-{reopened}" if reopened else "")


def mark_dispatched(conn: Connection, source_ids: Sequence[int], run_id: str | None = None) -> int:
    """Note that the runs of these sources exist; returns how many sources changed. Others are left alone.

    :param run_id: the run, when it is not the one that sensing starts (see :func:`run_id_of`)
    """
    again = case((source.c.reopened > 0, func.concat("-again-", source.c.reopened)), else_="")
    locked = (
        select(source.c.id)
        .where(source.c.id == func.any(bindparam("ids", list(source_ids), ARRAY(BigInteger))))
        .where(source.c.status == SourceStatus.DISCOVERED)
        .order_by(source.c.id)
        .with_for_update()
        .cte("locked")
    )
    statement = (
        update(source)
        .where(source.c.id == locked.c.id)
        .values(
            # What was probed before it was reopened need not be probed again.
            status=case((source.c.media_info.is_not(None), SourceStatus.PROBED), else_=SourceStatus.DISPATCHED),
            run_id=run_id or func.concat(_RUN_PREFIX, source.c.id, again),
            dispatched_at=func.clock_timestamp(),
        )
    )
    return conn.execute(statement).rowcount


def mark_probed(conn: Connection, source_id: int, media_info: MediaInfo) -> None:
    """Keep what the probe found. A source rejected earlier under other limits is accepted again.

    :raises CatalogError: when there is no such source
    """
    _judge(
        conn,
        source_id,
        status=SourceStatus.PROBED,
        media_info=clean(media_info.model_dump(mode="json")),
        probed_at=func.clock_timestamp(),
        **_NOT_REJECTED,
    )
    outbox.source_changed(conn, source_id)


def reject_source(
    conn: Connection, source_id: int, reason: RejectionReason, detail: str, *, job: JobRow | None = None
) -> None:
    """Refuse a source for good, for what its bytes are, with its named reason and one sentence for a person.

    :param job: the job that found it out, REJECTED already; none when there is none yet
    :raises CatalogError: when there is no such source
    """
    _judge(
        conn,
        source_id,
        status=SourceStatus.REJECTED,
        rejection_reason=RejectionReason(reason),
        rejection_detail=clean(detail),
        # A second rejection keeps the day of the first, so that reports of past days do not change.
        rejected_at=func.coalesce(source.c.rejected_at, func.clock_timestamp()),
    )
    outbox.source_rejected(conn, source_id, RejectionReason(reason), clean_message(detail), job)


def mark_unreadable(
    conn: Connection, source_id: int, reason: UnreadableReason, detail: str, *, job: JobRow | None = None
) -> None:
    """Note that the source cannot be read as things stand; a sighting of the object reopens it.

    :param job: the job that found it out, FAILED already, which others hear of; none when there is none yet
    :raises CatalogError: when there is no such source
    """
    _judge(
        conn,
        source_id,
        status=SourceStatus.UNREADABLE,
        unreadable_reason=UnreadableReason(reason),
        unreadable_detail=clean(detail),
        # A further try keeps the day of the first.
        unreadable_at=case(
            (source.c.status == SourceStatus.UNREADABLE, source.c.unreadable_at), else_=func.clock_timestamp()
        ),
        **_NOT_REJECTED,
    )
    if job is None:
        outbox.source_unreadable(conn, source_id, UnreadableReason(reason), clean_message(detail))


def _judge(conn: Connection, source_id: int, **values: Any) -> None:
    if conn.execute(update(source).where(source.c.id == source_id).values(**values)).rowcount == 0:
        raise CatalogError(f"There is no source {source_id} in the catalog.")
