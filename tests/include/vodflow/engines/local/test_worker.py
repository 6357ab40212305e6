"""Exit statuses of the worker."""

from __future__ import annotations

import pytest
from vodflow import errors
from vodflow.engines.local.worker import ExitCode, exit_code
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
def test_exit_statuses(error: VodflowError, status: ExitCode) -> None:
    assert exit_code(error) is status
