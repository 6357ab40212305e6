"""When the machine itself runs short: of disk, memory, processes or open files. The one place that tells.

What a helper could not do for such a reason says nothing about the video and nothing about the settings, and the same
step may be run again. Whoever starts a program, or reads how one ended, asks here first.
"""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from vodflow.errors import ConfigurationError, DiskSpaceError, ResourceError, StartError, VodflowError

_DISK: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_SHORT: Final = frozenset({errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE})
#: What Python says, without a number, when the system refuses it a thread (``Python/thread.c``).
_NO_THREAD: Final = "can't start new thread"
#: The same as programs write it: strerror of glibc and musl, and a C++ program that gets no memory.
_DISK_WORDS: Final = re.compile(r"No space left on device|(?:Disk q|Q)uota exceeded")
_SHORT_WORDS: Final = re.compile(
    r"Resource temporarily unavailable|Cannot allocate memory|Out of memory|bad_alloc"
    r"|Too many open files|No file descriptors available"
)


def shortage(error: BaseException, doing: str, *, starting: bool = False) -> ResourceError | None:
    """The error of this package for one of the system's that means a shortage; none for any other.

    :param doing: what could not be done, for example ``start ffmpeg``
    :param starting: a process could not be started, which is nobody's fault and everybody's trouble
    """
    number = _number(error)
    code = errno.errorcode.get(number)
    if number in _DISK:
        return _full(doing, str(error), code)
    if number not in _SHORT:
        return None
    kind = StartError if starting else ResourceError
    return kind(f"This machine could not {doing} now: {os.strerror(number)}.", code=code)


def start_failure(error: BaseException, program: str) -> VodflowError:
    """The error for a program that could not be started: the machine's shortage, or a program that is not right.

    :param program: as it was called
    """
    return shortage(error, f"start {Path(program).name}", starting=True) or ConfigurationError(
        f"Could not start {program}: {error}"
    )


def capture(argv: Sequence[str], timeout: float, given: bytes | None = None) -> subprocess.CompletedProcess[str]:
    """:func:`capture_bytes` of a helper that writes text."""
    done = capture_bytes(argv, timeout, given)
    written, said = (stream.decode(errors="replace") for stream in (done.stdout, done.stderr))
    return subprocess.CompletedProcess(argv, done.returncode, written, said)


def capture_bytes(
    argv: Sequence[str], timeout: float, given: bytes | None = None, *, files: Sequence[int] = ()
) -> subprocess.CompletedProcess[bytes]:
    """Run a short helper to its end, whatever its exit status, and keep what it wrote.

    :param timeout: seconds until it is killed
    :param given: what it reads on standard input; nothing by default
    :param files: descriptors that it finds open, under the same numbers
    :raises StartError: this machine cannot start it now
    :raises ResourceError: a shortage ended it
    :raises ConfigurationError: it is no program that runs here
    :raises subprocess.TimeoutExpired: it took too long
    """
    stdin: dict[str, Any] = {"stdin": subprocess.DEVNULL} if given is None else {"input": given}
    try:
        done = subprocess.run(argv, capture_output=True, timeout=timeout, check=False, pass_fds=files, **stdin)
    except (OSError, MemoryError) as error:
        raise start_failure(error, argv[0]) from error
    said = done.stderr.decode(errors="replace") if done.returncode else ""
    if (short := shortage_of(Path(argv[0]).name, done.returncode, said)) is not None:
        raise short
    return done


def shortage_of(name: str, status: int, said: str) -> ResourceError | None:
    """The error for a program that a shortage ended; none when it ended well, or for any other reason.

    :param name: the program, for messages
    :param status: its exit status; negative for the signal that ended it
    :param said: what it wrote to standard error
    """
    if status == 0:
        return None
    if found := _DISK_WORDS.search(said):
        return _full(f"finish {name}", found[0], "ENOSPC")
    if found := _SHORT_WORDS.search(said):
        return ResourceError(f"{name} ran short: {_line_of(said, found)}", code="ENOMEM")
    if -status == signal.SIGKILL:
        return ResourceError(
            f"{name} was killed by signal {-status} ({signal.strsignal(-status)}), perhaps for want of memory. "
            f"{said[-500:]}".rstrip(),
            code=f"signal-{-status}",
        )
    return None


def _number(error: BaseException) -> int:
    if isinstance(error, MemoryError):
        return errno.ENOMEM
    if isinstance(error, RuntimeError):
        return errno.EAGAIN if _NO_THREAD in str(error) else 0
    return (error.errno or 0) if isinstance(error, OSError) else 0


def _full(doing: str, said: str, code: str | None) -> DiskSpaceError:
    return DiskSpaceError(
        f"The work folder became full: could not {doing} ({said}). Free space there or set VODFLOW_WORK_DIR.", code=code
    )


def _line_of(said: str, found: re.Match[str]) -> str:
    begin = said.rfind("\n", 0, found.start()) + 1
    return said[begin:].partition("\n")[0]
