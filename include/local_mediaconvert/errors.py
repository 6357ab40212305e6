"""Errors as MediaConvert answers them: a code, an HTTP status and a message."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from vodflow.engines.mediaconvert.request import service_model
from vodflow.engines.mediaconvert.request.constraints import Problem

#: Code → HTTP status, by the service model.
STATUSES: Final[dict[str, int]] = {
    name: described["error"]["httpStatusCode"]
    for name, described in service_model.service_model()["shapes"].items()
    if described.get("exception")
}

#: Most problems one message lists.
_LISTED: Final = 20


class ApiError(Exception):
    """An error that goes to the caller.

    :param code: one of :data:`STATUSES`
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = STATUSES[code]


def bad_request(message: str) -> ApiError:
    """The request cannot be understood or carried out as it is."""
    return ApiError("BadRequestException", message)


def not_found(what: str) -> ApiError:
    """The resource that was asked for does not exist."""
    return ApiError("NotFoundException", f"{what} does not exist.")


def conflict(message: str) -> ApiError:
    """The state of the resource does not allow what was asked for."""
    return ApiError("ConflictException", message)


def invalid(problems: Iterable[Problem]) -> ApiError:
    """Settings that break the service's rules, each told by its path."""
    found = list(problems)
    listed = ", ".join(describe(problem) for problem in found[:_LISTED])
    more = f", and {len(found) - _LISTED} more" if len(found) > _LISTED else ""
    return bad_request(listed + more)


def describe(problem: Problem) -> str:
    """One problem in the service's words: ``/outputGroups/0/outputs/0: containerSettings is a required property``."""
    if problem.rule in {"required", "group-type"} or problem.expectation.startswith("Is a required property"):
        parent, _, name = problem.path.rpartition("/")
        return f"{parent or '/'}: {name} {problem.expectation[0].lower()}{problem.expectation[1:]}"
    if problem.expectation.startswith("Should have at least one "):
        return f"{problem.path}: Should have at least 1 items"
    return str(problem)
