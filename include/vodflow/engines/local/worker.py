"""The worker: carries one plan out in a process of its own and says how it goes in JSON lines.

Standard output has one object of :mod:`vodflow.contract.result` a line: any number of ``progress``, of a divided plan
one ``part`` for each that is made, then one ``result`` or one ``failure``. Standard error has the log. Exit status:

====  ==================================================================
0     done; the last line is the result
2     wrong arguments, settings or plan
3     the input is rejected; the failure line has the reason
4     failed; running it again can help
5     failed; running it again cannot help
130   cancelled by SIGINT
143   cancelled by SIGTERM
====  ==================================================================

SIGTERM and SIGINT stop everything within two seconds and leave no process and no temporary file.

Behind a plan that asks for encryption stand the keys, see :mod:`vodflow.engines.local.order`; no line and no log has
any.

Logs are cut: a node keeps the last megabytes of a pod's, and splits long lines. With ``report`` the last line is kept
in S3 as well.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from enum import IntEnum
from pathlib import Path
from types import FrameType
from typing import TextIO

from pydantic import BaseModel, ValidationError

from vodflow.contract.content_keys import ContentKeys
from vodflow.contract.parts import JOIN, PartRecord
from vodflow.contract.plan import TranscodePlan
from vodflow.contract.result import EngineResult, Failure
from vodflow.contract.strategy import StrategyKind
from vodflow.engines.local.order import open_keys, split_order
from vodflow.engines.local.transcode import run
from vodflow.engines.local.workspace import discard_all
from vodflow.errors import (
    ConfigurationError,
    EngineCanceled,
    EngineError,
    InputRejected,
    SourceNotFound,
    VodflowError,
    to_document,
)
from vodflow.ffmpeg.resources import shortage

log = logging.getLogger(__name__)

#: Seconds after a signal until the process ends without waiting for a slow S3 call any longer.
PATIENCE = 1.2


class ExitCode(IntEnum):
    """Exit status of a worker, beside 128 + signal number for a cancelled one."""

    DONE = 0
    USAGE = 2
    REJECTED = 3
    RETRYABLE = 4
    PERMANENT = 5


class _Cancellation:
    """Turns the first SIGTERM or SIGINT into a set event, and makes sure that the process ends soon after."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self.signal = signal.SIGTERM

    def install(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)

    @property
    def exit_status(self) -> int:
        return 128 + self.signal

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if self.event.is_set():
            return
        self.signal = signal.Signals(number)
        self.event.set()
        watchdog = threading.Timer(PATIENCE, self._give_up)
        watchdog.daemon = True
        watchdog.start()

    def _give_up(self) -> None:
        discard_all()
        # The kernel kills what is left of our children (see vodflow.ffmpeg.process).
        os._exit(self.exit_status)


def read_plan(name: str) -> str:
    """The text of a plan: ``-`` is standard input, ``s3://bucket/key`` an object, anything else a file.

    :raises ConfigurationError: when there is none
    :raises EngineError: when S3 does not answer (retryable)
    """
    try:
        if name.startswith("s3://"):
            return _read_object(name)
        return sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError, SourceNotFound) as error:
        raise ConfigurationError(f"Cannot read the plan {name}: {error}") from error


def work(
    read_plan: Callable[[], str],
    bucket: str,
    prefix: str,
    output: TextIO | None = None,
    *,
    report: str | None = None,
    part: str | None = None,
) -> int:
    """Carry out the plan and write its lines; the exit status.

    Takes over the process's SIGTERM and SIGINT: call it from the main thread of a process of its own.

    :param output: where the lines go; none means standard output
    :param report: ``s3://`` URI that keeps the last line
    :param part: the part of the plan that is made, or :data:`~vodflow.contract.parts.JOIN`; none means all of it
    """
    output = output or sys.stdout
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    cancellation = _Cancellation()
    cancellation.install()

    writing = threading.Lock()  # several parts are made at a time

    def write(line: BaseModel) -> None:
        with writing:
            output.write(f"{line.model_dump_json()}\n")
            output.flush()

    def fail(error: VodflowError) -> None:
        failure = Failure(**to_document(error))
        write(failure)
        # Whoever stopped us knows why, and does not wait.
        if report and not isinstance(error, EngineCanceled):
            with suppress(VodflowError):  # the line says it
                _keep(report, failure)

    try:
        try:
            plan, keys = _parse(read_plan())
            result = _carry_out(plan, keys, part, bucket, prefix, write, cancellation.event)
            if report:
                _keep(report, result)
            write(result)
        except VodflowError as error:
            fail(error)
            return cancellation.exit_status if isinstance(error, EngineCanceled) else exit_code(error)
    except BrokenPipeError:
        # Nobody listens any more: whoever started this is gone, and so is the reason to go on.
        log.error("The reader of standard output is gone; stopped.")  # noqa: TRY400 - there is nothing to trace
        os.dup2(os.open(os.devnull, os.O_WRONLY), output.fileno())
        return ExitCode.RETRYABLE
    except Exception as error:
        log.exception("The worker failed")
        name = type(error).__name__
        fail(shortage(error, "do this work") or EngineError(f"{name}: {error}", code=name))
        return ExitCode.RETRYABLE
    return ExitCode.DONE


def _carry_out(
    plan: TranscodePlan,
    keys: ContentKeys | None,
    part: str | None,
    bucket: str,
    prefix: str,
    write: Callable[[BaseModel], None],
    cancel: threading.Event,
) -> EngineResult | PartRecord:
    if part is None and plan.strategy.kind == StrategyKind.SINGLE:
        return run(plan, bucket, prefix, write, cancel, keys=keys)
    from vodflow.engines.chunks.run import run_divided, work_join, work_part  # noqa: PLC0415 - few plans are divided

    if part not in {None, JOIN}:
        return work_part(plan, str(part), bucket, prefix, write, cancel)
    if part:
        return work_join(plan, bucket, prefix, write, cancel, keys=keys)
    return run_divided(plan, bucket, prefix, write, cancel, on_part=write, keys=keys)


def exit_code(error: VodflowError) -> ExitCode:
    """The exit status of an error."""
    match error:
        case ConfigurationError():
            return ExitCode.USAGE
        case InputRejected():
            return ExitCode.REJECTED
        case _:
            return ExitCode.RETRYABLE if error.retryable else ExitCode.PERMANENT


def _read_object(uri: str) -> str:
    from vodflow.storage.copies import Outputs  # noqa: PLC0415 - boto3 is slow to import
    from vodflow.storage.objects import parse_s3_uri  # noqa: PLC0415

    bucket, key = parse_s3_uri(uri)
    folder, _, name = key.rpartition("/")
    return Outputs(bucket, folder).read([name])[name].decode()


def _keep(uri: str, line: BaseModel) -> None:
    from vodflow.storage.copies import Outputs  # noqa: PLC0415 - boto3 is slow to import
    from vodflow.storage.objects import parse_s3_uri  # noqa: PLC0415

    bucket, key = parse_s3_uri(uri)
    folder, _, name = key.rpartition("/")
    Outputs(bucket, folder).write(name, line.model_dump_json().encode())


def _parse(text: str) -> tuple[TranscodePlan, ContentKeys | None]:
    """The plan, and the keys behind it, where it asks for encryption."""
    plan, keys = split_order(text)
    try:
        return TranscodePlan.from_json(plan), open_keys(keys)
    except ValidationError as error:
        where = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()[:5])
        raise ConfigurationError(f"This is no plan: {where}") from error
