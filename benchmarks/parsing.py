"""How long each DAG file takes to parse, as the DAG processor pays for it again and again."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from benchmarks.context import Context
from benchmarks.measure import median, run
from benchmarks.results import Row, Section

REPOSITORY = Path(__file__).resolve().parent.parent

METHOD = """Each DAG file is executed in a fresh Python process after `airflow.sdk` was imported; the time of that
import is not counted, everything the file itself imports is. Median of {repeats} processes."""

_PROGRAM = """
import sys, time
sys.path[:0] = sys.argv[2:]
import airflow.sdk
import importlib.util
spec = importlib.util.spec_from_file_location("parsed_dag", sys.argv[1])
module = importlib.util.module_from_spec(spec)
begin, cpu = time.perf_counter(), time.process_time()
spec.loader.exec_module(module)
print(time.perf_counter() - begin, time.process_time() - cpu)
"""


def parsing(context: Context) -> Section:
    """Measure the section."""
    repeats = max(context.repeats, 1 if context.quick else 5)
    section = Section("parsing", "DAG parse time", METHOD.format(repeats=repeats))
    context.await_quiet()
    for path in sorted((REPOSITORY / "dags").rglob("*_dag.py")):
        wall, cpu = zip(*(_parse(context, path) for _ in range(repeats)), strict=True)
        name = str(path.relative_to(REPOSITORY))
        section.rows.append(Row(name, median(wall), "s", note=f"{median(cpu):.3f} CPU s"))
        section.raw[name] = {"wall": wall, "cpu": cpu}
    return section


def _parse(context: Context, path: Path) -> tuple[float, float]:
    with context.folder() as folder:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "VODFLOW"))},
            "AIRFLOW_HOME": str(folder / "airflow"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            # With a queue, so that the watcher's trigger is imported as in a real installation.
            "VODFLOW_EVENT_QUEUE_URL": "http://127.0.0.1:9/000000000000/queue",
        }
        argv = [sys.executable, "-c", _PROGRAM, path, REPOSITORY / "dags", REPOSITORY / "plugins"]
        _, said = run([str(part) for part in argv], cwd=folder, env=environment)
    wall, cpu = said.split()[-2:]
    return float(wall), float(cpu)
