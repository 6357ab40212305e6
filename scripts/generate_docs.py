"""Write the pages of the documentation that are read off the code.

``python scripts/generate_docs.py`` writes them; ``--check`` only says whether they are up to date (exit code 1 if not).
"""

from __future__ import annotations

import ast
import json
import sys
import types
from collections.abc import Iterator
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer
from annotated_types import Ge, Gt, Le, Lt, MinLen
from local_mediaconvert.transcode.support.rules import TABLES, Members, Rule, Support
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from typer.core import TyperGroup
from vodflow.api.app import make_routes
from vodflow.api.openapi import document
from vodflow.catalog import describe as catalog
from vodflow.cli.app import SUBCOMMANDS
from vodflow.engines.mediaconvert.request import service_model
from vodflow.settings import Settings
from vodflow.settings.channels import BaseChannel, Channel, SlackChannel, SnsChannel, WebhookChannel
from vodflow.settings.key_attributes import KeyAttribute
from vodflow.settings.uploads import ImportBucket
from vodflow.settings.watch_rules import WatchRule

REPOSITORY = Path(__file__).resolve().parents[1]
_MEDIACONVERT_SETTINGS = """# The local MediaConvert: each setting

What the [local MediaConvert](local-mediaconvert.md) does with every setting of a job. This page is generated from
`local_mediaconvert.transcode`: one table for each part of the job, a row for each structure of the API (names as in
boto3), and the members that are honoured, warned about and refused, with a remark where one helps.
"""

_BOUNDS = {Ge: ("≥", "ge"), Gt: (">", "gt"), Le: ("≤", "le"), Lt: ("<", "lt")}


def main() -> int:
    """Write or check every generated document."""
    stale = []
    for name, text in documents().items():
        path = REPOSITORY / "docs" / name
        if path.exists() and path.read_text("utf-8") == text:
            continue
        if "--check" in sys.argv:
            stale.append(name)
        else:
            path.write_text(text, "utf-8")
    if stale:
        sys.stderr.write(f"docs/{', docs/'.join(stale)}: out of date; run `make docs`\n")
    return 1 if stale else 0


def documents() -> dict[str, str]:
    """Every generated document by its name below ``docs/``."""
    return {
        "configuration.md": _configuration(),
        "dags.md": _dags(),
        "command-line.md": _prose("command-line.md", "## `vodflow ") + _commands(),
        "local-mediaconvert-settings.md": _mediaconvert_settings(),
        "catalog.md": catalog.markdown(),
        "reports.md": _prose("reports.md", "## Tables\n") + catalog.report_tables(),
        "openapi.json": json.dumps(api := document(make_routes(None)), indent=1, ensure_ascii=False) + "\n",
        "api.md": _prose("api.md", "## Routes\n") + _routes(api),
    }


def _prose(name: str, first: str) -> str:
    """What people have written on a page, before its first generated heading."""
    return (REPOSITORY / "docs" / name).read_text("utf-8").partition(f"\n{first}")[0] + "\n"


def _routes(api: dict[str, Any]) -> str:
    """A line for each route of the API."""
    lines = [
        "## Routes",
        "",
        "Generated from [openapi.json](openapi.json), which says of each what it takes and answers.",
        "",
        "| | path | right | |",
        "|---|---|---|---|",
    ]
    for path, methods in sorted(api["paths"].items()):
        for method, operation in methods.items():
            right = f"`{operation['x-scope']}`" if "x-scope" in operation else "–"
            said = " ".join(operation["description"].partition("\n\n")[0].split()).replace("|", "\\|")
            lines.append(f"| {method.upper()} | `{path}` | {right} | {said} |")
    return "\n".join(lines) + "\n"


def _configuration() -> str:
    return "\n".join(
        [
            "# Configuration",
            "",
            "Every setting is an environment variable. This page is generated from `vodflow.settings`; a wrong value",
            "stops the program with a sentence that names the variable. The embedded stack sets what it needs by",
            "itself and passes on every `VODFLOW_*` variable of the shell that starts it.",
            "",
            "## Settings",
            "",
            "| variable | type | default | meaning |",
            "|---|---|---|---|",
            *(_row(f"VODFLOW_{name.upper()}", field) for name, field in Settings.model_fields.items()),
            "",
            "## Watch rules",
            "",
            "`VODFLOW_WATCH` is a JSON list of objects with these fields. The first rule that takes an object decides",
            "about its tenant and profile.",
            "",
            "| field | type | default | meaning |",
            "|---|---|---|---|",
            *_fields(WatchRule),
            "",
            "## Import buckets",
            "",
            "`VODFLOW_IMPORT_BUCKETS` is a JSON list of objects with these fields; see",
            "[uploads.md](uploads.md#import-by-url).",
            "",
            "| field | type | default | meaning |",
            "|---|---|---|---|",
            *_fields(ImportBucket),
            "",
            "## Key attributes",
            "",
            "`VODFLOW_DYNAMODB_KEY` is a JSON list of one (partition key) or two (and sort key) of these; see",
            "[metadata.md](metadata.md).",
            "",
            "| field | type | default | meaning |",
            "|---|---|---|---|",
            *_fields(KeyAttribute),
            "",
            "## Notification channels",
            "",
            "`VODFLOW_NOTIFICATIONS` is a JSON list of channels, each with a `type` and these fields; see",
            "[notifications.md](notifications.md).",
            "",
            "| type | field | kind | default | meaning |",
            "|---|---|---|---|---|",
            *(f"| any {row}" for row in _fields(BaseChannel)),
            *(
                f"| `{kind}` {row}"
                for kind, model in (("sns", SnsChannel), ("slack", SlackChannel), ("webhook", WebhookChannel))
                for row in _fields(model, without=BaseChannel)
            ),
            "",
        ]
    )


