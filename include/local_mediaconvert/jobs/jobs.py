"""Jobs in the store: insert, read, change, page through."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from local_mediaconvert.arns import plain_name
from local_mediaconvert.errors import not_found
from local_mediaconvert.jobs.store import Store
from local_mediaconvert.wire import page_position, page_token

#: Most jobs of one page; the API's own bound.
PAGE: Final = 20

Document = dict[str, Any]


@dataclass(frozen=True)
class NewJob:
    """What CreateJob stores.

    :param created: seconds since the epoch
    :param queue: name of the queue
    :param hop_at: when it leaves that queue if it still waits there
    :param inputs: addresses of the input files, for searches
    :param codecs: ``video:H_264``, ``audio:AAC`` …, for searches
    :param request: what never changes, names of the wire
    :param work: settings with presets filled in, where that differs from ``request``
    :param state: what changes, names of the wire
    """

    id: str
    created: float
    queue: str
    priority: int
    request: Document
    state: Document
    hop_at: float | None = None
    token: str | None = None
    digest: str | None = None
    inputs: Sequence[str] = ()
    codecs: Sequence[str] = ()
    work: Document | None = None


@dataclass(frozen=True)
class JobFilter:
    """Which jobs to list: every condition holds; of the values of one, any.

    :param conditions: SQL and its values
    """

    conditions: list[tuple[str, list[Any]]] = field(default_factory=list)

    def any_of(self, condition: str, values: Sequence[Any]) -> None:
        """Add ``condition`` with any of the values; no values means no condition."""
        if values:
            self.conditions.append((" OR ".join([condition] * len(values)), list(values)))

    def queues(self, references: Sequence[str]) -> None:
        """Only jobs in these queues, given by name or ARN."""
        self.any_of("queue = ?", [plain_name(item, "queues") for item in references])

    def files(self, texts: Sequence[str]) -> None:
        """Only jobs with an input whose address has one of these texts in it."""
        self.any_of("instr(inputs, ?) > 0", texts)


class Jobs:
    """All jobs of the service."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def insert(self, job: NewJob) -> Document:
        """Store a new job; returns its document."""
        with self._store.transaction() as db:
            db.execute(
                "INSERT INTO job (id, created, status, queue, priority, hop_at, token, digest, inputs, codecs, request,"
                " work, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    job.id, job.created, job.state["status"], job.queue, job.priority, job.hop_at, job.token,
                    job.digest, "\n".join(job.inputs), "\n".join(job.codecs), json.dumps(job.request),
                    None if job.work is None else json.dumps(job.work), json.dumps(job.state),
                ),
            )  # fmt: skip
        return {**job.request, **job.state}

    def get(self, job_id: str) -> Document:
        """A job's document.

        :raises ApiError: there is no such job
        """
        return document(self._row(job_id))

    def to_run(self, job_id: str) -> Document:
        """A job's document with presets filled in, as the transcoder takes it."""
        row = self._row(job_id)
        whole = document(row)
        return whole if row["work"] is None else {**whole, "settings": json.loads(row["work"])}

    def by_token(self, token: str, since: float) -> tuple[Document, str] | None:
        """The job that was created with a client token since then, and the digest of its request."""
        row = self._store.row(
            "SELECT * FROM job WHERE token = ? AND created > ? ORDER BY seq DESC LIMIT 1", token, since
        )
        return None if row is None else (document(row), row["digest"])

    def update(self, job_id: str, changes: Mapping[str, Any], only: Sequence[str] = ()) -> Document | None:
        """Change a job's state.

        :param changes: members of the job, names of the wire
        :param only: change it only while its status is one of these
        :returns: the document after the change; none when the status was another
        """
        with self._store.transaction() as db:
            row = self._row(job_id)
            if only and row["status"] not in only:
                return None
            state = json.loads(row["state"]) | changes
            db.execute(
                "UPDATE job SET state = ?, status = ?, queue = ?, priority = ?,"
                " hop_at = CASE WHEN ? = 'SUBMITTED' THEN hop_at END WHERE id = ?",
                (
                    json.dumps(state), state["status"], plain_name(state["queue"], "queues"), state["priority"],
                    state["status"], job_id,
                ),
            )  # fmt: skip
            return {**json.loads(row["request"]), **state}

    def page(
        self, where: JobFilter, *, newest_first: bool = True, size: int | None = None, token: str | None = None
    ) -> tuple[list[Document], str | None]:
        """One page of documents, and the token of the next."""
        size = min(size or PAGE, PAGE)
        conditions = [f"({condition})" for condition, _ in where.conditions]
        values = [value for _, group in where.conditions for value in group]
        position = page_position(token)
        if position:
            conditions.append("seq < ?" if newest_first else "seq > ?")
            values.append(position[0])
        rows = self._store.rows(
            f"SELECT * FROM job {'WHERE ' + ' AND '.join(conditions) if conditions else ''}"  # noqa: S608 - no values
            f" ORDER BY seq {'DESC' if newest_first else 'ASC'} LIMIT ?",
            *values,
            size + 1,
        )
        more = page_token(rows[size - 1]["seq"]) if len(rows) > size else None
        return [document(row) for row in rows[:size]], more

    def counts(self, queue: str) -> dict[str, int]:
        """How many jobs of a queue have each status."""
        rows = self._store.rows(
            "SELECT status, count(*) AS number FROM job WHERE queue = ?"
            " AND status IN ('SUBMITTED', 'PROGRESSING') GROUP BY status",
            queue,
        )
        return {row["status"]: row["number"] for row in rows}

    def forget(self, before: float) -> None:
        """Remove jobs that were created before a moment and have ended."""
        condition = "created < ? AND status IN ('COMPLETE', 'CANCELED', 'ERROR')"
        with self._store.transaction() as db:
            arns = f"SELECT json_extract(request, '$.arn') FROM job WHERE {condition}"  # noqa: S608 - no values
            db.execute(f"DELETE FROM tag WHERE arn IN ({arns})", (before,))  # noqa: S608
            db.execute(f"DELETE FROM job WHERE {condition}", (before,))  # noqa: S608

    def _row(self, job_id: str) -> sqlite3.Row:
        row = self._store.row("SELECT * FROM job WHERE id = ?", job_id)
        if row is None:
            raise not_found(f"The job {job_id}")
        return row


def document(row: sqlite3.Row) -> Document:
    """A job as GetJob shows it."""
    return {**json.loads(row["request"]), **json.loads(row["state"])}
