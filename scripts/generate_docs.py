"""Write the pages of the documentation that are read off the code.

``python scripts/generate_docs.py`` writes them; ``--check`` only says whether they are up to date (exit code 1 if not).
"""

from __future__ import annotations

import ast
import json
import sys
import types
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MinLen
from local_mediaconvert.transcode.support import page as local_mediaconvert
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from vodflow.catalog import describe as catalog
from vodflow.cli import describe as command_line
from vodflow.settings import Settings
from vodflow.settings.channels import BaseChannel, Channel, SlackChannel, SnsChannel, WebhookChannel
from vodflow.settings.key_attributes import KeyAttribute
from vodflow.settings.watch_rules import WatchRule

REPOSITORY = Path(__file__).resolve().parents[1]
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
        "command-line.md": _prose("command-line.md", "## `vodflow ") + command_line.markdown(),
        "local-mediaconvert-settings.md": local_mediaconvert.markdown(),
        "catalog.md": catalog.markdown(),
    }


def _prose(name: str, first: str) -> str:
    """What people have written on a page, before its first generated heading."""
    return (REPOSITORY / "docs" / name).read_text("utf-8").partition(f"\n{first}")[0] + "\n"


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
    models = {WatchRule: "watch rule", KeyAttribute: "key attribute"}
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
    """Meanings of the fields as the class's docstring gives them (``:param name: meaning``)."""
    found: dict[str, str] = {}
    for block in (model.__doc__ or "").split(":param ")[1:]:
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


if __name__ == "__main__":
    raise SystemExit(main())
