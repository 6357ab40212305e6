"""What there is, for programs and for people."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable
from typing import Any, Final

from fastapi import APIRouter, Depends, Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from vodflow.api.access import Public
from vodflow.api.openapi import document

router = APIRouter(tags=["documents"], dependencies=[Depends(Public("it says nothing of anybody"))])

_STYLE: Final = (
    ":root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:62rem;margin:0 auto;"
    "padding:1rem 1.25rem 3rem;overflow-wrap:anywhere}code{font-size:.92em}h2{margin:2rem 0 .5rem}"
    "nav{display:flex;flex-wrap:wrap;gap:.25rem 1rem}details{border-top:1px solid #8886;padding:.45rem 0}"
    "summary{cursor:pointer}summary b{display:inline-block;width:4.75rem}summary span{display:block;padding-left:1rem;"
    "opacity:.75}dt{margin-top:.35rem}dd{margin-left:1.5rem}"
)
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"


@router.get("/api/v1/openapi.json", include_in_schema=False)
def openapi(request: Request) -> Response:
    """The OpenAPI document."""
    return JSONResponse(_served(request))


@router.get("/api/v1/docs", include_in_schema=False)
def docs(request: Request) -> Response:
    """The same as a page that needs nothing but itself."""
    made = _served(request)
    schemas = made["components"]["schemas"]
    by_tag: dict[str, list[str]] = {}
    for path, methods in made["paths"].items():
        for method, operation in methods.items():
            by_tag.setdefault(operation["tags"][0], []).append(_operation(path, method, operation, schemas))
    tags = sorted(by_tag)
    menu = "".join(f'<a href="#{html.escape(tag)}">{html.escape(tag)}</a>' for tag in tags)
    parts = "".join(f'<h2 id="{html.escape(tag)}">{html.escape(tag)}</h2>{"".join(by_tag[tag])}' for tag in tags)
    page = (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Vodflow API</title><style>{_STYLE}</style><h1>Vodflow API {html.escape(made['info']['version'])}</h1>"
        f"<p>{_text(made['info']['description'])}</p><p>Send a token as <code>Authorization: Bearer …</code>, or an "
        "API key in <code>x-api-key</code>; <code>vodflow api-keys create</code> makes one. "
        'For programs: <a href="openapi.json">openapi.json</a>. '
        f'Files are sent by hand on the <a href="../../upload/">upload page</a>.</p><nav>{menu}</nav>{parts}</html>'
    )
    return HTMLResponse(page, headers={"Content-Security-Policy": _POLICY})


def _served(request: Request) -> dict[str, Any]:
    """The document with the address that it is served at."""
    root = request.scope.get("root_path", "")
    made = document(request.app)
    return {**made, "servers": [{"url": root}]} if root else made


def _operation(path: str, method: str, operation: dict[str, Any], schemas: dict[str, Any]) -> str:
    first, _, more = operation.get("description", operation.get("summary", "")).partition("\n\n")
    right = operation.get("x-scope")
    takes = f"Takes the right <code>{html.escape(right)}</code>." if right else "Public."
    given = "".join(_parameter(one, schemas) for one in operation.get("parameters", []))
    more_told, listed = f"<p>{_text(more)}</p>" if more else "", f"<dl>{given}</dl>" if given else ""
    return (
        f"<details><summary><b>{method.upper()}</b> <code>{html.escape(path)}</code>"
        f"<span>{_text(first)}</span></summary>{more_told}<p>{takes}</p>{listed}"
        f"{_body(operation.get('requestBody'), schemas)}<p>{_answers(operation['responses'])}</p></details>"
    )


def _answers(responses: dict[str, Any]) -> str:
    """What a route answers, and with which states it may refuse."""
    refused = [status for status in responses if status >= "4"]
    answered = ", ".join(status for status in responses if status not in refused)
    return f"Answers {answered}" + (f"; refuses with {', '.join(refused)}." if refused else ".")


def _body(body: dict[str, Any] | None, schemas: dict[str, Any]) -> str:
    """The fields of what is sent, of one level: what is within them stands in the document."""
    if body is None:
        return ""
    schema = next(iter(body["content"].values()))["schema"]
    found = next((one for one in _resolved(schema, schemas) if "properties" in one), {})
    wanted = found.get("required", [])
    fields = "".join(
        _entry(name, "body", one, one.get("description", ""), schemas, required=name in wanted)
        for name, one in found.get("properties", {}).items()
    )
    told = body.get("description") or schema.get("description") or ""
    return f"<p>Body: JSON{f', {_text(told)}' if told else ''}</p>{f'<dl>{fields}</dl>' if fields else ''}"


def _resolved(schema: dict[str, Any], schemas: dict[str, Any]) -> Iterable[dict[str, Any]]:
    """A schema, or those that it may be."""
    for one in schema.get("anyOf", [schema]):
        yield schemas[one["$ref"].rpartition("/")[2]] if "$ref" in one else one


def _parameter(one: dict[str, Any], schemas: dict[str, Any]) -> str:
    schema, meaning = one.get("schema", {}), one.get("description", "")
    return _entry(one["name"], one["in"], schema, meaning, schemas, required=one.get("required", False))


def _entry(
    name: str, where: str, schema: dict[str, Any], meaning: str, schemas: dict[str, Any], *, required: bool
) -> str:
    default = schema.get("default")
    notes = [where, _kind(schema, schemas), "required" if required else ""]
    notes.append(f"default {json.dumps(default, ensure_ascii=False)}" if default not in (None, [], {}) else "")
    told = html.escape(", ".join(filter(None, notes)))
    return f"<dt><code>{html.escape(name)}</code> ({told})</dt>{f'<dd>{_text(meaning)}</dd>' if meaning else ''}"


def _kind(schema: dict[str, Any], schemas: dict[str, Any]) -> str:
    """What a value is, in a word or two."""
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_kind(one, schemas) for one in schema["anyOf"] if one.get("type") != "null"))
    if "$ref" in schema:
        name = str(schema["$ref"].rpartition("/")[2])
        return _kind(schemas[name], schemas) if "enum" in schemas[name] else name
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}), schemas)}"
    return str(schema.get("format") or schema.get("type", ""))


def _text(text: str) -> str:
    """Words between backticks as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))
