from __future__ import annotations

import subprocess
import sys

import pytest
from vodflow_airflow.preload import MODULES, forks_tasks


@pytest.mark.parametrize(
    ("argv", "expected"),
    [(["airflow", "scheduler"], True), (["airflow", "api-server"], False), (["airflow"], False), (["pytest"], False)],
)
def test_only_the_scheduler_forks_tasks(argv: list[str], expected: bool) -> None:
    assert forks_tasks(argv) is expected


def test_preloading_opens_nothing_and_starts_no_thread() -> None:
    """What a forked process must not inherit: connections and threads."""
    code = (
        f"import importlib, threading, psutil\nfor name in {MODULES!r}: importlib.import_module(name)\n"
        "assert threading.active_count() == 1, threading.enumerate()\n"
        "assert psutil.Process().net_connections() == []\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
