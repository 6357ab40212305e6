"""Which MediaConvert job belongs to which task, so that a retry goes on with the job that is there.

A task instance makes one job, and another only after that one has failed, was cancelled, or was handed on as the
task's result. Each is a *round*: it has a key, which is the client request token and stands in ``UserMetadata``, so
the job is found again even when the worker died before it could store the job's id.
"""

from __future__ import annotations

import hashlib
import logging
from typing import Any, Final

from airflow.sdk import Context

log = logging.getLogger(__name__)

#: Keys of ``UserMetadata``. The first finds the job again, the others are for people.
METADATA_KEY: Final = "airflow-key"
METADATA_TASK: Final = "airflow-task"
METADATA_RUN: Final = "airflow-run"

_STORE_KEY: Final = "mediaconvert_job"
#: Longest value of ``UserMetadata``, characters.
_LONGEST: Final = 256


class TaskMemory:
    """What earlier tries of this task instance did, in Airflow's task state store.

    Where a context has no store, rounds follow the number of the try: a retry then begins anew.

    :param context: of the running task
    """

    def __init__(self, context: Context) -> None:
        self._store: Any = context.get("task_state_store")
        self._ti: Any = context["ti"]
        stored = self._store.get(_STORE_KEY) if self._store is not None else None
        self._state: dict[str, Any] = stored if isinstance(stored, dict) else {}

    @property
    def job_id(self) -> str | None:
        """The job of this round, where one is known."""
        return self._state.get("job_id")

    @property
    def is_retry(self) -> bool:
        """Whether an earlier try may have made a job that nobody stored."""
        return self._store is not None and self._ti.try_number > 1

    @property
    def key(self) -> str:
        """32 hex digits that name this round of this task instance."""
        number = self._state.get("round", 1) if self._store is not None else self._ti.try_number
        ti = self._ti
        identity = "\n".join(str(part) for part in (ti.dag_id, ti.run_id, ti.task_id, ti.map_index, number))
        return hashlib.sha256(identity.encode()).hexdigest()[:32]

    @property
    def metadata(self) -> dict[str, str]:
        """``UserMetadata`` of this round's job."""
        task = f"{self._ti.dag_id}.{self._ti.task_id}"
        if self._ti.map_index >= 0:
            task += f"[{self._ti.map_index}]"
        return {METADATA_KEY: self.key, METADATA_TASK: task[:_LONGEST], METADATA_RUN: str(self._ti.run_id)[:_LONGEST]}

    def remember(self, job_id: str) -> None:
        """Store the job of this round."""
        self._write({**self._state, "job_id": job_id})

    def close(self) -> None:
        """End the round: what comes next makes another job."""
        self._write({"round": self._state.get("round", 1) + 1})

    def _write(self, state: dict[str, Any]) -> None:
        self._state = state
        if self._store is not None:
            self._store.set(_STORE_KEY, state)
