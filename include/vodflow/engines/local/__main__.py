"""``python -m vodflow.engines.local``: ``vodflow worker run`` without the cost of the command line's imports."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from vodflow.engines.local.worker import work


def main() -> int:
    """Parse the arguments and work; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m vodflow.engines.local", description="Carry a transcode plan out.")
    parser.add_argument("--plan", required=True, help="file with the plan as JSON; - reads standard input")
    parser.add_argument("--bucket", required=True, help="bucket of the outputs")
    parser.add_argument("--prefix", required=True, help="key prefix of the outputs")
    arguments = parser.parse_args()
    return work(lambda: read_plan(arguments.plan), arguments.bucket, arguments.prefix)


def read_plan(name: str) -> str:
    """The text of a plan file.

    :raises SystemExit: when it cannot be read
    """
    try:
        return sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        sys.stderr.write(f"Cannot read the plan {name}: {error}\n")
        raise SystemExit(2) from error


if __name__ == "__main__":
    sys.exit(main())
