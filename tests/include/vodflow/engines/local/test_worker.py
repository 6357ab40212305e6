"""Errors survive the way from the worker to its caller."""

from __future__ import annotations

import pytest
from vodflow import errors
from vodflow.contract.result import Failure
from vodflow.engines.local.worker import ExitCode, exit_code, failure
from vodflow.engines.local.worker_process import to_error
from vodflow.errors import RejectionReason, VodflowError


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.ConfigurationError("wrong"), ExitCode.USAGE),
        (errors.SourceNotFound("gone", code="404"), ExitCode.PERMANENT),
        (errors.EngineError("again", code="9", retryable=True), ExitCode.RETRYABLE),
        (errors.EngineError("never", code="8", retryable=False), ExitCode.PERMANENT),
        (errors.EngineStalled("stuck", code="stalled"), ExitCode.RETRYABLE),
        (errors.EngineCanceled("asked for", code="canceled"), ExitCode.RETRYABLE),
        (errors.DiskSpaceError("full", code="ENOSPC"), ExitCode.RETRYABLE),
        (errors.InputRejected(RejectionReason.TRUNCATED, "cut off"), ExitCode.REJECTED),
    ],
)
def test_round_trip(error: VodflowError, status: ExitCode) -> None:
    line = Failure.model_validate_json(failure(error).model_dump_json())
    back = to_error(line)
    assert type(back) is type(error)
    assert str(back) == str(error)
    assert (back.code, back.retryable) == (error.code, error.retryable)
    assert exit_code(error) is status


def test_reason_and_detail_of_a_rejection() -> None:
    back = to_error(failure(errors.InputRejected(RejectionReason.UNDECODABLE, "damaged")))
    assert isinstance(back, errors.InputRejected)
    assert (back.reason, back.detail) == (RejectionReason.UNDECODABLE, "damaged")


@pytest.mark.parametrize("kind", ["NoSuchError", "ErrorClass", "VerificationError"])
def test_unknown_kinds_are_engine_errors(kind: str) -> None:
    back = to_error(Failure(kind=kind, message="m", retryable=False, code="c"))
    assert type(back) is errors.EngineError
    assert not back.retryable
