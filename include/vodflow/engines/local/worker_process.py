"""Running a worker in a process of its own: the local engine as tasks use it.

So the task's process stays responsive, and everything an encode started can be ended at once. Where this process can
be forked the worker is a fork of it, which saves the start of a Python; both say the same lines.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from vodflow.contract.content_keys import ContentKeys
from vodflow.contract.engine import Engine
from vodflow.contract.parts import JOIN, PartRecord
from vodflow.contract.plan import TranscodePlan
from vodflow.contract.result import EngineResult, Failure, Progress
from vodflow.engines.local.forked_worker import can_fork, run_forked
from vodflow.engines.local.order import write_order
from vodflow.engines.local.worker import work
from vodflow.errors import EngineError, from_document
from vodflow.ffmpeg.process import Finished, Limits, run_process
from vodflow.ffmpeg.resources import shortage_of

log = logging.getLogger(__name__)

#: Seconds the worker has to clean up after SIGTERM; it needs about 0.2, and 1.2 at most.
GRACE = 1.6
_LINES: TypeAdapter[Progress | EngineResult | PartRecord | Failure] = TypeAdapter(
    Progress | EngineResult | PartRecord | Failure
)
Made = TypeVar("Made", EngineResult, PartRecord)


def run_worker(
    plan: TranscodePlan,
    bucket: str,
    prefix: str,
    on_progress: Callable[[Progress], None] | None = None,
    cancel: threading.Event | None = None,
    env: Mapping[str, str] | None = None,
    on_part: Callable[[PartRecord], None] | None = None,
    keys: ContentKeys | None = None,
) -> EngineResult:
    """Carry a plan out in a worker process and wait for it.

    The worker and all its children are gone within two seconds when ``cancel`` is set, when ``on_progress`` raises,
    on KeyboardInterrupt, and (on Linux) when this process is killed.

    :param on_progress: called in this thread, at most about twice a second
    :param env: the worker's environment, if it must not be this process's
    :param on_part: called in this thread with each part of a divided plan that is made
    :param keys: of a plan that asks for encryption; the worker has them from standard input or memory
    :raises InputRejected: the source is damaged or cut off
    :raises EngineError: or another error of :mod:`vodflow.errors`, as the worker reports it
    """
    order = write_order(plan, keys)
    return _attended(order, bucket, prefix, on_progress, cancel, env, on_part=on_part).made(EngineResult)


def run_part(
    plan: TranscodePlan,
    part: str,
    bucket: str,
    prefix: str,
    on_progress: Callable[[Progress], None] | None = None,
    cancel: threading.Event | None = None,
) -> PartRecord:
    """Make one part of a divided plan in a worker process, as :func:`run_worker` carries out a whole plan."""
    return _attended(write_order(plan), bucket, prefix, on_progress, cancel, None, part).made(PartRecord)


def run_join(
    plan: TranscodePlan,
    bucket: str,
    prefix: str,
    on_progress: Callable[[Progress], None] | None = None,
    cancel: threading.Event | None = None,
    keys: ContentKeys | None = None,
) -> EngineResult:
    """Join a divided plan's parts in a worker process, as :func:`run_worker` carries out a whole plan."""
    order = write_order(plan, keys)
    return _attended(order, bucket, prefix, on_progress, cancel, None, JOIN).made(EngineResult)


def _attended(
    order: str,
    bucket: str,
    prefix: str,
    on_progress: Callable[[Progress], None] | None,
    cancel: threading.Event | None,
    env: Mapping[str, str] | None,
    part: str | None = None,
    on_part: Callable[[PartRecord], None] | None = None,
) -> _Listener:
    listener = _Listener(on_progress, on_part)
    limits = Limits(cancel, grace_seconds=GRACE, parent_death_signal=signal.SIGTERM)
    if env is None and can_fork():
        listener.finished = run_forked(
            lambda: work(lambda: order, bucket, prefix, part=part), listener, name="worker", limits=limits
        )
    else:
        argv = [sys.executable, "-m", "vodflow.engines.local", "--plan", "-", "--bucket", bucket, "--prefix", prefix]
        listener.finished = run_process(
            argv + (["--part", part] if part else []),
            listener,
            limits=limits,
            stdin=order.encode(),
            env={**(os.environ if env is None else env), "PYTHONUNBUFFERED": "1"},
        )
    return listener


class _Listener:
    def __init__(
        self, on_progress: Callable[[Progress], None] | None, on_part: Callable[[PartRecord], None] | None = None
    ) -> None:
        self.result: EngineResult | PartRecord | None = None
        self.failure: Failure | None = None
        self.finished: Finished | None = None
        self._on_progress = on_progress
        self._on_part = on_part

    def __call__(self, line: str) -> bool:
        try:
            said = _LINES.validate_json(line)
        except ValidationError:
            log.warning("The worker wrote a line that is none of its own: %s", line[:200])
            return True
        match said:
            case EngineResult() | PartRecord():
                self.result = said
                if isinstance(said, PartRecord) and self._on_part is not None:
                    self._on_part(said)
            case Failure():
                self.failure = said
            case Progress():
                if self._on_progress is not None:
                    self._on_progress(said)
        return True

    def made(self, kind: type[Made]) -> Made:
        """What the worker says it has made.

        :raises VodflowError: what it says went wrong
        """
        if self.failure is not None:
            raise from_document(self.failure.model_dump(exclude={"event"}))
        assert self.finished is not None  # noqa: S101 - it was attended to its end
        if not isinstance(self.result, kind) or self.finished.code:
            raise _silent_death(self.finished)
        return self.result


def _silent_death(finished: Finished) -> EngineError:
    said = "\n".join(finished.errors[-10:])
    if (short := shortage_of("The worker", finished.code, said)) is not None:
        return short
    how = f"was killed by signal {-finished.code}" if finished.code < 0 else f"ended with exit status {finished.code}"
    return EngineError(f"The worker {how} without saying why. {said}".rstrip(), code=str(finished.code))


#: The local engine.
ENGINE: Engine = run_worker
