"""A plan of things that go wrong, for tests of whoever uses the service. Nothing happens without a plan.

Every decision depends on the seed and on how many of its kind came before, so that a run can be repeated.
"""

from __future__ import annotations

import os
import random
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from vodflow.errors import ConfigurationError

from local_mediaconvert.errors import STATUSES, ApiError

#: Exit status after a planned crash.
CRASHED: Final = 70


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Refusal(_Model):
    """Answer calls with an error.

    :param percent: of the calls
    :param operations: names of operations; empty means all
    :param times: at most so often; none means no bound
    """

    percent: float = Field(default=100.0, ge=0, le=100)
    operations: tuple[str, ...] = ()
    code: str = Field(default="TooManyRequestsException", pattern=f"^({'|'.join(STATUSES)})$")
    message: str = "Too many requests (fault plan)."
    times: int | None = Field(default=None, ge=0)


class _OfJobs(_Model):
    """Which jobs are meant.

    :param metadata: only jobs whose UserMetadata has all of these
    """

    percent: float = Field(default=100.0, ge=0, le=100)
    metadata: Mapping[str, str] = {}
    times: int | None = Field(default=None, ge=0)

    def means(self, job: Mapping[str, Any]) -> bool:
        """Whether the job has the metadata."""
        known: Mapping[str, str] = job.get("userMetadata", {})
        return all(known.get(name) == value for name, value in self.metadata.items())


_Planned = TypeVar("_Planned", bound=_OfJobs)


class Failure(_OfJobs):
    """End jobs with an error when they would begin to transcode."""

    code: int = 1999
    message: str = "An unexpected error occurred (fault plan)."


class Stall(_OfJobs):
    """Let jobs stand still in a phase before they go on.

    :param seconds: how long; none means until they are canceled
    """

    seconds: float | None = Field(default=None, ge=0)


class EventFaults(_Model):
    """What happens to events. Percentages are of the events; first lost, then duplicated, then delayed.

    :param statuses: only events with these statuses; empty means all
    :param delay_seconds: longest delay; each is between 0 and this
    """

    statuses: tuple[str, ...] = ()
    lose: float = Field(default=0.0, ge=0, le=100)
    duplicate: float = Field(default=0.0, ge=0, le=100)
    delay: float = Field(default=0.0, ge=0, le=100)
    delay_seconds: float = Field(default=5.0, ge=0)


class Crash(_Model):
    """Let the service die after an operation was committed and before it is answered."""

    operation: str = "CreateJob"
    times: int = Field(default=1, ge=1)


class FaultPlan(_Model):
    """The whole plan."""

    seed: int = 0
    throttle: tuple[Refusal, ...] = ()
    fail: tuple[Failure, ...] = ()
    stall: tuple[Stall, ...] = ()
    events: tuple[EventFaults, ...] = ()
    crash: tuple[Crash, ...] = ()


class Faults:
    """The plan in force, and how often each part of it was asked. Threads may share it."""

    def __init__(self, plan: FaultPlan | None = None) -> None:
        self._lock = threading.Lock()
        self.replace(plan or FaultPlan())

    def replace(self, plan: FaultPlan) -> None:
        """Begin anew with another plan."""
        with self._lock:
            self.plan = plan
            self._asked: Counter[str] = Counter()
            self._done: Counter[str] = Counter()

    def before(self, operation: str) -> None:
        """Refuse a call, if its turn has come.

        :raises ApiError: it has
        """
        for place, refusal in enumerate(self.plan.throttle):
            meant = not refusal.operations or operation in refusal.operations
            if meant and self._hits(f"throttle{place}{operation}", refusal.percent, refusal.times):
                raise ApiError(refusal.code, refusal.message)

    def after(self, operation: str) -> None:
        """Die, if its turn has come."""
        for place, crash in enumerate(self.plan.crash):
            if crash.operation == operation and self._hits(f"crash{place}", 100.0, crash.times):
                os._exit(CRASHED)

    def failure(self, job: Mapping[str, Any]) -> Failure | None:
        """The error that this job is to end with."""
        return self._due("fail", self.plan.fail, job)

    def stall(self, job: Mapping[str, Any]) -> Stall | None:
        """How this job is to stand still."""
        return self._due("stall", self.plan.stall, job)

    def deliveries(self, status: str) -> list[float]:
        """How an event is delivered: seconds of delay, once for each time."""
        delays = [0.0]
        for place, item in enumerate(self.plan.events):
            if item.statuses and status not in item.statuses:
                continue
            if self._hits(f"lose{place}", item.lose):
                return []
            if self._hits(f"duplicate{place}", item.duplicate):
                delays = delays * 2
            delays = [
                delay
                + (self._share(f"late{place}") * item.delay_seconds if self._hits(f"delay{place}", item.delay) else 0)
                for delay in delays
            ]
        return delays

    def _due(self, kind: str, planned: Sequence[_Planned], job: Mapping[str, Any]) -> _Planned | None:
        """The first of these that means a job and whose turn has come."""
        for place, item in enumerate(planned):
            if item.means(job) and self._hits(f"{kind}{place}", item.percent, item.times):
                return item
        return None

    def _hits(self, what: str, percent: float, times: int | None = None) -> bool:
        if percent <= 0 or (times is not None and self._done[what] >= times):
            return False
        hit = self._share(what) * 100 < percent
        with self._lock:
            self._done[what] += hit
        return hit

    def _share(self, what: str) -> float:
        """A number from 0 to 1 that the seed and the count decide."""
        with self._lock:
            self._asked[what] += 1
            return random.Random(f"{self.plan.seed}:{what}:{self._asked[what]}").random()  # noqa: S311


def parse_plan(text: str) -> FaultPlan:
    """A plan from JSON, or from a file that holds it.

    :raises ConfigurationError: it cannot be read, or is no plan
    """
    try:
        document = text if text.lstrip().startswith("{") else Path(text).read_text(encoding="utf-8")
        return FaultPlan.model_validate_json(document)
    except OSError as error:
        raise ConfigurationError(f"The fault plan {text} cannot be read: {error}") from error
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, item['loc'])) or 'plan'}: {item['msg']}" for item in error.errors())
        raise ConfigurationError(f"The fault plan is wrong: {problems}") from error
