"""Errors survive the way through a process, a queue or an API."""

from __future__ import annotations

import json
from typing import Any

import pytest
from vodflow import errors
from vodflow.contract.result import Failure
from vodflow.errors import ErrorClass, RejectionReason, VodflowError, from_document, to_document


def throttled() -> VodflowError:
    error = errors.EngineError("busy", code="TooManyRequests")
    error.error_class = ErrorClass.THROTTLED
    error.external_id = "1700-abc"
    return error


ALL = [
    errors.ConfigurationError("wrong"),
    errors.JobSettingsError("wrong", problems=("/a: an object", "/b: a number")),
    errors.InputRejected(RejectionReason.TRUNCATED, "cut off"),
    errors.SourceNotFound("gone", code="404"),
    errors.SourceUnavailable("not now", job_id=3),
    errors.BudgetExceeded("too dear", limit="job", job_id=4),
    errors.EngineError("never", code="8", retryable=False),
    errors.EngineStalled("stuck", code="stalled"),
    errors.EngineCanceled("asked for", code="canceled"),
    errors.DiskSpaceError("full", code="ENOSPC"),
    errors.VerificationError("wrong", uri="s3://a/b", rule="duration"),
    errors.AirflowError("away", retryable=True),
    throttled(),
]


@pytest.mark.parametrize("error", ALL, ids=lambda error: type(error).__name__)
def test_round_trip(error: VodflowError) -> None:
    back = from_document(json.loads(json.dumps(to_document(error))))
    assert type(back) is type(error)
    assert str(back) == str(error)
    assert vars(back) | vars(error) == vars(back)
    for name in ("retryable", "error_class", "external_id", "code", "job_id"):
        assert getattr(back, name) == getattr(error, name)
    assert isinstance(back.error_class, ErrorClass)


def test_a_worker_s_line_carries_all_of_it() -> None:
    line = Failure(**to_document(errors.InputRejected(RejectionReason.UNDECODABLE, "damaged"))).model_dump_json()
    back = from_document(Failure.model_validate_json(line).model_dump(exclude={"event"}))
    assert isinstance(back, errors.InputRejected)
    assert (back.reason, back.detail) == (RejectionReason.UNDECODABLE, "damaged")


@pytest.mark.parametrize(
    "document",
    [{"kind": "NoSuchError"}, {"kind": "ErrorClass"}, {"kind": "InputRejected"}, {"kind": "to_document"}],
)
def test_unknown_kinds_are_engine_errors(document: dict[str, Any]) -> None:
    back = from_document(document | {"message": "m", "retryable": False, "code": "c"})
    assert type(back) is errors.EngineError
    assert (str(back), back.code, back.retryable) == ("m", "c", False)


def test_every_error_is_in_the_tree_of_the_docstring() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, VodflowError)]
    assert [kind.__name__ for kind in kinds if kind.__name__ not in (errors.__doc__ or "")] == []
