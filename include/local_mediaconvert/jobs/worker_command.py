"""The command that starts a worker, by way of a nursery once there is one."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Final

from local_mediaconvert.jobs import fork_client

log = logging.getLogger(__name__)

#: The process that carries one job out.
WORKER: Final = (sys.executable, "-m", "local_mediaconvert.jobs.worker")
#: Longest path of a socket (sockaddr_un), bytes.
_LONGEST: Final = 107
#: Seconds that a nursery has to end after its pipe was closed.
_PATIENCE: Final = 2.0


class Workers:
    """Starts the nursery with the first job, which does not wait for it.

    :param worker: command of a worker; any other than :data:`WORKER` is used as it is
    """

    def __init__(self, worker: tuple[str, ...] = WORKER) -> None:
        self._worker = worker
        self._lock = threading.Lock()
        self._folder: Path | None = None
        self._nursery: subprocess.Popen[bytes] | None = None
        self._usable = worker == WORKER and sys.platform == "linux"

    def command(self) -> tuple[str, ...]:
        """What to run for a job; the same whether the nursery is ready or not."""
        with self._lock:
            if self._usable and (self._nursery is None or self._nursery.poll() is not None):
                try:
                    self._start()
                except OSError as error:
                    self._usable = False
                    log.warning("Each worker is started anew: %s", error)
            if not self._usable:
                return self._worker
            return (sys.executable, "-S", "-E", fork_client.__file__, self._socket(), *WORKER)

    def stop(self) -> None:
        """End the nursery; its workers end with it."""
        with self._lock:
            nursery, folder = self._nursery, self._folder
            self._nursery = self._folder = None
        if nursery is not None:
            assert nursery.stdin is not None  # noqa: S101 - it is a pipe
            nursery.stdin.close()
            try:
                nursery.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                nursery.kill()
                nursery.wait()
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)

    def _socket(self) -> str:
        return f"{self._folder}/socket"

    def _start(self) -> None:
        if self._nursery is not None:
            log.error("The process that starts workers ended with %s; it is started anew.", self._nursery.returncode)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        # Not in the state folder, whose path may be long.
        self._folder = Path(tempfile.mkdtemp(prefix="vodflow-"))
        if len(os.fsencode(self._socket())) > _LONGEST:
            raise OSError(f"the folder for temporary files, {self._folder}, is too long a path for a socket")
        self._nursery = subprocess.Popen(
            [sys.executable, "-m", "local_mediaconvert.jobs.fork_server", self._socket()],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
