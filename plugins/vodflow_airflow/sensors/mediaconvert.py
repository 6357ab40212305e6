"""Wait for a MediaConvert job that somebody else submitted."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from airflow.providers.amazon.aws.sensors.base_aws import AwsBaseSensor
from airflow.providers.amazon.aws.utils import validate_execute_complete_event
from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.providers.common.compat.sdk import conf
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from vodflow.engines.mediaconvert.snapshot import Snapshot
from vodflow.errors import VodflowError

from vodflow_airflow.errors import airflow_outcome
from vodflow_airflow.hooks.mediaconvert import MediaConvertHook, progress_line
from vodflow_airflow.links.mediaconvert import MediaConvertJobLink
from vodflow_airflow.triggers.mediaconvert import MediaConvertJobCompleteTrigger
from vodflow_airflow.triggers.mediaconvert_event import event_failure


class MediaConvertJobSensor(AwsBaseSensor[MediaConvertHook]):
    """Wait until a job is COMPLETE; fail when it ends as ERROR or CANCELED. It never cancels the job.

    :param job_id: id of the job (templated)
    :param deferrable: If True, the sensor waits in the triggerer, where all jobs share one poller. Needs the
        aiobotocore module. (default: False, or ``[operators] default_deferrable``)
    :param poke_interval: Polling period in seconds. (default: 30)
    :param aws_conn_id: The Airflow connection used for AWS credentials.
    :param region_name: AWS region_name. If not specified then the default boto3 behaviour is used.
    :param verify: Whether to verify SSL certificates.
    :param botocore_config: Configuration dictionary (key-values) for botocore client.

    ``timeout``, ``mode``, ``soft_fail`` and the rest are those of every sensor.
    """

    aws_hook_class = MediaConvertHook
    operator_extra_links = (MediaConvertJobLink(),)
    template_fields: Sequence[str] = aws_template_fields("job_id")
    ui_color = "#f5e3d0"

    def __init__(
        self,
        *,
        job_id: str,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poke_interval: float = 30,
        **kwargs: Any,
    ) -> None:
        super().__init__(poke_interval=poke_interval, **kwargs)
        self.job_id = job_id
        self.deferrable = deferrable

    def execute(self, context: Context) -> Any:
        """Poke on the worker, or wait in the triggerer."""
        MediaConvertJobLink.persist_job(context, self, self.job_id, **self.hook.place)
        if not self.deferrable:
            return super().execute(context)
        try:
            done = self.poke(context)  # a job that is over needs no triggerer
        except AirflowFailException as error:
            if self.soft_fail or self.never_fail:
                raise AirflowSkipException(str(error)) from error
            raise
        if not done:
            self.defer(trigger=self._trigger(), method_name="execute_complete")
        return None

    def poke(self, context: Context) -> bool:  # noqa: ARG002
        """Look at the job once."""
        with airflow_outcome(rejected="fail"):
            try:
                job = self.hook.get_job(self.job_id)
            except VodflowError as error:
                if not error.retryable:
                    raise
                self.log.warning("%s; looking again in %s s", error, self.poke_interval)
                return False
            self.log.info("%s", progress_line(Snapshot.of(job)))
            return bool(self.hook.checked(job)["Status"] in self.hook.SUCCESS_STATES)

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        """Go on when the trigger has fired."""
        validated = validate_execute_complete_event(event)
        if validated["status"] == "success":
            self.log.info("MediaConvert job %s complete.", self.job_id)
            return
        error = event_failure(validated)
        if self.soft_fail or self.never_fail:
            raise AirflowSkipException(str(error)) from error
        with airflow_outcome(rejected="fail"):
            raise error

    def _trigger(self) -> MediaConvertJobCompleteTrigger:
        delay = max(1, round(self.poke_interval))
        return MediaConvertJobCompleteTrigger(
            job_id=self.job_id,
            waiter_delay=delay,
            waiter_max_attempts=max(1, round(self.timeout / delay)),
            deadline=time.time() + self.timeout,
            aws_conn_id=self.aws_conn_id,
            region_name=self.region_name,
            verify=self.verify,
            botocore_config=self.botocore_config,
            cancel_on_kill=False,
        )
