"""What the tasks of a video's run have in common."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from vodflow_airflow.errors import airflow_outcome
from vodflow_airflow.holds import patience
from vodflow_airflow.run_notes import NOTE_KEY

log = logging.getLogger(__name__)


class VideoStepOperator(BaseOperator):
    """A task whose reason to skip or fail stands wherever a person looks, and which waits for what stops all alike.

    The reason is the last line of the task's log, its rendered field ``outcome``, and the note of its run.
    """

    outcome: str | None = None

    @contextmanager
    def step(self, context: Context) -> Iterator[None]:
        """Do a step of vodflow in it.

        :raises AirflowSkipException: the input is rejected, and ``VODFLOW_REJECTED_RUN`` is ``skipped``
        :raises AirflowFailException: it is rejected otherwise, or another try cannot help
        :raises AirflowRescheduleException: a shared cause stopped it; it runs again later, and this was no try
        """
        from vodflow.settings import get_settings  # noqa: PLC0415 - no parse-time settings

        try:
            failing = get_settings().rejected_run == "failed"
            with airflow_outcome(rejected="fail" if failing else "skip"), patience(context, self.task_id):
                yield
        except (AirflowSkipException, AirflowFailException) as end:
            self.outcome = str(end)
            self.template_fields = (*self.template_fields, "outcome")
            self.overwrite_rtif_after_execution = True
            context["ti"].xcom_push(key=NOTE_KEY, value=self.outcome)
            log.warning("%s", self.outcome)
            raise
