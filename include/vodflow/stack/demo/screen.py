"""What the demo shows: live lines while it works, tables when it is done."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from rich import box
from rich.console import Console
from rich.filesize import decimal
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from vodflow.catalog.states import JobStatus
from vodflow.contract import layout
from vodflow.publication.manifest import public_url
from vodflow.publication.player import player_url
from vodflow.settings import get_settings
from vodflow.stack.demo.report import COLUMNS, TEXT_COLUMNS, DemoReport
from vodflow.stack.demo.upload import Upload
from vodflow.stack.demo.watch import Progress
from vodflow.stack.stack import Stack
from vodflow.stack.status import StackStatus

_STYLES = {
    JobStatus.PUBLISHED: "green",
    JobStatus.REJECTED: "yellow",
    JobStatus.FAILED: "red",
    JobStatus.CANCELED: "red",
}
_BAR_WIDTH = 12
#: Columns of a window in which anything fits.
_UNLIMITED = 1000


def heading(console: Console, text: str) -> None:
    """A line that begins a part of the demo."""
    console.print(f"\n[bold]{text}[/bold]")


def start_stack(console: Console, stack: Stack) -> None:
    """Bring the stack up, showing what is waited for.

    :raises vodflow.errors.StackError: a part does not become healthy
    """
    if stack.is_healthy():
        console.print("It is up already.")
    else:
        begin = time.monotonic()
        with console.status("Starting PostgreSQL, AWS services, Airflow") as status:
            stack.up(on_change=lambda state: status.update(_waiting(state)))
        console.print(f"Up after {time.monotonic() - begin:.1f} s: PostgreSQL, S3, SQS, EventBridge, Airflow.")
    console.print(f"Airflow is at {stack.config.airflow_url} (user admin; `make password` shows the password).")


def _waiting(state: StackStatus) -> str:
    waiting = [part.name for part in state.parts if part.state.value != "healthy"]
    return "Starting " + (", ".join(waiting) or "the stack")


def uploaded(console: Console, upload: Upload) -> None:
    """One line for an upload that was made, or was not needed."""
    target = f"s3://{upload.bucket}/{upload.key}"
    verb = "uploaded" if upload.fresh else "is there already"
    console.print(f"  {escape(target)}  {decimal(upload.size)}  {verb}", soft_wrap=True)


@contextmanager
def live(console: Console) -> Iterator[Callable[[list[Progress]], None]]:
    """A line for each video that moves; where the output is no terminal, a line for each change."""
    if not console.is_terminal:
        yield _ChangeLog(console)
        return
    with Live(console=console, refresh_per_second=8) as display:
        yield lambda progress: display.update(_lines(progress))


class _ChangeLog:
    """Lines for a log: one for each new stage, and one for each tenth of the way."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._shown: dict[str, tuple[str, int]] = {}

    def __call__(self, videos: list[Progress]) -> None:
        for video in videos:
            state = (video.stage, int(video.percent // 10))
            if self._shown.get(video.upload.key) != state:
                self._shown[video.upload.key] = state
                facts = "  ".join(fact for fact in _facts(video) if fact.strip())
                self._console.print(f"  {escape(video.upload.video.name)}: {video.stage}  {facts}", soft_wrap=True)


def _facts(video: Progress) -> tuple[str, str, str]:
    """Percent, speed and time left, as far as they mean something."""
    row = video.row
    if row is None or video.over:
        return "", "", ""
    return (
        f"{video.percent:3.0f} %" if video.percent else "",
        f"{row.speed:.2f}x" if row.speed else "",
        f"ETA {row.eta_seconds:.0f} s" if row.eta_seconds is not None else "",
    )


def _lines(videos: Sequence[Progress]) -> Table:
    table = Table.grid(padding=(0, 2))
    for video in videos:
        table.add_row(
            Text(video.upload.video.name, overflow="fold"),
            Text(video.stage, style=_style(video)),
            ProgressBar(total=100, completed=video.percent, width=_BAR_WIDTH),
            *_facts(video),
        )
    return table


def _style(video: Progress) -> str:
    return _STYLES.get(video.verdict, "cyan")  # type: ignore[call-overload, no-any-return]


def results(console: Console, videos: Sequence[Progress]) -> None:
    """The table of verdicts, then where to play what was published."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("Video", overflow="fold")
    table.add_column("Rungs", overflow="fold")
    for title in ("Bitrate", "Bytes", "Encode speed", "Time to publish"):
        table.add_column(title, justify="right", overflow="fold")
    table.add_column("Verdict", no_wrap=True)
    for video in videos:
        table.add_row(*_result(video))
    console.print(table)
    for video in videos:
        if video.row is not None and video.verdict != JobStatus.PUBLISHED:
            reason = escape(video.row.reason or "")
            console.print(f"{escape(video.upload.video.name)}: [yellow]{reason}[/yellow]", soft_wrap=True)
    console.print("Play it:")
    for video in videos:
        if (address := play_url(video)) is not None:
            console.print(f"  {escape(video.upload.video.name)}  {escape(address)}", soft_wrap=True)


def _result(video: Progress) -> tuple[str | Text, ...]:
    row = video.row
    verdict = Text(video.verdict, style=_style(video))
    if row is None or video.verdict != JobStatus.PUBLISHED:
        return video.upload.video.name, "", "", "", "", "", verdict
    return (
        video.upload.video.name,
        " ".join(row.rungs),
        f"{(row.bitrate or 0) / 1e6:.2f} Mb/s",
        decimal(row.output_bytes or 0),
        f"{row.encode_speed:.2f}x" if row.encode_speed else "",
        f"{row.time_to_publish:.1f} s" if row.time_to_publish is not None else "",
        verdict,
    )


def play_url(video: Progress) -> str | None:
    """The player page with this video's manifest; none when it is not published, or needs a token."""
    row = video.row
    if row is None or video.verdict != JobStatus.PUBLISHED or row.output_bucket is None:
        return None
    base = public_url(row.output_bucket)
    return base and player_url(base, f"{row.output_prefix}/{layout.MANIFEST}")


def report(console: Console, made: DemoReport) -> None:
    """The day's report lines, and where the exports are."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in COLUMNS:
        table.add_column(title, justify="left" if title in TEXT_COLUMNS else "right", no_wrap=True)
    for line in made.lines:
        table.add_row(*line)
    wanted = console.measure(table, options=console.options.update(width=_UNLIMITED)).maximum
    console.print(table if wanted <= console.width else _turned(made))
    for problem in made.problems:
        console.print(f"  {problem}")
    console.print(f"  CSV and Parquet: {made.exports}", soft_wrap=True)


def _turned(made: DemoReport) -> Table:
    """The report for a narrow window: a column for each of its lines."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_header=False)
    for _ in range(1 + len(made.lines)):
        table.add_column(overflow="fold")
    for cells in zip(COLUMNS, *made.lines, strict=True):
        table.add_row(*cells)
    return table


def ending(
    console: Console,
    stack: Stack,
    videos: Sequence[Progress],
    complaints: Sequence[str],
    *,
    since: datetime,
    seconds: float,
) -> None:
    """What was done, what was not as it should be, and what to open or type next."""
    before = sum(video.published_before(since) for video in videos)
    published = sum(video.verdict == JobStatus.PUBLISHED for video in videos) - before
    rejected = sum(video.verdict == JobStatus.REJECTED for video in videos)
    if not any(video.upload.fresh for video in videos) and not published:
        console.print(
            f"\n[green]Nothing was transcoded:[/green] {before} of {len(videos)} were published before, "
            f"{rejected} rejected. {seconds:.0f} s."
        )
    else:
        earlier = f", {before} published before and not transcoded again" if before else ""
        console.print(f"\n[green]{published} published, {rejected} rejected{earlier}.[/green] {seconds:.0f} s.")
    for complaint in complaints:
        console.print(f"[red]{escape(complaint)}[/red]", soft_wrap=True)
    airflow, api = stack.config.airflow_url, stack.config.api_url
    next_steps(
        console,
        f"open {airflow} and look at ingest_videos and transcode_video",
        f"the videos, with players and quality: {airflow}/plugin/vodflow-videos",
        f"the API: {api}/api/v1/docs (docs/api.md#a-first-request); the upload page: {api}/upload/",
        "make demo VIDEO=<your file or folder>",
        "make demo PROTECTED=1: an encrypted video, played with a token",
        "make demo ENGINE=mediaconvert, or with a cluster on this machine ENGINE=kubernetes",
        "make status, make logs, make down",
        f"outputs: s3://{get_settings().media_bucket} at {stack.config.aws_url}",
    )


def next_steps(console: Console, *lines: str) -> None:
    """What to open or type next."""
    console.print("\n[bold]Next[/bold]")
    for line in lines:
        console.print(f"  {escape(line)}", soft_wrap=True)
