"""The verifier measures sync against the source: wrong outputs are refused, right ones never."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.clips import clip
from support.encoded import encoded
from vodflow.contract.plan import Output, SourceRef
from vodflow.errors import ResourceError, VerificationError
from vodflow.ffmpeg.tools import ffmpeg_path
from vodflow.media.probe import probe
from vodflow.planning.planner import make_plan
from vodflow.planning.profiles import load_profile
from vodflow.verification import DirectoryStore, source_reader, verify
from vodflow.verification.source_reader import SourceReader, picture_count

pytestmark = pytest.mark.integration

SEGMENTED, FILES = (Output.HLS, Output.DASH), (Output.MP4,)
KEPT = ":max_soft_comp=0.02:min_comp=0.005:min_hard_comp=0.02"


def without(part: str, instead: str = "") -> Callable[[str], str]:
    return lambda argument: argument.replace(part, instead)


def late(milliseconds: int) -> Callable[[str], str]:
    """Sound that comes later, or earlier, from the beginning."""
    moved = (
        f"adelay={milliseconds}:all=1,atrim=end=6"
        if milliseconds > 0
        else f"atrim={-milliseconds / 1000},asetpts=PTS-STARTPTS"
    )
    return lambda argument: argument.replace("apad=whole", f"{moved},apad=whole", 1)


def shown_late(argument: str) -> str:
    """Pictures that come three frames later."""
    return argument.replace(":start_time=0", ":start_time=0,tpad=start=3:start_mode=clone,trim=end=6")


@pytest.mark.parametrize("outputs", [SEGMENTED, FILES, (Output.HLS,)])
@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("lost_mkv", without(KEPT), "0.0[89] s earlier"),  # gaps below 0.1 s are not filled
        ("synced", late(150), "0.15 s later"),
        ("synced", late(-80), "0.08 s earlier"),
        ("synced", shown_late, "0.12 s earlier"),
    ],
)
def test_sound_that_left_its_pictures_is_refused(
    name: str, change: Callable[[str], str], words: str, outputs: tuple[Output, ...], tmp_path: Path
) -> None:
    segments = "ts" if outputs == (Output.HLS,) else "fmp4"
    plan, folder = encoded(clip(name), tmp_path, *outputs, change=change, segments=segments)
    with pytest.raises(VerificationError, match=words) as caught:
        verify(plan, "", "", DirectoryStore(folder), str(clip(name)))
    assert caught.value.rule == "sync"
    assert "sync" not in verify(plan, "", "", DirectoryStore(folder)).rules


@pytest.mark.parametrize(
    "name",
    [
        "small",  # a steady tone
        "one_frame",
        "tiny",
        "vfr",
        "screen",
        "long_sound",
        "short_sound",
        "late_picture",
        "late_clock",
        "late_start",
        "joined",
        "interlaced",
        "hdr",
        "surround",
        "two_languages",
        "program_stream",
        "fragmented",
        "text_first",
    ],
)
def test_right_outputs_are_never_refused(name: str, tmp_path: Path) -> None:
    plan, folder = encoded(clip(name), tmp_path)
    verify(plan, "", "", DirectoryStore(folder), str(clip(name)))


def test_no_reading_of_a_source_waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where one of several outputs ended by itself, one reading in ten never did, on a machine with much to do."""
    path = clip("vfr")
    size = path.stat().st_size
    ref = SourceRef(bucket="b", key="k", version="1", size=size)
    plan = make_plan(ref, probe(str(path), size, 60), load_profile("sd"), tenant="t", video="v")
    monkeypatch.setattr(source_reader, "_TIMEOUT", 30.0)

    def read(_: int) -> tuple[int, int]:
        reader = SourceReader(plan, str(path), plan.renditions[0], [plan.media.audio[0].index])
        whole = reader._read_whole()
        return len(whole.pictures), len(whole.sounds)

    with ThreadPoolExecutor(6) as readers:
        found = set(readers.map(read, range(60)))
    assert found == {(6 * 6 * picture_count(plan.renditions[0]), 1)}


def test_a_source_that_cannot_be_read_is_no_fault_of_the_outputs(tmp_path: Path) -> None:
    plan, folder = encoded(clip("synced"), tmp_path, *FILES)
    verify(plan, "", "", DirectoryStore(folder), str(tmp_path / "gone.mp4"))


def test_sound_that_is_compared_must_decode_wherever_it_is(tmp_path: Path) -> None:
    plan, folder = encoded(clip("synced"), tmp_path, *SEGMENTED)
    names = sorted(path.name for path in (folder / "cmaf/audio").glob("*.m4s"))
    path = folder / "cmaf/audio" / names[len(names) // 2]
    data = path.read_bytes()
    place = int(len(data) * 0.7)
    path.write_bytes(data[:place] + b"\xa5" * 64 + data[place + 64 :])
    with pytest.raises(VerificationError) as caught:
        verify(plan, "", "", DirectoryStore(folder), str(clip("synced")))
    assert (caught.value.rule, caught.value.uri) == ("decodes", str(path))


def test_outputs_are_decoded_once_and_a_short_source_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, folder = encoded(clip("two_languages"), tmp_path)
    counting, starts = tmp_path / "ffmpeg", tmp_path / "starts"
    counting.write_text(f'#!/bin/sh\necho "$*" >> {starts}\nexec {ffmpeg_path()} "$@"\n')
    counting.chmod(0o755)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(counting))
    verify(plan, "", "", DirectoryStore(folder), str(clip("two_languages")))
    started = starts.read_text().splitlines()
    kinds = ("-f h264", "-f aac", f"file:{clip('two_languages')}")
    assert [sum(kind in argv for argv in started) for kind in kinds] == [1, 1, 1]
    assert len(started) == 3


def test_a_machine_that_runs_short_leaves_sync_to_another_try(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan, folder = encoded(clip("synced"), tmp_path, *FILES)
    short = tmp_path / "ffmpeg"
    fails = "echo 'Cannot allocate memory' >&2; exit 1"
    short.write_text(f'#!/bin/sh\ncase "$*" in *aresample*) {fails};; esac\nexec {ffmpeg_path()} "$@"\n')
    short.chmod(0o755)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(short))
    with pytest.raises(ResourceError, match="Cannot allocate memory"):
        verify(plan, "", "", DirectoryStore(folder), str(clip("synced")))