def _fields(model: type[BaseModel], without: type[BaseModel] = BaseModel) -> list[str]:
    """A row for each field that ``without`` does not have; ``type`` names the model and needs none."""
    meanings = _parameters(model)
    return [
        _row(name, field, meanings.get(name))
        for name, field in model.model_fields.items()
        if name not in without.model_fields and (without is BaseModel or name != "type")
    ]


def _row(name: str, field: FieldInfo, meaning: str | None = None) -> str:
    cells = (f"`{name}`", _type(field), _default(field), field.description or meaning or "")
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _type(field: FieldInfo) -> str:
    bounds = [
        f"{_BOUNDS[type(rule)][0]} {getattr(rule, _BOUNDS[type(rule)][1]):g}"
        for rule in field.metadata
        if type(rule) in _BOUNDS
    ]
    unit = "entries" if get_origin(field.annotation) is tuple else "characters"
    bounds += [f"at least {rule.min_length} {unit}" for rule in field.metadata if isinstance(rule, MinLen)]
    return ", ".join([_type_name(field.annotation), *bounds])


def _type_name(annotation: Any) -> str:
    if get_origin(annotation) in {Union, types.UnionType}:
        return " or ".join(_type_name(item) for item in get_args(annotation) if item is not type(None))
    if get_origin(annotation) is Annotated:
        return "channel" if annotation is Channel else _type_name(get_args(annotation)[0])
    if get_origin(annotation) is tuple:
        return f"list of {_type_name(get_args(annotation)[0])}"
    if get_origin(annotation) is Literal:
        return " or ".join(str(value) for value in get_args(annotation))
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return " or ".join(annotation)
    names = {
        str: "text", int: "integer", float: "number", Decimal: "number", bool: "true/false",
        SecretStr: "text, secret", Path: "path",
    }  # fmt: skip
    models = {WatchRule: "watch rule", KeyAttribute: "key attribute", ImportBucket: "import bucket"}
    return names.get(annotation) or models.get(annotation) or getattr(annotation, "__name__", "text")


def _default(field: FieldInfo) -> str:
    value = field.default
    if value is PydanticUndefined:
        return "required"
    if value is None:
        return ""
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, tuple):
        shown = [item.model_dump(exclude_unset=True) if isinstance(item, BaseModel) else item for item in value]
        return f"`{json.dumps(shown)}`" if shown else ""
    return f"`{value}`"


def _parameters(model: type[BaseModel]) -> dict[str, str]:
    """Meanings of the fields as the docstrings of the class and its bases give them (``:param name: meaning``)."""
    found: dict[str, str] = {}
    for one in reversed(model.__mro__):
        for block in (one.__doc__ or "").split(":param ")[1:]:
            name, _, meaning = block.partition(":")
            found[name.strip()] = " ".join(meaning.split())
    return found


def _dags() -> str:
    parts = ["# DAGs", "", "Generated from the DAG files' docstrings, which Airflow's UI shows as well."]
    for path in sorted(REPOSITORY.glob("dags/*/*/*_dag.py")):
        docstring = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
        title, _, body = docstring.strip().partition("\n")
        parts += ["", f"## {title.removeprefix('# ')}", "", f"`{path.relative_to(REPOSITORY)}`", "", body.strip()]
    return "\n".join(parts) + "\n"


def _commands() -> str:
    """A section for each command."""
    parts: list[str] = []
    for name, subcommand in SUBCOMMANDS.items():
        command: Any = subcommand.load(name)
        with typer.Context(command, info_name=f"vodflow {name}") as context:
            parts += _command(command, context, name, 2)
    return "\n".join(parts).rstrip() + "\n"


def _command(command: Any, context: Any, path: str, level: int) -> Iterator[str]:
    yield f"{'#' * level} `vodflow {path}`"
    yield ""
    yield " ".join((command.help or "").split())
    yield ""
    if isinstance(command, TyperGroup):
        for name in command.list_commands(context):
            inner: Any = command.get_command(context, name)
            if inner.hidden:  # an older name of another one
                continue
            with typer.Context(inner, info_name=name, parent=context) as below:
                yield from _command(inner, below, f"{path} {name}", level + 1)
        return
    records = [record for parameter in command.get_params(context) if (record := parameter.get_help_record(context))]
    records = [record for record in records if not record[0].startswith("--help")]
    if records:
        yield "| | |"
        yield "|---|---|"
        yield from (f"| `{_one_line(name)}` | {_one_line(meaning)} |" for name, meaning in records)
        yield ""


def _one_line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _mediaconvert_settings() -> str:
    lines = [_MEDIACONVERT_SETTINGS]
    for title, rules in TABLES.items():
        lines += [f"## {title}", "", "| structure | honoured | warned | refused |", "|---|---|---|---|"]
        lines += [_structure(name, members) for name, members in sorted(rules.items())]
        lines.append("")
    return "\n".join(lines)


def _structure(name: str, members: Members) -> str:
    cells = [f"`{name}`", *(_members(name, members, support) for support in Support)]
    return "| " + " | ".join(cells) + " |"


def _members(name: str, members: Members, support: Support) -> str:
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


if __name__ == "__main__":
    raise SystemExit(main())
