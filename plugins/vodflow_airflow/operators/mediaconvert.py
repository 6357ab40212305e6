"""Operators for AWS Elemental MediaConvert, in the form of the Amazon provider's own."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from airflow.providers.amazon.aws.operators.base_aws import AwsBaseOperator
from airflow.providers.amazon.aws.utils import validate_execute_complete_event
from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.providers.common.compat.sdk import conf
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowTaskTimeout
from vodflow.engines.mediaconvert.failures import NOT_FOUND_CODES, TIME_LIMIT_CODE
from vodflow.errors import ConfigurationError, VodflowError

from vodflow_airflow.errors import airflow_outcome
from vodflow_airflow.hooks.mediaconvert import MediaConvertHook, given
from vodflow_airflow.links.mediaconvert import MediaConvertJobLink
from vodflow_airflow.operators.mediaconvert_memory import METADATA_KEY, TaskMemory
from vodflow_airflow.triggers.mediaconvert import (
    WAITER_DELAY,
    WAITER_MAX_ATTEMPTS,
    MediaConvertJobCompleteTrigger,
)
from vodflow_airflow.triggers.mediaconvert_event import event_failure


class MediaConvertCreateJobOperator(AwsBaseOperator[MediaConvertHook]):
    """Submit a job to AWS Elemental MediaConvert and wait for it; returns the job's id.

    A retry goes on with the job of the earlier try while that runs or when it is COMPLETE, and makes a new one when it
    failed or was cancelled. Killing the task cancels the job, also while it is deferred; a restart of the triggerer
    or a worker that dies does not.

    :param settings: ``Settings`` of the job, or a whole job document as the console exports it (with ``Settings``,
        ``Role``, ``Queue`` …), as a dictionary or as JSON (templated)
    :param role_arn: IAM role of the job; none means ``MEDIACONVERT_ROLE_ARN`` or the connection's (templated)
    :param job_queue: name or ARN of the queue; none means ``MEDIACONVERT_QUEUE_ARN``, the connection's or the default
        (templated)
    :param job_template: name or ARN of a job template that ``settings`` complete (templated)
    :param user_metadata: entries of ``UserMetadata`` (templated)
    :param tags: tags of the job (templated)
    :param client_request_token: by which MediaConvert recognises a repeated submission within a minute; none means one
        made of run, task and round (templated)
    :param create_job_kwargs: any other parameters of CreateJob, for example ``{"Priority": 10}`` (templated)
    :param wait_for_completion: false submits and succeeds at once, whatever ``deferrable`` is. (default: True)
    :param waiter_delay: Time in seconds to wait between status checks. (default: 30)
    :param waiter_max_attempts: Maximum number of attempts to check for job completion. (default: 20160, 7 days)
    :param deferrable: If True, the operator waits in the triggerer, without a worker. Needs the aiobotocore module.
        (default: False, or ``[operators] default_deferrable``)
    :param cancel_on_kill: cancel the job when the task is killed. (default: True)
    :param rejected_input: what becomes of the task when MediaConvert finds no video in the input, or cannot decode it:
        ``fail`` at once without retries, or ``skip``. (default: fail)
    :param aws_conn_id: The Airflow connection used for AWS credentials.
        If this is ``None`` or empty then the default boto3 behaviour is used.
    :param region_name: AWS region_name. If not specified then the default boto3 behaviour is used.
    :param verify: Whether to verify SSL certificates.
    :param botocore_config: Configuration dictionary (key-values) for botocore client.
    """

    aws_hook_class = MediaConvertHook
    operator_extra_links = (MediaConvertJobLink(),)
    template_fields: Sequence[str] = aws_template_fields(
        "settings",
        "role_arn",
        "job_queue",
        "job_template",
        "user_metadata",
        "tags",
        "client_request_token",
        "create_job_kwargs",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {
        "settings": "json",
        "user_metadata": "json",
        "tags": "json",
        "create_job_kwargs": "json",
    }
    ui_color = "#f5d0a9"

    def __init__(
        self,
        *,
        settings: Mapping[str, Any] | str | None = None,
        role_arn: str | None = None,
        job_queue: str | None = None,
        job_template: str | None = None,
        user_metadata: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
        client_request_token: str | None = None,
        create_job_kwargs: Mapping[str, Any] | None = None,
        wait_for_completion: bool = True,
        waiter_delay: int = WAITER_DELAY,
        waiter_max_attempts: int = WAITER_MAX_ATTEMPTS,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        cancel_on_kill: bool = True,
        rejected_input: Literal["fail", "skip"] = "fail",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.settings = settings
        self.role_arn = role_arn
        self.job_queue = job_queue
        self.job_template = job_template
        self.user_metadata = user_metadata
        self.tags = tags
        self.client_request_token = client_request_token
        self.create_job_kwargs = create_job_kwargs
        self.wait_for_completion = wait_for_completion
        self.waiter_delay = waiter_delay
        self.waiter_max_attempts = waiter_max_attempts
        self.deferrable = deferrable
        self.cancel_on_kill = cancel_on_kill
        self.rejected_input = rejected_input
        self._job_id: str | None = None
        self._submitting: dict[str, str] | None = None

    def execute(self, context: Context) -> str:
        """Submit, or go on with the job of an earlier try, and wait as asked."""
        memory = TaskMemory(context)
        with airflow_outcome(rejected=self.rejected_input):
            job = self._earlier_job(memory) or self._submit(memory)
            job_id: str = job["Id"]
            self._job_id = job_id
            link = MediaConvertJobLink.persist_job(context, self, job_id, **self.hook.place)
            self.log.info("You can view the MediaConvert job at %s", link)
            memory.remember(job_id)
            if self.wait_for_completion and job["Status"] not in self.hook.SUCCESS_STATES:
                self._wait(job_id)
        memory.close()
        return job_id

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> str:
        """Go on when the trigger has fired."""
        validated = validate_execute_complete_event(event)
        if validated["status"] != "success":
            if validated.get("code") == TIME_LIMIT_CODE and self._bounded_wait() is not None:
                self._job_id = validated["job_id"]
                # Airflow then calls on_kill, as it does for a task that waits on a worker.
                raise AirflowTaskTimeout(f"MediaConvert job {self._job_id} took longer than execution_timeout")
            with airflow_outcome(rejected=self.rejected_input):
                raise event_failure(validated)
        self.log.info("MediaConvert job %s complete.", validated["job_id"])
        TaskMemory(context).close()
        return str(validated["job_id"])

    def on_kill(self) -> None:
        """Cancel the job of a task that waits on a worker; the trigger does it for one that is deferred."""
        if not self.cancel_on_kill:
            return
        if self._job_id is None and self._submitting is not None:
            found = self.hook.find_job(self._submitting, statuses=self.hook.INTERMEDIATE_STATES, max_pages=1)
            self._job_id = found["Id"] if found else None
        if self._job_id is not None and self.hook.cancel_job(self._job_id):
            self.log.info("Cancelled MediaConvert job %s: its task was killed", self._job_id)

    def build_request(self, memory: TaskMemory) -> dict[str, Any]:
        """The CreateJob request.

        :raises ConfigurationError: for settings that are no JSON object, or without a role
        """
        document = {**_document(self.settings), **(self.create_job_kwargs or {})}
        members = {
            "JobTemplate": self.job_template,
            "UserMetadata": {**document.get("UserMetadata", {}), **(self.user_metadata or {}), **memory.metadata},
            "Tags": {**document.get("Tags", {}), **(self.tags or {})},
        }
        request = {**document, **{name: value for name, value in members.items() if value}}
        request["Role"] = self.hook.resolve_role(given(self.role_arn) or request.get("Role"))
        request["Queue"] = self.hook.resolve_queue(given(self.job_queue) or request.get("Queue"))
        request["ClientRequestToken"] = self.client_request_token or memory.key
        request.setdefault("Settings", {})
        return {name: value for name, value in request.items() if value is not None}

    def _earlier_job(self, memory: TaskMemory) -> dict[str, Any] | None:
        """The job of this round that an earlier try made; a round whose job failed is closed."""
        job: dict[str, Any] | None
        if memory.job_id is not None:
            job = self._known_job(memory.job_id)
        elif memory.is_retry:
            job = self.hook.find_job({METADATA_KEY: memory.key}, input_file=_first_input(_document(self.settings)))
        else:
            job = None
        if job is None:
            if memory.job_id is not None:
                memory.close()
            return None
        if job["Status"] in self.hook.FAILURE_STATES:
            self.log.info("MediaConvert job %s of an earlier try ended as %s", job["Id"], job["Status"])
            memory.close()
            return None
        self.log.info("Going on with MediaConvert job %s of an earlier try (%s)", job["Id"], job["Status"])
        return job

    def _known_job(self, job_id: str) -> dict[str, Any] | None:
        try:
            return self.hook.get_job(job_id)
        except VodflowError as error:
            if error.code not in NOT_FOUND_CODES:
                raise
            self.log.warning("MediaConvert does not know job %s of an earlier try any more", job_id)
            return None

    def _submit(self, memory: TaskMemory) -> dict[str, Any]:
        request = self.build_request(memory)
        self._submitting = {METADATA_KEY: memory.key}
        job = self.hook.create_job(**request)
        self.log.info("Submitted MediaConvert job %s to %s", job["Id"], job.get("Queue", "the default queue"))
        return job

    def _wait(self, job_id: str) -> None:
        if self.deferrable:
            self.log.info("Deferring until MediaConvert job %s has ended", job_id)
            self.defer(trigger=self._trigger(job_id), method_name="execute_complete")
        self.hook.wait_for_job(job_id, delay=self.waiter_delay, max_attempts=self.waiter_max_attempts)

    def _trigger(self, job_id: str) -> MediaConvertJobCompleteTrigger:
        bound = self._bounded_wait()
        return MediaConvertJobCompleteTrigger(
            job_id=job_id,
            waiter_delay=self.waiter_delay,
            waiter_max_attempts=self.waiter_max_attempts,
            aws_conn_id=self.aws_conn_id,
            region_name=self.region_name,
            verify=self.verify,
            botocore_config=self.botocore_config,
            deadline=None if bound is None else time.time() + bound,
            cancel_on_kill=self.cancel_on_kill,
        )

    def _bounded_wait(self) -> float | None:
        """Seconds of ``execution_timeout`` where it ends the wait; Airflow itself does not count it while deferred."""
        if self.execution_timeout is None:
            return None
        seconds = self.execution_timeout.total_seconds()
        return seconds if seconds <= self.waiter_delay * self.waiter_max_attempts else None


class MediaConvertCancelJobOperator(AwsBaseOperator[MediaConvertHook]):
    """Cancel a job of AWS Elemental MediaConvert; returns its id. A job that has ended already is left alone.

    :param job_id: id of the job (templated)
    :param fail_if_ended: fail when the job had ended already, or is unknown. (default: False)
    :param aws_conn_id: The Airflow connection used for AWS credentials.
    :param region_name: AWS region_name. If not specified then the default boto3 behaviour is used.
    :param verify: Whether to verify SSL certificates.
    :param botocore_config: Configuration dictionary (key-values) for botocore client.
    """

    aws_hook_class = MediaConvertHook
    operator_extra_links = (MediaConvertJobLink(),)
    template_fields: Sequence[str] = aws_template_fields("job_id")

    def __init__(self, *, job_id: str, fail_if_ended: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.job_id = job_id
        self.fail_if_ended = fail_if_ended

    def execute(self, context: Context) -> str:
        """Cancel."""
        MediaConvertJobLink.persist_job(context, self, self.job_id, **self.hook.place)
        with airflow_outcome():
            canceled = self.hook.cancel_job(self.job_id)
            if not canceled and self.fail_if_ended:
                raise ConfigurationError(f"MediaConvert job {self.job_id} had ended already, or is unknown")
        self.log.info("MediaConvert job %s %s", self.job_id, "cancelled" if canceled else "had ended already")
        return self.job_id


def _document(settings: Mapping[str, Any] | str | None) -> dict[str, Any]:
    """Parameters of CreateJob: a whole job document as it is, settings alone as ``Settings``."""
    if isinstance(settings, str):
        try:
            settings = json.loads(settings)
        except ValueError as error:
            raise ConfigurationError(
                f"settings are no JSON: {error}. Give what another task returns as its output, not in a template."
            ) from error
    if settings is None:
        return {}
    if not isinstance(settings, Mapping):
        raise ConfigurationError(f"settings must be an object, not {type(settings).__name__}")
    return dict(settings) if "Settings" in settings else {"Settings": dict(settings)}


def _first_input(document: Mapping[str, Any]) -> str | None:
    inputs = document.get("Settings", {}).get("Inputs") or [{}]
    file: str | None = inputs[0].get("FileInput")
    return file
