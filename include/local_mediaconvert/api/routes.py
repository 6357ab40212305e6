"""The operations of the API, as the service model describes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from vodflow.engines.mediaconvert.request import service_model
from vodflow.engines.mediaconvert.request.constraints import below_settings
from vodflow.engines.mediaconvert.request.validation import model_problems

from local_mediaconvert import wire
from local_mediaconvert.errors import invalid


@dataclass(frozen=True)
class Operation:
    """One operation.

    :param path: with ``{name}`` for parameters; the last may hold slashes (ARNs do)
    :param status: of an answer without an error
    """

    name: str
    method: str
    path: str
    status: int
    request_shape: str

    def parameters(self, path: Mapping[str, str], query: Mapping[str, str], body: bytes) -> dict[str, Any]:
        """All parameters of a request by their names on the wire, checked against the model.

        :raises ApiError: they break it
        """
        members = service_model.shape(self.request_shape).get("members", {})
        found: dict[str, Any] = {}
        if any("location" not in member for member in members.values()):
            found |= wire.parse_body(body)
        for name, member in members.items():
            given = {"uri": path, "querystring": query}.get(member.get("location", ""), {})
            key = member.get("locationName", name)
            if key in given:
                found[key] = wire.parameter(given[key], member["shape"])
        problems = model_problems(found, self.request_shape, "wire")
        if problems:
            raise invalid(below_settings(problems) if self.name == "CreateJob" else problems)
        return found


@lru_cache(maxsize=1)
def operations() -> tuple[Operation, ...]:
    """Every operation of the service model."""
    return tuple(
        Operation(
            name=name,
            method=described["http"]["method"],
            path=described["http"]["requestUri"],
            status=described["http"]["responseCode"],
            request_shape=described["input"]["shape"],
        )
        for name, described in service_model.service_model()["operations"].items()
    )
