"""Colours of any standard are published as the same colours in BT.709."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from support.colors import COLOR, TOLERANCE, paint, shown
from support.planning_values import SOURCE
from vodflow.engines.local.command import EncodePaths, encode_command
from vodflow.ffmpeg.tools import ffmpeg_path
from vodflow.media.probe import probe
from vodflow.planning.planner import make_plan
from vodflow.planning.profiles import load_profile

pytestmark = pytest.mark.integration

#: Pixels, primaries, transfer, matrix, range; as zscale names them.
STANDARDS = [
    ("yuv420p", "bt709", "bt709", "bt709", "limited"),
    ("yuv420p", "bt709", "bt709", "bt709", "full"),
    ("yuv420p10le", "bt2020", "bt2020-10", "bt2020nc", "limited"),
    ("yuv420p", "bt2020", "bt709", "bt2020nc", "limited"),
    ("yuv422p12le", "bt2020", "bt2020-12", "bt2020nc", "full"),
    ("yuv420p10le", "bt2020", "bt2020-10", "bt2020c", "limited"),
    ("yuv420p", "bt470bg", "smpte170m", "bt470bg", "limited"),
    ("yuv420p", "bt470bg", "bt470bg", "bt470bg", "limited"),  # gamma 2.8
    ("yuv420p", "smpte170m", "smpte170m", "smpte170m", "limited"),
    ("yuv420p", "smpte170m", "bt709", "bt709", "full"),
    ("yuv420p", "smpte240m", "smpte240m", "smpte240m", "limited"),
    ("yuv420p", "bt470m", "bt470m", "fcc", "limited"),  # gamma 2.2
    ("yuv420p10le", "smpte432", "iec61966-2-1", "bt709", "limited"),  # Display P3
    ("yuv420p", "smpte432", "bt709", "smpte170m", "full"),
    ("yuv420p10le", "smpte431", "bt709", "bt709", "limited"),
    ("yuv420p", "bt709", "iec61966-2-1", "bt709", "limited"),
    ("yuv444p12le", "bt709", "linear", "bt709", "limited"),
    ("gbrp10le", "bt709", "iec61966-2-1", "gbr", "full"),
    ("gbrp10le", "smpte432", "iec61966-2-1", "gbr", "full"),
    ("gbrp10le", "bt2020", "bt709", "gbr", "full"),
    ("bgr0", "smpte432", "iec61966-2-1", "gbr", "full"),
    ("bgr0", "bt709", "bt709", "gbr", "full"),
    ("bgra", "bt709", "iec61966-2-1", "gbr", "full"),
    ("rgb48le", "bt2020", "linear", "gbr", "full"),
    ("yuva420p", "bt2020", "bt709", "bt2020nc", "limited"),
]


@pytest.mark.parametrize("standard", STANDARDS, ids="-".join)
def test_a_colour_stays_that_colour(standard: tuple[str, str, str, str, str], tmp_path: Path) -> None:
    source = tmp_path / "source.mkv"
    paint(source, *standard)
    assert _published(source, tmp_path) == pytest.approx(COLOR, abs=TOLERANCE)


@pytest.mark.parametrize(
    ("size", "primaries"), [("720x576", "bt470bg"), ("720x480", "smpte170m"), ("640x360", "bt709")]
)
def test_what_is_not_marked_is_guessed_by_its_size(size: str, primaries: str, tmp_path: Path) -> None:
    source = tmp_path / "source.mkv"
    paint(source, "yuv420p", primaries, "bt709", "smpte170m", "limited", size=size, marked=False)
    assert _published(source, tmp_path) == pytest.approx(COLOR, abs=TOLERANCE)


def test_television_of_dv(tmp_path: Path) -> None:
    """Chroma of 4:1:1, and a picture whose width four does not divide."""
    source = tmp_path / "source.mkv"
    paint(source, "yuv411p", "smpte170m", "bt709", "smpte170m", "limited", size="720x480", marked=False)
    wide = tmp_path / "wide.mkv"
    argv = [ffmpeg_path(), "-v", "error", "-i", source, "-vf", "setsar=10/11", "-c:v", "ffv1", wide]
    subprocess.run(argv, check=True, timeout=60)
    assert _published(wide, tmp_path) == pytest.approx(COLOR, abs=TOLERANCE)


@pytest.mark.parametrize(
    ("transfer", "matrix"),
    [("unknown", "ictcp"), ("unknown", "chroma-derived-nc"), ("unknown", "ycgco"), ("smpte2084", "bt2020c"),
     ("smpte2084", "ictcp"), ("arib-std-b67", "bt709"), ("bt1361e", "bt2020c"), ("smpte428", "bt709")],
)  # fmt: skip
def test_tags_that_hardly_go_together_fail_nothing(transfer: str, matrix: str, tmp_path: Path) -> None:
    source = tmp_path / "source.mkv"
    paint(source, "yuv420p10le", "bt709", "bt709", "bt709", "limited", marked=False)
    tags = f"setparams=color_trc={transfer}:colorspace={matrix}"
    argv = [ffmpeg_path(), "-v", "error", "-i", source, "-vf", tags, "-c:v", "ffv1", tmp_path / "told.mkv"]
    subprocess.run(argv, check=True, timeout=60)
    assert len(_published(tmp_path / "told.mkv", tmp_path)) == 3


def test_hdr_stays_tone_mapped(tmp_path: Path) -> None:
    source = tmp_path / "source.mkv"
    paint(source, "yuv420p10le", "bt2020", "arib-std-b67", "bt2020nc", "limited")
    red, green, blue = _published(source, tmp_path)
    assert red > 2 * green
    assert abs(green - blue) < 20


def _published(source: Path, folder: Path) -> list[int]:
    """Red, green and blue in the middle of the top rung, as a player shows BT.709."""
    media = probe(str(source), source.stat().st_size, 60)
    plan = make_plan(SOURCE, media, load_profile("sd"), tenant="a", video="v").model_copy(update={"thumbnails": None})
    paths = EncodePaths(source, folder, folder)
    subprocess.run(encode_command(plan, paths, ffmpeg_path()), check=True, timeout=60, capture_output=True)
    return shown(paths.track(plan.renditions[0]))
