"""Carries one job out in a process of its own and says how it goes in JSON lines on standard output.

``{"type": "progress" | "information" | "warning" | "result" | "failure", …}``; the last line is a result or a failure.
SIGTERM cancels. A crash of this process ends its job, never the service.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from vodflow.errors import EngineCanceled, VodflowError

from local_mediaconvert.errors import ApiError
from local_mediaconvert.jobs.automatic_abr import is_automated, with_ladders
from local_mediaconvert.probe_result import shown_size

log = logging.getLogger(__name__)

#: AWS's code for errors that it does not explain.
UNEXPECTED: Final = 1999

CANCELED_STATUS: Final = 143

#: Pixels of a source that nothing is known of.
_FALLBACK: Final = (1280, 720)


def main(text: str | None = None) -> int:
    """Carry a job out; the exit status.

    :param text: the job as JSON; none means that it stands on standard input
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    cancel = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: cancel.set())
    given = json.loads(sys.stdin.read() if text is None else text)
    try:
        _carry_out(given["job"], Path(given["work_dir"]), cancel)
    except EngineCanceled:
        return CANCELED_STATUS
    except VodflowError as error:
        code = getattr(error, "error_code", UNEXPECTED)
        say("failure", code=code, message=str(error), path=getattr(error, "path", ""))
    except Exception as error:
        log.exception("The job failed.")
        say("failure", code=UNEXPECTED, message=f"{type(error).__name__}: {error}", path="")
    return 0


def _carry_out(job: Mapping[str, Any], work_dir: Path, cancel: threading.Event) -> None:
    # The transcoder is imported here only: the service that starts this process stays small.
    from local_mediaconvert.transcode import plan_warnings, run_job  # noqa: PLC0415

    job = _with_ladders(job)
    told = plan_warnings(job["Settings"])
    for warning in told:
        say("warning", **dataclasses.asdict(warning))
    outputs = run_job(
        job,
        work_dir=work_dir,
        on_progress=lambda phase, percent: say("progress", phase=str(phase), percent=int(percent)),
        on_information=lambda details: say("information", details=details),
        cancel=cancel,
    )
    for warning in outputs.warnings:
        if warning not in told:
            say("warning", **dataclasses.asdict(warning))
    say("result", output_groups=outputs.output_groups, event_groups=outputs.event_groups)


def _with_ladders(job: Mapping[str, Any]) -> Mapping[str, Any]:
    """The job with the outputs of automated ABR written out for its first input."""
    settings = job["Settings"]
    if not is_automated(settings):
        return job
    from local_mediaconvert.probe import examine  # noqa: PLC0415 - few jobs need it

    width, height = 0, 0
    try:
        width, height = shown_size(examine(settings["Inputs"][0].get("FileInput", "")))
    except ApiError as error:  # the transcoder will meet it too, and has the right code for it
        log.warning("The input could not be examined: %s", error)
    return {**job, "Settings": with_ladders(settings, width or _FALLBACK[0], height or _FALLBACK[1])}


def say(kind: str, **content: Any) -> None:
    """Write one line."""
    sys.stdout.write(json.dumps({"type": kind, **content}, default=str) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
