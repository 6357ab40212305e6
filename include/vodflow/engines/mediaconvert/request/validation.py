"""Job settings against AWS's service model, before anything is sent.

botocore's own validator checks types and required members; it checks neither enums nor maxima nor patterns. Problems
are told as the service tells them: a path of wire names below the settings, and what is expected there, for example
``/outputGroups/0/outputs/2/videoDescription/width: Should be less than or equal to 8192``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from vodflow.engines.mediaconvert.request import service_model
from vodflow.engines.mediaconvert.request.constraints import Problem, below_settings, cross_field_problems
from vodflow.errors import JobSettingsError

#: How members are named: as boto3's parameters (``OutputGroups``) or as in the API's JSON (``outputGroups``).
Names = Literal["python", "wire"]

#: Most problems a message lists; the rest is counted.
_LISTED: Final = 20


@dataclass(frozen=True)
class _Walk:
    names: Names

    def members(self, shape: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
        """Member name as written → its wire name and its shape."""
        return {
            (name if self.names == "python" else member.get("locationName", name)): (
                member.get("locationName", name),
                member["shape"],
            )
            for name, member in shape.get("members", {}).items()
        }

    def value(self, value: object, shape_name: str, path: str) -> Iterator[Problem]:
        shape = service_model.shape(shape_name)
        yield from _CHECKS[shape["type"]](self, value, shape_name, path)

    def structure(self, value: object, shape_name: str, path: str) -> Iterator[Problem]:
        if not isinstance(value, Mapping):
            yield Problem(path, "type", "Should be an object")
            return
        shape = service_model.shape(shape_name)
        members = self.members(shape)
        for name in shape.get("required", ()):
            wire = shape["members"][name].get("locationName", name)
            if (name if self.names == "python" else wire) not in value:
                yield Problem(f"{path}/{wire}", "required", "Is a required property")
        for name, item in value.items():
            if name not in members:
                yield Problem(f"{path}/{name}", "unknown", "Is not a known property")
                continue
            wire, member = members[name]
            yield from self.value(item, member, f"{path}/{wire}")

    def listing(self, value: object, shape_name: str, path: str) -> Iterator[Problem]:
        if not isinstance(value, list | tuple):
            yield Problem(path, "type", "Should be an array")
            return
        member = service_model.shape(shape_name)["member"]["shape"]
        for place, item in enumerate(value):
            yield from self.value(item, member, f"{path}/{place}")

    def mapping(self, value: object, shape_name: str, path: str) -> Iterator[Problem]:
        if not isinstance(value, Mapping):
            yield Problem(path, "type", "Should be an object")
            return
        member = service_model.shape(shape_name)["value"]["shape"]
        for key, item in value.items():
            if not isinstance(key, str):
                yield Problem(path, "type", "Should have texts as keys")
            yield from self.value(item, member, f"{path}/{str(key).replace('~', '~0').replace('/', '~1')}")

    def text(self, value: object, shape_name: str, path: str) -> Iterator[Problem]:
        if not isinstance(value, str):
            yield Problem(path, "type", "Should be a string")
            return
        choices = service_model.choices(shape_name)
        if choices and value not in choices:
            yield Problem(path, "enum", f"Should be one of: {', '.join(choices)}")
        bounds = service_model.limits(shape_name)
        if bounds.minimum is not None and len(value) < bounds.minimum:
            yield Problem(path, "length", f"Should have at least {bounds.minimum} characters")
        if bounds.maximum is not None and len(value) > bounds.maximum:
            yield Problem(path, "length", f"Should have at most {bounds.maximum} characters")
        pattern = service_model.pattern(shape_name)
        if pattern is not None and not pattern.search(value):
            yield Problem(path, "pattern", f"Should match pattern {service_model.shape(shape_name)['pattern']}")

    def whole(self, value: object, shape_name: str, path: str) -> Iterator[Problem]:
        if isinstance(value, bool) or not isinstance(value, int):
            yield Problem(path, "type", "Should be an integer")
            return
        yield from _in_range(value, shape_name, path)

    def real(self, value: object, shape_name: str, path: str) -> Iterator[Problem]:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            yield Problem(path, "type", "Should be a number")
            return
        yield from _in_range(value, shape_name, path)

    def truth(self, value: object, shape_name: str, path: str) -> Iterator[Problem]:  # noqa: ARG002
        if not isinstance(value, bool):
            yield Problem(path, "type", "Should be a boolean")

    def anything(self, value: object, shape_name: str, path: str) -> Iterator[Problem]:  # noqa: ARG002
        """Timestamps, which no request that creates work carries."""
        yield from ()


_CHECKS: Final[Mapping[str, Callable[[_Walk, object, str, str], Iterator[Problem]]]] = {
    "structure": _Walk.structure,
    "list": _Walk.listing,
    "map": _Walk.mapping,
    "string": _Walk.text,
    "integer": _Walk.whole,
    "long": _Walk.whole,
    "double": _Walk.real,
    "boolean": _Walk.truth,
    "timestamp": _Walk.anything,
}


def _in_range(value: float, shape_name: str, path: str) -> Iterator[Problem]:
    bounds = service_model.limits(shape_name)
    if bounds.minimum is not None and value < bounds.minimum:
        yield Problem(path, "range", f"Should be greater than or equal to {bounds.minimum:g}")
    if bounds.maximum is not None and value > bounds.maximum:
        # :g would write 1152000000 as 1.152e+09.
        yield Problem(path, "range", f"Should be less than or equal to {int(bounds.maximum)}")


def model_problems(document: object, shape_name: str, names: Names = "python") -> list[Problem]:
    """Everything in a document that its shape of the service model does not allow.

    :param shape_name: for example ``CreateJobRequest``, ``JobSettings``, ``PresetSettings``
    """
    return list(_Walk(names).value(document, shape_name, ""))


def problems(request: Mapping[str, Any], names: Names = "python") -> list[Problem]:
    """Everything that is wrong with a CreateJob request: the model's rules, then the rules between fields.

    Rules between fields are looked at only when the model is kept, so that nothing is told twice. Paths below
    ``settings`` begin there, as in the service's own messages.
    """
    found = model_problems(request, "CreateJobRequest", names)
    if not found:
        python = request if names == "python" else service_model.to_python(request, "CreateJobRequest")
        found = list(cross_field_problems(python))
    return below_settings(found)


def validate(request: Mapping[str, Any], names: Names = "python") -> None:
    """Refuse a CreateJob request that the service would refuse.

    :raises JobSettingsError: naming every path and what is expected there
    """
    found = problems(request, names)
    if not found:
        return
    listed = "; ".join(str(item) for item in found[:_LISTED])
    more = f"; and {len(found) - _LISTED} more" if len(found) > _LISTED else ""
    raise JobSettingsError(
        f"MediaConvert would refuse these job settings: {listed}{more}.", problems=tuple(str(item) for item in found)
    )
