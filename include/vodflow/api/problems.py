"""What went wrong, as RFC 9457 problem details."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from pydantic import BaseModel, Field
from starlette.responses import JSONResponse

from vodflow.catalog.database import NO_TENANT_ROLE
from vodflow.errors import (
    AirflowError,
    BudgetExceeded,
    CatalogError,
    CatalogUnavailable,
    ConfigurationError,
    EngineError,
    IllegalTransition,
    ImportRefused,
    InputRejected,
    JobBusy,
    NotInCatalog,
    PlanError,
    PlaybackRefused,
    PlaybackUnavailable,
    QuotaExceeded,
    SourceNotFound,
    SourceUnavailable,
    SourceUnreadable,
    TenantSuspended,
    VideoNotPublic,
    VodflowError,
    WaitTimeout,
)

MEDIA_TYPE: Final = "application/problem+json"

#: HTTP status of each error of ours; the first that fits.
_STATUS: Final[tuple[tuple[type[VodflowError], int], ...]] = (
    (TenantSuspended, 403),
    (SourceNotFound, 404),
    (InputRejected, 422),
    (ImportRefused, 422),
    (SourceUnreadable, 409),
    (SourceUnavailable, 503),
    (PlanError, 422),
    (BudgetExceeded, 409),
    (QuotaExceeded, 429),
    (ConfigurationError, 422),
    (CatalogUnavailable, 503),
    (JobBusy, 409),
    (IllegalTransition, 409),
    (NotInCatalog, 404),
    (CatalogError, 409),
    (AirflowError, 502),
    (WaitTimeout, 504),
    (EngineError, 503),
    (VideoNotPublic, 404),
    (PlaybackRefused, 403),
    (PlaybackUnavailable, 503),
)

#: SQLSTATE class of values that a column cannot hold: too large a number, a character that there is not.
_WRONG_DATA: Final = "22"

#: What a caller hears of that which stands behind: the rest is for the log, with addresses and all.
BEHIND: Final = {
    500: "Something went wrong here that should not; the log says what, under this request id.",
    502: "Airflow does not answer, or refuses what it was asked; the log says more, under this request id.",
    503: "Something that this needs does not answer now: try again in a while. The log says more, by this request id.",
}

_PHRASES: Final = {
    413: "Content Too Large", 414: "URI Too Long", 416: "Range Not Satisfiable", 422: "Unprocessable Content",
}  # fmt: skip


class Problem(Exception):
    """A request that is refused, or cannot be carried out now.

    :param status: HTTP status
    :param code: its name for programs, the same whenever the same thing is wrong: ``invalid_request``
    :param detail: one or two sentences for people: what, where, what to do
    :param errors: where fields are wrong: ``field``, ``rule`` and ``message`` of each
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Sequence[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
        retryable: bool = False,
    ) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail
        self.errors, self.headers, self.retryable = tuple(errors), dict(headers or {}), retryable

    @classmethod
    def of(cls, error: VodflowError) -> Problem:
        """The problem that an error of the library is; whoever answers with one of 500 and more logs the error."""
        status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
        if isinstance(error, CatalogError) and (error.code or "").startswith(_WRONG_DATA):
            status = 422
        if error.code == NO_TENANT_ROLE:  # nothing that a caller sends cures it
            status = 503
        return cls(status, code_of(error), BEHIND.get(status) or str(error), retryable=error.retryable)

    def document(self, instance: str, request_id: str) -> dict[str, Any]:
        """The problem details, with what RFC 9457 leaves to us: ``code``, ``errors``, ``retryable``, ``request_id``."""
        document: dict[str, Any] = {
            "type": f"urn:vodflow:problem:{self.code}",
            "title": phrase(self.status),
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
            "code": self.code,
            "retryable": self.retryable,
            "request_id": request_id,
        }
        return document | ({"errors": [dict(error) for error in self.errors]} if self.errors else {})

    def response(self, instance: str, request_id: str) -> JSONResponse:
        """The answer."""
        return JSONResponse(
            self.document(instance, request_id), self.status, headers=self.headers, media_type=MEDIA_TYPE
        )


def code_of(error: VodflowError) -> str:
    """The name of an error's kind as problem details have it: ``JobBusy`` is ``job_busy``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", type(error).__name__).lower()


def phrase(status: int) -> str:
    """A status in the words of RFC 9110; Python's differ from version to version."""
    return _PHRASES.get(status) or HTTPStatus(status).phrase


def not_found(what: str) -> Problem:
    """There is no such thing, or it is somebody else's: both look the same."""
    return Problem(404, "not_found", f"There is no {what}.")


class ProblemDocument(BaseModel):
    """Problem details (RFC 9457), with what they leave to us."""

    type: str = Field(description="`urn:vodflow:problem:` and the code")
    title: str = Field(description="the status in words")
    status: int
    detail: str = Field(description="for people: what, where, what to do")
    instance: str = Field(description="path of the request")
    code: str = Field(description="for programs: the same whenever the same thing is wrong")
    retryable: bool = Field(description="whether the same request can succeed later")
    request_id: str = Field(description="as in the header x-request-id and in the logs")
    errors: list[FieldError] | None = Field(default=None, description="where fields are wrong")


class FieldError(BaseModel):
    """One field that is wrong."""

    field: str
    rule: str
    message: str


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For ``responses=`` of a route: refusals beside those that every route has (:mod:`vodflow.api.openapi`)."""
    return {status: {"description": phrase(status), "content": PROBLEM_CONTENT} for status in statuses}


PROBLEM_CONTENT: Final = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}}
