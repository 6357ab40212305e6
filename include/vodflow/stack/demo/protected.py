"""The demo of a protected video: encrypted, in a private bucket, played with a token, and shown to nobody else."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

import httpx
from rich.console import Console

from vodflow.catalog import jobs
from vodflow.catalog.database import transaction
from vodflow.catalog.rows import JobRow
from vodflow.catalog.states import JobStatus
from vodflow.contract import layout
from vodflow.errors import StackError, VodflowError
from vodflow.playback.service import Playback
from vodflow.settings import Settings, get_settings
from vodflow.stack.airflow_api import AirflowApi
from vodflow.stack.demo import screen
from vodflow.stack.demo.browser import find_browser, watch
from vodflow.stack.demo.clips import shipped_videos
from vodflow.stack.demo.upload import upload_once
from vodflow.stack.demo.watch import Watcher
from vodflow.stack.stack import Stack

PROFILE = "protected"
#: Nobody gave this one out.
_NO_TOKEN = "nobody-gave-this-out"  # noqa: S105 - it opens nothing


@dataclass(frozen=True)
class Attempt:
    """One try to see the video, and whether it ended as it should."""

    what: str
    told: str
    right: bool


def run_protected() -> int:
    """Run it.

    :return: 0 only when the video plays with its token, and not otherwise
    """
    console = Console(highlight=False)
    stack = Stack.load()
    try:
        find_browser()
        screen.heading(console, "1. The stack")
        screen.start_stack(console, stack)
        os.environ.update(stack.environment())
        get_settings.cache_clear()
        job = _publish(console, stack)
        screen.heading(console, "3. Who sees it")
        token = _token(job, get_settings())
        attempts = try_to_see(job, token, stack.config.api_url, get_settings())
    except VodflowError as error:
        console.print(f"[red]The demo failed.[/red] {error}", soft_wrap=True)
        return 1
    for attempt in attempts:
        mark = "[green]✓[/green]" if attempt.right else "[red]✗[/red]"
        console.print(f"  {mark} {attempt.what}: {attempt.told}", soft_wrap=True)
    right = all(attempt.right for attempt in attempts)
    who = (
        "[green]Who has a token sees the video, and nobody else.[/green]" if right else "[red]That is not right.[/red]"
    )
    console.print(f"\n{who}", soft_wrap=True)
    screen.next_steps(
        console,
        "watch it yourself, as long as this token holds:",
        f"  {stack.config.api_url}/api/v1/play/{token}/player.html?manifest={layout.MANIFEST}",
        "how it works: docs/encryption.md, docs/playback.md; make down ends the stack",
    )
    return 0 if right else 1


def _publish(console: Console, stack: Stack) -> JobRow:
    screen.heading(console, "2. A video, encrypted and published")
    video = next(item for item in shipped_videos(stack.home.root) if item.expected == JobStatus.PUBLISHED)
    upload = upload_once(video, get_settings().watch[0].bucket, profile=PROFILE)
    screen.uploaded(console, upload)
    with AirflowApi(stack.config) as airflow, screen.live(console) as show:
        (found,) = Watcher([upload], airflow).follow(show)
    if found.row is None or found.row.job_id is None or found.verdict != JobStatus.PUBLISHED:
        raise StackError(f"{video.name} is {found.verdict}: {found.row.reason if found.row else 'nobody noticed it'}.")
    with transaction("demo") as connection:
        job = jobs.get_job(connection, found.row.job_id)
    used = job.plan.packaging.encryption
    how = f"{used.scheme} for {', '.join(used.systems)}" if used else "in the clear"
    console.print(f"  s3://{job.bucket}/{job.prefix}: access {job.plan.access}, {how}", soft_wrap=True)
    return job


def _token(job: JobRow, settings: Settings) -> str:
    shared = Playback(settings)
    try:
        return shared.grant(job.video_id, "demo").token
    finally:
        shared.close()


def try_to_see(job: JobRow, token: str, api_url: str, settings: Settings) -> list[Attempt]:
    """Try to see a published job's video in the ways there are.

    :param token: of the video
    :raises StackError: there is no browser, or it says nothing
    """
    stored = f"{str(settings.aws_endpoint_url).rstrip('/')}/{job.bucket}/{job.prefix}/{layout.DASH_MANIFEST}"
    return [
        _refused("the bucket, without a signature", lambda: httpx.get(stored, timeout=10)),
        _refused(
            "the API, without a token",
            lambda: httpx.get(f"{api_url}/api/v1/play/{_NO_TOKEN}/{layout.DASH_MANIFEST}", timeout=10),
        ),
        _watched("a browser without a token", api_url, _NO_TOKEN, _NO_TOKEN, plays=False),
        _watched("a browser with a token, but no keys", api_url, token, _NO_TOKEN, plays=False),
        _watched("a browser with a token", api_url, token, token, plays=True),
    ]


def _refused(what: str, ask: Callable[[], httpx.Response]) -> Attempt:
    try:
        status = ask().status_code
    except httpx.HTTPError as error:
        raise StackError(f"{what.capitalize()}: no answer ({error}). See make status and make logs.") from error
    return Attempt(what, f"refused with {status}", status in {403, 404})


def _watched(what: str, api_url: str, token: str, licences: str, *, plays: bool) -> Attempt:
    seen = watch(api_url, token, licences)
    told = f"{seen.frames} frames" + (f" ({seen.problem})" if seen.problem else f", to {seen.seconds:.1f} s")
    return Attempt(what, told, seen.frames > 10 if plays else seen.frames == 0)
