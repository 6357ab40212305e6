"""Run many trivial jobs in a service of this process and print how much memory it has after some, and after all."""

import json
import sys
import tempfile
from pathlib import Path

import psutil
from support.mediaconvert_jobs import Bench, until

first, rest = int(sys.argv[1]), int(sys.argv[2])


def run(bench, number):
    jobs = [bench.submit() for _ in range(number)]
    until(lambda: bench.job(jobs[-1])["status"] == "COMPLETE", patience=240)


with tempfile.TemporaryDirectory() as state:
    bench = Bench(Path(state), concurrency=2).start()
    process = psutil.Process()
    run(bench, first)
    before = process.memory_info().rss
    bench.events.clear()
    run(bench, rest)
    bench.events.clear()
    sys.stdout.write(json.dumps({"before": before, "after": process.memory_info().rss}))
    bench.stop()
