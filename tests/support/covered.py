"""How much of include/ the tests run.

What is passed marks itself, once, by bytecode of its own. Up to Python 3.11 a tracer like coverage.py's more than
doubles the time of all Python code, also of what nobody measures. To be imported before anything of ours.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Final

import pytest

SOURCES: Final = [str(Path(__file__).parents[2] / "include" / name) for name in ("vodflow", "local_mediaconvert")]

#: Per cent of lines and branches that the tests must run; without it nothing is measured.
LEAST: Final = float(os.environ.get("VODFLOW_TEST_COVERAGE") or 0)


class Covered:
    """A plugin that measures this process, and sums up those of all workers."""

    def __init__(self) -> None:
        import slipcover  # noqa: PLC0415 - only where it is to measure

        self._tool = slipcover
        self._workers: list[Any] = []
        self._all: Any = {}
        unrun = None if "PYTEST_XDIST_WORKER" in os.environ else SOURCES  # counted once
        self._here = slipcover.Slipcover(
            immediate=True, branch=True, source=unrun, exclude_also=["raise NotImplementedError", "@overload"]
        )
        matcher = slipcover.FileMatcher(sources=SOURCES)
        slipcover.wrap_spec_from_file_location(self._here, matcher)
        slipcover.ImportManager(self._here, matcher).__enter__()

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        self._workers += [json.loads(node.workeroutput["covered"])] if hasattr(node, "workeroutput") else []

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self._all = self._here.get_coverage()
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput["covered"] = json.dumps(self._all)
            return
        for one in self._workers:
            self._tool.merge_coverage(self._all, one)
        if self._all["summary"]["percent_covered"] < LEAST and not session.exitstatus:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        self._tool.print_coverage(self._all, outfile=terminalreporter, skip_covered=True, missing_width=60)
        got = self._all["summary"]["percent_covered"]
        terminalreporter.line(f"The tests ran {got:.1f} % of include/; they must run {LEAST:.0f} %.", red=got < LEAST)


PLUGIN: Final = Covered() if LEAST else None
