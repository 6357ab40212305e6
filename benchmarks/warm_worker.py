"""``python -m benchmarks.warm_worker BUCKET PREFIX``: what a worker uses that is forked from a warm process.

Reads the plan from standard input and prints ``{"wall": seconds, "cpu": seconds}`` of the worker and its children.
"""

from __future__ import annotations

import json
import resource
import sys
import time

from vodflow.contract.plan import TranscodePlan
from vodflow.engines.local.worker_process import run_worker
from vodflow.storage import download, upload
from vodflow.storage.clients import preload_services

#: Loaded for the fork, as the scheduler does it for tasks.
WARM = (download, upload)


def main() -> None:
    """Carry the plan out and print what that took."""
    bucket, prefix = sys.argv[1:]
    plan = TranscodePlan.from_json(sys.stdin.read())
    preload_services()
    begin = time.monotonic()
    run_worker(plan, bucket, prefix)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    sys.stdout.write(json.dumps({"wall": time.monotonic() - begin, "cpu": used.ru_utime + used.ru_stime}))


if __name__ == "__main__":
    main()
