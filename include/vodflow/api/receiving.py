"""What routes that take events have in common: the body as it came, who may send, and the answer."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import Depends, Request
from starlette.responses import JSONResponse, Response

from vodflow.api.access import AnyBody, Public
from vodflow.api.app_state import services
from vodflow.api.audit import record
from vodflow.api.callers import Caller, Scope
from vodflow.api.models.events import EventTaken
from vodflow.api.problems import Problem
from vodflow.listeners import Accepted, EventSource, Outcome, Refused, listen
from vodflow.listeners import Request as Received

#: Of every route that takes events.
DEPENDENCIES: Final = (
    Depends(
        Public(
            "senders prove themselves: by a key or a signature of the settings, or by the signature of SNS",
            own_proof=True,
        )
    ),
    Depends(AnyBody("SNS says that its JSON is text/plain")),
)

#: SNS sends user and password of its endpoint's URL to those who ask for them.
_CHALLENGE: Final = {"WWW-Authenticate": 'Bearer realm="vodflow", Basic realm="vodflow"'}

_CODES: Final = {
    400: "not_json", 401: "not_authenticated", 413: "body_too_large", 422: "not_an_event", 503: "not_taken_now",
}  # fmt: skip

#: What the routes answer where they do not refuse; see docs/listeners.md.
ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    200: {"model": EventTaken, "description": "Good, and nothing is queued."},
    202: {"model": EventTaken, "description": "In the queue."},
}

#: The body is read as it is, for signatures cover its bytes; so the document must be told what it may be.
BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "One event, as its sender makes it; also inside a notification of SNS.",
        "content": {"application/json": {"schema": {"type": "object"}}},
    }
}


async def _raw_body(request: Request) -> bytes:
    return await request.body()


RawBody = Annotated[bytes, Depends(_raw_body)]


def take(request: Request, body: bytes, only: EventSource | None) -> Response:
    """Have an event checked and queued.

    :param only: the one kind of event that the address is for; none means any
    :raises Problem: it is not taken
    """
    # What AWS tells is no change of the sender's, and may come by the thousand; what it leads to has its own history.
    request.state.audited = True
    caller: Caller | None = request.state.caller
    if caller is not None and not caller.may(Scope.EVENTS_SEND):
        raise Problem(403, "not_allowed", f"You, {caller.name}, may not send events: it takes {Scope.EVENTS_SEND}.")
    if caller is None:
        request.state.refused(again=False)  # keys that people thought of are not to be tried one after the other
    answer = listen(
        Received(request.headers, body), only=only, trusted=caller is not None, settings=services(request).settings
    )
    if isinstance(answer, Refused):
        if answer.status == 401:
            request.state.refused()
        headers = _CHALLENGE if answer.status == 401 else None
        raise Problem(
            answer.status, _CODES[answer.status], answer.message, headers=headers, retryable=answer.status >= 500
        )
    if answer.outcome is Outcome.SUBSCRIBED:
        record(request, "events.subscribe", f"SNS topic {answer.topic}")
    return _taken(answer)


def _taken(answer: Accepted) -> JSONResponse:
    model = EventTaken(status=answer.outcome, source=answer.source, event_id=answer.event_id)
    return JSONResponse(model.model_dump(mode="json"), answer.status)
