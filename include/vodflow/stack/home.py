"""Where one embedded stack keeps everything: the folder ``.vodflow`` of its checkout, or ``VODFLOW_HOME``."""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path

#: The checkout: the package is installed in editable mode from ``include/vodflow``.
REPOSITORY = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Home:
    """Paths of one stack below its state folder ``root``."""

    root: Path
    repository: Path = REPOSITORY

    @classmethod
    def default(cls) -> Home:
        """The stack of this checkout, or the one that ``VODFLOW_HOME`` names."""
        chosen = os.environ.get("VODFLOW_HOME")
        return cls(Path(chosen).absolute() if chosen else REPOSITORY / ".vodflow")

    @property
    def config_file(self) -> Path:
        """Identity, ports and secrets of the stack (mode 0600)."""
        return self.root / "stack.json"

    @property
    def logs(self) -> Path:
        """One log file for each part."""
        return self.root / "logs"

    @property
    def run(self) -> Path:
        """Files that matter only while the stack runs, and one working folder for each part."""
        return self.root / "run"

    @property
    def status_file(self) -> Path:
        """What the supervisor last knew of each part."""
        return self.run / "status.json"

    @property
    def settings_file(self) -> Path:
        """The ``VODFLOW_*`` variables of the shell that started the stack (mode 0600)."""
        return self.run / "settings.json"

    @property
    def records_file(self) -> Path:
        """Process ids and start times of everything the supervisor started."""
        return self.run / "processes.json"

    @property
    def supervisor_lock(self) -> Path:
        """Held by the supervisor for as long as it lives."""
        return self.run / "supervisor.lock"

    @property
    def command_lock(self) -> Path:
        """Held while the stack is being brought up or down."""
        return self.run / "command.lock"

    @property
    def airflow(self) -> Path:
        """``AIRFLOW_HOME``."""
        return self.root / "airflow"

    @property
    def aws(self) -> Path:
        """Objects and state of the AWS services."""
        return self.root / "aws"

    @property
    def mediaconvert(self) -> Path:
        """Jobs and temporary files of the local MediaConvert."""
        return self.root / "mediaconvert"

    @property
    def work(self) -> Path:
        """Temporary files of the local engine."""
        return self.root / "work"

    @property
    def aws_python(self) -> Path:
        """Python of the environment that holds the AWS services: the checkout's, or ``VODFLOW_AWS_PYTHON``."""
        chosen = os.environ.get("VODFLOW_AWS_PYTHON")
        if chosen:
            return Path(chosen)
        return self.repository / ".vodflow" / "aws-env" / "bin" / "python"

    def part_folder(self, part: str) -> Path:
        """Working folder of a part; also marks its processes (see ``vodflow.stack.processes``)."""
        return self.run / part

    def log_file(self, part: str) -> Path:
        """Log of a part."""
        return self.logs / f"{part}.log"

    def is_supervised(self) -> bool:
        """Whether a supervisor of this stack is alive: it holds a lock that dies with it."""
        try:
            with self.supervisor_lock.open("a") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)  # shared: askers do not meet each other
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError:
            return True
        return False
