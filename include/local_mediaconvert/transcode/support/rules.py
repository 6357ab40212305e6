"""Support for settings: the tables beside this module, read into one rule for each member of each structure.

A table names structures of the service model (several where their rules are the same) and says of each: the members
that are ``honoured``, ``warned`` about and ``refused``; ``notes`` on members, and a ``note`` for those that have none;
values that are ``neutral``, which ask for nothing; and ``values`` whose support differs. ``1..5`` means 1 to 5.
``every`` lists structures of which all members are warned about or refused, ``shared`` what others refer to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import yaml
from vodflow.engines.mediaconvert.request import service_model


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


def _table(name: str) -> dict[str, Members]:
    """The rules of one file, by structure."""
    written = yaml.load((Path(__file__).parent / f"{name}.yaml").read_text("utf-8"), Loader=yaml.CSafeLoader)
    written.pop("shared", None)
    found: dict[str, Members] = {}
    for whole in written.pop("every", ()):
        for support in Support:
            for structure in whole.get(support, "").split():
                rule = Rule(support, whole["note"])
                found[structure] = dict.fromkeys(service_model.shape(structure)["members"], rule)
    for structures, described in written.items():
        found |= dict.fromkeys(structures.split(), _members(**described))
    return found


def _members(
    *,
    honoured: str = "",
    warned: str = "",
    refused: str = "",
    note: str = "",
    notes: Mapping[str, str] | None = None,
    neutral: Mapping[str, Any] | None = None,
    values: Mapping[str, Mapping[Any, Mapping[str, str]]] | None = None,
) -> Members:
    """The rules of one structure.

    :param note: for every member that has none of its own and is not honoured; of honoured ones where all are
    """
    found: Members = {}
    for support, text in ((Support.HONOURED, honoured), (Support.WARNED, warned), (Support.REFUSED, refused)):
        for name in text.split():
            if name in found:
                raise ValueError(f"{name} stands twice")
            found[name] = Rule(
                support,
                (notes or {}).get(name, "" if support is Support.HONOURED and (warned or refused) else note),
                NEUTRAL.union(_meant((neutral or {}).get(name, []))),
                {
                    value: (Support(other), remark)
                    for keys, verdict in (values or {}).get(name, {}).items()
                    for value in _meant(keys.split())
                    for other, remark in verdict.items()
                },
            )
    return found


def _meant(written: Any) -> tuple[Any, ...]:
    """The values that an entry stands for.

    Of a setting that is itself a list: ``list`` is the whole, ``first_of`` its first item, its first two and so on.
    """
    if isinstance(written, list):
        return tuple(value for item in written for value in _meant(item))
    if isinstance(written, dict):
        whole = _meant(written.get("list", written.get("first_of")))
        return (whole,) if "list" in written else tuple(whole[:end] for end in range(1, len(whole) + 1))
    first, dots, last = str(written).partition("..")
    return tuple(range(int(first), int(last) + 1)) if dots else (written,)


#: Rules by title of the table, shape of the service model, and member.
TABLES: Final = {
    title: _table(name)
    for title, name in {
        "Job and inputs": "inputs",
        "Output groups": "groups",
        "Containers": "containers",
        "Video": "video",
        "Preprocessors": "preprocessors",
        "Audio": "audio",
        "Captions": "captions",
    }.items()
}

#: Rules by shape of the service model, then by member.
RULES: Final = {name: members for table in TABLES.values() for name, members in table.items()}
