"""Courses: which videos belong to them, and who takes part."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from vodflow.catalog.rows import Record
from vodflow.catalog.tables import course, course_video, enrolment, tenant, video


@dataclasses.dataclass(frozen=True, kw_only=True)
class Course(Record):
    """One course; see the table.

    :param tenant: its slug
    :param code: what the learning platform calls it
    :param active: whether learners may watch its videos
    """

    id: int
    tenant: str
    tenant_id: int
    code: str
    title: str
    active: bool
    created_at: datetime


@dataclasses.dataclass(frozen=True, kw_only=True)
class Enrolment(Record):
    """Somebody who takes part in a course.

    :param user_id: as the learning platform calls them
    :param role: ``learner`` or ``teacher``
    :param starts_at: none means at once
    :param ends_at: none means never
    """

    user_id: str
    role: str = "learner"
    starts_at: datetime | None = None
    ends_at: datetime | None = None


def create(conn: Connection, tenant_id: int, code: str, title: str, *, active: bool) -> int | None:
    """A new course's id; none where the tenant has one with this code."""
    values = {"tenant_id": tenant_id, "code": code, "title": title, "active": active}
    statement = insert(course).values(values).on_conflict_do_nothing().returning(course.c.id)
    made: int | None = conn.scalar(statement)
    return made


def find(
    conn: Connection, limit: int = 1, *, course_id: int | None = None, code: str | None = None, after: int | None = None
) -> list[Course]:
    """Courses in the order of their ids, those that fit what is given.

    :param after: only those with a larger id: the last one of the page before
    """
    query = select(*Course.columns(course, tenant=tenant.c.slug)).join(tenant, tenant.c.id == course.c.tenant_id)
    if course_id is not None:
        query = query.where(course.c.id == course_id)
    if code is not None:
        query = query.where(course.c.code == code)
    if after is not None:
        query = query.where(course.c.id > after)
    return [Course.of(row) for row in conn.execute(query.order_by(course.c.id).limit(limit))]


def change(conn: Connection, course_id: int, values: dict[str, Any]) -> None:
    """Give a course another title, or open or close it."""
    if values:
        conn.execute(update(course).where(course.c.id == course_id).values(values))


def remove(conn: Connection, course_id: int) -> None:
    """Forget a course, its list of videos and its enrolments; the videos stay."""
    conn.execute(delete(course).where(course.c.id == course_id))


def video_ids(conn: Connection, course_id: int, limit: int, after: int = 0) -> list[int]:
    """Videos of a course in the order of their ids.

    :param after: only those with a larger id
    """
    table = course_video
    query = select(table.c.video_id).where(table.c.course_id == course_id, table.c.video_id > after)
    return list(conn.scalars(query.order_by(table.c.video_id).limit(limit)))


def add_videos(conn: Connection, row: Course, ids: Collection[int]) -> set[int]:
    """Put videos into a course; one that is there stays.

    :return: those that are none of the course's tenant, and were not put there
    """
    known = select(video.c.id).where(video.c.id.in_(ids), video.c.tenant_id == row.tenant_id)
    found = set(conn.scalars(known))
    if found:
        values = [{"course_id": row.id, "video_id": item} for item in found]
        conn.execute(insert(course_video).values(values).on_conflict_do_nothing())
    return set(ids) - found


def keep_videos(conn: Connection, course_id: int, ids: Collection[int]) -> int:
    """Take all other videos out of a course; how many it were."""
    gone = delete(course_video).where(course_video.c.course_id == course_id, course_video.c.video_id.not_in(ids))
    return conn.execute(gone).rowcount


def remove_video(conn: Connection, course_id: int, video_id: int) -> bool:
    """Take a video out of a course; whether it was in it."""
    gone = delete(course_video).where(course_video.c.course_id == course_id, course_video.c.video_id == video_id)
    return conn.execute(gone).rowcount > 0


def enrolments(
    conn: Connection, course_id: int, limit: int, *, after: str = "", user_id: str | None = None
) -> list[Enrolment]:
    """Who takes part in a course, in the order of their ids.

    :param after: only people with a later id
    """
    query = select(*Enrolment.columns(enrolment)).where(enrolment.c.course_id == course_id, enrolment.c.user_id > after)
    if user_id is not None:
        query = query.where(enrolment.c.user_id == user_id)
    return [Enrolment.of(row) for row in conn.execute(query.order_by(enrolment.c.user_id).limit(limit))]


def open_now() -> ColumnElement[bool]:
    """Of enrolments joined with their courses: whether the person may watch the course's videos.

    Learners may while the course is active, teachers at any time; both between the times of their enrolment.
    """
    now = func.now()
    return and_(
        or_(enrolment.c.starts_at.is_(None), enrolment.c.starts_at <= now),
        or_(enrolment.c.ends_at.is_(None), enrolment.c.ends_at > now),
        or_(course.c.active, enrolment.c.role == "teacher"),
    )


def enrol(conn: Connection, course_id: int, people: Sequence[Enrolment]) -> list[str]:
    """Have these people take part as it says here, whether they did before or not.

    :return: those who might watch until now
    """
    if not people:
        return []
    query = select(enrolment.c.user_id).join(course, course.c.id == enrolment.c.course_id).where(open_now())
    query = query.where(course.c.id == course_id, enrolment.c.user_id.in_([item.user_id for item in people]))
    before = set(conn.scalars(query.with_for_update(of=enrolment)))
    statement = insert(enrolment)
    changed = {name: statement.excluded[name] for name in ("role", "starts_at", "ends_at")}
    statement = statement.on_conflict_do_update(index_elements=["course_id", "user_id"], set_=changed)
    conn.execute(statement, [{"course_id": course_id, **dataclasses.asdict(item)} for item in people])
    return sorted(before - set(conn.scalars(query)))


def end_enrolments(
    conn: Connection, course_id: int, *, user_id: str | None = None, but: Collection[str] | None = None
) -> list[str]:
    """End the enrolment of one person, or of all but some.

    :return: whose it was
    """
    gone = delete(enrolment).where(enrolment.c.course_id == course_id)
    if user_id is not None:
        gone = gone.where(enrolment.c.user_id == user_id)
    if but is not None:
        gone = gone.where(enrolment.c.user_id.not_in(but))
    return list(conn.scalars(gone.returning(enrolment.c.user_id)))
