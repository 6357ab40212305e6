"""The demo's judgements and what it prints, without a stack."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from vodflow.catalog.overview import OverviewRow
from vodflow.catalog.states import JobStatus
from vodflow.errors import ConfigurationError, StackError
from vodflow.reports.transcoding import DailyRow, ProblemRow
from vodflow.stack.demo import screen
from vodflow.stack.demo.clips import DemoVideo, own_videos, shipped_videos
from vodflow.stack.demo.report import COLUMNS, DemoReport
from vodflow.stack.demo.report import complaints as report_complaints
from vodflow.stack.demo.run import verdict_complaints
from vodflow.stack.demo.upload import Upload
from vodflow.stack.demo.watch import Progress

MOMENT = datetime(2026, 3, 1, 12, tzinfo=UTC)
ROW = OverviewRow(
    source_id=1, tenant="demo", bucket="vodflow-source", key="demo/a.mp4", version="v1", size_bytes=1000,
    source_status="PROBED", registered_at=MOMENT, job_id=1, profile="standard", engine="local", priority=50,
    verdict="PROGRESSING", reason=None, stage="encode", progress=41.6, speed=2.5, eta_seconds=7.2, rungs=[],
    bitrate=None, output_bytes=None, encode_speed=None, finished_at=None, time_to_publish=None,
    output_bucket="vodflow-media",
    output_prefix="vod/demo/a-1/abc", manifest_uri=None,
)  # fmt: skip
PUBLISHED = replace(
    ROW, verdict="PUBLISHED", stage=None, progress=100.0, speed=None, eta_seconds=None, rungs=["720p", "360p"],
    bitrate=3_250_000, output_bytes=2_000_000, encode_speed=2.4, finished_at=MOMENT, time_to_publish=9.25,
)  # fmt: skip
REJECTED = replace(ROW, verdict="REJECTED", stage=None, reason="truncated: cut off at byte 7", job_id=None)


def progress(row: OverviewRow | None, *, over: bool = True, name: str = "a.mp4", **video: Any) -> Progress:
    upload = Upload(DemoVideo(Path(name), name, **video), "vodflow-source", f"demo/{name}", "v1", 1000, fresh=True)
    return Progress(upload, row, over=over)


def printed(draw: Any, *arguments: Any, **keywords: Any) -> str:
    console = Console(file=io.StringIO(), width=132, highlight=False)
    draw(console, *arguments, **keywords)
    output: str = console.file.getvalue()  # type: ignore[attr-defined]
    return output


def test_a_log_shows_stage_percent_speed_and_time_left_once_for_each_tenth() -> None:
    def draw(console: Console) -> None:
        with screen.live(console) as show:
            show([progress(None, over=False)])
            for percent in (41.6, 44.0, 52.0):
                show([progress(replace(ROW, progress=percent), over=False)])
            show([progress(PUBLISHED)])

    assert printed(draw).splitlines() == [
        "  a.mp4: uploaded  ",
        "  a.mp4: encode   42 %  2.50x  ETA 7 s",
        "  a.mp4: encode   52 %  2.50x  ETA 7 s",
        "  a.mp4: published  ",
    ]


def test_a_terminal_shows_a_line_for_each_video() -> None:
    output = io.StringIO()
    console = Console(file=output, width=100, force_terminal=True, color_system=None)
    with screen.live(console) as show:
        show([progress(ROW, over=False), progress(REJECTED, name="b.mp4")])
    last = output.getvalue().rsplit("a.mp4", 1)[1]
    assert "encode" in last
    assert "42 %" in last
    assert "rejected" in last


def test_a_report_is_turned_where_it_does_not_fit() -> None:
    cells = (
        "2026-03-01",
        "standard",
        "local",
        "4",
        "0.46",
        "1.03",
        "14.3 MB",
        "0",
        "1",
        "2.5x / 12.5x",
        "25.3 s / 56.6 s",
    )
    made = DemoReport((cells, cells), problems=(), exports="s3://media/reports/", complaints=())
    wide = printed(screen.report, made)
    output = io.StringIO()
    screen.report(Console(file=output, width=80), made)
    for text in (wide, output.getvalue()):
        assert all(word in text for word in (*COLUMNS, *cells))
        assert "…" not in text
    assert max(map(len, output.getvalue().splitlines())) <= 80


def test_results_name_everything_a_person_asks_for() -> None:
    text = printed(screen.results, [progress(PUBLISHED), progress(REJECTED, name="b.mp4")])
    for expected in ("720p 360p", "3.25 Mb/s", "2.0 MB", "2.40x", "9.2 s", "PUBLISHED", "REJECTED"):
        assert expected in text
    assert "b.mp4: truncated: cut off at byte 7" in text
    assert "player.html?manifest=vod/demo/a-1/abc/manifest.json" in text


def test_every_wrong_verdict_is_a_complaint() -> None:
    good = progress(PUBLISHED, expected=JobStatus.PUBLISHED)
    assert verdict_complaints([good, progress(REJECTED, expected=JobStatus.REJECTED)]) == []
    assert verdict_complaints([good, progress(REJECTED)]) == []
    (wrong,) = verdict_complaints([good, progress(REJECTED, name="b.mp4", expected=JobStatus.PUBLISHED)])
    assert wrong.startswith("b.mp4 should be PUBLISHED but is REJECTED: truncated")
    failed = replace(ROW, verdict="FAILED", reason="no room")
    assert verdict_complaints([good, progress(failed, name="c.mp4")]) == ["c.mp4 is FAILED: no room"]
    assert verdict_complaints([progress(REJECTED)]) == ["No video was published."]


def daily(videos: int) -> DailyRow:
    return DailyRow(
        day=date(2026, 3, 1), tenant="demo", profile="standard", engine="local", videos=videos, jobs=videos, failed=0,
        rejected=0, canceled=0, minutes_in=1.0, minutes_out=2.0, bytes_in=1, bytes_out=2, encode_speed_p50=1.0,
        encode_speed_p95=1.0, time_to_publish_p50=1.0, time_to_publish_p95=1.0,
    )  # fmt: skip


def test_a_report_that_misses_something_is_a_complaint() -> None:
    videos = [progress(PUBLISHED), progress(REJECTED, name="b.mp4")]
    problem = ProblemRow(
        day=date(2026, 3, 1), tenant="demo", profile="standard", engine="none", kind="rejected", reason="truncated",
        count=1,
    )  # fmt: skip
    first = date(2026, 3, 1)
    assert report_complaints(videos, [daily(1)], [problem], first=first, state="success") == []
    found = report_complaints(videos, [daily(0)], [], first=first, state="failed")
    assert len(found) == 3
    assert "counts 0 published videos" in found[1]
    assert "truncated of b.mp4" in found[2]


def test_published_before() -> None:
    assert progress(PUBLISHED).published_before(MOMENT + timedelta(seconds=1))
    assert not progress(PUBLISHED).published_before(MOMENT)
    assert not progress(REJECTED).published_before(MOMENT + timedelta(days=1))


def test_own_files_and_folders(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    for name in ("b.MP4", "sub/a.mkv", "notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    assert [video.name for video in own_videos([tmp_path])] == ["b.MP4", "sub/a.mkv"]
    assert [video.name for video in own_videos([tmp_path / "b.MP4"])] == ["b.MP4"]
    with pytest.raises(ConfigurationError, match=r"notes\.txt is not taken for a video"):
        own_videos([tmp_path / "notes.txt"])  # sensing would ignore it, and the demo would wait in vain
    with pytest.raises(ConfigurationError, match="does not exist"):
        own_videos([tmp_path / "missing.mp4"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigurationError, match="holds no file"):
        own_videos([tmp_path / "empty"])


def test_missing_clips_are_named(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"bikes\.mp4"):
        shipped_videos(tmp_path)
