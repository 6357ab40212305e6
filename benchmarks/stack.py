"""The embedded stack as a thing to measure: what its videos did when, and what CPU it used."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2.extras import RealDictCursor
from vodflow.stack.environment import child_environment
from vodflow.stack.home import Home
from vodflow.stack.postgres import PostgresServer
from vodflow.stack.stack import Stack

from benchmarks.measure import tree_cpu
from benchmarks.parts import s3_client

SOURCE_BUCKET = "vodflow-source"
START_TIMEOUT = 240.0
VIDEO_TIMEOUT = 300.0
#: The times come from the databases; looking more often would only disturb what is measured.
POLL = 0.5

_VIDEOS = """
SELECT source.key, source.run_id, source.registered_at, source.dispatched_at, job.id AS job_id, job.status, job.plan,
       job.started_at, job.encoded_at, job.verified_at, job.finished_at, job.worker_seconds, job.cpu_seconds
FROM source LEFT JOIN job ON job.source_id = source.id WHERE source.key = ANY(%s)
"""
_STATES = """
SELECT source.key, source.run_id, job.status
FROM source LEFT JOIN job ON job.source_id = source.id WHERE source.key = ANY(%s)
"""
_RUNS = "SELECT dag_id, run_id, start_date, end_date, state FROM dag_run WHERE run_id = ANY(%s)"
_TASKS = "SELECT run_id, task_id, queued_dttm, start_date, end_date FROM task_instance WHERE run_id = ANY(%s)"
_INGEST = (
    "SELECT min(start_date) AS start FROM dag_run WHERE dag_id = 'ingest_videos' AND start_date >= to_timestamp(%s)"
)


#: A row as it comes from the database.
_Found = dict[str, Any]


@dataclass(frozen=True)
class Video:
    """One video's way through the stack; times are seconds since the epoch.

    :param uploaded: the upload had ended
    :param ingest: the run of ``ingest_videos`` that found it began; none where that cannot be told
    :param run: its run of ``transcode_video`` began
    :param published: the ``publish`` task had ended, ``manifest.json`` included
    :param worker_seconds: wall, download to upload
    """

    key: str
    uploaded: float
    ingest: float | None
    registered: float
    run: float
    engine_started: float
    published: float
    worker_seconds: float
    plan: dict[str, Any]
    tasks: dict[str, dict[str, float]]

    @property
    def overhead(self) -> float:
        """Seconds from the upload to the publication that the worker did not work."""
        return self.published - self.uploaded - self.worker_seconds


class BenchStack:
    """A healthy stack."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._config = stack.config
        self._connections: dict[str, Any] = {}
        self.environment = child_environment(stack.home)
        self._s3 = s3_client(self.environment)

    def close(self) -> None:
        """Close the connections to the databases."""
        for connection in self._connections.values():
            connection.close()

    def cpu(self) -> float:
        """CPU seconds of everything in the stack so far."""
        return tree_cpu([process.pid for process in self._stack.processes()])

    def upload(self, clip: Path, key: str) -> float:
        """Put a clip into the watched bucket; when that had ended."""
        with clip.open("rb") as body:
            self._s3.put_object(Bucket=SOURCE_BUCKET, Key=key, Body=body)
        return time.time()

    def await_published(self, uploads: dict[str, float], *, with_ingest: bool = False) -> list[Video]:
        """Wait until all these keys are published.

        :param uploads: key → end of its upload
        :param with_ingest: find the ingest run too; only for a single upload
        :raises RuntimeError: one failed, or takes too long
        """
        deadline = time.monotonic() + VIDEO_TIMEOUT
        while True:
            rows = self._query("vodflow", _STATES, list(uploads))
            bad = [row for row in rows if row["status"] in {"FAILED", "REJECTED", "CANCELED"}]
            if bad or time.monotonic() > deadline:
                raise RuntimeError(f"not published: {[(row['key'], row['status']) for row in bad or rows]}")
            runs = self._runs(rows)
            if len(runs) == len(uploads) and all(run["state"] == "success" for run in runs.values()):
                return self._videos(uploads, runs, with_ingest=with_ingest)
            time.sleep(POLL)

    def _runs(self, rows: Iterable[_Found]) -> dict[str, _Found]:
        ids = [row["run_id"] for row in rows if row["status"] == "PUBLISHED"]
        return {run["run_id"]: run for run in self._query("airflow", _RUNS, ids)} if ids else {}

    def _videos(self, uploads: dict[str, float], runs: dict[str, _Found], *, with_ingest: bool) -> list[Video]:
        tasks: dict[str, dict[str, dict[str, float]]] = {}
        for task in self._query("airflow", _TASKS, list(runs)):
            if task["end_date"] is None or task["start_date"] is None:
                continue
            times = {name: task[name].timestamp() for name in ("queued_dttm", "start_date", "end_date") if task[name]}
            tasks.setdefault(task["run_id"], {})[task["task_id"]] = times
        ingest = None
        if with_ingest:
            found = self._query("airflow", _INGEST, min(uploads.values()) - 1)[0]["start"]
            ingest = found.timestamp() if found else None
        return [
            Video(
                key=row["key"],
                uploaded=uploads[row["key"]],
                ingest=ingest,
                registered=row["registered_at"].timestamp(),
                run=runs[row["run_id"]]["start_date"].timestamp(),
                engine_started=row["started_at"].timestamp(),
                published=tasks[row["run_id"]]["publish"]["end_date"],
                worker_seconds=float(row["worker_seconds"]),
                plan=row["plan"],
                tasks=tasks[row["run_id"]],
            )
            for row in self._query("vodflow", _VIDEOS, list(uploads))
        ]

    def _query(self, role: str, statement: str, parameter: object) -> list[_Found]:
        if role not in self._connections:
            url = self._config.database_url(role, "postgresql")
            self._connections[role] = psycopg2.connect(url, connect_timeout=10)
            self._connections[role].autocommit = True
        with self._connections[role].cursor(cursor_factory=RealDictCursor) as cursor:
            cursor.execute(statement, (parameter,))
            return [dict(row) for row in cursor.fetchall()]


@contextmanager
def bench_stack(root: Path) -> Iterator[BenchStack]:
    """A fresh stack in ``root``; stopped and removed afterwards."""
    stack = Stack.load(root)
    stack.down()
    shutil.rmtree(root, ignore_errors=True)
    try:
        stack.up(START_TIMEOUT)
        with closing(BenchStack(stack)) as running:
            yield running
    finally:
        stack.down()
        if stack.home.config_file.exists():
            shutil.rmtree(PostgresServer(Home(root), stack.config).root, ignore_errors=True)
        shutil.rmtree(root, ignore_errors=True)
