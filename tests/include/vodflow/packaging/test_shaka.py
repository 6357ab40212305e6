"""Whole packager and remux commands, one argument a line, against files beside this test."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.engine_plans import LADDER, written_plan
from support.fixtures.golden import Golden
from vodflow.contract.plan import Output, Packaging, TranscodePlan
from vodflow.packaging.mp4 import remux_command
from vodflow.packaging.shaka import needs_packager, package_command, segment_seconds


def plan(*outputs: Output, hls_segments: str = "fmp4", **changes) -> TranscodePlan:
    return written_plan(packaging=Packaging(outputs=outputs, hls_segments=hls_segments), **changes)


PLANS = {
    "hls_dash": plan(Output.HLS, Output.DASH, Output.MP4),
    "hls_only": plan(Output.HLS),
    "dash_only": plan(Output.DASH),
    "ts_and_dash": plan(Output.HLS, Output.DASH, hls_segments="ts", ladder=LADDER[2:]),
    "ts_only_no_audio": plan(Output.HLS, hls_segments="ts", ladder=LADDER[2:], sound=None),
    "two_languages": plan(Output.HLS, Output.DASH, ladder=LADDER[2:], languages=("eng", "fra")),
}


@pytest.mark.parametrize("name", PLANS)
def test_whole_command(name: str, golden: Golden) -> None:
    golden(f"{name}.txt", "\n".join(package_command(PLANS[name], "packager", "../tracks")) + "\n")


def test_whole_remux_command(golden: Golden) -> None:
    command = remux_command(PLANS["hls_dash"], Path("/work/tracks"), Path("/work/outputs"), "ffmpeg")
    golden("remux.txt", "\n".join(command) + "\n")


def test_remux_never_encodes() -> None:
    command = remux_command(written_plan(sound=None), Path("t"), Path("o"), "ffmpeg")
    assert command.count("copy") == len(LADDER)
    assert "libx264" not in command


@pytest.mark.parametrize(
    ("rate", "nominal", "exact"),
    [
        ("25/1", 6.0, 6.0),
        ("30000/1001", 6.0, 6.006),
        ("24000/1001", 4.0, 4.004),
        ("25/1", 1.0, 2.0),
        ("25/1", 5.0, 4.0),
    ],
)
def test_segments_are_whole_gops(rate: str, nominal: float, exact: float) -> None:
    made = written_plan(rate=rate, packaging=Packaging(segment_duration=nominal))
    assert segment_seconds(made) == pytest.approx(exact, abs=1e-9)


def test_mp4_alone_needs_no_packager() -> None:
    assert not needs_packager(plan(Output.MP4))
    assert needs_packager(plan(Output.DASH))
