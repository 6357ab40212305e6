"""The pods of one part of a divided job, and what they and the steps hand each other in S3."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from vodflow.catalog.rows import JobRow
from vodflow.contract.parts import Part, PartRecord, plan_key, work_folder
from vodflow.contract.result import Failure
from vodflow.engines.kubernetes.cluster import Cluster
from vodflow.engines.kubernetes.failures import LOST, OUT_OF_MEMORY
from vodflow.engines.kubernetes.pod import (
    LABEL_PART,
    LABEL_PLAN,
    job_labels,
    job_selector,
    label,
    part_pod_name,
    pod_manifest,
)
from vodflow.engines.kubernetes.pod_logs import keep_log
from vodflow.engines.kubernetes.resources import estimate_part
from vodflow.engines.kubernetes.submit import MORE_MEMORY, pod_request
from vodflow.engines.kubernetes.verdict import is_pending
from vodflow.errors import ConfigurationError, EngineError, SourceNotFound, VodflowError, from_document
from vodflow.settings import get_settings
from vodflow.storage.copies import Outputs

log = logging.getLogger(__name__)

_LINES: Final[TypeAdapter[PartRecord | Failure]] = TypeAdapter(PartRecord | Failure)


class PartPods:
    """One part's pods: at most one for an attempt, under a name that follows from it."""

    def __init__(self, job: JobRow, part: Part, cluster: Cluster) -> None:
        self.job = job
        self.part = part
        self.cluster = cluster
        self._folder = Outputs(job.bucket, work_folder(job.prefix, part))

    def name(self, attempt: int) -> str:
        """Of the attempt's pod."""
        return part_pod_name(self.job.plan, self.part, self.job.id, attempt)

    def worker(self, attempt: int) -> str:
        """The attempt's pod as the catalog names it: ``namespace/pod``."""
        return f"{self.cluster.namespace}/{self.name(attempt)}"

    def create(self, attempt: int, failures: Sequence[Mapping[str, Any]], avoid: Sequence[str] = ()) -> None:
        """Make an attempt's pod, or find it made.

        :param failures: of earlier attempts, from which this one learns
        :param avoid: further nodes to keep away from
        :raises VodflowError: the cluster refuses it, or does not answer
        """
        job = self.job
        Outputs(job.bucket, "").write(plan_key(job.prefix), job.plan.to_json().encode())
        lost = [str(one["node"]) for one in failures if one["code"] in LOST and one.get("node")]
        factor = MORE_MEMORY if had_too_little_memory(failures) else 1.0
        wanted = pod_request(
            job,
            get_settings(),
            name=self.name(attempt),
            namespace=self.cluster.namespace,
            plan_uri=f"s3://{job.bucket}/{plan_key(job.prefix)}",
            report=f"s3://{job.bucket}/{self._folder.prefix}/{_report(attempt)}",
            command=("part", self.part.name),
            needs=estimate_part(job.plan, self.part, memory_factor=factor),
            labels={**job_labels(job.plan, job.id, attempt), LABEL_PART: label(self.part.name)},
            avoid=(*lost, *avoid),
        )
        pod = self.cluster.create(pod_manifest(job.plan, wanted))
        if pod["metadata"].get("labels", {}).get(LABEL_PLAN) != job.plan.hash:
            raise ConfigurationError(f"Pod {self.worker(attempt)} is there already, and not of this job. Delete it.")
        log.info("Job %d: pod %s makes %s, attempt %d", job.id, self.worker(attempt), self.part.title, attempt)

    def report(self, attempt: int) -> PartRecord | VodflowError | None:
        """What an attempt's worker said at its end; none when it did not come to that.

        :raises EngineError: when S3 does not answer (retryable)
        """
        try:
            said = _LINES.validate_json(self._folder.read([_report(attempt)])[_report(attempt)])
        except SourceNotFound:
            return None
        except ValidationError as error:
            where = f"s3://{self.job.bucket}/{self._folder.prefix}/{_report(attempt)}"
            raise EngineError(f"{where} is no report of this version: {error}", retryable=False) from error
        return said if isinstance(said, PartRecord) else from_document(said.model_dump(exclude={"event"}))

    def keep_logs(self, attempts: Sequence[int]) -> None:
        """Write what the attempts' workers said into the task's log, which outlives the pods.

        :raises VodflowError: the cluster does not answer
        """
        for attempt in attempts:
            pod = self.cluster.read(self.name(attempt))
            if pod is not None and not is_pending(pod):
                keep_log(self.cluster, self.name(attempt))

    def delete(self) -> int:
        """Have all pods of the part stopped and removed; how many there were.

        :raises VodflowError: the cluster does not answer
        """
        return sum(self.cluster.delete(name) for name in self._names())

    def wait_until_gone(self) -> None:
        """Return when no pod of the part works any more: what is cleared away next, none may write again.

        :raises VodflowError: the cluster does not answer
        """
        self.cluster.wait_until_gone(selector=job_selector(self.job.plan, self.job.id, self.part))

    def _names(self) -> list[str]:
        return self.cluster.names(job_selector(self.job.plan, self.job.id, self.part))


def had_too_little_memory(failures: Sequence[Mapping[str, Any]]) -> bool:
    """Whether an earlier attempt was killed for want of memory."""
    return any(one["code"] == OUT_OF_MEMORY for one in failures)


def _report(attempt: int) -> str:
    return f"report-{attempt}.json"
