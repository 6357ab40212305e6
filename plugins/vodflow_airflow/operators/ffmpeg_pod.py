"""FFmpeg in a pod, for anybody's DAGs: a plan in, an adaptive ladder out."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.sdk import BaseHook, Context
from airflow.sdk.exceptions import AirflowException, AirflowNotFoundException

from vodflow_airflow.errors import airflow_outcome

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

    def execute(self, context: Context) -> None:
        """Make the pod, or find it, and wait for it.

        :raises AirflowSkipException: the source is damaged
        :raises AirflowFailException: another try cannot help
        """
        with airflow_outcome():
            self._guarded(context, super().execute, context)
            self._told(context)

    def trigger_reentry(self, context: Context, event: dict[str, Any]) -> None:
        """Go on when the trigger has fired."""
        with airflow_outcome():
            self._guarded(context, super().trigger_reentry, context, event)
            self._told(context)

    def build_pod_request_obj(self, context: Context | None = None, *, dry_run: bool = False) -> Any:
        """The pod of the plan, with the template, and with the operator's own arguments on top."""
        from vodflow.engines.kubernetes.pod import PodRequest, label, pod_manifest  # noqa: PLC0415
        from vodflow.engines.kubernetes.submit import shared_environment  # noqa: PLC0415
        from vodflow.engines.kubernetes.template import read_template  # noqa: PLC0415
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
            report=self._report,
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

    def cleanup(self, pod: Any, remote_pod: Any, *args: Any, **kwargs: Any) -> None:
        """As the provider does; keeps how the pod ended."""
        self._ended = remote_pod or self._ended
        super().cleanup(pod, remote_pod, *args, **kwargs)

    @property
    def _work(self) -> str:
        return f"{self.prefix}/_work/{self.name}"

    @property
    def _report(self) -> str:
        return f"s3://{self.bucket}/{self._work}/report.json"

    def _read_plan(self) -> Any:
        from vodflow.contract.plan import TranscodePlan  # noqa: PLC0415
        from vodflow.engines.local.worker import read_plan  # noqa: PLC0415
        from vodflow.errors import ConfigurationError  # noqa: PLC0415

        try:
            if isinstance(self.plan, Mapping):
                return TranscodePlan.model_validate(self.plan)
            return TranscodePlan.from_json(self.plan if self.plan.lstrip().startswith("{") else read_plan(self.plan))
        except ValueError as error:
            raise ConfigurationError(f"The argument `plan` is no plan: {error}") from error

    def _plan_uri(self, plan: Any, *, write: bool) -> str:
        from vodflow.storage.copies import Outputs  # noqa: PLC0415

        if isinstance(self.plan, str) and self.plan.startswith("s3://"):
            return self.plan
        if write:
            Outputs(self.bucket, self._work).write("plan.json", plan.to_json().encode())
        return f"s3://{self.bucket}/{self._work}/plan.json"

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
        from kubernetes.client import ApiException  # noqa: PLC0415
        from urllib3.exceptions import HTTPError  # noqa: PLC0415
        from vodflow.engines.kubernetes.refusals import api_failure  # noqa: PLC0415

        namespace = self.namespace or "default"
        self.name = self._pod_name(context)
        try:
            work(*arguments)
        except ApiException as error:
            raise api_failure(error.status, str(error.body or error.reason), "do this", namespace) from error
        except HTTPError as error:
            raise api_failure(None, str(error), "answer", namespace) from error
        except AirflowException as error:
            if isinstance(error, self._meant()):
                raise
            raise self._failure(context) from error

    @staticmethod
    def _meant() -> tuple[type[BaseException], ...]:
        from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException  # noqa: PLC0415

        return (AirflowFailException, AirflowSkipException)

    def _failure(self, context: Context) -> Exception:
        from kubernetes.client import ApiClient  # noqa: PLC0415
        from vodflow.engines.kubernetes.endings import ending  # noqa: PLC0415
        from vodflow.engines.kubernetes.failures import OUT_OF_MEMORY, last_words, pod_failure  # noqa: PLC0415

        found = self._ended or self.remote_pod or self.pod
        pod = ApiClient().sanitize_for_serialization(found) if found is not None else None
        said = self._said()
        if said is None and pod is not None:
            said = last_words(ending(pod).message)
        kills = self._kills(context)
        error = pod_failure(
            f"{self.namespace}/{self.name}", pod, None if isinstance(said, dict) else said, more_memory=kills > 0
        )
        store = context.get("task_state_store")
        if error.code == OUT_OF_MEMORY and store is not None:
            store.set(_OOM_KEY, kills + 1)
        return error

    def _kills(self, context: Context | None) -> int:
        """How many pods of this task were killed for want of memory."""
        store: Any = context.get("task_state_store") if context is not None else None
        return int(store.get(_OOM_KEY) or 0) if store is not None else 0

    def _said(self) -> Any:
        """The worker's last line: a dict of its result, or an error; none when it said nothing."""
        from vodflow.contract.result import EngineResult, Failure  # noqa: PLC0415
        from vodflow.engines.local.worker import read_plan  # noqa: PLC0415
        from vodflow.errors import VodflowError, from_document  # noqa: PLC0415

        try:
            text = read_plan(self._report)
        except VodflowError:
            return None
        if text.startswith('{"event":"result"'):
            return EngineResult.model_validate_json(text).model_dump(mode="json")
        return from_document(Failure.model_validate_json(text).model_dump(exclude={"event"}))

    def _told(self, context: Context) -> None:
        """Push the result, and remove what lay between the pod and this task."""
        from vodflow.errors import EngineError  # noqa: PLC0415
        from vodflow.storage.copies import Outputs  # noqa: PLC0415

        said = self._said()
        if not isinstance(said, dict):
            raise EngineError(f"The pod ended well, but its report {self._report} is not there.", code="report")
        objects = said.pop("objects")
        said = {name: said[name] for name in ("bucket", "prefix", "cpu_seconds", "wall_seconds", "speed", "warnings")}
        told = said | {"objects": len(objects), "bytes": sum(item["size"] for item in objects)}
        context["ti"].xcom_push(key=RESULT_KEY, value=told)
        Outputs(self.bucket, self._work).delete(["plan.json", "report.json"])
