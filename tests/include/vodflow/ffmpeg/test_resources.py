"""A machine that runs short is told from everything else, by what really happens then."""

from __future__ import annotations

import errno
import os
import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from vodflow.engines.local.forked_worker import run_forked
from vodflow.errors import ConfigurationError, DiskSpaceError, EngineError, ResourceError, StartError
from vodflow.ffmpeg.process import Limits, check_exit, run_process
from vodflow.ffmpeg.resources import capture, shortage, shortage_of


@contextmanager
def no_open_files() -> Iterator[None]:
    """This process may open no file any more."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    probe = os.open(os.devnull, os.O_RDONLY)
    os.close(probe)
    resource.setrlimit(resource.RLIMIT_NOFILE, (probe, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.parametrize(
    "start",
    [
        lambda: run_process(["true"]),
        lambda: capture(["true"], 10.0),
        lambda: run_forked(lambda: 0, name="worker", limits=Limits()),
    ],
    ids=["process", "helper", "fork"],
)
def test_what_cannot_be_started_now_may_be_started_later(start: Callable[[], object]) -> None:
    with no_open_files(), pytest.raises(StartError, match="Too many open files") as raised:
        start()
    assert raised.value.retryable
    assert raised.value.code == "EMFILE"
    start()


@pytest.mark.parametrize("start", [run_process, lambda argv: capture(argv, 10.0)])
def test_what_is_no_program_stays_a_wrong_setting(start: Callable[[list[str]], object], tmp_path: Path) -> None:
    (text := tmp_path / "text").touch()
    for program in (tmp_path / "nothing", text):
        with pytest.raises(ConfigurationError, match=str(program)):
            start([str(program)])


@pytest.mark.parametrize(
    ("script", "kind", "words"),
    [
        ("echo x >/dev/full", DiskSpaceError, "No space left on device"),
        ("kill -9 $$", ResourceError, r"signal 9 \(Killed\)"),
        # More than the address space that it may have: what Linux says when memory is out.
        (
            f"ulimit -v 40000; exec {sys.executable} -S -c 'import mmap; mmap.mmap(-1, 2**30)'",
            ResourceError,
            "Cannot allocate memory",
        ),
        ("ulimit -n 3; exec 2>&1 4</dev/null", ResourceError, "open files|descriptor"),
    ],
    ids=["disk", "killed", "memory", "files"],
)
def test_a_shortage_ends_a_program(script: str, kind: type[EngineError], words: str) -> None:
    argv = ["bash", "-c", script]
    with pytest.raises(kind, match=words) as helper:
        capture(argv, 30.0)
    with pytest.raises(kind, match=words) as process:
        check_exit("bash", run_process(argv))
    assert helper.value.retryable
    assert process.value.retryable


@pytest.mark.parametrize("script", ["exit 0", "echo 'No space left on device' >&2; exit 0", "echo no >&2; exit 8"])
def test_other_ends_are_no_shortage(script: str) -> None:
    capture(["bash", "-c", script], 30.0)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (OSError(errno.ENOSPC, "full"), DiskSpaceError),
        (OSError(errno.EDQUOT, "over quota"), DiskSpaceError),
        (BlockingIOError(errno.EAGAIN, "no more processes"), ResourceError),
        (OSError(errno.ENFILE, "no more files"), ResourceError),
        (MemoryError(), ResourceError),
        (RuntimeError("can't start new thread"), ResourceError),
        (OSError(errno.EACCES, "no"), None),
        (RuntimeError("something else"), None),
        (ValueError("x"), None),
    ],
)
def test_errors_of_the_system(error: BaseException, kind: type[ResourceError] | None) -> None:
    found = shortage(error, "work")
    assert (type(found) if found else None) is kind


def test_a_killed_helper_says_so_even_beside_other_words() -> None:
    assert shortage_of("ffmpeg", -9, "Invalid data found when processing input") is not None
    assert shortage_of("ffmpeg", -15, "") is None
    assert shortage_of("ffmpeg", 183, "Invalid data found when processing input") is None
