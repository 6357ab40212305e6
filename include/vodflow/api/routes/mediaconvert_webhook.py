"""Webhook for state changes of MediaConvert's jobs, at the address of specification 001."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from vodflow.api.receiving import ANSWERS, BODY, DEPENDENCIES, RawBody, take
from vodflow.listeners import EventSource

router = APIRouter(tags=["events"])


@router.post("/webhooks/mediaconvert", dependencies=DEPENDENCIES, responses=ANSWERS, openapi_extra=BODY)
def mediaconvert_changed(request: Request, body: RawBody) -> Response:
    """Take a state change of a MediaConvert job: completion, failure, progress, cancellation, submission."""
    return take(request, body, EventSource.MEDIACONVERT)
