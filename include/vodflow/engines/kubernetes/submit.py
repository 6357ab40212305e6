"""Exactly one pod for an attempt, whatever crashes when.

The attempt's row is written first, then the pod is made under a name that follows from it: making it again finds it.
A task that is tried again goes on with the pod that is there, and makes another only after that one has failed.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Connection

from vodflow.catalog import jobs, submissions
from vodflow.catalog import parts as part_rows
from vodflow.catalog.database import transaction
from vodflow.catalog.recording import record
from vodflow.catalog.rows import AttemptRow, JobRow
from vodflow.catalog.source_faults import raise_for_source
from vodflow.catalog.submissions import Quote
from vodflow.contract.engine_names import EngineName
from vodflow.contract.parts import JOIN
from vodflow.engines.chunks.reused import check_reused
from vodflow.engines.chunks.steps import PARTS
from vodflow.engines.chunks.stored import missing_parts
from vodflow.engines.kubernetes.cluster import Cluster
from vodflow.engines.kubernetes.endings import ending
from vodflow.engines.kubernetes.failures import LOST, OUT_OF_MEMORY
from vodflow.engines.kubernetes.pod import (
    LABEL_PART,
    LABEL_PLAN,
    PodRequest,
    job_labels,
    job_selector,
    pod_manifest,
    pod_name,
)
from vodflow.engines.kubernetes.resources import estimate_join
from vodflow.engines.kubernetes.template import read_template
from vodflow.engines.kubernetes.work_files import PLAN, REPORT, WorkFiles
from vodflow.engines.local.order import KEY_VARIABLE
from vodflow.engines.submitting import Submission, Submitter
from vodflow.errors import ConfigurationError, EngineCanceled, VodflowError
from vodflow.keys import content_keys
from vodflow.outcomes.announce import announce
from vodflow.planning.profiles import load_profile
from vodflow.settings import Settings
from vodflow.settings.sealing import derived_key

log = logging.getLogger(__name__)

ENGINE: Final = EngineName.KUBERNETES
#: Code of an attempt whose task was stopped while it collected; its pod's work is still of use.
INTERRUPTED: Final = "interrupted"
#: How much more memory a pod gets after one that was killed for want of it.
MORE_MEMORY: Final = 2.0
#: Settings of this process that its pods must share, where they are not the defaults.
_SHARED: Final = (
    "aws_endpoint_url", "aws_region", "aws_connect_timeout", "aws_read_timeout", "aws_attempts",
    "segment_cache_control", "manifest_cache_control", "upload_concurrency", "stall_timeout",
)  # fmt: skip


def submit_job(
    job_id: int, *, run_id: str | None = None, join: bool = False, cluster: Cluster | None = None
) -> Submission:
    """Have a pod carry a job's plan out, once.

    :param run_id: the run that asks, for the attempt's record
    :param join: the plan's parts are made, and the pod joins them
    :param cluster: none means the settings' one
    :raises ConfigurationError: no cluster, no namespace, no permission, a wrong template; recorded
    :raises EngineUnavailable: the cluster does not answer, or a quota is used up (retryable)
    :raises JobBusy: another process submits this job just now (retryable)
    """
    return _Submitter(job_id, run_id, cluster, join=join).run()


def cancel_job(job_id: int, *, actor: str = "cancel", cluster: Cluster | None = None) -> bool:
    """Cancel a job and remove its pods; true when there were any.

    :raises EngineUnavailable: the cluster does not answer (retryable)
    """
    with transaction(actor) as connection:
        job = jobs.get_job(connection, job_id)
        attempt = submissions.last_attempt(connection, job_id, ENGINE)
    stopped = 0
    if job.divided or (attempt is not None and attempt.resumable):
        used = cluster or Cluster.of()
        selector = job_selector(job.plan, job.id)
        stopped = sum(used.delete(name) for name in used.names(selector))
    record(actor, lambda connection: _cancel(connection, job_id))
    announce(source_id=job.source_id, video_id=job.video_id, job_id=job_id)
    if stopped:
        used.wait_until_gone(selector=selector)
    if attempt is not None:
        WorkFiles(job, attempt).remove()
    log.info("job %d: cancelled; %s", job_id, f"{stopped} pods were deleted" if stopped else "it had no pod")
    return stopped > 0


def _cancel(connection: Connection, job_id: int) -> None:
    jobs.cancel_job(connection, job_id)
    for row in part_rows.parts_of(connection, job_id):
        for attempt in row.live:
            error = EngineCanceled(f"Cancelled while {row.title} was made.", code="canceled")
            part_rows.fail_part(connection, job_id, row.part, attempt, error)


class _Submitter(Submitter):
    engine = ENGINE

    def __init__(self, job_id: int, run_id: str | None, cluster: Cluster | None, *, join: bool) -> None:
        super().__init__(job_id, run_id)
        self.join = join
        self._cluster = cluster

    @property
    def cluster(self) -> Cluster:
        if self._cluster is None:
            self._cluster = Cluster.of(self.settings)
        return self._cluster

    def check(self, job: JobRow) -> None:
        if self.join:  # others of its parts may have been made
            raise_for_source(job)

    def submit(self, job: JobRow, last: AttemptRow | None) -> Submission:
        return self._again(job, last) if last is not None and _goes_on(last) else self._anew(job, last)

    def _again(self, job: JobRow, attempt: AttemptRow) -> Submission:
        """Go on with what an earlier try began: its pod, what that left, or the intention alone."""
        attempt = self.resumed(attempt)
        name = pod_name(job.plan, job.id, attempt.number)
        pod = self.cluster.read(name)
        if pod is None and attempt.external_id is None:
            return self._lacking(job) or self._create(job, attempt)
        log.info("job %d: goes on with pod %s", job.id, name)
        return self._made(job, attempt, pod, name)

    def _anew(self, job: JobRow, last: AttemptRow | None) -> Submission:
        if last is not None:
            self.cluster.delete(pod_name(job.plan, job.id, last.number))  # of a process that could not do it itself
        if (lacking := self._lacking(job)) is not None:
            with transaction(self.actor) as connection:
                jobs.begin(connection, job.id, engine=ENGINE, worker=PARTS, run_id=self.run_id)
            return lacking
        if not self.join:  # its parts are made
            job = check_reused(job, self.actor)
        asked = self._asked(last)
        with transaction(self.actor) as connection:
            attempt = submissions.intend(
                connection,
                job.id,
                lambda _job, _number, _spent: Quote(None, None, None, asked),
                engine=ENGINE,
                worker=f"pod in {self.cluster.namespace}",
                run_id=self.run_id,
            )
        return self._create(job, attempt)

    def _lacking(self, job: JobRow) -> Submission | None:
        """What is to be done before parts are joined: one was found damaged by the pod before, or removed."""
        missing = missing_parts(job.plan, job.bucket, job.prefix) if self.join else []
        return Submission(job.id, None, ended=False, missing=missing[0].name) if missing else None

    def _asked(self, last: AttemptRow | None) -> dict[str, Any]:
        """How this attempt is asked for, with what the one before it taught."""
        known: Mapping[str, Any] = (last.request if last else None) or {}
        factor = float(known.get("memory_factor", 1.0))
        avoid = list(known.get("avoid", ()))
        if known.get("code") == OUT_OF_MEMORY:
            factor *= MORE_MEMORY
        if known.get("code") in LOST and known.get("node"):
            avoid.append(known["node"])
        return {"image": self.settings.kubernetes_image, "memory_factor": factor, "avoid": avoid}

    def _create(self, job: JobRow, attempt: AttemptRow) -> Submission:
        files, keys = WorkFiles(job, attempt), content_keys(job.plan, job.prefix, self.settings)
        request, seal_key = self._request(job, attempt, files), None
        if keys is not None:
            # The same for the same attempt, so that making its pod again finds one that can open what is written anew.
            seal_key = derived_key(f"order of {request.name}", self.settings)
            request = replace(request, environment={**request.environment, KEY_VARIABLE: seal_key})
        manifest = pod_manifest(job.plan, request)
        name = str(manifest["metadata"]["name"])
        files.write_plan(keys, seal_key)
        try:
            pod = self.cluster.create(manifest)
        except ConfigurationError:  # for certain none was made that needs it
            with suppress(VodflowError):
                files.remove()
            raise
        if pod["metadata"].get("labels", {}).get(LABEL_PLAN) != job.plan.hash:
            raise ConfigurationError(
                f"Pod {self.cluster.namespace}/{name} is there already, and not of this job. Delete it."
            )
        log.info("job %d: pod %s/%s is attempt %d", job.id, self.cluster.namespace, name, attempt.number)
        return self._made(job, attempt, pod, name)

    def _made(self, job: JobRow, attempt: AttemptRow, pod: Mapping[str, Any] | None, name: str) -> Submission:
        external_id = f"{self.cluster.namespace}/{name}"
        self.assign(attempt, external_id)
        return Submission(job.id, external_id, ended=pod is None or ending(pod).over)

    def _request(self, job: JobRow, attempt: AttemptRow, files: WorkFiles) -> PodRequest:
        asked = attempt.request or {}
        factor, labels = asked.get("memory_factor", 1.0), job_labels(job.plan, job.id, attempt.number)
        own: dict[str, Any] = {"labels": labels, "memory_factor": factor}
        if self.join:
            own = {
                "labels": labels | {LABEL_PART: JOIN},
                "command": (JOIN,),
                "needs": estimate_join(job.plan, memory_factor=factor),
            }
        return pod_request(
            job,
            self.settings,
            name=pod_name(job.plan, job.id, attempt.number),
            namespace=self.cluster.namespace,
            plan_uri=files.uri(PLAN),
            report=files.uri(REPORT),
            avoid=asked.get("avoid", ()),
            **own,
        )


def pod_request(job: JobRow, settings: Settings, **values: Any) -> PodRequest:
    """What all pods of a job have alike, and what this one has for itself.

    :param values: of :class:`~vodflow.engines.kubernetes.pod.PodRequest`
    """
    return PodRequest(
        image=str(settings.kubernetes_image),
        bucket=job.bucket,
        prefix=job.prefix,
        service_account=settings.kubernetes_service_account,
        priority_class=settings.kubernetes_priority_class,
        environment=shared_environment(settings),
        templates=(read_template(settings.kubernetes_template), _profile_part(job, settings)),
        **values,
    )


def shared_environment(settings: Settings) -> dict[str, str]:
    """Variables by which a pod works as this process would; no credentials."""
    defaults = {name: Settings.model_fields[name].default for name in _SHARED}
    values = {name: getattr(settings, name) for name in _SHARED}
    return {f"VODFLOW_{name.upper()}": str(value) for name, value in values.items() if value != defaults[name]}


def _profile_part(job: JobRow, settings: Settings) -> Mapping[str, Any]:
    try:
        return load_profile(job.profile, settings.profiles_dir).pod
    except VodflowError:  # renamed since; the plan has what is to be made
        return {}


def _goes_on(last: AttemptRow) -> bool:
    """Whether an attempt's pod, or its work, is still of use."""
    return last.outcome is None or (last.resumable and (last.request or {}).get("code") == INTERRUPTED)
