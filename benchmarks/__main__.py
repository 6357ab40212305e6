"""Run the benchmarks: ``python -m benchmarks [section…] [--repeat N] [--quick]``."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from benchmarks import machine, report
from benchmarks.context import Context
from benchmarks.results import Section, Unavailable
from benchmarks.sections import SECTIONS

REPOSITORY = Path(__file__).resolve().parent.parent
#: Columns where the output is a file or a CI log.
LOG_WIDTH = 140


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the chosen sections, print them, and rewrite ``docs/benchmarks.md``.

    :return: 0 when every section could be measured, whether its targets are met or not; 1 otherwise
    """
    options = _options(arguments)
    # Whatever runs is stopped on the way out, as with Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    console = Console()
    if not console.is_terminal:
        console.width = LOG_WIDTH
    home = REPOSITORY / ".vodflow" / "bench"
    context = Context(home, options.repeat, options.quick, console, options.patience, options.catalog)
    results = context.home / ("quick" if options.quick else "results")
    failed = []
    for name in options.sections or SECTIONS:
        console.rule(name)
        try:
            section = SECTIONS[name](context)
        except Unavailable as reason:
            console.print(f"[yellow]Left out: {reason}")
            continue
        except Exception:  # noqa: BLE001 - one section that fails must not hide what the others found
            console.print_exception()
            failed.append(name)
            continue
        section.save(results)
        console.print(report.table(section))
    sections = [Section.load(path) for name in SECTIONS if (path := results / f"{name}.json").exists()]
    if not options.quick:
        report.write_page(REPOSITORY / "docs" / "benchmarks.md", machine.facts(), sections)
    if len(sections) > 1:
        console.rule("all sections")
        report.show(sections, console)
    if failed:
        console.print(f"[bold red]Not measured: {', '.join(failed)}")
    return 1 if failed else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="section", help=f"any of {', '.join(SECTIONS)}; default all")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each side (default 3)")
    parser.add_argument("--quick", action="store_true", help="smallest sizes, one run each; does not touch the page")
    parser.add_argument(
        "--patience", type=float, default=60.0, help="most seconds each run waits for other programs to be quiet"
    )
    parser.add_argument("--catalog", metavar="URL", help="a year's catalog to measure, instead of filling a new one")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.sections if name not in SECTIONS]
    if unknown:
        parser.error(f"unknown section {', '.join(unknown)}; choose from {', '.join(SECTIONS)}")
    return options


if __name__ == "__main__":
    sys.exit(main())
