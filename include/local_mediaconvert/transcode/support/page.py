"""``docs/local-mediaconvert-settings.md``: what becomes of each job setting, read off the tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from vodflow.engines.mediaconvert.request import service_model

from local_mediaconvert.transcode.support.rules import TABLES, Members, Rule, Support

_INTRODUCTION: Final = """# The local MediaConvert: each setting

What the [local MediaConvert](local-mediaconvert.md) does with every setting of a job. This page is generated from
`local_mediaconvert.transcode`: one table for each part of the job, a row for each structure of the API (names as in
boto3), and the members that are honoured, warned about and refused, with a remark where one helps.
"""


def markdown() -> str:
    """The whole page."""
    lines = [_INTRODUCTION]
    for title, rules in TABLES.items():
        lines += [f"## {title}", "", "| structure | honoured | warned | refused |", "|---|---|---|---|"]
        lines += [_row(name, members) for name, members in sorted(rules.items())]
        lines.append("")
    return "\n".join(lines)


def _row(name: str, members: Members) -> str:
    cells = [f"`{name}`", *(_cell(name, members, support) for support in Support)]
    return "| " + " | ".join(cells) + " |"


def _cell(name: str, members: Members, support: Support) -> str:
    """The members with that support; single values with another support stand in the cell of that one."""
    by_note: dict[str, list[str]] = {}
    for member, rule in members.items():
        if rule.support is support:
            by_note.setdefault(rule.note, []).append(f"`{member}`")
        for note, values in _values(rule, support):
            by_note.setdefault(note, []).append(f"`{member}`: {values}")
    if not by_note:
        return ""
    texts = [", ".join(names) + (f" ({note})" if note else "") for note, names in sorted(by_note.items())]
    service_model.shape(name)  # a structure that the API does not have is a mistake
    return "; ".join(texts).replace("|", "\\|")


def _values(rule: Rule, support: Support) -> Iterator[tuple[str, str]]:
    by_note: dict[str, list[str]] = {}
    for value, (other, note) in rule.values.items():
        if other is support and other is not rule.support:
            by_note.setdefault(note, []).append(str(value))
    for note, values in by_note.items():
        numbers = all(value.isdigit() for value in values) and len(values) > 5
        yield note, "other numbers" if numbers else ", ".join(f"`{value}`" for value in values)
