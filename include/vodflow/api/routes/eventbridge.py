"""Target of an EventBridge API destination, at the address of specification 004."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from vodflow.api.receiving import ANSWERS, BODY, DEPENDENCIES, RawBody, take

router = APIRouter(tags=["events"])


@router.post("/aws/listener/eventbridge/video", dependencies=DEPENDENCIES, responses=ANSWERS, openapi_extra=BODY)
def event_of_eventbridge(request: Request, body: RawBody) -> Response:
    """Take an event of a rule: a state change of a MediaConvert job, or an object that S3 tells of."""
    return take(request, body, None)
