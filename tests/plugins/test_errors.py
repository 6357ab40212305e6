"""What Airflow's log of a task shows of an error of ours: one sentence, and nothing of where it came from."""

from __future__ import annotations

import traceback
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException
from vodflow.errors import ConfigurationError, StorageUnavailable
from vodflow.pipeline.request import TranscodeRequest
from vodflow_airflow import holds
from vodflow_airflow.errors import airflow_outcome


def shown(error: BaseException) -> list[str]:
    """Blocks of a traceback, the last one last."""
    return "".join(traceback.format_exception(error)).split("Traceback (most recent call last):")[1:]


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({}, "Params: give exactly one of source_uri (s3://bucket/key) and source_id."),
        ({"source_uri": " "}, "Params: give exactly one of source_uri (s3://bucket/key) and source_id."),
        ({"source_uri": "s3://bucket/a.mp4", "source_id": 1}, "Params: give exactly one of"),
        ({"source_uri": "s3://bucket"}, "source_uri: 's3://bucket' names no object"),
        ({"source_id": 1, "engine": "abacus"}, "engine: engine abacus is not available here"),
    ],
)
def test_a_form_that_names_no_video_ends_in_one_sentence(params: dict[str, Any], sentence: str) -> None:
    with pytest.raises(AirflowFailException) as caught, airflow_outcome():
        TranscodeRequest.from_params(params)
    assert str(caught.value).startswith(f"This run cannot start. {sentence}")
    assert len(shown(caught.value)) == 1


def test_so_does_a_run_that_has_waited_for_long_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    class Waited:
        def __init__(self, *_: object) -> None: ...
        def admit(self) -> Any:
            return type("Admission", (), {"wait": None})

        def meet(self, *_: object) -> None: ...

    monkeypatch.setattr("vodflow.pipeline.holds.HeldStep", Waited)
    monkeypatch.setattr(holds, "_waited", lambda _: 0.0)
    with pytest.raises(AirflowFailException) as caught, holds.patience({"run_id": "source-1"}, "prepare"):  # type: ignore[typeddict-item]
        raise StorageUnavailable("S3 does not answer.") from TimeoutError("no answer")
    assert str(caught.value) == "Waited for long enough: S3 does not answer."
    assert len(shown(caught.value)) == 1


def test_what_a_retry_may_cure_keeps_its_cause() -> None:
    with pytest.raises(AirflowFailException), airflow_outcome():
        raise ConfigurationError("A setting is wrong.")
    with pytest.raises(StorageUnavailable), airflow_outcome():
        raise StorageUnavailable("S3 does not answer.")
