"""How support for a setting is written down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final


class Support(StrEnum):
    """What becomes of a setting."""

    HONOURED = "honoured"
    WARNED = "warned"
    REFUSED = "refused"


#: Values that ask for nothing: a setting that is not honoured is not told about when it has one of them.
NEUTRAL: Final = frozenset(
    {"NONE", "DISABLED", "DISABLE", "AUTO", "DEFAULT", "OFF", "FOLLOW", "NORMAL", "EXCLUDE", "OMIT"}
)


@dataclass(frozen=True)
class Rule:
    """Support for one member of a shape.

    :param note: why, or how; one clause
    :param neutral: values that ask for nothing
    :param values: support of single values, where it differs
    """

    support: Support
    note: str = ""
    neutral: frozenset[Any] = NEUTRAL
    values: Mapping[Any, tuple[Support, str]] = field(default_factory=dict)

    def of(self, value: object) -> tuple[Support, str]:
        """Support of one value, and the note."""
        plain = tuple(value) if isinstance(value, list) else value
        if isinstance(plain, Mapping) or (
            isinstance(plain, tuple) and any(isinstance(item, Mapping) for item in plain)
        ):
            return self.support, self.note
        if plain in self.values:
            return self.values[plain]
        if self.support is not Support.HONOURED and plain in self.neutral:
            return Support.HONOURED, self.note
        return self.support, self.note


Members = dict[str, Rule]


def shape(
    *,
    honoured: str = "",
    warned: str = "",
    refused: str = "",
    note: str = "",
    notes: Mapping[str, str] | None = None,
    neutral: Mapping[str, tuple[Any, ...]] | None = None,
    values: Mapping[str, Mapping[Any, tuple[Support, str]]] | None = None,
) -> Members:
    """The rules of one shape, members separated by spaces.

    :param note: for every member that has none of its own and is not honoured; of honoured ones where all are
    :param neutral: further neutral values by member
    """
    found: Members = {}
    for support, text in ((Support.HONOURED, honoured), (Support.WARNED, warned), (Support.REFUSED, refused)):
        for name in text.split():
            if name in found:
                raise ValueError(f"{name} stands twice")
            found[name] = Rule(
                support,
                (notes or {}).get(name, "" if support is Support.HONOURED and (warned or refused) else note),
                NEUTRAL | frozenset((neutral or {}).get(name, ())),
                (values or {}).get(name, {}),
            )
    return found


def warned(note: str) -> tuple[Support, str]:
    """A value that has no effect."""
    return Support.WARNED, note


def refused(note: str) -> tuple[Support, str]:
    """A value that fails the job."""
    return Support.REFUSED, note
