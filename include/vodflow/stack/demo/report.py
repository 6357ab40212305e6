"""The demo's report: started by hand like an analyst would, then read from its table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from rich.filesize import decimal

from vodflow.catalog.database import transaction
from vodflow.catalog.states import JobStatus
from vodflow.reports.transcoding import DailyRow, ProblemRow, read_days, read_problems
from vodflow.settings import get_settings
from vodflow.stack.airflow_api import AirflowApi
from vodflow.stack.demo.upload import TENANT
from vodflow.stack.demo.watch import Progress

COLUMNS = (
    "Day", "Profile", "Engine", "Videos", "Minutes in", "Minutes out", "Bytes out", "Failed", "Rejected",
    "Speed p50/p95", "Publish p50/p95",
)  # fmt: skip
TEXT_COLUMNS = frozenset({"Day", "Profile", "Engine"})
_DAG = "report_transcoding"


@dataclass(frozen=True)
class DemoReport:
    """What ``report_transcoding`` says of the demo's videos.

    :param lines: cells for the screen, one tuple for each row of the table
    :param problems: reasons with their counts
    :param exports: below which the files are
    :param complaints: what the report should hold and does not
    """

    lines: tuple[tuple[str, ...], ...]
    problems: tuple[str, ...]
    exports: str
    complaints: tuple[str, ...]


def make_report(airflow: AirflowApi, videos: Sequence[Progress]) -> DemoReport:
    """Recompute the days on which the videos got their verdicts, and read them.

    :raises vodflow.errors.StackError: the report's run does not end
    """
    moments = [video.row.finished_at or video.row.registered_at for video in videos if video.row]
    first = min((moment.astimezone(UTC).date() for moment in moments), default=datetime.now(UTC).date())
    last = datetime.now(UTC).date()
    run_id = airflow.start_run(_DAG, {"date_from": str(first), "date_to": str(last)})
    state = airflow.wait_for_run(_DAG, run_id)
    with transaction("demo") as connection:
        rows = [row for row in read_days(connection, first, last) if row.tenant == TENANT]
        problems = [problem for problem in read_problems(connection, first, last) if problem.tenant == TENANT]
    settings = get_settings()
    return DemoReport(
        lines=tuple(_cells(row) for row in rows),
        problems=tuple(f"{problem.kind}: {problem.reason} ({problem.count})" for problem in problems),
        exports=f"s3://{settings.media_bucket}/{settings.report_prefix}/",
        complaints=tuple(complaints(videos, rows, problems, first=first, state=state)),
    )


def complaints(
    videos: Sequence[Progress], rows: Sequence[DailyRow], problems: Sequence[ProblemRow], *, first: date, state: str
) -> list[str]:
    """What the report should hold and does not: every published video counted, every reason named."""
    found = []
    if state != "success":
        found.append(f"The run of {_DAG} is {state}; look at it in Airflow's UI.")
    published = sum(video.verdict == JobStatus.PUBLISHED for video in videos)
    counted = sum(row.videos for row in rows)
    if counted < published:
        found.append(f"The report since {first} counts {counted} published videos of {TENANT}; {published} are.")
    named = {problem.reason for problem in problems}
    for video in videos:
        if video.verdict == JobStatus.REJECTED and video.row and video.row.reason:
            reason = video.row.reason.partition(":")[0]
            if reason not in named:
                found.append(f"The report does not name the rejection {reason} of {video.upload.video.name}.")
    return found


def _cells(row: DailyRow) -> tuple[str, ...]:
    return (
        str(row.day), row.profile, row.engine, str(row.videos), f"{row.minutes_in:.2f}", f"{row.minutes_out:.2f}",
        decimal(row.bytes_out), str(row.failed), str(row.rejected),
        _pair(row.encode_speed_p50, row.encode_speed_p95, "x"),
        _pair(row.time_to_publish_p50, row.time_to_publish_p95, " s"),
    )  # fmt: skip


def _pair(median: float | None, high: float | None, unit: str) -> str:
    return "" if median is None or high is None else f"{median:.1f}{unit} / {high:.1f}{unit}"
