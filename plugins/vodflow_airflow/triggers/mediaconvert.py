"""Waiting for MediaConvert jobs in the triggerer."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any, Final

from airflow.providers.amazon.aws.triggers.base import AwsBaseWaiterTrigger
from airflow.triggers.base import TriggerEvent
from botocore.exceptions import BotoCoreError, ClientError
from vodflow.engines.mediaconvert.failures import api_failure
from vodflow.engines.mediaconvert.snapshot import Snapshot
from vodflow.engines.mediaconvert.watcher import wait_for_end
from vodflow.errors import VodflowError

from vodflow_airflow.hooks.mediaconvert import MediaConvertHook, progress_line
from vodflow_airflow.hooks.mediaconvert_watchers import shared_watcher
from vodflow_airflow.triggers.mediaconvert_event import failure_event

#: Seconds between two looks at a job, and how many: seven days, for jobs that wait long in a queue. MediaConvert itself
#: ends a job that has been PROGRESSING for 48 hours.
WAITER_DELAY: Final = 30
WAITER_MAX_ATTEMPTS: Final = 20160


class MediaConvertJobCompleteTrigger(AwsBaseWaiterTrigger):
    """Fires when a job has ended, or cannot be waited for any longer.

    Takes what other triggers of AWS take, but does not ask for its job alone: all triggers of a triggerer process with
    one connection and region share one poller, which reads twenty jobs a call. A task that is killed while it waits
    here has its job cancelled; a triggerer that stops or restarts cancels nothing, and goes on where it was.

    The event: ``status`` (``success`` or ``error``), ``job_id``, ``job_status``; of errors also ``message``, ``code``
    (AWS's), ``retryable``, ``kind`` (the class in :mod:`vodflow.errors`) and, of refused inputs, ``reason``.

    :param job_id: id of the job
    :param waiter_delay: seconds between two looks at the job
    :param waiter_max_attempts: most looks; their product with the delay is the longest wait
    :param deadline: when to stop waiting, seconds since the epoch; set by the first instance, so that a restart does
        not begin anew
    :param cancel_on_kill: cancel the job when somebody kills the task
    """

    aws_hook_class = MediaConvertHook

    def __init__(
        self,
        *,
        job_id: str,
        waiter_delay: int = WAITER_DELAY,
        waiter_max_attempts: int = WAITER_MAX_ATTEMPTS,
        aws_conn_id: str | None = "aws_default",
        region_name: str | None = None,
        verify: bool | str | None = None,
        botocore_config: dict[str, Any] | None = None,
        deadline: float | None = None,
        cancel_on_kill: bool = True,
    ) -> None:
        self.job_id = job_id
        self.deadline = time.time() + waiter_delay * waiter_max_attempts if deadline is None else deadline
        self.cancel_on_kill = cancel_on_kill
        super().__init__(
            serialized_fields={"job_id": job_id, "deadline": self.deadline, "cancel_on_kill": cancel_on_kill},
            waiter_name="job_complete",
            waiter_args={"Id": job_id},
            failure_message="MediaConvert job failed",
            status_message="MediaConvert job",
            status_queries=["Job.Status", "Job.CurrentPhase", "Job.JobPercentComplete"],
            return_key="job_id",
            return_value=job_id,
            waiter_delay=waiter_delay,
            waiter_max_attempts=waiter_max_attempts,
            aws_conn_id=aws_conn_id,
            region_name=region_name,
            verify=verify,
            botocore_config=botocore_config,
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Fire once."""
        try:
            snapshot = await wait_for_end(
                shared_watcher(self._hook_parameters),
                self.job_id,
                interval=self.waiter_delay,
                deadline=self.deadline,
                on_snapshot=self.on_snapshot,
            )
        except VodflowError as error:
            yield TriggerEvent(failure_event(self.job_id, error))  # type: ignore[no-untyped-call]
        else:
            event = {"status": "success", "job_id": self.job_id, "job_status": snapshot.status}
            yield TriggerEvent(event)  # type: ignore[no-untyped-call]

    async def on_snapshot(self, snapshot: Snapshot) -> None:
        """Called with every change of the job; writes a line into the task's log. Must not block the event loop."""
        self.log.info("%s", progress_line(snapshot))

    async def on_kill(self) -> None:
        """Cancel the job: somebody marked the waiting task as failed or successful, or cleared it."""
        if not self.cancel_on_kill:
            return
        async with await self.hook().get_async_conn() as client:  # type: ignore[no-untyped-call]
            try:
                await client.cancel_job(Id=self.job_id)
            except (ClientError, BotoCoreError) as error:
                self.log.warning("%s", api_failure(error, "CancelJob", self.job_id))
            else:
                self.log.info("Cancelled MediaConvert job %s: its task was killed", self.job_id)
