"""Videos page by page, newest first: each as it is now. Filters and order are those of the table ``listing``."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, Subquery, case, func, literal_column, select, tuple_

from vodflow.catalog.rows import Record, within
from vodflow.catalog.states import JobStatus
from vodflow.catalog.tables import job, listing, publication, source, tenant, video
from vodflow.catalog.tables.assets import KEY_WORDS

#: Everything in a key that is no part of a word, as PostgreSQL's own expression has it.
_BETWEEN: Final = "[^[:alnum:]]+"
_WORD: Final = re.compile(r"[^\W_]")


@dataclasses.dataclass(frozen=True, kw_only=True)
class VideoLine(Record):
    """A video as a line of the list. Sizes in bytes, times in seconds, percent 0 to 100.

    :param source_id: the bytes that its key has now
    :param job_id: the newest job for them; none while there is none
    :param status: of that job; of the source while it has none
    :param reason: why it was rejected or failed, or could not be read
    :param published_at: when what is public now became so; none while nothing is
    """

    video_id: int
    tenant: str
    bucket: str
    key: str
    source_id: int
    job_id: int | None
    status: str
    profile: str | None
    engine: str | None
    priority: int | None
    registered_at: datetime
    size_bytes: int
    duration: float | None
    run_id: str | None
    stage: str | None
    progress: float | None
    speed: float | None
    eta_seconds: float | None
    finished_at: datetime | None
    reason: str | None
    published_at: datetime | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class LiveVideo(Record):
    """How far a video is; what belongs to a job is none while there is none."""

    video_id: int
    job_id: int | None
    status: str
    stage: str | None
    progress: float | None
    speed: float | None
    eta_seconds: float | None
    priority: int | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class VideoFilter:
    """Which videos are wanted; none means all.

    :param search: words of the key, each may be the beginning of one; or how the address begins, ``s3://bucket/key``
    :param since: registered at or after that moment
    :param until: and before this one
    """

    search: str | None = None
    tenant: str | None = None
    statuses: frozenset[str] | None = None
    profile: str | None = None
    engine: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a video stands in the list."""

    registered_at: datetime
    video_id: int


@dataclasses.dataclass(frozen=True)
class VideoPage:
    """Lines, and whether the list goes on."""

    lines: tuple[VideoLine, ...]
    newer: bool
    older: bool


def list_videos(
    conn: Connection,
    wanted: VideoFilter,
    limit: int,
    *,
    after: Place | None = None,
    before: Place | None = None,
    oldest_first: bool = False,
) -> VideoPage:
    """A page: the newest, or those that follow a place, or those in front of one.

    With ``oldest_first`` the list is the other way round: ``newer`` then says whether it goes on in front of the page.
    A page stays what it is while newer videos come: it is found by the place where it begins, not by a number.
    """
    place, table = tuple_(listing.c.registered_at, listing.c.video_id), listing.c
    query = select(listing).where(*_conditions(conn, wanted)).limit(limit + 1)
    bound, ascending = before or after, oldest_first != (before is not None)
    if bound is not None:
        at = tuple_(bound.registered_at, bound.video_id)
        query = query.where(place > at if ascending else place < at)
    order = [column.asc() if ascending else column.desc() for column in (table.registered_at, table.video_id)]
    found = [VideoLine.of(row) for row in conn.execute(_lines(query.order_by(*order).subquery()))]
    if oldest_first:
        found.reverse()
    if before is not None:
        return VideoPage(tuple(found[-limit:]), len(found) > limit, older=True)
    return VideoPage(tuple(found[:limit]), after is not None, len(found) > limit)


def line_of(conn: Connection, video_id: int) -> VideoLine | None:
    """One video as a line; none where there is no such video."""
    one = select(listing).where(listing.c.video_id == video_id).subquery()
    row = conn.execute(_lines(one)).one_or_none()
    return None if row is None else VideoLine.of(row)


