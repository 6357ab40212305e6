"""Videos and the versions of their bytes: register, hand out, judge. Set-based: any number by a few statements."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Connection, DateTime, Text, bindparam, func, select, text, update

from vodflow.catalog import outbox
from vodflow.catalog.rows import JobRow, NewSource, SourceRow
from vodflow.catalog.source_rows import find_source, get_source, select_sources
from vodflow.catalog.states import SourceStatus
from vodflow.catalog.storable import clean, clean_message
from vodflow.catalog.tables import source
from vodflow.contract.media_info import MediaInfo
from vodflow.errors import CatalogError, RejectionReason

__all__ = [
    "NewSource", "SourceRow", "SourceStatus", "find_source", "get_source", "mark_dispatched", "mark_probed",
    "register_sources", "reject_source", "run_id_of", "undispatched_sources",
]  # fmt: skip

#: Rows a statement: keeps one statement's text in the low megabytes.
_BATCH = 10_000
_RUN_PREFIX = "source-"

_INSERT_TENANTS = text("INSERT INTO tenant (slug) SELECT unnest(:slugs) ON CONFLICT (slug) DO NOTHING").bindparams(
    bindparam("slugs", type_=ARRAY(Text))
)

_INSERT_VIDEOS = text(
    """
    INSERT INTO video (tenant_id, bucket, key)
    SELECT tenant.id, new.bucket, new.key
      FROM unnest(:tenants, :buckets, :keys) AS new (tenant, bucket, key)
      JOIN tenant ON tenant.slug = new.tenant
     WHERE NOT EXISTS (SELECT FROM video WHERE (video.bucket, video.key) = (new.bucket, new.key))
     ORDER BY new.bucket COLLATE "C", new.key COLLATE "C"
    ON CONFLICT (bucket, key) DO NOTHING
    """
).bindparams(*(bindparam(name, type_=ARRAY(Text)) for name in ("tenants", "buckets", "keys")))

_NEW_SOURCES = """
    unnest(:buckets, :keys, :versions, :version_ids, :etags, :sizes, :modified, :discoverers, :profiles,
           :engines)
      AS new (bucket, key, version, version_id, etag, size_bytes, last_modified, discovered_by, profile, engine)
"""
_IS_NEW = """
    NOT EXISTS (SELECT FROM source
                 WHERE (source.bucket, source.key, source.version) = (new.bucket, new.key, new.version))
"""

_INSERT_SOURCES = text(
    f"""
    INSERT INTO source
           (video_id, bucket, key, version, version_id, etag, size_bytes, last_modified, discovered_by, profile, engine)
    SELECT video.id, new.*
      FROM {_NEW_SOURCES}
      JOIN video ON (video.bucket, video.key) = (new.bucket, new.key)
     WHERE {_IS_NEW}
     ORDER BY new.bucket COLLATE "C", new.key COLLATE "C", new.version COLLATE "C"
    ON CONFLICT (bucket, key, version) DO NOTHING
    RETURNING id
    """  # noqa: S608  (constants above)
).bindparams(
    *(
        bindparam(name, type_=ARRAY(Text))
        for name in ("buckets", "keys", "versions", "version_ids", "etags", "discoverers", "profiles", "engines")
    ),
    bindparam("sizes", type_=ARRAY(BigInteger)),
    bindparam("modified", type_=ARRAY(DateTime(timezone=True))),
)


def register_sources(conn: Connection, sources: Sequence[NewSource]) -> list[int]:
    """Make a row for every source that has none, with its video and tenant; ids of the new ones, ascending.

    Any number, in any order, with duplicates, from any number of processes at once: each row is made exactly once.
    A key seen before keeps its tenant; a new version of it is a new source of the same video.
    Use one transaction a call: locks are taken in one global order within it.
    """
    unique = {(new.bucket, new.key, new.version): new for new in reversed(sources)}
    ordered = [unique[identity] for identity in sorted(unique)]
    if not ordered:
        return []
    conn.execute(_INSERT_TENANTS, {"slugs": sorted({new.tenant for new in ordered})})
    # All videos before all sources, each in key order: two registrations wait for each other, never in a circle.
    for batch in _batches(list({(new.bucket, new.key): new for new in reversed(ordered)}.values())[::-1]):
        conn.execute(_INSERT_VIDEOS, _video_arrays(batch))
    return sorted(row.id for batch in _batches(ordered) for row in conn.execute(_INSERT_SOURCES, _source_arrays(batch)))


def undispatched_sources(conn: Connection, limit: int, after_id: int = 0) -> list[SourceRow]:
    """The oldest sources for which no run was started yet, by ascending id, to be paged with ``after_id``."""
    query = (
        select_sources()
        .where(source.c.status == text("'DISCOVERED'"), source.c.id > after_id)
        .order_by(source.c.id)
        .limit(limit)
    )
    return [SourceRow.of(row) for row in conn.execute(query)]


def run_id_of(source_id: int) -> str:
    """The deterministic run id of a sensed source: starting it twice is refused by Airflow."""
    return f"{_RUN_PREFIX}{source_id}"


def mark_dispatched(conn: Connection, source_ids: Sequence[int], run_id: str | None = None) -> int:
    """Note that the runs of these sources exist; returns how many sources changed. Others are left alone.

    :param run_id: the run, when it is not the one that sensing starts (see :func:`run_id_of`)
    """
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
            status=SourceStatus.DISPATCHED,
            run_id=run_id or func.concat(_RUN_PREFIX, source.c.id),
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
        rejection_reason=None,
        rejection_detail=None,
        rejected_at=None,
    )
    outbox.source_changed(conn, source_id)


def reject_source(
    conn: Connection, source_id: int, reason: RejectionReason, detail: str, *, job: JobRow | None = None
) -> None:
    """Refuse a source for good, with its named reason and one sentence for a person.

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


def _judge(conn: Connection, source_id: int, **values: Any) -> None:
    if conn.execute(update(source).where(source.c.id == source_id).values(**values)).rowcount == 0:
        raise CatalogError(f"There is no source {source_id} in the catalog.")


def _batches(items: Sequence[NewSource]) -> Iterator[Sequence[NewSource]]:
    for start in range(0, len(items), _BATCH):
        yield items[start : start + _BATCH]


def _identity_arrays(batch: Sequence[NewSource]) -> dict[str, list[Any]]:
    return {
        "buckets": [new.bucket for new in batch],
        "keys": [new.key for new in batch],
        "versions": [new.version for new in batch],
    }


def _video_arrays(batch: Sequence[NewSource]) -> dict[str, list[Any]]:
    return {
        "tenants": [new.tenant for new in batch],
        "buckets": [new.bucket for new in batch],
        "keys": [new.key for new in batch],
    }


def _source_arrays(batch: Sequence[NewSource]) -> dict[str, list[Any]]:
    return _identity_arrays(batch) | {
        "version_ids": [new.version_id for new in batch],
        "etags": [new.etag for new in batch],
        "sizes": [new.size for new in batch],
        "modified": [new.last_modified for new in batch],
        "discoverers": [str(new.discovered_by) for new in batch],
        "profiles": [new.profile for new in batch],
        "engines": [new.engine and str(new.engine) for new in batch],
    }
