"""The event of a MediaConvert trigger that ended badly: written in the triggerer, read in the task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vodflow.errors import VodflowError, from_document, to_document


def failure_event(job_id: str, error: VodflowError) -> dict[str, Any]:
    """An error as the payload of a trigger's event.

    :param job_id: MediaConvert's
    """
    return to_document(error) | {"status": "error", "job_id": job_id}


def event_failure(event: Mapping[str, Any]) -> VodflowError:
    """The error that :func:`failure_event` wrote."""
    error = from_document({name: value for name, value in event.items() if name not in {"status", "job_id"}})
    error.external_id = event.get("job_id")
    return error
