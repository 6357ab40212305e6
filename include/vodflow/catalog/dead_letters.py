"""Dead letters: work that was given up, kept until a person has looked at it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement, Connection, and_, func, literal, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert

from vodflow.catalog.rows import Record, within
from vodflow.catalog.storable import clean, clean_message
from vodflow.catalog.tables import dead_letter, job, source

#: Origin of the letters of runs that failed before they had a job; their identity is the run's id.
FAILED_RUN: Final = "transcode_video.prepare"


class NewDeadLetter(BaseModel):
    """Something that cannot be processed.

    :param origin: what gave up, for example ``ingest_videos.intake``
    :param identity: equal for the same trouble; while one is open, the next is counted and not added
    :param code: short name of the problem
    :param message: one sentence for a person
    :param payload: what is needed to look into it and to try again
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    origin: str
    identity: str
    code: str
    message: str
    payload: dict[str, Any] | None = None
    source_id: int | None = None
    job_id: int | None = None


def record_dead_letters(conn: Connection, letters: Sequence[NewDeadLetter]) -> None:
    """Keep these letters. One that is open already gets a later time and one more occurrence."""
    # In one order, so that two writers of the same letters wait for each other and not in a circle.
    for letter in sorted(letters, key=lambda letter: (letter.origin, letter.identity)):
        values = clean(letter.model_dump(mode="json")) | {"message": clean_message(letter.message)}
        statement = insert(dead_letter).values(**values)
        conn.execute(
            statement.on_conflict_do_update(
                index_elements=["origin", "identity"],
                index_where=text("resolved_at IS NULL"),
                set_={"occurrences": dead_letter.c.occurrences + 1, "last_seen_at": func.now()},
            )
        )


def resolve_dead_letters(conn: Connection, origin: str, identity: str, resolution: str) -> None:
    """Close the open letter of this trouble, if there is one: it ended by itself."""
    open_one = (dead_letter.c.origin == origin, dead_letter.c.identity == identity, dead_letter.c.resolved_at.is_(None))
    conn.execute(update(dead_letter).where(*open_one).values(resolved_at=func.now(), resolution=resolution))


@dataclasses.dataclass(frozen=True, kw_only=True)
class DeadLetterRow(Record):
    """One open letter; see the table.

    :param video_id: of its source, where it has one
    """

    id: int
    origin: str
    identity: str
    code: str
    message: str
    occurrences: int
    first_seen_at: datetime
    last_seen_at: datetime
    video_id: int | None

    @property
    def run_id(self) -> str | None:
        """The run that failed, which may be started over; none of other origins."""
        return self.identity if self.origin == FAILED_RUN else None


@dataclasses.dataclass(frozen=True, kw_only=True)
class LetterRow(Record):
    """One letter, open or closed; see the table."""

    id: int
    origin: str
    identity: str
    code: str
    message: str
    payload: dict[str, Any] | None
    source_id: int | None
    job_id: int | None
    occurrences: int
    first_seen_at: datetime
    last_seen_at: datetime
    resolved_at: datetime | None
    resolution: str | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class LetterFilter:
    """Which letters are wanted; none means all.

    :param is_open: those that nobody has resolved, or those that somebody has
    :param since: seen first at or after that moment
    :param until: and before this one
    """

    is_open: bool | None = None
    origin: str | None = None
    code: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def list_letters(
    conn: Connection, wanted: LetterFilter, limit: int, after: int | None = None, *, oldest_first: bool = False
) -> list[LetterRow]:
    """Letters in the order in which they were kept, newest first unless asked otherwise.

    :param after: only what follows the letter with this id
    """
    table = dead_letter.c
    query = select(dead_letter).order_by(table.id if oldest_first else table.id.desc()).limit(limit)
    conditions: list[tuple[object, ColumnElement[bool]]] = [
        (wanted.is_open, table.resolved_at.is_(None) if wanted.is_open else table.resolved_at.is_not(None)),
        (wanted.origin, table.origin == wanted.origin),
        (wanted.code, table.code == wanted.code),
        (after, table.id > (after or 0) if oldest_first else table.id < (after or 0)),
    ]
    query = query.where(*(condition for asked, condition in conditions if asked is not None))
    query = query.where(*within(table.first_seen_at, wanted.since, wanted.until))
    return [LetterRow.of(row) for row in conn.execute(query)]


def get_letter(conn: Connection, letter_id: int) -> LetterRow | None:
    """One letter; none where there is no such one."""
    row = conn.execute(select(dead_letter).where(dead_letter.c.id == letter_id)).one_or_none()
    return None if row is None else LetterRow.of(row)


def resolve_letter(conn: Connection, letter_id: int, resolution: str) -> bool:
    """Close one letter; false where it is closed already, which stays as it is."""
    this = (dead_letter.c.id == letter_id, dead_letter.c.resolved_at.is_(None))
    values = {"resolved_at": func.now(), "resolution": clean_message(resolution)}
    return bool(conn.execute(update(dead_letter).where(*this).values(**values)).rowcount)


def open_letters(conn: Connection, limit: int, before_id: int | None = None) -> list[DeadLetterRow]:
    """Letters that nobody has looked at, newest first, without those that the list of work has as failed runs.

    :param before_id: only letters with a smaller id: the last one of the page before
    """
    has_job = select(literal(1)).where(job.c.source_id == dead_letter.c.source_id).exists()
    listed = and_(dead_letter.c.origin == FAILED_RUN, or_(dead_letter.c.source_id.is_(None), has_job))
    columns = DeadLetterRow.columns(dead_letter, video_id=source.c.video_id)
    query = select(*columns).outerjoin(source, source.c.id == dead_letter.c.source_id)
    query = query.where(dead_letter.c.resolved_at.is_(None), ~listed)
    if before_id is not None:
        query = query.where(dead_letter.c.id < before_id)
    return [DeadLetterRow.of(row) for row in conn.execute(query.order_by(dead_letter.c.id.desc()).limit(limit))]
