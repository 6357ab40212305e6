"""Asks the nursery for a worker and stands in for it: same standard streams, same end, same signals.

``python -S launch_worker.py SOCKET COMMAND…`` imports next to nothing. Where no nursery answers, it becomes COMMAND.
"""

import array
import os
import signal
import socket
import sys
from types import FrameType

#: Seconds to wait for the nursery to take a request.
_TIMEOUT = 5.0
_FORWARDED = (signal.SIGTERM, signal.SIGINT)
#: Exit status when the nursery was gone before the worker's end.
_LOST = 70


def main() -> int:
    """Have the worker started and wait for its end; the exit status."""
    address, command = sys.argv[1], sys.argv[2:]
    # They wait until there is somebody to forward them to.
    signal.pthread_sigmask(signal.SIG_BLOCK, _FORWARDED)
    with socket.socket(socket.AF_UNIX) as nursery:
        try:
            nursery.settimeout(_TIMEOUT)
            nursery.connect(address)
            streams = array.array("i", [0, 1, 2])
            nursery.sendmsg([b"J"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, streams)])
            answer = nursery.recv(1)
        except OSError:
            answer = b""
        if not answer:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _FORWARDED)
            os.execv(command[0], command)  # noqa: S606 - no shell is meant
        nursery.settimeout(None)

        def forward(number: int, _frame: FrameType | None) -> None:
            nursery.send(bytes([number]))

        for number in _FORWARDED:
            signal.signal(number, forward)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _FORWARDED)
        status = nursery.recv(1)
    return status[0] if status else _LOST


if __name__ == "__main__":
    sys.exit(main())
