"""What every engine promises.

An engine is *submitted to* and *watched*; the two differ in who waits:

- **local** (:mod:`vodflow.engines.local`): the caller waits. The worker is a process of its own; progress arrives as
  JSON lines; cancelling ends its process group.
- **kubernetes**: ``python -m vodflow.engines.local`` is the pod's command too, so its log has the same lines, with
  the same exit status; cancelling deletes the pod (SIGTERM, and the worker cleans up).
- **mediaconvert**: the plan becomes job settings; the service writes below the same prefix, and the names are those of
  :mod:`vodflow.contract.layout`; the result is read from the listing of the prefix.

Whatever the engine:

1. Running the same plan twice is allowed and writes the same names; nothing is deleted.
2. Outputs go to ``s3://bucket/prefix/`` and nowhere else; playlists and manifests go last.
3. Errors are those of :mod:`vodflow.errors`: ``InputRejected`` for the source's fault, ``EngineError`` otherwise, with
   ``retryable`` and the other side's code.
4. Nothing is public until it is verified: an engine publishes nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from vodflow.contract.plan import TranscodePlan
from vodflow.contract.result import EngineResult, Progress


class Engine(Protocol):
    """Carries a plan out and returns when it is done; :func:`.local.worker_process.run_worker` is one."""

    def __call__(
        self,
        plan: TranscodePlan,
        bucket: str,
        prefix: str,
        on_progress: Callable[[Progress], None] | None = None,
        cancel: threading.Event | None = None,
    ) -> EngineResult:
        """Make everything the plan asks for below ``s3://bucket/prefix/``.

        :param on_progress: called at most about twice a second; percent never goes back
        :param cancel: set it to stop; nothing is left running two seconds later
        :raises InputRejected: the source is at fault
        :raises EngineError: the engine is; ``retryable`` says whether another try can help
        """
