"""Let events of assets come together, so that many of them make one run."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowSkipException


class GatherEventsOperator(BaseOperator):
    """Wait a while in a run that events of assets caused, without a worker; do nothing in any other run.

    Of several such runs one waits, and does the work of all: the others skip what is behind this task. So a DAG has one
    run in so many seconds, however many videos are published, and room for a run by hand.

    :param seconds: how long; 0 means not at all
    """

    ui_color = "#f0ede4"

    def __init__(self, *, seconds: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seconds = seconds

    def execute(self, context: Context) -> None:
        """Defer until the time is over, in a run of that kind.

        :raises AirflowSkipException: another run waits already, and begins after this one's events
        """
        if context["dag_run"].run_type == "asset_triggered" and self.seconds:
            waiting = context["ti"].get_ti_count(dag_id=self.dag_id, task_ids=[self.task_id], states=["deferred"])
            if waiting:
                raise AirflowSkipException("Another run gathers already: it hears of what caused this one, too.")
            # Nobody has to go on with anything afterwards: the trigger ends the task.
            trigger = TimeDeltaTrigger(timedelta(seconds=self.seconds), end_from_trigger=True)
            self.defer(trigger=trigger, method_name="execute_complete")

    def execute_complete(self, context: Context, event: Any = None) -> None:
        """The time is over."""
