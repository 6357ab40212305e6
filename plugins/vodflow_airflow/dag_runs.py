"""Start DAG runs from inside a task, any number of them, without a task for each.

``TriggerDagRunOperator`` starts one run a task: it raises, and the task runner sends the request. The request itself
may be sent by any task over the channel it has to its supervisor, which adds the task's own short-lived token; so this
needs neither the REST API's address nor a user and password, and works the same under every executor.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from typing import Any

from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
from airflow.sdk.execution_time import task_runner
from airflow.sdk.execution_time.comms import DRCount, ErrorResponse, GetDRCount, TriggerDagRun
from vodflow.errors import ConfigurationError, EngineError

log = logging.getLogger(__name__)

#: A live task's channel has a lock of its own, that of ``dag.test()`` has none.
_CHANNEL = threading.Lock()


def start_dag_run(dag_id: str, run_id: str, conf: dict[str, Any], note: str | None = None) -> bool:
    """Queue one run; true when it is new, false when a run of this id exists already.

    Call it from a running task only, in any of its threads. A paused DAG keeps the run queued. The API server answers
    before it commits, and a run is lost where it, or its database, dies in between: see :func:`are_there`.

    :param note: the new run's note, at most 1,000 characters
    :raises ConfigurationError: when there is no such DAG, or it cannot be parsed
    :raises EngineError: when the API server does not answer (retryable)
    """
    return _ask(TriggerDagRun(dag_id=dag_id, run_id=run_id, conf=conf, note=note))


def restart_dag_run(dag_id: str, run_id: str) -> None:
    """Start an existing run over, with the conf that it has.

    :raises ConfigurationError: when there is no such DAG
    :raises EngineError: when the API server does not answer (retryable)
    """
    _ask(TriggerDagRun(dag_id=dag_id, run_id=run_id, reset_dag_run=True))


def are_there(dag_id: str, run_ids: Sequence[str]) -> bool:
    """Whether all these runs exist.

    :raises EngineError: when the API server does not answer (retryable)
    """
    asked = set(run_ids)
    try:
        with _CHANNEL:
            answer = task_runner.SUPERVISOR_COMMS.send(GetDRCount(dag_id=dag_id, run_ids=sorted(asked)))
    except AirflowRuntimeError as error:
        raise EngineError(f"Airflow does not say whether runs of {dag_id} are there: {error}") from error
    if not isinstance(answer, DRCount):
        raise EngineError(f"Airflow does not say whether runs of {dag_id} are there: {answer}")
    return answer.count == len(asked)


def _ask(message: TriggerDagRun) -> bool:
    try:
        with _CHANNEL:
            answer = task_runner.SUPERVISOR_COMMS.send(message)
    except AirflowRuntimeError as error:
        raise _refused(error, message.dag_id, message.run_id) from error
    if isinstance(answer, ErrorResponse):
        if answer.error == ErrorType.DAGRUN_ALREADY_EXISTS:
            return False
        raise _refused(AirflowRuntimeError(answer), message.dag_id, message.run_id)
    return True


def _refused(error: AirflowRuntimeError, dag_id: str, run_id: str) -> ConfigurationError | EngineError:
    detail = error.error.detail or {}
    status = detail.get("status_code")
    if status in {400, 404, 422}:
        return ConfigurationError(
            f"Airflow refused run {run_id} of {dag_id}: {detail.get('message', detail)}. Is the DAG there, without "
            "import errors? (airflow dags list-import-errors)",
            code=str(status),
        )
    return EngineError(f"Airflow did not start run {run_id} of {dag_id}: {error}", code=str(status))
