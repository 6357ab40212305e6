"""Notifications of S3 over HTTPS: posted by SNS, or by a store that calls a URL."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from vodflow.api.receiving import ANSWERS, BODY, DEPENDENCIES, RawBody, take
from vodflow.listeners import EventSource

router = APIRouter(tags=["events"])


@router.post("/api/v1/events/s3", dependencies=DEPENDENCIES, responses=ANSWERS, openapi_extra=BODY)
def object_changed(request: Request, body: RawBody) -> Response:
    """Take what S3 tells of an object; confirm the subscription of an SNS topic that the settings name."""
    return take(request, body, EventSource.S3)
