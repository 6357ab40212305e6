"""The events themselves: which there are, and what each must have. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vodflow.contract.engine_names import MEDIACONVERT_DETAIL_TYPE, MEDIACONVERT_SOURCE
from vodflow.listeners.requests import EventSource
from vodflow.sensing.notices import DETAIL_TYPES, MAX_ENVELOPES, is_one_of, parse_message


class EventError(ValueError):
    """The body is no event that anybody here reads; says what was found and what was expected.

    :param status: HTTP status for it
    """

    def __init__(self, message: str, status: int = 422) -> None:
        super().__init__(message)
        self.status = status


class JobDetail(BaseModel):
    """What an event of MediaConvert must say; everything else is kept as it is."""

    model_config = ConfigDict(extra="allow", strict=True)

    job_id: str = Field(alias="jobId", min_length=1, max_length=128)
    status: str = Field(min_length=1, max_length=64)
    user_metadata: dict[str, str] = Field(alias="userMetadata", default_factory=dict)


class JobEnvelope(BaseModel):
    """EventBridge's envelope of it."""

    model_config = ConfigDict(extra="allow", strict=True)

    source: str = Field(pattern=f"^{MEDIACONVERT_SOURCE}$")
    detail_type: str = Field(alias="detail-type", pattern=f"^{MEDIACONVERT_DETAIL_TYPE}$")
    detail: JobDetail
    id: str | None = Field(default=None, max_length=256)


#: Events of S3 are recognised by the sender, and those that programs send in S3's form by their kind.
_S3_SOURCE: Final = "aws.s3"

#: What a bare MediaConvert detail has, sent by a rule whose target gets ``$.detail`` only.
_BARE: Final = frozenset({"jobId", "status"})


def decode(body: bytes) -> dict[str, Any]:
    """The JSON object in a body, without the SNS envelopes around it.

    :raises EventError: it is none
    """
    text: str | bytes = body
    for _ in range(MAX_ENVELOPES):
        document = _json_object(text)
        message = document.get("Message")
        if document.get("Type") != "Notification" or not isinstance(message, str):
            return document
        text = message
    raise EventError(f"more than {MAX_ENVELOPES} SNS envelopes")


def _json_object(text: str | bytes) -> dict[str, Any]:
    try:
        document = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise EventError(f"the body is not JSON: {error}", status=400) from error
    if not isinstance(document, dict):
        kind = "a list; send one event a request" if isinstance(document, list) else type(document).__name__
        raise EventError(f"expected a JSON object, found {kind}")
    return document


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def classify(document: dict[str, Any]) -> tuple[EventSource, dict[str, Any], bool]:
    """Who it is from, the event in the shape that its queue's reader wants, and whether anybody needs to read it.

    :raises EventError: it is neither of S3 nor of MediaConvert, or lacks what identifies its object or job
    """
    if _is_job_event(document):
        event = _enveloped(document)
        _check_job(event)
        return EventSource.MEDIACONVERT, event, True
    kind = document.get("detail-type", "Object Created")
    if document.get("source") != _S3_SOURCE and not is_one_of(kind, DETAIL_TYPES):
        raise EventError(f"an event {_shown(kind)} of {_shown(document.get('source'))}, which nobody reads here")
    parsed = parse_message(document)
    if parsed.problems:
        raise EventError(parsed.problems[0].detail)
    return EventSource.S3, document, bool(parsed.notices)


def _shown(value: Any) -> str:
    return ascii(value)[:100]


def _is_job_event(document: Mapping[str, Any]) -> bool:
    if document.get("source") == MEDIACONVERT_SOURCE or document.get("detail-type") == MEDIACONVERT_DETAIL_TYPE:
        return True
    detail = document.get("detail")
    named = "source" in document or "detail-type" in document
    return not named and any(isinstance(part, Mapping) and part.keys() >= _BARE for part in (document, detail))


def _enveloped(document: dict[str, Any]) -> dict[str, Any]:
    """The event in its envelope, also when a rule's input transformer has taken that off or thinned it out."""
    whole = document if "detail" in document else {"detail": document}
    return {"source": MEDIACONVERT_SOURCE, "detail-type": MEDIACONVERT_DETAIL_TYPE, **whole}


def _check_job(event: dict[str, Any]) -> None:
    try:
        JobEnvelope.model_validate(event)
    except ValidationError as error:
        first = error.errors()[0]
        place = _shown("/".join(str(part) for part in first["loc"])).strip("'\"")
        raise EventError(f"not an event of {MEDIACONVERT_SOURCE}: {place}: {first['msg']}") from error
