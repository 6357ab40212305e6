"""Readers of what FFmpeg and libvmaf write."""

from __future__ import annotations

import json
from fractions import Fraction

import pytest
from support.engine_plans import written_plan
from vodflow.quality import commands, figures, qvbr


def log(scores: list[float], every: int = 1) -> str:
    mean = sum(scores) / len(scores) if scores else 0.0
    pooled = {name: {"mean": mean, "harmonic_mean": mean} for name in ("vmaf", "psnr_y", "float_ssim")}
    frames = [{"frameNum": place * every, "metrics": {"vmaf": score}} for place, score in enumerate(scores)]
    return json.dumps({"version": "3.0.0", "frames": frames, "pooled_metrics": pooled})


def test_the_worst_second_by_its_time() -> None:
    scores = [90.0] * 25 + [80.0, 40.0, *[90.0] * 23] + [70.0] * 25
    found = figures.compared(log(scores), Fraction(25), "m")
    assert (found.vmaf_worst_second, found.vmaf_worst_at) == (70.0, 2.0)
    found = figures.compared(log(scores[:50], every=5), Fraction(24000, 1001), "m")
    assert found.vmaf_worst_at == 5.0  # frames 120 to 143, of which 125 has 80 and 130 has 40


def test_the_fifth_percentile() -> None:
    found = figures.compared(log([float(value) for value in range(101)]), Fraction(25), "m")
    assert found.vmaf_p5 == 5.0
    assert figures.compared(log([42.0]), Fraction(25), "m").vmaf_p5 == 42.0
    with pytest.raises(ValueError, match="no frame"):
        figures.compared(log([]), Fraction(25), "m")


def test_stretches_end_with_the_video() -> None:
    said = "\n".join((
        "frame:5 pts:5 pts_time:0.2", "lavfi.freezedetect.freeze_start=1.5", "frame:9 pts:9 pts_time:0.4",
        "lavfi.freezedetect.freeze_duration=2", "lavfi.freezedetect.freeze_end=3.5", "lavfi.black_start=8",
    ))  # fmt: skip
    found = figures.stretches(said, 10.0)
    assert found == [("frozen", 1.5, 3.5), ("black", 8.0, 10.0)]
    assert (figures.total(found, "black"), figures.total(found, "silent")) == (2.0, 0)
    assert figures.stretches("lavfi.silence_start=-0.02", 4.0) == [("silent", 0.0, 4.0)]


@pytest.mark.parametrize(
    ("width", "height", "model"),
    [(640, 360, "v0.6.1"), (1920, 1080, "v0.6.1"), (1080, 1920, "v0.6.1"), (2560, 1440, "4k_v0.6.1"),
     (2160, 3840, "4k_v0.6.1"), (1440, 1440, "4k_v0.6.1")],
)  # fmt: skip
def test_the_model_goes_by_the_size(width: int, height: int, model: str) -> None:
    rung = written_plan(ladder=(("x", width, height, 1_000_000),)).renditions[0]
    assert commands.model_of(rung) == f"vmaf_{model}"


@pytest.mark.parametrize(
    ("rate", "seconds", "wanted", "every"),
    [("25/1", 60, 9, 9), ("25/1", 60, 10, 9), ("25/1", 6, 9, 3), ("25/1", 4, 9, 1), ("7/1", 600, 9, 3),
     ("1/1", 600, 9, 1), ("60/1", 60, 1, 1)],
)  # fmt: skip
def test_short_and_slow_videos_are_compared_densely(rate: str, seconds: float, wanted: int, every: int) -> None:
    rung = written_plan(rate=rate).renditions[0]
    assert commands.one_of(rung, seconds, wanted) == every


def test_scores_of_mediaconvert() -> None:
    def output(path: str, **details: object) -> dict[str, object]:
        return {"outputFilePaths": [f"s3://media/vod/{path}"], "videoDetails": details}

    details = [
        {"outputGroupDetails": [
            {"outputDetails": [output("cmaf/master_video_720p.m3u8", qvbrAvgQuality=7.38, qvbrMinQuality=6.5),
                               output("cmaf/master_video_360p.m3u8", widthInPx=640)]},
            {"outputDetails": [output("mp4/video_720p.mp4", qvbrAvgQuality=7.4, qvbrMinQuality=6.0)]},
        ]}
    ]  # fmt: skip
    _, hd, sd = written_plan().renditions
    assert qvbr.scores(details, hd) == {"qvbr_avg": 7.38, "qvbr_min": 6.0}
    assert qvbr.scores(details, sd) == {}
    assert qvbr.scores([], hd) == {}
