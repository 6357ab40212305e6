"""FFmpeg in a pod, for anybody's DAGs: a plan in, an adaptive ladder out."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.sdk import BaseHook, Context
from airflow.sdk.exceptions import (
    AirflowFailException,
    AirflowNotFoundException,
    AirflowSkipException,
)
from vodflow.errors import ConfigurationError, EngineError, VodflowError

from vodflow_airflow.errors import airflow_outcome
from vodflow_airflow.operators.ffmpeg_pod_failure import cluster_failure, end_meant, pod_end

_OOM_KEY: Final = "ffmpeg_pod_out_of_memory"
RESULT_KEY: Final = "result"


class FFmpegPodOperator(KubernetesPodOperator):
    """Carry a transcode plan out in a pod of the worker image, and wait for it.

    Everything of :class:`KubernetesPodOperator` can be given too, and wins over what is made of the plan: requests of
    CPU, memory and disk by its rungs and the source's length, a restricted security context, labels, spread over nodes.

    A later try goes on with the pod that is there. A pod that was evicted, preempted or lost with its node is tried
    again; one that was killed for want of memory once more, with twice as much. What no try can help fails at once,
    with one sentence that says what to change; a damaged source skips the task.

    XCom ``result``: ``bucket``, ``prefix``, ``objects`` (how many), ``bytes``, ``cpu_seconds``, ``wall_seconds``,
    ``speed``, ``warnings``.

    :param plan: ``s3://`` URI of a plan (JSON of :class:`vodflow.contract.plan.TranscodePlan`), or the JSON itself
        (templated)
    :param bucket: bucket of the outputs (templated)
    :param prefix: key prefix of the outputs (templated)
    :param video_job: labels of the pod beside video and tenant, for example of a catalog's job
    :param memory_factor: times what the plan is estimated to need
    """

    template_fields: Sequence[str] = (*KubernetesPodOperator.template_fields, "plan", "bucket", "prefix")
    ui_color = "#c9dcf5"

    def __init__(
        self,
        *,
        plan: str | Mapping[str, Any],
        bucket: str,
        prefix: str,
        video_job: Mapping[str, str] | None = None,
        memory_factor: float = 1.0,
        **kwargs: Any,
    ) -> None:
        # The worker's last words are then part of the pod's status.
        kwargs.setdefault("termination_message_policy", "FallbackToLogsOnError")
        kwargs.setdefault("base_container_name", "worker")
        kwargs.setdefault("log_pod_spec_on_failure", False)
        kwargs.setdefault("startup_timeout_seconds", 600)
        kwargs.setdefault("namespace", "default")
        super().__init__(random_name_suffix=False, **kwargs)
        self.plan = plan
        self.bucket = bucket
        self.prefix = prefix
        self.video_job = dict(video_job or {})
        self.memory_factor = memory_factor
        self._ended: Any = None
        self._choosing = False
        self._overdue = False

    def execute(self, context: Context) -> None:
        """Make the pod, or find it, and wait for it.

        :raises AirflowSkipException: the source is damaged
        :raises AirflowFailException: another try cannot help
        """
        self.name = self._pod_name(context)
        with airflow_outcome():
            self._guarded(context, super().execute, context)
            if not self.deferrable:  # else it was told when the pod had ended
                self._tell(context)

    def trigger_reentry(self, context: Context, event: dict[str, Any]) -> None:
        """Go on when the trigger has fired."""
        self.name = event["name"]
        self._overdue = event["status"] == "timeout"
        with airflow_outcome():
            self._guarded(context, super().trigger_reentry, context, event)
            self._tell(context)

    def build_pod_request_obj(self, context: Context | None = None, *, dry_run: bool = False) -> Any:
        """The pod of the plan, with the template, and with the operator's own arguments on top."""
        from vodflow.engines.kubernetes.pod import PodRequest, label, pod_manifest  # noqa: PLC0415
        from vodflow.engines.kubernetes.submit import shared_environment  # noqa: PLC0415
        from vodflow.engines.kubernetes.template import read_template  # noqa: PLC0415
        from vodflow.engines.kubernetes.work_files import REPORT  # noqa: PLC0415
        from vodflow.settings import get_settings  # noqa: PLC0415

        plan = self._read_plan()
        self.name = self._pod_name(context)
        uri = self._plan_uri(plan, write=not dry_run)
        file = Path(self.pod_template_file) if self.pod_template_file else None
        templates = [read_template(file), self.pod_template_dict or {}]
        request = PodRequest(
            name=self.name,
            namespace=self.namespace or "default",
            image=self.image or "",
            plan_uri=uri,
            report=self._files.uri(REPORT),
            bucket=self.bucket,
            prefix=self.prefix,
            labels={"vodflow.io/video": label(plan.video), "vodflow.io/tenant": label(plan.tenant), **self.video_job},
            environment=shared_environment(get_settings()),
            templates=templates,
            memory_factor=self.memory_factor * 2 ** self._kills(context),
        )
        template_file, template = self.pod_template_file, self.pod_template_dict
        self.pod_template_file, self.pod_template_dict = None, pod_manifest(plan, request)
        try:
            return super().build_pod_request_obj(context, dry_run=dry_run)
        finally:
            self.pod_template_file, self.pod_template_dict = template_file, template

    def convert_config_file_to_dict(self) -> None:
        """As the provider does, but for a connection that says itself where the cluster is: one of both must speak."""
        if self.config_file is None and self._connection_knows():
            self._config_dict = None
            return
        super().convert_config_file_to_dict()  # type: ignore[no-untyped-call]

    def defer(self, *, trigger: Any, **kwargs: Any) -> Any:
        """Wait with all other pods of the triggerer in one watch."""
        from vodflow_airflow.triggers.ffmpeg_pod import FFmpegPodTrigger  # noqa: PLC0415

        super().defer(trigger=FFmpegPodTrigger(**trigger.serialize()[1]), **kwargs)

    def get_or_create_pod(self, pod_request_obj: Any, context: Context) -> Any:
        """As the provider does; a pod of an earlier try that has done its work is found, not made again."""
        self._choosing = True
        try:
            return super().get_or_create_pod(pod_request_obj, context)
        finally:
            self._choosing = False

    def cleanup(self, pod: Any, remote_pod: Any, *args: Any, **kwargs: Any) -> None:
        """As the provider does, with how the pod stands now; keeps that."""
        self._ended = self._seen_now(remote_pod) if remote_pod else None
        super().cleanup(pod, self._ended, *args, **kwargs)

    def process_pod_deletion(self, pod: Any, *, reraise: bool = True) -> bool:
        """As the provider does; where nothing runs, at once: a node that pulls an image in vain would take a minute."""
        phase = pod.status.phase if pod is not None and pod.status is not None else None
        if self._choosing and phase == "Succeeded":
            return False
        if phase == "Pending" and self.on_finish_action in {"delete_pod", "delete_active_pod"}:
            from kubernetes.client import ApiException  # noqa: PLC0415

            with suppress(ApiException):
                self.client.delete_namespaced_pod(pod.metadata.name, pod.metadata.namespace, grace_period_seconds=0)
        return bool(super().process_pod_deletion(pod, reraise=reraise))

    def _write_logs(self, pod: Any, **how: Any) -> None:  # type: ignore[override]
        """As the provider does; the log of a pod that takes too long is not waited for."""
        super()._write_logs(pod, **how | {"follow": how.get("follow", False) and not self._overdue})

    def _seen_now(self, pod: Any) -> Any:
        """A pod as it is now; none when it is gone, and as it was where nobody says."""
        from kubernetes.client import ApiException  # noqa: PLC0415
        from urllib3.exceptions import HTTPError  # noqa: PLC0415

        try:
            return self.hook.get_pod(pod.metadata.name, pod.metadata.namespace)
        except (ApiException, HTTPError) as error:
            return None if getattr(error, "status", None) == 404 else pod

    @property
    def _files(self) -> Any:
        """What the pod that works, or worked, and this task hand each other."""
        from vodflow.engines.kubernetes.work_files import Handover  # noqa: PLC0415

        name = self.pod.metadata.name if self.pod is not None else self.name
        return Handover(self.bucket, f"{self.prefix}/_work/{name}")

    def _read_plan(self) -> Any:
        from vodflow.contract.plan import TranscodePlan  # noqa: PLC0415
        from vodflow.engines.local.worker import read_plan  # noqa: PLC0415

        try:
            if isinstance(self.plan, Mapping):
                return TranscodePlan.model_validate(self.plan)
            return TranscodePlan.from_json(self.plan if self.plan.lstrip().startswith("{") else read_plan(self.plan))
        except ValueError as error:
            raise ConfigurationError(f"The argument `plan` is no plan: {error}") from error

    def _plan_uri(self, plan: Any, *, write: bool) -> str:
        if isinstance(self.plan, str) and self.plan.startswith("s3://"):
            return self.plan
        from vodflow.engines.kubernetes.work_files import PLAN  # noqa: PLC0415

        if write:
            self._files.write(plan)
        return str(self._files.uri(PLAN))

    def _pod_name(self, context: Context | None) -> str:
        """The same for the same try, so that no crash makes two."""
        stem = re.sub(r"[^a-z0-9-]+", "-", self.task_id.lower())[:30].strip("-") or "ffmpeg"
        if context is None:
            return stem
        ti = context["ti"]
        identity = "\n".join(str(part) for part in (ti.dag_id, ti.run_id, ti.task_id, ti.map_index, ti.try_number))
        return f"{stem}-{hashlib.sha256(identity.encode()).hexdigest()[:16]}"

    def _connection_knows(self) -> bool:
        if not self.kubernetes_conn_id:
            return False
        try:
            extra = BaseHook.get_connection(self.kubernetes_conn_id).extra_dejson
        except AirflowNotFoundException:
            return False
        names = ("kube_config_path", "kube_config", "in_cluster")
        return any(extra.get(name) or extra.get(f"extra__kubernetes__{name}") for name in names)

    def _guarded(self, context: Context, work: Any, *arguments: Any) -> None:
        """Do the provider's part, and say what its failure means.

        :raises VodflowError: what the end of the pod, or the cluster's refusal, means
        """
        try:
            work(*arguments)
        except (AirflowFailException, AirflowSkipException, VodflowError):
            raise
        except Exception as error:
            made = self.pod is not None or self._ended is not None
            meant = cluster_failure(error, self.namespace or "default", pod_made=made)
            if meant is None and not end_meant(error):
                raise
            raise self._over(context, meant or self._failure(context)) from error

    def _failure(self, context: Context) -> VodflowError:
        """Why the pod that this task waited for has not done its work."""
        from vodflow.engines.kubernetes.failures import OUT_OF_MEMORY  # noqa: PLC0415

        said, kills = self._files.report(), self._kills(context)
        error = pod_end(
            self._ended,
            f"{self.namespace}/{self.name}",
            said if isinstance(said, VodflowError) else None,
            more_memory=kills > 0,
            overdue=self._overdue,
        )
        store = context.get("task_state_store")
        if error.code == OUT_OF_MEMORY and store is not None:
            store.set(_OOM_KEY, kills + 1)
        return error

    def _over(self, context: Context, error: VodflowError) -> VodflowError:
        """The same error, when what lay between pod and task is removed; what a pod may still need is left to it."""
        if self.pod is None or error.shared_cause is None:
            self._remove(context)
        return error

    def _kills(self, context: Context | None) -> int:
        """How many pods of this task were killed for want of memory."""
        store: Any = context.get("task_state_store") if context is not None else None
        return int(store.get(_OOM_KEY) or 0) if store is not None else 0

    def _tell(self, context: Context) -> None:
        """Push the result, and remove what lay between the pod and this task."""
        from vodflow.contract.result import EngineResult  # noqa: PLC0415
        from vodflow.engines.kubernetes.work_files import REPORT  # noqa: PLC0415

        result = self._files.report()
        if not isinstance(result, EngineResult):
            uri = self._files.uri(REPORT)
            raise EngineError(f"The pod ended well, but its report {uri} is not there.", code="report")
        kept = {"bucket", "prefix", "cpu_seconds", "wall_seconds", "speed", "warnings"}
        told = result.model_dump(mode="json", include=kept)
        told |= {"objects": len(result.objects), "bytes": sum(item.size for item in result.objects)}
        context["ti"].xcom_push(key=RESULT_KEY, value=told)
        self._remove(context)

    def _remove(self, context: Context) -> None:
        """Whoever waits must hear of the end of the pod, not that a file is left."""
        from vodflow.engines.kubernetes.work_files import Handover  # noqa: PLC0415

        with suppress(VodflowError):
            self._files.remove()
            # A try that went on with an earlier one's pod has written a plan for its own.
            Handover(self.bucket, f"{self.prefix}/_work/{self._pod_name(context)}").remove()
