from __future__ import annotations

from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
from airflow.sdk.execution_time import task_runner
from airflow.sdk.execution_time.comms import DRCount, ErrorResponse, GetDRCount, OKResponse, TriggerDagRun
from vodflow.errors import ConfigurationError, EngineError
from vodflow_airflow.dag_runs import are_there, start_dag_run


class Supervisor:
    """The task's channel to its supervisor, with one prepared answer."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.sent: list[Any] = []

    def send(self, message: Any) -> Any:
        self.sent.append(message)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def supervisor(monkeypatch: pytest.MonkeyPatch, answer: Any) -> Supervisor:
    channel = Supervisor(answer)
    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", channel, raising=False)
    return channel


def refusal(status: int) -> AirflowRuntimeError:
    return AirflowRuntimeError(ErrorResponse(error=ErrorType.API_SERVER_ERROR, detail={"status_code": status}))


def test_a_new_run(monkeypatch: pytest.MonkeyPatch) -> None:
    channel = supervisor(monkeypatch, OKResponse(ok=True))
    assert start_dag_run("transcode_video", "source-7", {"source_id": 7}) is True
    assert channel.sent == [TriggerDagRun(dag_id="transcode_video", run_id="source-7", conf={"source_id": 7})]


def test_an_existing_run(monkeypatch: pytest.MonkeyPatch) -> None:
    supervisor(monkeypatch, ErrorResponse(error=ErrorType.DAGRUN_ALREADY_EXISTS))
    assert start_dag_run("transcode_video", "source-7", {}) is False


@pytest.mark.parametrize(
    ("status", "error"), [(404, ConfigurationError), (400, ConfigurationError), (503, EngineError)]
)
def test_refusals(monkeypatch: pytest.MonkeyPatch, status: int, error: type[Exception]) -> None:
    supervisor(monkeypatch, refusal(status))
    with pytest.raises(error, match=r"source-7 of transcode_video"):
        start_dag_run("transcode_video", "source-7", {})


def test_an_error_that_comes_as_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    supervisor(monkeypatch, ErrorResponse(error=ErrorType.API_SERVER_ERROR, detail=None))
    with pytest.raises(EngineError):
        start_dag_run("transcode_video", "source-7", {})


@pytest.mark.parametrize(("count", "found"), [(2, True), (1, False)])
def test_runs_are_looked_for_by_one_request(monkeypatch: pytest.MonkeyPatch, count: int, found: bool) -> None:
    channel = supervisor(monkeypatch, DRCount(count=count))
    assert are_there("transcode_video", ["source-8", "source-7", "source-8"]) is found
    assert channel.sent == [GetDRCount(dag_id="transcode_video", run_ids=["source-7", "source-8"])]


@pytest.mark.parametrize("answer", [refusal(503), ErrorResponse(error=ErrorType.API_SERVER_ERROR, detail=None)])
def test_whether_runs_are_there_is_not_guessed(monkeypatch: pytest.MonkeyPatch, answer: Any) -> None:
    supervisor(monkeypatch, answer)
    with pytest.raises(EngineError, match="does not say whether runs of transcode_video are there"):
        are_there("transcode_video", ["source-7"])
