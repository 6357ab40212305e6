"""What workers of a nursery under test do: as their input says."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from types import FrameType


def main() -> int:
    """Tell the process id, then end with a status, or wait for a signal."""
    given = json.load(sys.stdin)
    sys.stdout.write(f"{os.getpid()}\n")
    sys.stdout.flush()
    if "status" in given:
        return int(given["status"])

    def told(number: int, _frame: FrameType | None) -> None:
        os._exit(100 + number)

    if given["listens"]:
        signal.signal(signal.SIGTERM, told)
    else:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(60)
    return 1
