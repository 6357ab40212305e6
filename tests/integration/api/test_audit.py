"""The audit trail of requests."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fastapi import APIRouter, Request
from sqlalchemy import text
from starlette.testclient import TestClient
from support.fixtures.api import Api
from vodflow.api.access import JobsWriter
from vodflow.api.app import make_routes
from vodflow.api.app_state import Services
from vodflow.api.audit import record
from vodflow.api.authentication.api_keys import ApiKeys
from vodflow.api.guard import Guard
from vodflow.catalog.database import acting_for, transaction
from vodflow.errors import IllegalTransition
from vodflow.settings import get_settings

pytestmark = pytest.mark.integration


def test_a_change_is_noted_with_who_made_it(api: Api) -> None:
    router = APIRouter(tags=["things"])

    @router.post("/things")
    def make(request: Request, caller: JobsWriter, whose: str | None = None) -> None:
        record(request, "things.make", "thing 7", detail={"size": 3}, tenant=whose)

    services = Services(get_settings(), lambda _: pytest.fail("no Airflow here"))
    guarded = Guard(make_routes(services, [router]), [ApiKeys(services.settings)], services)
    keys = api.key(tenant="acme"), api.key()
    for key, query in ((keys[0], ""), (keys[1], ""), (keys[1], "?whose=globex")):
        client = TestClient(guarded, headers={"x-api-key": key.text, "x-request-id": "request-1234"})
        assert client.post(f"/things{query}").status_code == 200
    with transaction("test") as connection:
        rows = connection.execute(
            text(
                "SELECT actor, actor_kind, tenant, action, object, request_id, address, detail FROM audit_event"
                " ORDER BY id"
            )
        ).all()
    same = ("things.make", "thing 7", "request-1234", "testclient", {"size": 3})
    assert [tuple(row) for row in rows] == [
        (key.key.prefix, "api_key", tenant, *same)
        for key, tenant in ((keys[0], "acme"), (keys[1], ""), (keys[1], "globex"))
    ]
    with acting_for("acme"), transaction("test") as connection:
        assert connection.scalars(text("SELECT tenant FROM audit_event")).all() == ["acme"]
    with pytest.raises(IllegalTransition, match="append-only"), transaction("test") as connection:
        connection.execute(text("DELETE FROM audit_event"))


def test_a_change_that_nobody_notes_is_noted(call: Callable[..., TestClient], api: Api) -> None:
    client = call("acme")
    again = {"Idempotency-Key": "the-same-key-1"}
    for headers in ({}, again, again):
        client.post("/things", json={"name": "a"}, headers=headers)
    client.put("/things/7")
    client.get("/things")
    client.head("/things")
    client.options("/things")
    client.post("/things", json={"name": "refused"})
    client.put("/things/7", headers={"If-Match": '"x"'})
    call(proof="").post("/hooks")
    with transaction("test") as connection:
        rows = connection.execute(text("SELECT actor, tenant, action, object FROM audit_event ORDER BY id")).all()
    made = ("a-service", "acme", "things_make", "/things")
    assert [tuple(row) for row in rows] == [made, made, ("a-service", "acme", "things_change", "/things/7")]
