"""Sources that chunks can and cannot be made of: real files, read as the planner reads them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from support.clips import clip
from vodflow.contract.plan import SourceRef
from vodflow.contract.strategy import Strategy, StrategyKind
from vodflow.ffmpeg.tools import ffmpeg_path
from vodflow.media.picture_index import read_index
from vodflow.media.probe import probe
from vodflow.planning.planner import make_plan
from vodflow.planning.profiles import load_profile
from vodflow.planning.strategy import Division, choose

pytestmark = pytest.mark.integration
TIMEOUT = 60.0
COPIED = ["-c", "copy"]
#: Twelve seconds of small pictures at 25 a second, without sound.
ENCODED = ["-an", "-vf", "scale=160:90", "-c:v", "libx264", "-preset", "superfast", "-sc_threshold", "0"]


def divided(path: Path, seconds: float = 4) -> Strategy:
    size = path.stat().st_size
    info = probe(str(path), size, TIMEOUT)
    source = SourceRef(bucket="media", key=path.name, version="1", size=size)
    plan = make_plan(source, info, load_profile("standard"), tenant="demo", video="film")
    return choose(plan, Division("chunks", chunk_seconds=seconds), lambda: read_index(str(path), info, TIMEOUT))


def made(path: Path, *options: str, before: tuple[str, ...] = (), of: str = "moving") -> Path:
    argv = [ffmpeg_path(), "-nostdin", "-v", "error", *before, "-i", str(clip(of)), *options, str(path)]
    subprocess.run(argv, check=True, timeout=60)
    return path


@pytest.mark.parametrize("name", ["film.mp4", "film.mov", "film.mkv"])
def test_containers_with_an_index_are_cut_alike(tmp_path: Path, name: str) -> None:
    found = divided(made(tmp_path / name, *COPIED))
    assert [chunk.first for chunk in found.chunks] == [0, 100, 200]
    assert [chunk.begin for chunk in found.chunks] == [0, 50, 150]


@pytest.mark.parametrize("flags", ["frag_keyframe", "frag_keyframe+empty_moov"])
def test_a_fragmented_file_is_read_by_its_packets(tmp_path: Path, flags: str) -> None:
    found = divided(made(tmp_path / "film.mp4", *COPIED, "-movflags", flags, of="moving_twice"), 12)
    assert [chunk.first for chunk in found.chunks] == [0, 300], found.reason


OPEN = "its GOPs are open: pictures before a keyframe need those behind it"
RARE = "its keyframes are too rare or too far from the outputs' GOPs"
VARYING = "its frames come at a varying rate"
UNEVEN = "its time stamps have gaps or come twice"


@pytest.mark.parametrize(
    ("name", "options", "reason"),
    [
        ("open.mkv", ["-an", "-c:v", "mpeg2video", "-b:v", "2M", "-g", "50", "-bf", "2", "-sc_threshold", "1e9"], OPEN),
        ("single.mp4", [*ENCODED, "-g", "1000"], "it has a single keyframe"),
        ("rare.mp4", [*ENCODED, "-g", "290", "-keyint_min", "290"], RARE),
        ("film.ts", COPIED, "its container (mpegts) has no index to find them by"),
        ("film.flv", COPIED, "its container (flv) has no index to find them by"),
        ("lost.mkv", [*COPIED, "-bsf:v", "noise=drop='between(n,130,140)'"], UNEVEN),
        ("stopped.mp4", [*COPIED, "-bsf:v", "noise=drop='between(n,100,149)'"], VARYING),
    ],
)
def test_what_cannot_be_cut_is_encoded_at_once(tmp_path: Path, name: str, options: list[str], reason: str) -> None:
    found = divided(made(tmp_path / name, *options))
    assert (found.kind, found.reason) == (StrategyKind.SINGLE, f"It cannot be cut: {reason}.")


@pytest.mark.parametrize(("name", "reason"), [("vfr", VARYING), ("jittered", UNEVEN)])
def test_uneven_rates_are_encoded_at_once(name: str, reason: str) -> None:
    assert divided(clip(name), 1).reason == f"It cannot be cut: {reason}."


@pytest.mark.parametrize("name", ["film.mp4", "film.mov"])
def test_an_edit_list_that_hides_pictures_forbids_cuts(tmp_path: Path, name: str) -> None:
    found = divided(made(tmp_path / name, *COPIED, before=("-ss", "1")))
    assert found.reason == "It cannot be cut: its time stamps do not begin where its container says."


def test_an_edit_list_that_rearranges_pictures_forbids_cuts(tmp_path: Path) -> None:
    film = made(tmp_path / "film.mp4", *COPIED)
    data = bytearray(film.read_bytes())
    # The rate of the pictures' only edit, as fixed point: from 1 to 2.
    edit = data.index(b"elst") + 20
    assert data[edit : edit + 4] == b"\0\1\0\0"
    data[edit : edit + 4] = b"\0\2\0\0"
    film.write_bytes(data)
    assert divided(film).reason == "It cannot be cut: an edit list rearranges its pictures."
