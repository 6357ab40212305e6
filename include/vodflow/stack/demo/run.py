"""The demo from its first line to its last."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from vodflow.catalog.states import JobStatus
from vodflow.contract.engine_names import EngineName
from vodflow.errors import ConfigurationError, VodflowError
from vodflow.settings import get_settings
from vodflow.settings.engines import available, supported
from vodflow.stack.airflow_api import AirflowApi
from vodflow.stack.demo import screen
from vodflow.stack.demo.clips import DemoVideo, own_videos, shipped_videos
from vodflow.stack.demo.outcomes import OutcomeLines, is_on, outcome_lines
from vodflow.stack.demo.report import make_report
from vodflow.stack.demo.upload import Upload, upload_once
from vodflow.stack.demo.watch import Progress, Watcher
from vodflow.stack.environment import ACCOUNT
from vodflow.stack.outcome_resources import demo_settings
from vodflow.stack.stack import Stack

#: What a shell reports for a program that Ctrl-C stopped: 128 + SIGINT.
INTERRUPTED = 130
#: Columns of a line that goes into a pipe or a file: nothing is cut there.
LOG_WIDTH = 10_000


def run_demo(paths: list[Path], engine: str | None = None) -> int:
    """Run the demo.

    :param paths: a person's own files and folders; the demo's own five videos when empty
    :param engine: who encodes; none leaves it to profile and watch rule
    :return: 0 only when every video has the verdict it should have and the report holds them
    """
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=LOG_WIDTH)
    stack = Stack.load()
    started = not stack.is_healthy()
    try:
        # Before minutes are spent on a start, and again when the stack's own settings are known.
        if _check(engine, supported) is EngineName.KUBERNETES:
            from vodflow.stack.demo import pods  # noqa: PLC0415 - the other engines need no cluster

            with console.status("Looking at the Kubernetes cluster"):
                os.environ.update(pods.prepare(stack))
            get_settings.cache_clear()
        return _demo(console, stack, paths, engine)
    except KeyboardInterrupt:
        console.print("\nInterrupted.")
        if started:
            with console.status("Stopping the stack"):
                stack.down()
            console.print("The stack is down. `make demo` goes on where this one stopped.")
        else:
            console.print("The stack was up before and still is: what it began goes on. `make down` stops it.")
        return INTERRUPTED
    except VodflowError as error:
        console.print(f"[red]The demo failed.[/red] {error}", soft_wrap=True)
        return 1


def _demo(console: Console, stack: Stack, paths: list[Path], engine: str | None) -> int:
    began = time.monotonic()
    videos = own_videos(paths) if paths else []
    screen.heading(console, "1. The stack")
    # On unless the caller's shell says otherwise; the stack passes its VODFLOW_* variables on.
    for name, value in demo_settings(ACCOUNT, get_settings().aws_region).items():
        os.environ.setdefault(name, value)
    screen.start_stack(console, stack)
    os.environ.update(stack.environment())
    get_settings.cache_clear()
    chosen = _check(engine, available)
    videos = videos or shipped_videos(stack.home.root)

    since = datetime.now(UTC)
    screen.heading(console, "2. Upload to S3")
    uploads = _upload(console, videos, chosen)

    screen.heading(console, "3. Airflow senses, transcodes, verifies, publishes")
    with AirflowApi(stack.config) as airflow:
        with screen.live(console) as show:
            results = Watcher(uploads, airflow).follow(show)
        screen.results(console, results)

        screen.heading(console, "4. The report")
        report = make_report(airflow, results)
    screen.report(console, report)

    screen.heading(console, "5. What others were told")
    others = _outcomes(stack, results)
    for line in others.lines:
        console.print(f"  {line}", soft_wrap=True)

    complaints = [*verdict_complaints(results), *report.complaints, *others.complaints]
    seconds = time.monotonic() - began
    screen.ending(console, stack, results, complaints, since=since, seconds=seconds)
    return 1 if complaints else 0


def _outcomes(stack: Stack, results: list[Progress]) -> OutcomeLines:
    if not get_settings().dynamodb_table:
        return OutcomeLines(("Nothing: VODFLOW_DYNAMODB_TABLE is empty.",))
    if not is_on(stack):
        return OutcomeLines(("Nothing: the stack was up before, without DynamoDB: `make down`, `make demo` show it.",))
    return outcome_lines(results)


def _check(engine: str | None, by: Callable[[str], EngineName]) -> EngineName | None:
    try:
        return None if engine is None else by(engine)
    except ValueError as error:
        raise ConfigurationError(f"{error}.") from error


def _upload(console: Console, videos: list[DemoVideo], engine: EngineName | None) -> list[Upload]:
    bucket = get_settings().watch[0].bucket
    uploads = []
    for video in videos:
        upload = upload_once(video, bucket, engine)
        screen.uploaded(console, upload)
        uploads.append(upload)
    return uploads


def verdict_complaints(results: list[Progress]) -> list[str]:
    """What is not as it should be: one sentence for each video that has the wrong verdict.

    The demo's own broken file must be rejected and its other files published. Of a person's files every one needs a
    verdict of its own, and at least one must be published.
    """
    complaints = []
    for progress in results:
        name, expected = progress.upload.video.name, progress.upload.video.expected
        reason = (progress.row.reason if progress.row else None) or "the run ended without a reason in the catalog"
        if expected is not None and progress.verdict != expected:
            complaints.append(f"{name} should be {expected} but is {progress.verdict}: {reason}")
        elif progress.verdict not in {JobStatus.PUBLISHED, JobStatus.REJECTED}:
            complaints.append(f"{name} is {progress.verdict}: {reason}")
    if not any(progress.verdict == JobStatus.PUBLISHED for progress in results):
        complaints.append("No video was published.")
    return complaints
