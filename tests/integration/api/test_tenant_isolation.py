"""A tenant gets every route, every id, every key and every word of another: it is not found, and nothing of it is told.

Routes, tables and views that are added are walked without anybody's doing; a parameter that nobody here knows fails.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import text
from starlette.testclient import TestClient
from support.fixtures.api import EVERYTHING, Api
from support.two_tenants import ASKS, FIRST_ID, NAMED, OTHER, SECRET, far_ids, fill
from vodflow.api.callers import INSTALLATION_ONLY
from vodflow.catalog.database import acting_for, transaction
from vodflow.errors import CatalogError
from vodflow.reports.partitions import recompute_day
from vodflow.settings import Settings

pytestmark = pytest.mark.integration

#: What a parameter of a path is called → where the other tenant's values of it are.
OTHERS = {
    "slug": "SELECT slug FROM tenant WHERE slug = 'globex'",
    "video_id": "SELECT id FROM video WHERE id >= 700001",
    "source_id": "SELECT id FROM source WHERE id >= 700001",
    "ref": "SELECT id::text FROM job WHERE id >= 700001 UNION SELECT run_id FROM job WHERE id >= 700001"
    " UNION SELECT 'source-' || id FROM source WHERE id >= 700001",
    "job_id": "SELECT id FROM job WHERE id >= 700001",
    "letter_id": "SELECT id FROM dead_letter WHERE id >= 700001",
    "delivery_id": "SELECT id FROM notification_delivery WHERE id >= 700001",
    "channel": "SELECT channel FROM notification_delivery WHERE id >= 700001",
    "upload_id": "SELECT public_id FROM upload WHERE id >= 700001",
    "import_id": "SELECT id FROM url_import WHERE id >= 700001",
    "course_id": "SELECT id FROM course WHERE id >= 700001",
    "revocation_id": "SELECT id FROM playback_revocation WHERE id >= 700001",
    "user_id": "SELECT user_id FROM enrolment WHERE course_id >= 700001",
    "key_id": "SELECT id FROM api_key WHERE id >= 700001",
}
#: Parameters that name nothing of a tenant's.
NOBODYS = {"mart": "transcoding_daily", "playlist": "master.m3u8", "name": "x", "path": "hls/master.m3u8", "token": "x"}
#: Fields of bodies and queries that name something → what of the other tenant's is sent there.
FIELDS = {
    "tenant": OTHER, "source": f"s3://bucket-{NAMED}/{OTHER}/{NAMED}-a.mp4", "prefix": f"{OTHER}/",
    "channel": f"{OTHER}/crm-{NAMED}", "user_id": f"user-{NAMED}", "confirm": OTHER,
}  # fmt: skip

PROTECTED = text("SELECT format('%s.%s', schemaname, tablename) FROM pg_policies WHERE policyname = 'own_tenant'")
RELATIONS = text(
    "SELECT format('%s.%s', relnamespace::regnamespace, relname) FROM pg_class"
    " WHERE relnamespace::regnamespace::text IN ('public', 'reporting') AND relkind IN ('r', 'p', 'v', 'm')"
)


@dataclass
class Zoo:
    """Whoever asks, by token and by key, and the other tenant's values for each parameter of a path."""

    clients: dict[str, TestClient]
    other: dict[str, list[str]]


@pytest.fixture
def zoo(api: Api, set_settings: Callable[..., Settings], today: date) -> Zoo:
    """Two tenants with everything that a tenant may have."""
    set_settings(sealing_keys=json.dumps([Fernet.generate_key().decode()]))
    fill(ASKS, "zebra", "gazelle")
    clients = {by: api.client_as(EVERYTHING, ASKS, by=by) for by in ("token", "key")}
    far_ids()
    fill(OTHER, NAMED, SECRET)
    recompute_day(today)
    with transaction("test") as connection:
        found = {name: [str(value) for value in connection.scalars(text(query))] for name, query in OTHERS.items()}
        empty = [
            name
            for name in connection.scalars(PROTECTED)
            if not connection.scalar(text(f"SELECT count(*) FROM {name}"))  # noqa: S608 - names of our own
        ]
    assert all(found.values()), found
    assert set(empty) <= {"reporting.backlog_hourly"}, "support/two_tenants.py fills every table"
    return Zoo(clients, found)


def operations(client: TestClient) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path and description of each route that a tenant may call."""
    document = client.get("/api/v1/openapi.json").json()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if operation.get("x-scope") not in {scope.value for scope in INSTALLATION_ONLY}:
                yield method.upper(), path, operation | {"components": document["components"]["schemas"]}


def addresses(path: str, other: dict[str, list[str]]) -> Iterator[str]:
    """The path with each combination of the other tenant's values."""
    names = re.findall(r"{(\w+)(?::\w+)?}", path)
    unknown = set(names) - set(other) - set(NOBODYS)
    assert not unknown, f"{path}: say in OTHERS or NOBODYS what {unknown} may be"
    for values in itertools.product(*(other.get(name) or [NOBODYS[name]] for name in names)):
        made = path
        for name, value in zip(names, values, strict=True):
            made = re.sub(rf"{{{name}(:\w+)?}}", value, made)
        yield made


