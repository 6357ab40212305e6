from __future__ import annotations

from vodflow.contract.result import Progress, Stage
from vodflow.ffmpeg.progress import EncodeProgress, Reporter


def test_percent_never_goes_back_and_ends_at_100() -> None:
    seen: list[Progress] = []
    reporter = Reporter(seen.append)
    for stage in Stage:
        for share in (0.0, 0.7, 0.2, 1.0):
            reporter.report(stage, share)
    percents = [progress.percent for progress in seen]
    assert percents == sorted(percents)
    assert percents[0] == 0.0
    assert percents[-1] == 100.0


def test_one_stage_reports_at_most_twice_a_second() -> None:
    seen: list[Progress] = []
    reporter = Reporter(seen.append)
    for share in range(1000):
        reporter.report(Stage.UPLOAD, share / 2000)
    assert len(seen) <= 3


def test_encode_progress_reads_ffmpeg_and_tells_movement() -> None:
    seen: list[Progress] = []
    lines = EncodeProgress(10.0, Reporter(seen.append))
    assert lines("frame=24")
    assert not lines("frame=24")
    assert lines("out_time_us=5000000")
    assert not lines("out_time_us=5000000")
    assert not lines("out_time_us=N/A")
    assert not lines("encoded=4.95833")
    assert not lines("encoded=nan")
    assert lines("encoded=5.04167")
    assert not lines("speed=2.0x")
    assert not lines("progress=continue")
    assert lines("progress=end")
    assert seen[0].stage is Stage.ENCODE
    assert seen[0].percent == 47.5
    assert seen[0].speed is not None
    assert seen[0].eta is not None
