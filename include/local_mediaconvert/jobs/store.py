"""What the service remembers: one SQLite file in its state folder."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

_VERSION: Final = 1

#: ``request`` never changes after CreateJob; ``state`` is the part of the job that does. ``work`` holds the settings
#: with presets filled in, where that differs from what GetJob shows.
_SCHEMA: Final = """
CREATE TABLE job (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    created REAL NOT NULL,
    status TEXT NOT NULL,
    queue TEXT NOT NULL,
    priority INTEGER NOT NULL,
    hop_at REAL,
    token TEXT,
    digest TEXT,
    crashes INTEGER NOT NULL DEFAULT 0,
    inputs TEXT NOT NULL,
    codecs TEXT NOT NULL,
    request TEXT NOT NULL,
    work TEXT,
    state TEXT NOT NULL
);
CREATE INDEX job_waiting ON job (status, priority DESC, seq);
CREATE INDEX job_queue ON job (queue, status);
CREATE INDEX job_token ON job (token) WHERE token IS NOT NULL;
CREATE INDEX job_hop ON job (hop_at) WHERE hop_at IS NOT NULL;
CREATE TABLE resource (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    category TEXT,
    created REAL NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (kind, name)
) WITHOUT ROWID;
CREATE TABLE tag (arn TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (arn, key)) WITHOUT ROWID;
CREATE TABLE setting (name TEXT PRIMARY KEY, document TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE query (id TEXT PRIMARY KEY, created REAL NOT NULL, request TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    due REAL NOT NULL,
    target TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX outbox_due ON outbox (target, due);
"""


class Store:
    """One connection behind a lock: statements take microseconds, and the file has one writer.

    :param folder: made when it is not there
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._db = sqlite3.connect(folder / "mediaconvert.sqlite3", check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        # A committed row survives the death of this process; after a power cut the last moment may be missing.
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute("PRAGMA cache_size = -2000")
        if self._db.execute("PRAGMA user_version").fetchone()[0] < _VERSION:
            self._db.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {_VERSION}; COMMIT;")

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing. May be nested: the outermost commits."""
        with self._lock:
            if self._db.in_transaction:
                yield self._db
                return
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def rows(self, statement: str, *values: Any) -> list[sqlite3.Row]:
        """The rows of a SELECT."""
        with self._lock:
            return self._db.execute(statement, values).fetchall()

    def row(self, statement: str, *values: Any) -> sqlite3.Row | None:
        """The first row of a SELECT."""
        with self._lock:
            found: sqlite3.Row | None = self._db.execute(statement, values).fetchone()
            return found

    def setting(self, name: str) -> Any:
        """A document stored under a name; none when there is none."""
        row = self.row("SELECT document FROM setting WHERE name = ?", name)
        return None if row is None else json.loads(row["document"])

    def put_setting(self, name: str, document: Any) -> None:
        """Store a document under a name; none removes it."""
        with self.transaction() as db:
            if document is None:
                db.execute("DELETE FROM setting WHERE name = ?", (name,))
            else:
                db.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", (name, json.dumps(document)))

    def close(self) -> None:
        """Give the file back."""
        with self._lock:
            self._db.close()
