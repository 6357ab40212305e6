"""Every route of the pages, in every role, with good and bad questions. A new route is walked by itself.

What a path's parameters may be is told by :data:`GOOD`; which questions it takes is asked of the application.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.testclient import TestClient
from support.fixtures.values import probed_source, published_job, queued_job
from vodflow.catalog import jobs
from vodflow.catalog.database import transaction
from vodflow.errors import EngineError
from vodflow.settings import Settings
from vodflow_airflow.ui.app import make_app, page_routes

pytestmark = [pytest.mark.airflow, pytest.mark.integration]

Visit = Callable[..., TestClient]
SAME = {"Sec-Fetch-Site": "same-origin", "Origin": "http://testserver"}
APP = make_app()
ROUTES = [(route.method, route.path) for route in page_routes(APP) if route.method != "HEAD"]
ACTS = {(route.method, route.path): route.acts for route in page_routes(APP)}

#: For each parameter of a path a value that is there. The catalog has one published video, and one that failed.
GOOD = {"video_id": "1", "job_id": "1", "source_id": "1", "run_id": "source-1", "name": "cost", "kind": "csv"}

#: What somebody may write instead: unknown, huge, negative, no number, of no alphabet, of other folders.
BAD = ("999999", "9" * 40, "-1", "0", "1.5", "x", "%00", "%ff", "..%2f..%2fetc%2fpasswd", "é" * 300, "%3Cscript%3E")

#: Answers to questions in a form or an address: whatever the field, one sentence at the most.
ODD: tuple[Mapping[str, str], ...] = (
    {"first": "2026-02-03", "last": "2026-02-01"},
    {"first": "2019-01-01", "last": "2019-12-31"},
    {"first": "0001-01-01", "last": "9999-12-31"},
)
VALUES = ("", "\x00", "9" * 400, "-1", "nobody", "2026-02-30", "'; DROP TABLE job; --", "<script>", "\ud7ff\u202e")

HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


@dataclasses.dataclass
class Walk:
    """Sends a request, and looks at what every answer must have."""

    client: TestClient

    def __call__(self, method: str, path: str, **more: Any) -> int:
        answer = self.client.request(method, f"/vodflow{path}", **more)
        about = f"{method} {path} {more}: {answer.status_code} {answer.text[:300]}"
        assert answer.status_code < 500, about
        assert "Traceback" not in answer.text, about
        assert "<script>'" not in answer.text, about
        for name, value in HEADERS.items():
            assert answer.headers.get(name) == value, about
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy, about
        assert "unsafe" not in policy, about
        return answer.status_code


@pytest.fixture
def walk(visit: Visit, catalog: Settings) -> Iterator[Callable[[str | None], Walk]]:
    with transaction("test") as conn:
        published_job(conn, probed_source(conn, key="in/a.mp4"))
        failed = queued_job(conn, probed_source(conn, key="in/b.mp4", tenant="other"))
        jobs.fail_job(conn, failed.id, EngineError("No space is left.", code="disk"))
    return lambda role: Walk(visit(role))


def filled(path: str, values: Mapping[str, str] = GOOD) -> str:
    names = re.findall(r"{(\w+)(?::\w+)?}", path)
    assert set(names) <= set(GOOD), f"{path} has a parameter of a new name: say in GOOD what there is of it"
    return re.sub(r"{(\w+)(?::\w+)?}", lambda found: values[found[1]], path)


def questions(method: str, path: str) -> set[str]:
    """Names of all that a route takes beside its path."""
    route = next(
        item for item in APP.routes if isinstance(item, APIRoute) and item.path == path and method in item.methods
    )
    names = set()
    for field in (*route.dependant.query_params, *route.dependant.body_params):
        model = field.field_info.annotation
        is_model = isinstance(model, type) and issubclass(model, BaseModel)
        names |= set(model.model_fields) if is_model else {field.alias}  # type: ignore[union-attr]
    return names


def test_nobody_gets_in(walk: Callable[[str | None], Walk]) -> None:
    nobody = walk(None)
    for method, path in ROUTES:
        assert nobody(method, filled(path), headers=SAME) == 401, path
        assert nobody(method, filled(path)) == 401, path


def test_each_role_may_do_what_airflow_lets_it(walk: Callable[[str | None], Walk]) -> None:
    for method, path in ROUTES:
        assert (walk("viewer")(method, filled(path), headers=SAME) == 403) is ACTS[method, path], path
        for role in ("user", "op", "admin"):
            assert walk(role)(method, filled(path), headers=SAME) not in {401, 403, 405}, (role, path)


def test_no_other_site_acts_for_somebody(walk: Callable[[str | None], Walk]) -> None:
    admin = walk("admin")
    foreign: dict[str, str]
    for foreign in (
        {}, {"Origin": "https://elsewhere.example"}, {"Origin": "null"}, {**SAME, "Sec-Fetch-Site": "cross-site"},
        {**SAME, "Origin": "http://testserver.example"},
    ):  # fmt: skip
        for method, path in ROUTES:
            if ACTS[method, path]:
                assert admin(method, filled(path), headers=foreign) == 403, (path, foreign)


def test_other_methods_are_refused(walk: Callable[[str | None], Walk]) -> None:
    admin = walk("admin")
    for path in sorted({path for _, path in ROUTES}):
        there = {method for method, other in ACTS if other == path}
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} - there:
            assert admin(method, filled(path), headers=SAME) in {404, 405}, (method, path)


def test_what_is_not_there_is_a_sentence(walk: Callable[[str | None], Walk]) -> None:
    admin = walk("admin")
    for method, path in ROUTES:
        for value in BAD if "{" in path else ():
            status = admin(method, filled(path, dict.fromkeys(GOOD, value)), headers=SAME)
            assert status in {303, 400, 404, 405}, (path, value)


def test_odd_questions_are_answered_in_words(walk: Callable[[str | None], Walk]) -> None:
    admin = walk("admin")
    for method, path in ROUTES:
        way, names = "params" if method == "GET" else "data", sorted(questions(method, path))
        for name in names:
            for value in VALUES:
                admin(method, filled(path), headers=SAME, **{way: {name: value}})
        for odd in ODD if names else ():
            admin(method, filled(path), headers=SAME, **{way: odd})
