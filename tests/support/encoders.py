"""The FFmpeg processes of a whole stack, which tests let stand still."""

from __future__ import annotations

from contextlib import suppress

import psutil
from vodflow.stack.stack import Stack


def encoders(stack: Stack) -> list[psutil.Process]:
    """Those that run."""
    found = []
    for process in stack.processes():
        with suppress(psutil.NoSuchProcess):
            if process.is_running() and "ffmpeg" in process.name():
                found.append(process)
    return found


def halt_encoders(stack: Stack) -> list[psutil.Process]:
    """Let nothing be encoded to its end before a test did what it wants to do meanwhile; those that were halted."""
    halted = []
    for process in encoders(stack):
        with suppress(psutil.NoSuchProcess):
            process.suspend()
            halted.append(process)
    return halted


def let_go_on(halted: list[psutil.Process]) -> None:
    """Let those go on that are still there."""
    for process in halted:
        with suppress(psutil.NoSuchProcess):
            process.resume()
