"""Which job runs when: queues, priorities, hops. Sleeps until something changes or a moment has come."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Any, Final

from local_mediaconvert.jobs.jobs import Jobs
from local_mediaconvert.jobs.journal import Journal
from local_mediaconvert.jobs.resources import Resources
from local_mediaconvert.jobs.running import Run
from local_mediaconvert.jobs.store import Store
from local_mediaconvert.jobs.worker import UNEXPECTED

log = logging.getLogger(__name__)

#: A job whose worker crashed so often ends as ERROR.
_MOST_CRASHES: Final = 2
#: AWS's warning code for a hop whose destination is gone or takes nobody (user guide, "Warning codes").
_CANNOT_HOP: Final = 100000
#: Sums of floating-point seconds differ by less.
_INSTANT: Final = 1e-3


@dataclass
class _Active:
    run: Run
    queue: str
    thread: threading.Thread
    next_status: float


@dataclass(eq=False)
class Scheduler:
    """Starts jobs in a thread each, at most ``concurrency`` at a time.

    :param new_run: makes the run of a job
    :param minute: seconds that a minute of waiting lasts
    """

    store: Store
    jobs: Jobs
    journal: Journal
    queues: Resources
    new_run: Callable[[str], Run]
    _: KW_ONLY
    concurrency: int
    minute: float = 60.0

    def __post_init__(self) -> None:
        self._changed = threading.Condition()
        self._news = True
        self._stopping = False
        self._active: dict[str, _Active] = {}
        self._thread = threading.Thread(target=self._loop, name="scheduler", daemon=True)

    def start(self) -> None:
        """Begin to run jobs; those that an earlier process left unfinished come first."""
        self._thread.start()

    def stop(self, patience: float = 5.0) -> None:
        """Stop; jobs that run are interrupted and run again at the next start.

        :param patience: seconds to wait for their processes
        """
        with self._changed:
            self._stopping = True
            active = list(self._active.values())
            self._changed.notify_all()
        for item in active:
            item.run.cancel.set()
        deadline = time.monotonic() + patience
        for thread in (self._thread, *(item.thread for item in active)):
            if thread.ident is not None:
                thread.join(max(0.0, deadline - time.monotonic()))

    def wake(self) -> None:
        """Look again: a job, a queue or a slot changed."""
        with self._changed:
            self._news = True
            self._changed.notify_all()

    def interrupt(self, job_id: str) -> None:
        """Stop the work on a job that was canceled."""
        with self._changed:
            active = self._active.get(job_id)
        if active is not None:
            active.run.cancel.set()
        self.wake()

    def _loop(self) -> None:
        while True:
            with self._changed:
                if self._stopping:
                    return
                self._news = False
            try:
                pause = self._step()
            except Exception:
                log.exception("The scheduler stumbled; it goes on in a second.")
                pause = 1.0
            with self._changed:
                if not self._news and not self._stopping:
                    self._changed.wait(pause)

    def _step(self) -> float | None:
        """Do what is due; seconds until something else is, none for never."""
        self._hop_due()
        self._tell_due()
        while self._start_one():
            pass
        row = self.store.row("SELECT min(hop_at) AS due FROM job WHERE hop_at IS NOT NULL AND status = 'SUBMITTED'")
        moments = [row["due"] - time.time()] if row is not None and row["due"] is not None else []
        with self._changed:
            moments += [item.next_status - time.monotonic() for item in self._active.values()]
        return max(0.0, min(moments)) if moments else None

    def _hop_due(self) -> None:
        for row in self.store.rows(
            "SELECT id, created, hop_at FROM job WHERE status = 'SUBMITTED' AND hop_at <= ?", time.time()
        ):
            self._hop(row["id"], row["created"], row["hop_at"])

    def _hop(self, job_id: str, created: float, due: float) -> None:
        """Move a job to the destination whose time has come; the next one's time counts from the submission, too."""
        now = time.time()
        hops = self.jobs.get(job_id)["hopDestinations"]
        moments = sorted(((created + hop["waitMinutes"] * self.minute, hop) for hop in hops), key=lambda pair: pair[0])
        later = [moment for moment, _ in moments if moment > now]
        with self.store.transaction() as db:
            for moment, hop in moments:
                if due - _INSTANT <= moment <= now:
                    self._hop_to(job_id, hop)
            db.execute("UPDATE job SET hop_at = ? WHERE id = ?", (later[0] if later else None, job_id))

    def _hop_to(self, job_id: str, hop: dict[str, Any]) -> None:
        queue = self.queues.find(hop["queue"])
        if queue is None or queue["status"] != "ACTIVE":
            self.journal.warn(job_id, _CANNOT_HOP, f"The job cannot hop to {hop['queue']}: no such active queue.")
            return
        self.journal.hop(job_id, queue["arn"], hop.get("priority"))

    def _tell_due(self) -> None:
        now = time.monotonic()
        with self._changed:
            due = [item for item in self._active.values() if item.next_status <= now]
            for item in due:
                item.next_status = now + item.run.interval
        for item in due:
            item.run.tell_status()

    def _start_one(self) -> bool:
        with self._changed:
            if self._stopping or len(self._active) >= self.concurrency:
                return False
            busy = Counter(item.queue for item in self._active.values())
            active = set(self._active)
        job = self._next(busy, active)
        if job is None:
            return False
        run = self.new_run(job["id"])
        thread = threading.Thread(target=self._carry_out, args=(run,), name=f"job-{job['id']}", daemon=True)
        with self._changed:
            self._active[run.job_id] = _Active(run, job["queue"], thread, time.monotonic() + run.interval)
        thread.start()
        return True

    def _next(self, busy: Counter[str], active: set[str]) -> Any:
        """The job whose turn it is: interrupted ones first, then by priority, then by age."""
        for row in self.store.rows("SELECT id, queue FROM job WHERE status = 'PROGRESSING' ORDER BY seq"):
            if row["id"] not in active:
                return row
        open_queues = [
            row["name"]
            for row in self.store.rows("SELECT name FROM resource WHERE kind = 'queues'")
            if self._has_room(row["name"], busy[row["name"]])
        ]
        marks = ", ".join("?" * len(open_queues))
        taken = ", ".join("?" * len(active))
        return self.store.row(
            f"SELECT id, queue FROM job WHERE status = 'SUBMITTED' AND queue IN ({marks}) AND id NOT IN ({taken})"  # noqa: S608
            " ORDER BY priority DESC, seq LIMIT 1",
            *open_queues,
            *active,
        )

    def _has_room(self, name: str, busy: int) -> bool:
        queue = self.queues.get(name)
        slots = queue.get("reservationPlan", {}).get("reservedSlots")
        most = queue.get("concurrentJobs") if slots is None else slots
        return queue["status"] == "ACTIVE" and (most is None or busy < most)

    def _carry_out(self, run: Run) -> None:
        try:
            run.carry_out()
            if run.crashed:
                self._count_crash(run.job_id)
        finally:
            with self._changed:
                del self._active[run.job_id]
            self.wake()

    def _count_crash(self, job_id: str) -> None:
        """A crashed job runs again, as on AWS; one that crashes its worker each time ends."""
        with self.store.transaction() as db:
            db.execute("UPDATE job SET crashes = crashes + 1 WHERE id = ?", (job_id,))
        row = self.store.row("SELECT crashes FROM job WHERE id = ?", job_id)
        if row is not None and row["crashes"] >= _MOST_CRASHES:
            self.journal.fail(job_id, UNEXPECTED, "An unexpected error occurred: the transcoder crashed repeatedly.")
