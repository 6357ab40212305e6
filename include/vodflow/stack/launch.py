"""Start a program as another user that dies with its parent: ``python -S launch.py PARENT SIGNAL UID GID -- argv``.

A wrapper of its own, because the supervisor has threads and Python code between fork and exec could then deadlock.
It stays free of imports outside the standard library: it runs with ``-S`` and costs about 20 ms.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main(arguments: list[str]) -> None:
    """Become the program; ``UID`` and ``GID`` of -1 keep the caller's."""
    parent, signal_number, uid, gid = (int(text) for text in arguments[:4])
    argv = arguments[5:]
    if uid >= 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    # After the change of user, which clears it; survives the exec.
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(1)  # the parent died before the signal was armed
    os.execvp(argv[0], argv)  # noqa: S606


if __name__ == "__main__":
    main(sys.argv[1:])