def live_videos(conn: Connection, video_ids: Collection[int]) -> dict[int, LiveVideo]:
    """How far these videos are, by id; what there is not is left out."""
    query = select(*LiveVideo.columns(listing, job)).outerjoin(job, job.c.id == listing.c.job_id)
    query = query.select_from(listing).where(listing.c.video_id.in_(video_ids))
    return {row.video_id: LiveVideo.of(row) for row in conn.execute(query)}


def choices(conn: Connection) -> dict[str, list[str]]:
    """What the list can be filtered by: every ``tenant``, and the ``profile`` and ``engine`` of any video."""
    found = {"tenant": list(conn.scalars(select(tenant.c.slug).order_by(tenant.c.slug)))}
    for name in ("profile", "engine"):
        found[name] = _distinct(conn, listing.c[name])
    return found


def _distinct(conn: Connection, column: Any) -> list[str]:
    """The few values of an indexed column, each found by one step of the index, whatever the number of rows."""
    first = select(func.min(column).label("value")).cte("few", recursive=True)
    next_one = select(func.min(column)).where(column > first.c.value).scalar_subquery()
    few = first.union_all(select(next_one).where(first.c.value.is_not(None)))
    return list(conn.scalars(select(few.c.value).where(few.c.value.is_not(None))))


def _lines(page: Subquery) -> Select[Any]:
    failed = job.c.status.in_((JobStatus.FAILED, JobStatus.REJECTED))
    columns = VideoLine.columns(
        job,
        **{name: page.c[name] for name in ("video_id", "job_id", "source_id", "status", "profile", "engine")},
        tenant=tenant.c.slug,
        bucket=source.c.bucket,
        key=source.c.key,
        size_bytes=source.c.size_bytes,
        registered_at=page.c.registered_at,
        run_id=func.coalesce(job.c.run_id, source.c.run_id),
        duration=source.c.media_info["duration"].as_float(),
        reason=func.coalesce(
            source.c.rejection_detail,
            source.c.rejection_reason,
            _given(failed, job.c.error_message, job.c.error_code),
            _given(source.c.status == "UNREADABLE", source.c.unreadable_detail, source.c.unreadable_reason),
        ),
        published_at=publication.c.published_at,
    )
    return (
        select(*columns)
        .select_from(page)
        .join(source, source.c.id == page.c.source_id)
        .join(tenant, tenant.c.id == page.c.tenant_id)
        .outerjoin(job, job.c.id == page.c.job_id)
        .outerjoin(publication, publication.c.video_id == page.c.video_id)
        .order_by(page.c.registered_at.desc(), page.c.video_id.desc())
    )


def _given(condition: ColumnElement[bool], *values: Any) -> Any:
    return case((condition, func.coalesce(*values)))


def _conditions(conn: Connection, wanted: VideoFilter) -> list[ColumnElement[bool]]:
    table, found = listing.c, []
    if wanted.tenant is not None:
        # By its id, so that the planner knows how many videos it has.
        tenant_id = conn.scalar(select(tenant.c.id).where(tenant.c.slug == wanted.tenant))
        found.append(table.tenant_id == (tenant_id or 0))
    if wanted.statuses is not None:
        found.append(table.status.in_(sorted(wanted.statuses)))
    found += [table[name] == value for name in ("profile", "engine") if (value := getattr(wanted, name)) is not None]
    found += within(table.registered_at, wanted.since, wanted.until)
    if wanted.search:
        found.append(table.video_id.in_(select(video.c.id).where(*_search(wanted.search))))
    return found


def _search(text: str) -> list[ColumnElement[bool]]:
    """By the index of words; an address holds more than its words say."""
    conditions: list[ColumnElement[bool]] = []
    words = text
    if text.startswith("s3://"):
        bucket, _, words = text.removeprefix("s3://").partition("/")
        conditions += [video.c.bucket == bucket, video.c.key.startswith(words, autoescape=True)]
    if _WORD.search(words):
        spaced = func.btrim(func.regexp_replace(words, _BETWEEN, " ", "g"))
        asked = func.to_tsquery("simple", func.regexp_replace(spaced, " ", ":* & ", "g").concat(":*"))
        conditions.append(literal_column(KEY_WORDS.text).bool_op("@@")(asked))
    return conditions
