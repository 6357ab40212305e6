"""One job's run: its worker process, what it says, and how it ends."""

from __future__ import annotations

import json
import logging
import shutil
import signal
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Any, Final

from vodflow.engines.mediaconvert.request.service_model import to_python, to_wire
from vodflow.errors import EngineCanceled, VodflowError
from vodflow.ffmpeg.process import Limits

from local_mediaconvert.jobs.events import job_progress
from local_mediaconvert.jobs.faults import Faults
from local_mediaconvert.jobs.jobs import Document, Jobs
from local_mediaconvert.jobs.journal import Journal
from local_mediaconvert.jobs.worker import UNEXPECTED
from local_mediaconvert.jobs.worker_process import run_worker

log = logging.getLogger(__name__)

#: Seconds a worker has to clean up after SIGTERM; a canceled job's work is gone within two.
_GRACE: Final = 1.5
#: Seconds between two writes of a job's progress.
_WRITE_INTERVAL: Final = 0.5
#: Where each phase begins and ends in a job's percentage. Transcoding takes nearly all of the time.
_SPANS: Final = {"PROBING": (0, 3), "TRANSCODING": (3, 95), "UPLOADING": (95, 99)}


@dataclass(eq=False)
class Run:
    """One attempt at one job; :meth:`carry_out` is for a thread of its own.

    :param interval: seconds between two STATUS_UPDATE events
    :param worker: command of the worker process
    :param folder: for the job's temporary files; removed at the end
    """

    job_id: str
    jobs: Jobs
    journal: Journal
    faults: Faults
    _: KW_ONLY
    interval: float
    worker: Sequence[str]
    folder: Path

    def __post_init__(self) -> None:
        self.cancel = threading.Event()
        self.crashed = False
        self._phase = "PROBING"
        self._percent = 0
        self._retries = 0
        self._written = 0.0
        self._end: Document | None = None

    def carry_out(self) -> None:
        """Run the job to its end, to its cancellation, or to the crash of its worker."""
        try:
            job = self.journal.begin(self.job_id)
            if job is None:
                return
            self._retries = job["retryCount"]
            if self._suffers(job):
                return
            self._work(self.jobs.to_run(self.job_id))
        except EngineCanceled:
            log.info("The work on %s was stopped.", self.job_id)
        except VodflowError as error:
            self.journal.fail(self.job_id, UNEXPECTED, str(error))
        except Exception as error:
            log.exception("%s failed in the service itself.", self.job_id)
            self.journal.fail(self.job_id, UNEXPECTED, f"{type(error).__name__}: {error}")
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def tell_status(self) -> None:
        """Send a STATUS_UPDATE."""
        progress = job_progress(self._phase, self._percent, self._of_job(), self._retries)
        self.journal.tell(self.job_id, "STATUS_UPDATE", jobProgress=progress)

    def _suffers(self, job: Document) -> bool:
        """Let the fault plan have its way; whether that ended the job."""
        stall = self.faults.stall(job)
        if stall is not None and self.cancel.wait(stall.seconds):
            return True
        failure = self.faults.failure(job)
        if failure is not None:
            self.journal.fail(self.job_id, failure.code, failure.message)
        return failure is not None

    def _work(self, job: Document) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        given = {"job": to_python(job, "Job"), "work_dir": str(self.folder)}
        limits = Limits(self.cancel, grace_seconds=_GRACE, parent_death_signal=signal.SIGTERM)
        finished = run_worker(self.worker, json.dumps(given), self._hear, limits)
        if self.cancel.is_set():
            return
        end = self._end
        if end is None or end["type"] == "failure":
            for line in finished.errors:
                log.warning("%s: %s", self.job_id, line)
        if end is None or finished.code:
            said = " ".join(finished.errors[-3:])
            log.error("The worker of %s ended with %s: %s", self.job_id, finished.code, said)
            self.crashed = True
        elif end["type"] == "failure":
            self.journal.fail(self.job_id, end["code"], _with_path(end))
        else:
            groups = [to_wire(group, "OutputGroupDetail") for group in end["output_groups"]]
            self.journal.complete(self.job_id, groups, end["event_groups"])

    def _hear(self, line: str) -> bool:
        try:
            said: dict[str, Any] = json.loads(line)
            kind = said["type"]
        except (ValueError, KeyError, TypeError):
            log.warning("The worker of %s wrote a line that is none of its own: %s", self.job_id, line[:200])
            return True
        if kind == "progress":
            self._advance(said["phase"], said["percent"])
        elif kind == "information":
            self.journal.tell(self.job_id, "INPUT_INFORMATION", inputDetails=said["details"])
        elif kind == "warning":
            self.journal.warn(self.job_id, said["code"], _with_path(said))
        else:
            self._end = said
        return True

    def _advance(self, phase: str, percent: int) -> None:
        now = time.monotonic()
        due = phase != self._phase or now - self._written >= _WRITE_INTERVAL
        self._phase, self._percent = phase, percent
        if due:
            self._written = now
            self.journal.progress(self.job_id, phase, self._of_job())

    def _of_job(self) -> int:
        begin, end = _SPANS[self._phase]
        return begin + (end - begin) * self._percent // 100


def _with_path(said: Mapping[str, Any]) -> str:
    """The message, which names the setting that is meant."""
    message, path = str(said["message"]), said.get("path")
    return message if not path or path in message else f"{path}: {message}"
