"""AWS's own description of MediaConvert, as botocore carries it: shapes, ranges, enums, patterns.

Read once from the installed package; nothing touches the network.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from botocore.loaders import Loader

API_VERSION: Final = "2017-08-29"

#: botocore leaves the range of floating-point shapes to their names: ``__doubleMinNegative59Max0``.
_DOUBLE: Final = re.compile(r"^__double(?:Min(Negative)?(\d+))?(?:Max(Negative)?(\d+))?$")


@dataclass(frozen=True)
class Range:
    """Inclusive bounds of a number, or of the length of a text."""

    minimum: float | None = None
    maximum: float | None = None


@lru_cache(maxsize=1)
def service_model() -> Mapping[str, Any]:
    """The parsed ``service-2.json`` of MediaConvert."""
    model: Mapping[str, Any] = Loader().load_service_model("mediaconvert", "service-2", API_VERSION)
    return model


def shape(name: str) -> Mapping[str, Any]:
    """One shape of the model.

    :raises KeyError: when the model has no shape of that name
    """
    found: Mapping[str, Any] = service_model()["shapes"][name]
    return found


@lru_cache(maxsize=2048)
def limits(name: str) -> Range:
    """The bounds of a shape; empty when it has none."""
    described = shape(name)
    if described["type"] == "double" and (match := _DOUBLE.match(name)):
        return Range(_signed(match[1], match[2]), _signed(match[3], match[4]))
    return Range(described.get("min"), described.get("max"))


@lru_cache(maxsize=256)
def pattern(name: str) -> re.Pattern[str] | None:
    """The compiled pattern of a text shape. AWS's ``$`` is the very end, Python's also allows a line end after it."""
    text = shape(name).get("pattern")
    return None if text is None else re.compile(re.sub(r"(?<!\\)\$", r"\\Z", text), re.ASCII)


def choices(name: str) -> tuple[str, ...]:
    """The values of an enum shape; empty for any other."""
    return tuple(shape(name).get("enum", ()))


@lru_cache(maxsize=64)
def settings_member(structure: str, choice: str) -> str:
    """Which member holds the settings of a codec or a type: of ``VideoCodecSettings`` for ``H_264``, ``H264Settings``.

    :return: empty where there are none, as of ``PASSTHROUGH``
    """
    name = f"{choice.removesuffix('_SETTINGS')}settings".replace("_", "").lower()
    return next((member for member in shape(structure)["members"] if member.lower() == name), "")


def to_python(value: Any, shape_name: str) -> Any:
    """A document with boto3's member names. Members that the shape does not have are left out."""
    described = shape(shape_name)
    if described["type"] == "structure":
        members = {item.get("locationName", name): (name, item["shape"]) for name, item in described["members"].items()}
        return {members[key][0]: to_python(item, members[key][1]) for key, item in value.items() if key in members}
    return _inside(value, described, to_python)


def to_wire(value: Any, shape_name: str) -> Any:
    """A document with the names of the wire. Members that the shape does not have are left out."""
    described = shape(shape_name)
    if described["type"] == "structure":
        members = described["members"]
        return {
            members[key].get("locationName", key): to_wire(item, members[key]["shape"])
            for key, item in value.items()
            if key in members
        }
    return _inside(value, described, to_wire)


def _inside(value: Any, described: Mapping[str, Any], convert: Any) -> Any:
    if described["type"] == "list":
        return [convert(item, described["member"]["shape"]) for item in value]
    if described["type"] == "map":
        return {key: convert(item, described["value"]["shape"]) for key, item in value.items()}
    return value


def _signed(negative: str | None, digits: str | None) -> float | None:
    if digits is None:
        return None
    return -float(digits) if negative else float(digits)