def body(schema: dict[str, Any], components: dict[str, Any], other: dict[str, list[str]]) -> Any:
    """The least that a schema takes, with the other tenant's values wherever a field names something."""
    if "$ref" in schema:
        return body(components[schema["$ref"].rsplit("/", 1)[1]], components, other)
    if options := schema.get("anyOf") or schema.get("oneOf"):
        return body(options[0], components, other)
    if schema.get("type") == "object":
        fields = schema.get("properties", {})
        wanted = {*schema.get("required", ()), *(set(fields) & (set(FIELDS) | set(other)))}
        return {name: _value(name, fields[name], components, other) for name in sorted(wanted) if name in fields}
    if schema.get("type") == "array":
        return [body(schema["items"], components, other)] if schema.get("minItems") else []
    known = {"integer": schema.get("minimum", 1), "number": schema.get("minimum", 1), "boolean": True}
    if "enum" in schema or "const" in schema:
        return schema.get("const") or schema["enum"][0]
    return known.get(schema.get("type", ""), "x" * max(1, schema.get("minLength", 1)))


def _value(name: str, schema: dict[str, Any], components: dict[str, Any], other: dict[str, list[str]]) -> Any:
    if name in FIELDS:
        return FIELDS[name]
    if name in other:
        return int(other[name][0]) if other[name][0].isdecimal() else other[name][0]
    if name == "url":
        return f"https://{OTHER}.example.com/{NAMED}.mp4"
    return body(schema, components, other)


def asked(operation: dict[str, Any], other: dict[str, list[str]]) -> dict[str, Any]:
    """Query and body of a request for the other tenant's things."""
    named = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"}
    query = {name: FIELDS.get(name) or other[name][0] for name in named & (set(FIELDS) | set(other))}
    request: dict[str, Any] = {"params": query}
    content = operation.get("requestBody", {}).get("content", {})
    if "application/json" in content:
        request["json"] = body(content["application/json"]["schema"], operation["components"], other)
    return request


def answered(client: TestClient, method: str, path: str, **request: Any) -> tuple[int, str]:
    """Status, and all that is told: headers and body; of an answer that never ends its beginning."""
    headers = {"if-match": "*"} if method in {"PUT", "PATCH", "DELETE"} else {}
    with client.stream(method, path, headers=headers, **request) as answer:
        told = (
            "" if "event-stream" in answer.headers.get("content-type", "") else answer.read().decode("utf-8", "replace")
        )
        return answer.status_code, f"{dict(answer.headers)}\n{told}"


def reveals(told: str, path: str, request: dict[str, Any]) -> list[str]:
    """What an answer holds of the other tenant that the request has not said itself."""
    said = f"{path} {json.dumps(request)}"
    ids = sorted(set(re.findall(rf"\b{str(FIRST_ID)[:4]}\d\d\b", told)))
    return [word for word in (SECRET, NAMED, OTHER, *ids) if word in told and word not in said]


@pytest.mark.parametrize("by", ["token", "key"])
def test_another_tenants_things_are_not_found(by: str, zoo: Zoo) -> None:
    client, other = zoo.clients[by], zoo.other
    wrong, walked = [], 0
    for method, path, operation in operations(client):
        for address in addresses(path, other):
            request = asked(operation, other) if "{" in path or method != "GET" else {}
            status, told = answered(client, method, address, **request)
            walked += 1
            named = bool(set(re.findall(r"{(\w+)", path)) & set(other))
            # What a tenant may do with names of its own choice (a course, a key) concerns nobody else.
            expected = {404} if named and operation.get("x-scope") else None
            broken = status >= 500 and status != 503  # health: nothing but the catalog is there
            if broken or (expected and status not in expected) or reveals(told, address, request):
                wrong.append((method, address, request, status, told[-400:], reveals(told, address, request)))
    assert not wrong, "\n".join(map(str, wrong))
    assert walked > 15


def test_lists_hold_nothing_of_others(zoo: Zoo) -> None:
    client, other, seen = zoo.clients["token"], zoo.other, []
    for method, path, operation in operations(client):
        if method == "GET" and "{" not in path:
            for request in ({}, asked(operation, other)):
                status, told = answered(client, method, path, **request)
                assert status < 500 or status == 503, (path, told)
                assert not reveals(told, path, request), (path, request, told)
                seen += [path] if "gazelle" in told or "zebra" in told else []
    assert seen, "no list has anything of who asks"


def test_another_tenants_key_opens_its_own_things_alone(api: Api, zoo: Zoo) -> None:
    client = api.client_as(EVERYTHING, OTHER, by="key")
    assert SECRET in answered(client, "GET", f"/api/v1/tenants/{OTHER}")[1]
    assert answered(client, "GET", f"/api/v1/tenants/{ASKS}")[0] == 404


def test_nothing_of_the_other_was_changed(zoo: Zoo) -> None:
    def state() -> dict[str, Any]:
        with acting_for(OTHER), transaction("test") as connection:
            return {
                name: connection.execute(text(f"SELECT * FROM {name} AS one ORDER BY one::text")).all()  # noqa: S608
                for name in sorted(connection.scalars(PROTECTED))
            }

    before, client, other = state(), zoo.clients["token"], zoo.other
    for method, path, operation in operations(client):
        if method != "GET":
            for address in addresses(path, other):
                answered(client, method, address, **asked(operation, other))
    assert state() == before


def test_the_database_shows_nothing_of_others(zoo: Zoo) -> None:
    with transaction("test") as connection:
        relations = sorted(connection.scalars(RELATIONS))
    read = 0
    for name in relations:
        with acting_for(ASKS):
            try:
                with transaction("test") as connection:
                    rows = connection.execute(text(f"SELECT one::text FROM {name} AS one")).scalars().all()  # noqa: S608
            except CatalogError as error:
                if "permission denied" not in str(error):
                    raise
                continue
        read += 1
        told = "\n".join(rows)
        assert not [word for word in (SECRET, NAMED, OTHER) if word in told], (name, told)
        assert not re.search(r"\b7000\d\d\b", told), (name, told)
    assert read > 30
