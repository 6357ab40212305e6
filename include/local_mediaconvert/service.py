"""The service without its HTTP: the store, the scheduler, the outbox and the fault plan, put together."""

from __future__ import annotations

import fcntl
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from vodflow.errors import StackError

from local_mediaconvert.arns import DEFAULT_QUEUE, Account
from local_mediaconvert.jobs.creation import Catalogue
from local_mediaconvert.jobs.faults import FaultPlan, Faults
from local_mediaconvert.jobs.jobs import Jobs
from local_mediaconvert.jobs.journal import Journal
from local_mediaconvert.jobs.outbox import Outbox, Send, to_bus, to_queue
from local_mediaconvert.jobs.resources import Resources
from local_mediaconvert.jobs.running import Run
from local_mediaconvert.jobs.scheduler import Scheduler
from local_mediaconvert.jobs.store import Store
from local_mediaconvert.jobs.system_presets import SystemPresets, SystemTemplates
from local_mediaconvert.jobs.worker_process import WORKER, start_fork_server

#: Seconds for which AWS keeps a job: 90 days.
_KEPT: Final = 90 * 24 * 3600

#: The policy of an account that has set none.
OPEN_POLICY: Final = {"httpInputs": "ALLOWED", "httpsInputs": "ALLOWED", "s3Inputs": "ALLOWED"}


@dataclass(frozen=True)
class Config:
    """How a service is run.

    :param state: folder of the database and of temporary files
    :param event_queue_url: SQS queue that gets the events
    :param event_bus: EventBridge bus that gets the events
    :param concurrency: most jobs that run at a time
    :param minute: seconds that a minute of waiting lasts (hops, client tokens, status updates); tests make it short
    :param worker: command of the process that carries one job out
    """

    state: Path
    account: Account = field(default_factory=Account)
    event_queue_url: str | None = None
    event_bus: str | None = None
    concurrency: int = 1
    minute: float = 60.0
    fault_plan: FaultPlan | None = None
    worker: tuple[str, ...] = WORKER


class Service:
    """Everything behind the API.

    :param targets: where events go, by name; none means what the configuration says
    :raises StackError: another process works with this state folder
    """

    def __init__(self, config: Config, targets: Mapping[str, Send] | None = None) -> None:
        self.config = config
        config.state.mkdir(parents=True, exist_ok=True)
        self._lock = _locked(config.state / "lock")
        self._work = config.state / "work"
        shutil.rmtree(self._work, ignore_errors=True)
        self.faults = Faults(config.fault_plan)
        self.store = Store(config.state)
        self.jobs = Jobs(self.store)
        self.queues = Resources(self.store, config.account, "queues")
        self.templates = Resources(self.store, config.account, "jobTemplates", SystemTemplates())
        self.presets = Resources(self.store, config.account, "presets", SystemPresets())
        self.outbox = Outbox(self.store, _targets(config) if targets is None else targets, self.faults)
        self.journal = Journal(self.store, config.account, self.jobs, self.outbox)
        self.scheduler = Scheduler(
            self.store, self.jobs, self.journal, self.queues, self._new_run,
            concurrency=config.concurrency, minute=config.minute,
        )  # fmt: skip
        self._ensure_default_queue()
        self.jobs.forget(time.time() - _KEPT)

    def start(self) -> None:
        """Begin to run jobs and to send events."""
        if self.config.worker == WORKER:
            start_fork_server()
        self.outbox.start()
        self.scheduler.start()

    def stop(self) -> None:
        """Interrupt what runs and give the state folder back."""
        self.scheduler.stop()
        self.outbox.stop()
        self.store.close()
        self._lock.close()

    def catalogue(self) -> Catalogue:
        """What a request may refer to, and what the policy allows."""
        return Catalogue(
            account=self.config.account, queues=self.queues, templates=self.templates, presets=self.presets,
            policy=self.policy(), minute=self.config.minute,
        )  # fmt: skip

    def policy(self) -> Mapping[str, str]:
        """The input policy in force."""
        stored: Mapping[str, str] = self.store.setting("policy") or {}
        return {**OPEN_POLICY, **stored}

    def _new_run(self, job_id: str) -> Run:
        seconds = float(self.jobs.get(job_id)["statusUpdateInterval"].removeprefix("SECONDS_"))
        return Run(
            job_id, self.jobs, self.journal, self.faults,
            interval=seconds * self.config.minute / 60, worker=self.config.worker, folder=self._work / job_id,
        )  # fmt: skip

    def _ensure_default_queue(self) -> None:
        if self.queues.find(DEFAULT_QUEUE) is None:
            self.queues.create({"name": DEFAULT_QUEUE, "pricingPlan": "ON_DEMAND", "status": "ACTIVE"})
            self.queues.update(DEFAULT_QUEUE, {"type": "SYSTEM"})


def _targets(config: Config) -> dict[str, Send]:
    targets: dict[str, Send] = {}
    if config.event_queue_url:
        targets["queue"] = to_queue(config.event_queue_url)
    if config.event_bus:
        targets["bus"] = to_bus(config.event_bus)
    return targets


def _locked(path: Path) -> Any:
    """Hold a lock that dies with this process: two services on one state would run every job twice."""
    file = path.open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise StackError(
            f"Another MediaConvert service works in {path.parent}. Stop it, or choose another --state."
        ) from None
    return file
