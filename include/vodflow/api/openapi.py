"""The OpenAPI document: what FastAPI reads off the routes, and what the guard does to every request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from vodflow.api.access import Requires
from vodflow.api.idempotency import HEADER, PATTERN
from vodflow.api.problems import ProblemDocument, phrase, problem_responses
from vodflow.api.route_table import Entry, RouteTable

_SCHEMES: Final = {
    "token": {
        "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
        "description": "a token of the issuer that the installation trusts, or one of Airflow",
    },
    "apiKey": {"type": "http", "scheme": "bearer", "bearerFormat": "vf_…", "description": "an API key"},
    "apiKeyHeader": {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "an API key"},
}  # fmt: skip

_PREFIX: Final = "#/components/schemas/"

_DESCRIPTION: Final = (
    "Videos in, their work, and who may watch them. Errors are problem details (RFC 9457) whose `code` is the same "
    "whenever the same thing is wrong; lists come page by page; every POST takes an `Idempotency-Key`."
)

_WITH_BODY: Final = frozenset({"post", "put", "patch", "delete"})


def document(app: FastAPI) -> dict[str, Any]:
    """The document; the same for every installation of this version."""
    made = get_openapi(title=app.title, version=app.version, description=_DESCRIPTION, routes=app.routes)
    table = RouteTable(app.routes)
    for path, methods in made["paths"].items():
        for method, operation in methods.items():
            entry = table.find(_example(path), method.upper()).entry
            assert entry is not None, path  # noqa: S101 - they are the same routes
            _complete(path, method, operation, entry)
    schemas = made.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):  # FastAPI's own, which nobody is answered with
        schemas.pop(name, None)
    problem = ProblemDocument.model_json_schema(ref_template=_PREFIX + "{model}")
    schemas |= problem.pop("$defs") | {ProblemDocument.__name__: problem}
    made["components"] |= {"schemas": dict(sorted(schemas.items())), "responses": _shared(made["paths"])}
    made["components"]["securitySchemes"] = _SCHEMES
    return made


def _shared(paths: Mapping[str, Any]) -> dict[str, Any]:
    """Refusals that are the same everywhere, each said once and referred to."""
    shared = {}
    for operation in (operation for methods in paths.values() for operation in methods.values()):
        for status, answer in operation["responses"].items():
            if answer == problem_responses(int(status))[int(status)]:
                shared[f"Refused{status}"] = answer
                operation["responses"][status] = {"$ref": f"#/components/responses/Refused{status}"}
    return dict(sorted(shared.items()))


def _complete(path: str, method: str, operation: dict[str, Any], entry: Entry) -> None:
    """What the guard adds: credentials, keys against repetition, refusals."""
    responses: dict[str, Any] = operation["responses"]
    own = {status: answer for status, answer in responses.items() if status != "422" or not _is_fastapis(answer)}
    refusals = _refusals(path, method, entry)
    both = {status: _both(own[status], refusals[status]) for status in own.keys() & refusals.keys()}
    operation["responses"] = dict(sorted((refusals | own | both).items()))
    if isinstance(entry.demand, Requires):
        operation["security"] = [{name: []} for name in _SCHEMES]
        operation["x-scope"] = entry.demand.scope.value
        if method == "post":
            operation.setdefault("parameters", []).append(_IDEMPOTENCY_KEY)


def _both(own: Mapping[str, Any], refusal: Mapping[str, Any]) -> dict[str, Any]:
    """A status that a route answers by itself, and with which the guard may refuse as well."""
    return {**own, "content": {**own.get("content", {}), **refusal["content"]}}


def _refusals(path: str, method: str, entry: Entry) -> dict[str, Any]:
    statuses = {400, 414, 422, 431, 503}
    known = isinstance(entry.demand, Requires)
    if known or entry.demand.own_proof:  # type: ignore[union-attr]
        statuses |= {401, 403, 429}
    else:
        statuses |= {401, 429}  # a wrong credential where none is needed
    if method in _WITH_BODY:
        statuses |= {408, 412, 413} | (set() if entry.any_body else {415})
    if "{" in path:
        statuses.add(404)
    if method == "post" and known:
        statuses.add(409)
    answers = {str(status): answer for status, answer in problem_responses(*statuses).items()}
    return answers | ({"304": {"description": phrase(304)}} if method == "get" else {})


def _is_fastapis(answer: Mapping[str, Any]) -> bool:
    schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
    return bool(schema.get("$ref", "").endswith("HTTPValidationError"))


def _example(path: str) -> str:
    """An address that the path's route answers."""
    return "/".join("1" if part.startswith("{") else part for part in path.split("/"))


_IDEMPOTENCY_KEY: Final = {
    "name": HEADER, "in": "header", "required": False,
    "description": "chosen by the client for one thing to be done: a repeated request is carried out once",
    "schema": {"type": "string", "pattern": PATTERN, "maxLength": 255},
}  # fmt: skip
