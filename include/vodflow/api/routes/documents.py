"""What there is, for programs and for people."""

from __future__ import annotations

import html
import json
from typing import Any, Final

from fastapi import APIRouter, Depends, Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from vodflow.api.access import Public
from vodflow.api.openapi import document

router = APIRouter(tags=["documents"], dependencies=[Depends(Public("it says nothing of anybody"))])

_STYLE: Final = (
    ":root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto}"
    "code{font-size:.95em}h2{margin-top:2.5rem}details{border-top:1px solid #8886;padding:.5rem 0}"
    "summary{cursor:pointer}summary b{display:inline-block;width:4.5rem}dt{font-weight:600}"
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
    by_tag: dict[str, list[str]] = {}
    for path, methods in made["paths"].items():
        for method, operation in methods.items():
            by_tag.setdefault(operation["tags"][0], []).append(_operation(path, method, operation))
    parts = "".join(f"<h2>{html.escape(tag)}</h2>{''.join(operations)}" for tag, operations in sorted(by_tag.items()))
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Vodflow API</title><style>{_STYLE}</style>'
        f"<h1>Vodflow API {html.escape(made['info']['version'])}</h1><p>{html.escape(made['info']['description'])}</p>"
        f'<p><a href="openapi.json">openapi.json</a></p>{parts}</html>'
    )
    return HTMLResponse(page, headers={"Content-Security-Policy": _POLICY})


def _served(request: Request) -> dict[str, Any]:
    """The document with the address that it is served at."""
    root = request.scope.get("root_path", "")
    made = document(request.app)
    return {**made, "servers": [{"url": root}]} if root else made


def _operation(path: str, method: str, operation: dict[str, Any]) -> str:
    described = html.escape(operation.get("description", operation.get("summary", "")))
    given = "".join(map(_parameter, operation.get("parameters", [])))
    body = operation.get("requestBody")
    sent = f"<p>Body: <code>{html.escape(json.dumps(body['content'], ensure_ascii=False))}</code></p>" if body else ""
    right = operation.get("x-scope")
    takes = f"<p>Takes the right <code>{html.escape(right)}</code>.</p>" if right else "<p>Public.</p>"
    answers = ", ".join(html.escape(status) for status in operation["responses"])
    return (
        f"<details><summary><b>{method.upper()}</b> <code>{html.escape(path)}</code></summary><p>{described}</p>{takes}"
        f"{f'<dl>{given}</dl>' if given else ''}{sent}<p>Answers: {answers}.</p></details>"
    )


def _parameter(one: dict[str, Any]) -> str:
    name, meaning = html.escape(one["name"]), html.escape(one.get("description", ""))
    return f"<dt><code>{name}</code> ({one['in']})</dt><dd>{meaning}</dd>"
