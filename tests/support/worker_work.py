"""What workers under test do: as their input says."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from types import FrameType


def main(text: str) -> int:
    """Tell the process id, then end with a status, or wait for a signal."""
    given = json.loads(text)

    def told(number: int, _frame: FrameType | None) -> None:
        os._exit(100 + number)

    signal.signal(signal.SIGTERM, told if given.get("listens") else signal.SIG_IGN)
    sys.stdout.write(f"{os.getpid()}\n")
    sys.stdout.flush()
    sys.stderr.write("an error\n")
    if "status" in given:
        return int(given["status"])
    time.sleep(600)
    return 1
