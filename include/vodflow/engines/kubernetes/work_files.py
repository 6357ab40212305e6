"""What a pod and the steps hand each other in S3: the plan on the way there, the worker's last line on the way back."""

from __future__ import annotations

import json
from typing import Final

from pydantic import TypeAdapter, ValidationError

from vodflow.catalog.rows import AttemptRow, JobRow
from vodflow.contract.content_keys import ContentKeys
from vodflow.contract.plan import TranscodePlan
from vodflow.contract.result import EngineResult, Failure
from vodflow.engines.local.order import write_order
from vodflow.errors import EngineError, SourceNotFound, VodflowError, from_document
from vodflow.storage.copies import Outputs

PLAN: Final = "plan.json"
REPORT: Final = "report.json"
_LINES: Final[TypeAdapter[EngineResult | Failure]] = TypeAdapter(EngineResult | Failure)


class Handover:
    """The files of one pod, in a folder of S3 that is its alone; gone when the pod is over.

    :param folder: key prefix of that folder
    """

    def __init__(self, bucket: str, folder: str) -> None:
        self._place = f"s3://{bucket}/{folder}"
        self._outputs = Outputs(bucket, folder)

    def uri(self, name: str) -> str:
        """The ``s3://`` URI of one of them."""
        return f"{self._place}/{name}"

    def write(self, plan: TranscodePlan, keys: ContentKeys | None = None, seal_key: str | None = None) -> None:
        """Put the plan where the worker reads it, with the keys that it asks for behind it.

        :param seal_key: seals the keys; the worker has it in its environment
        """
        self._outputs.write(PLAN, write_order(plan, keys, seal_key=seal_key).encode())

    def report(self) -> EngineResult | VodflowError | None:
        """What the worker said at its end; none when it did not come to that.

        :raises EngineError: when S3 does not answer (retryable)
        """
        try:
            said = _LINES.validate_json(self._outputs.read([REPORT])[REPORT])
        except SourceNotFound:
            return None
        except (ValidationError, json.JSONDecodeError) as error:
            raise EngineError(f"{self.uri(REPORT)} is no report of this version: {error}", retryable=False) from error
        return said if isinstance(said, EngineResult) else from_document(said.model_dump(exclude={"event"}))

    def remove(self) -> None:
        """Remove them; what is gone already is no error."""
        self._outputs.delete([PLAN, REPORT])


class WorkFiles(Handover):
    """Those of one attempt, below the job's prefix."""

    def __init__(self, job: JobRow, attempt: AttemptRow) -> None:
        super().__init__(job.bucket, f"{job.prefix}/_work/{attempt.number}")
        self._plan = job.plan

    def write_plan(self, keys: ContentKeys | None = None, seal_key: str | None = None) -> None:
        """Put the plan where the worker reads it; see :meth:`write`."""
        self.write(self._plan, keys, seal_key)
