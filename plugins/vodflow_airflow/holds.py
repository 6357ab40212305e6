"""Steps of ``transcode_video`` that meet what stops every video alike: they are put off, and spend no try on it.

A rescheduled task keeps its number of tries, takes no slot of its pool while it waits, and runs again on any worker.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Final, NoReturn

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowFailException, AirflowRescheduleException
from vodflow.errors import InputRejected, TenantBusy, VodflowError

from vodflow_airflow.dag_runs import restart_dag_run

log = logging.getLogger(__name__)

DAG_ID: Final = "transcode_video"


@contextmanager
def patience(context: Context, step_id: str) -> Iterator[None]:
    """What one step of a run is done in, so that a shared cause costs it no try.

    :param step_id: id of the task
    :raises AirflowRescheduleException: to be run again later, because of an error with a ``shared_cause``, or because
        as many of the tenant's jobs are at work as it may have
    :raises AirflowFailException: that error has lasted longer than ``VODFLOW_HOLD_LIMIT``
    """
    # Not above: the DAG processor needs no database.
    from vodflow.pipeline.holds import HeldStep, pause  # noqa: PLC0415
    from vodflow.settings import get_settings  # noqa: PLC0415

    step = HeldStep(context["run_id"], step_id)
    try:
        admission = step.admit()
        if admission.wait is not None:
            _put_off(admission.wait, admission.message)
        yield
    except InputRejected:
        step.passed(start_again)
        raise
    except TenantBusy as error:
        step.leave()
        _put_off(pause(_waited(context), get_settings().hold_interval), str(error))
    except VodflowError as error:
        if error.shared_cause is None:
            step.leave()
            raise
        seconds = step.meet(error, _waited(context))
        if seconds is None:
            raise AirflowFailException(f"Waited for long enough: {error}") from None
        _put_off(seconds, str(error))
    step.passed(start_again)


def start_again(run_id: str) -> None:
    """Start a run over.

    :raises EngineError: when Airflow does not answer
    """
    restart_dag_run(DAG_ID, run_id)


def _put_off(seconds: float, message: str) -> NoReturn:
    log.warning("Not now, and at no cost of a try; looks again in %.0f s. %s", seconds, message)
    raise AirflowRescheduleException(datetime.now(UTC) + timedelta(seconds=seconds))  # type: ignore[no-untyped-call]


def _waited(context: Context) -> float:
    first = context["ti"].get_first_reschedule_date(context)
    return 0.0 if first is None else (datetime.now(UTC) - first).total_seconds()
