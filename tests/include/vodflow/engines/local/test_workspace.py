from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest
from support.engine_plans import written_plan
from vodflow.contract.plan import Output, Packaging
from vodflow.engines.local import workspace as module
from vodflow.engines.local.workspace import check_space, needed_bytes, sweep, workspace
from vodflow.errors import ConfigurationError, DiskSpaceError, SharedCause
from vodflow.settings import Settings


class Usage(NamedTuple):
    """What ``shutil.disk_usage`` answers, as far as it is read."""

    free: int
    total: int = 10**15


def make(*outputs: Output, hls_segments: str = "fmp4"):
    return written_plan(packaging=Packaging(outputs=outputs, hls_segments=hls_segments), duration=100.0)


def test_needed_bytes_is_the_documented_formula() -> None:
    video, audio = 8_800_000, 224_000
    streams = int(1.15 * (2 * (video + audio) + video + 3 * audio) * 100 / 8)
    assert needed_bytes(make(Output.HLS, Output.DASH, Output.MP4)) == 1_000_000 + streams + 16 * 1024**2


def test_every_output_needs_room_and_shared_segments_need_it_once() -> None:
    hls = needed_bytes(make(Output.HLS))
    assert needed_bytes(make(Output.HLS, Output.DASH)) == hls
    assert needed_bytes(make(Output.HLS, Output.DASH, hls_segments="ts")) > hls
    assert needed_bytes(make(Output.HLS, Output.MP4)) > hls


def test_too_little_room_is_refused_with_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = make(Output.MP4)
    needed = needed_bytes(plan)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(needed + 99))
    check_space(plan, tmp_path, 99)
    with pytest.raises(DiskSpaceError, match=r"has 0\.\d\d GB free; this job needs 0\.\d\d GB") as raised:
        check_space(plan, tmp_path, 100)
    assert raised.value.retryable
    assert raised.value.code == "ENOSPC"
    assert raised.value.shared_cause is SharedCause.DISK


def test_what_the_disk_can_never_hold_waits_for_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needed = needed_bytes(make(Output.MP4))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(needed, needed))
    check_space(make(Output.MP4), tmp_path, 0)
    with pytest.raises(ConfigurationError, match="in all; this job needs"):
        check_space(make(Output.MP4), tmp_path, 1)


def test_the_folder_is_removed_even_when_the_job_fails(tmp_path: Path) -> None:
    settings = Settings(work_dir=tmp_path / "new")
    with pytest.raises(RuntimeError, match="boom"), workspace(settings) as folder:
        (folder / "file").write_bytes(b"x")
        raise RuntimeError("boom")
    assert list((tmp_path / "new").iterdir()) == []


def test_a_dead_process_folder_is_swept_and_a_living_one_is_not(tmp_path: Path) -> None:
    code = (
        "import os, sys, time; from pathlib import Path; from vodflow.engines.local.workspace import workspace;"
        "from vodflow.settings import Settings\n"
        f"with workspace(Settings(work_dir=Path({str(tmp_path)!r}))) as f:\n"
        " (f / 'big').write_bytes(b'x'); print(f, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        folder = Path(process.stdout.readline().strip())
        old = time.time() - 60
        os.utime(folder, (old, old))
        assert sweep(tmp_path) == []
        assert folder.is_dir()
        process.kill()
    os.utime(folder, (old, old))
    (tmp_path / "somebody-elses").mkdir()
    with workspace(Settings(work_dir=tmp_path)):
        assert not folder.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["somebody-elses"]


def test_discard_all_removes_what_is_open(tmp_path: Path) -> None:
    with workspace(Settings(work_dir=tmp_path)) as folder:
        module.discard_all()
        assert not folder.exists()


def test_an_unusable_work_folder_is_a_configuration_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with (
        pytest.raises(ConfigurationError, match="VODFLOW_WORK_DIR"),
        workspace(Settings(work_dir=tmp_path / "file" / "below")),
    ):
        pass
