"""The OpenAPI document keeps its word: schemathesis sends what it allows, and what it does not."""

from __future__ import annotations

import json
from typing import Any

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from support.fixtures.api import Api
from vodflow.api.app import make_routes
from vodflow.api.openapi import document
from vodflow.settings import Settings

pytestmark = pytest.mark.integration

DOCUMENT = document(make_routes(None))
OPERATIONS = sorted((method, path) for path, methods in DOCUMENT["paths"].items() for method in methods)
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
CHECKS = [
    status_code_conformance, content_type_conformance, response_schema_conformance, response_headers_conformance,
]  # fmt: skip

#: Requests of one route.
EXAMPLES = 15


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_a_route_answers_as_it_says(aws: Settings, api: Api, method: str, path: str) -> None:
    SCHEMA.app = api.app
    operation = SCHEMA[path][method.upper()]
    proofs = st.sampled_from([api.token(), api.token(tenant="acme")])

    good = operation.as_strategy()
    takes = {"parameters", "requestBody"} & DOCUMENT["paths"][path][method].keys()

    @hypothesis.settings(
        max_examples=EXAMPLES if takes else 2, derandomize=True, database=None, deadline=None,
        phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @hypothesis.given(good | operation.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE), proofs)
    def carried_out(case: Any, proof: str) -> None:
        response = case.call(headers={"Authorization": f"Bearer {proof}"})
        assert response.status_code != 500
        case.validate_response(response, checks=CHECKS)

    carried_out()


def test_the_document_is_valid() -> None:
    """By the OpenAPI specification's own schema, as schemathesis has it; references lead somewhere."""
    schemathesis.openapi.from_dict(DOCUMENT).validate()
    text = json.dumps(DOCUMENT)
    parts = {
        f"#/components/{kind}/{name}" for kind in ("schemas", "responses") for name in DOCUMENT["components"][kind]
    }
    for part in text.split('"$ref": "')[1:]:
        assert part.partition('"')[0] in parts
    assert DOCUMENT["openapi"].startswith("3.1")


def test_every_operation_says_whom_it_is_for_and_how_it_refuses() -> None:
    ids = []
    for methods in DOCUMENT["paths"].values():
        for method, operation in methods.items():
            ids.append(operation["operationId"])
            assert operation.get("description"), operation["operationId"]
            assert operation["tags"], operation["operationId"]
            answers = operation["responses"]
            assert "422" in answers
            if "security" in operation:
                assert {"401", "403", "429"} <= set(answers)
                assert operation["x-scope"]
            if method == "post" and "security" in operation:
                assert any(one["name"] == "Idempotency-Key" for one in operation["parameters"])
            for status, answer in answers.items():
                if int(status) >= 400:
                    said = DOCUMENT["components"]["responses"].get(answer.get("$ref", "").rpartition("/")[2], answer)
                    assert "application/problem+json" in said["content"], operation["operationId"]
    assert len(ids) == len(set(ids))


def test_it_is_served_with_a_page(api: Api) -> None:
    client = api.client()
    assert client.get("/api/v1/openapi.json").json() == DOCUMENT
    page = client.get("/api/v1/docs")
    assert page.headers["content-type"].startswith("text/html")
    for path in DOCUMENT["paths"]:
        assert f"<code>{path}</code>" in page.text
    assert "<dt><code>filename</code> (body, string, required)</dt>" in page.text
    assert "`" not in page.text
    assert "<script" not in page.text
    assert "http://" not in page.text.replace("http://testserver", "")
