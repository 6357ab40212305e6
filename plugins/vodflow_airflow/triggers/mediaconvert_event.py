"""The event of a MediaConvert trigger that ended badly: written in the triggerer, read in the task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vodflow.errors import (
    ConfigurationError,
    EngineCanceled,
    EngineError,
    InputRejected,
    JobSettingsError,
    RejectionReason,
    SourceNotFound,
    VodflowError,
)


def failure_event(job_id: str, error: VodflowError) -> dict[str, Any]:
    """An error as the payload of a trigger's event."""
    return {
        "status": "error",
        "job_id": job_id,
        "message": str(error),
        "code": error.code,
        "retryable": error.retryable,
        "kind": type(error).__name__,
        "reason": error.reason.value if isinstance(error, InputRejected) else None,
    }


def event_failure(event: Mapping[str, Any]) -> VodflowError:
    """The error that :func:`failure_event` wrote."""
    error = _rebuilt(event)
    error.external_id = event.get("job_id")
    return error


def _rebuilt(event: Mapping[str, Any]) -> VodflowError:
    message, code, kind = str(event.get("message")), event.get("code"), event.get("kind")
    if kind == InputRejected.__name__:
        reason = RejectionReason(event["reason"])
        rejected = InputRejected(reason, message.removeprefix(f"{reason.value}: "))
        rejected.code = code
        return rejected
    if kind == JobSettingsError.__name__:
        return JobSettingsError(message)
    for plain in (ConfigurationError, SourceNotFound):
        if kind == plain.__name__:
            return plain(message, code=code)
    retryable = bool(event.get("retryable", True))
    engine = EngineCanceled if kind == EngineCanceled.__name__ else EngineError
    return engine(message, code=code, retryable=retryable)
