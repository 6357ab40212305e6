"""A line for each job while a person waits for it; on standard error, so that standard output is the result."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from vodflow import jobs
from vodflow.jobs import Job, JobRef


def follow(refs: Sequence[JobRef], timeout: float | None) -> list[Job]:
    """Wait for all of them, showing how far each is. Ctrl-C ends the waiting alone, and says how to go on."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[stage]}", markup=False),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        lines: dict[str, int] = {}

        def show(job: Job) -> None:
            # A job gets its id while it is waited for; its source does not change.
            name = f"{job.source}\0{job.run_id}"
            if name not in lines:
                lines[name] = progress.add_task(job.source.rpartition("/")[2], total=100, stage="")
            done = 100 if job.succeeded else job.progress
            progress.update(lines[name], completed=done, stage=stage(job))  # type: ignore[arg-type]

        try:
            return jobs.wait_all(refs, timeout=timeout, on_progress=show)
        except KeyboardInterrupt:
            names = shlex.join(ref.ref if isinstance(ref, Job) else str(ref) for ref in refs)
            told = f"No longer waiting; what was begun goes on. Wait again: vodflow jobs wait {names}"
            progress.console.print(Text(told), soft_wrap=True)
            raise


def stage(job: Job) -> str:
    """What happens to a job now, in some words."""
    words = [job.stage or job.status.lower()]
    if job.speed and not job.over:
        words.append(f"{job.speed:.1f}x")
    if job.eta and not job.over:
        words.append(f"{job.eta:.0f} s left")
    return ", ".join(words)
