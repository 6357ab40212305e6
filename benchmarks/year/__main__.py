"""Fill a migrated, empty catalog with a year: ``python -m benchmarks.year URL [--scale 0.001] [--seed N]``."""

from __future__ import annotations

import argparse
import time

from rich.console import Console

from benchmarks.year.loading import SEED, fill


def main() -> None:
    """Fill it and say what it has."""
    parser = argparse.ArgumentParser(prog="benchmarks.year", description=__doc__)
    parser.add_argument("url", help="postgresql://…, as a superuser")
    parser.add_argument("--scale", type=float, default=0.001, help="share of a million videos (default 0.001)")
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args()
    say = Console().print
    began = time.monotonic()
    counts = fill(options.url, options.scale, seed=options.seed, say=say)
    for name, count in counts.items():
        say(f"{name}: {count:,}")
    say(f"{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
