"""``python -m vodflow.engines.local``: ``vodflow worker run`` without the cost of the command line's imports."""

from __future__ import annotations

import argparse
import sys

from vodflow.engines.local.worker import read_plan, work


def main() -> int:
    """Parse the arguments and work; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m vodflow.engines.local", description="Carry a transcode plan out.")
    parser.add_argument("--plan", required=True, help="file or s3:// URI of the plan as JSON; - reads standard input")
    parser.add_argument("--bucket", required=True, help="bucket of the outputs")
    parser.add_argument("--prefix", required=True, help="key prefix of the outputs")
    parser.add_argument("--report", help="s3:// URI that keeps the last line: the result, or why there is none")
    parser.add_argument("--part", help="the part of a divided plan that is made, or join; all of it by default")
    arguments = parser.parse_args()
    given = arguments
    return work(lambda: read_plan(given.plan), given.bucket, given.prefix, report=given.report, part=given.part)


if __name__ == "__main__":
    sys.exit(main())
