"""Import what tasks need before their processes are forked.

Airflow's local executor forks every task from the scheduler's process tree. What is imported there once is there in
every task, for the memory of one copy; imported by each task it costs several tenths of a CPU second each time.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Final

#: What the tasks of the shipped DAGs import, with boto3 and SQLAlchemy behind it. Importing opens no connection.
MODULES: Final = (
    "vodflow.pipeline.mediaconvert",
    "vodflow.pipeline.planning",
    "vodflow.pipeline.probing",
    "vodflow.pipeline.publishing",
    "vodflow.pipeline.transcoding",
    "vodflow.sensing.ingest",
)


def forks_tasks(argv: Sequence[str]) -> bool:
    """Whether this command line is the scheduler's, from which the local executor forks tasks."""
    return "scheduler" in argv[1:2]


def preload() -> None:
    """Import :data:`MODULES`."""
    for name in MODULES:
        importlib.import_module(name)
