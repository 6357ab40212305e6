"""Channels and deliveries over HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from cryptography.fernet import Fernet
from support.example_things import things
from support.fixtures.doors import Doors
from vodflow.settings import Settings
from vodflow.tenancy import registry

pytestmark = pytest.mark.integration


def test_channels_are_shown_without_their_secrets(doors: Doors) -> None:
    answer = doors.client.get("/api/v1/webhooks/channels")
    (channel,) = answer.json()
    assert (channel["name"], channel["type"], channel["events"]) == ("crm", "webhook", ["published"])
    for secret in ("not a secret", "sesame", doors.receiver.url):
        assert secret not in answer.text
    assert doors.of("acme").get("/api/v1/webhooks/channels").json() == []


def test_a_test_event_says_that_it_is_one(doors: Doors) -> None:
    told = doors.client.post("/api/v1/webhooks/channels/crm/test").json()
    assert told == {"delivered": True, "response_code": 200, "error": None, "retryable": False}
    (request,) = doors.receiver.requests
    assert request.document["test"] is True
    doors.receiver.answers[:] = [500]
    told = doors.client.post("/api/v1/webhooks/channels/crm/test").json()
    assert (told["delivered"], told["response_code"], told["retryable"]) == (False, 500, True)
    assert doors.audited() == [("webhooks.test", "channel crm")] * 2
    assert doors.client.post("/api/v1/webhooks/channels/nobody/test").status_code == 404
    assert doors.of("acme").post("/api/v1/webhooks/channels/crm/test").status_code == 404


def test_deliveries_are_listed_and_sent_again(doors: Doors) -> None:
    delivery = things(doors)["DELIVERY"]
    listed = doors.client.get("/api/v1/webhooks/deliveries", params={"status": "FAILED", "channel": "crm"}).json()[
        "items"
    ]
    assert [str(row["id"]) for row in listed] == [delivery]
    assert (listed[0]["error"], listed[0]["response_code"]) == ("HTTP 500", 500)
    path = f"/api/v1/webhooks/deliveries/{delivery}"
    one = doors.client.get(path).json()
    assert listed[0].items() <= one.items()
    assert one["payload"]["type"] == "video.published"
    again = doors.client.post(f"{path}/redeliver")
    assert (again.status_code, again.json()["status"]) == (202, "PENDING")
    assert doors.client.post(f"{path}/redeliver").json()["code"] == "not_delivered_yet"
    assert doors.client.get("/api/v1/webhooks/deliveries", params={"event": "failed"}).json()["items"] == []
    assert doors.client.get("/api/v1/webhooks/deliveries/999").status_code == 404
    assert doors.client.get("/api/v1/webhooks/deliveries", params={"status": "LOST"}).status_code == 422
    assert doors.audited()[-1] == ("webhooks.redeliver", f"delivery {delivery}")


def test_a_tenant_does_not_see_the_channels_of_the_installation(doors: Doors) -> None:
    delivery = things(doors)["DELIVERY"]
    client = doors.of("acme")
    assert client.get("/api/v1/webhooks/deliveries").json()["items"] == []
    assert client.get(f"/api/v1/webhooks/deliveries/{delivery}").status_code == 404
    assert client.post(f"/api/v1/webhooks/deliveries/{delivery}/redeliver").status_code == 404


def test_a_tenants_own_channel(doors: Doors, set_settings: Callable[..., Settings]) -> None:
    client = doors.of("acme")
    keys = json.dumps([Fernet.generate_key().decode()])
    own = set_settings(sealing_keys=keys, tenant_private_hosts='["127.0.0.0/8"]')
    channel = {"name": "lms", "type": "webhook", "url": doors.receiver.url, "secret": "s3cret", "events": ["published"]}
    registry.configure("acme", {"channels": [channel]}, own, by="test", assigned_too=True)
    client, stranger = doors.of("acme"), doors.of("globex")
    answer = client.get("/api/v1/webhooks/channels")
    assert [(one["name"], one["tenant"]) for one in answer.json()] == [("acme/lms", "acme")]
    assert "s3cret" not in answer.text
    assert client.post("/api/v1/webhooks/channels/acme/lms/test").json()["delivered"] is True
    assert doors.receiver.requests[-1].document["tenant"] == "acme"
    assert stranger.post("/api/v1/webhooks/channels/acme/lms/test").status_code == 404
    doors.publish(doors.place.put("acme/a.mp4"))
    (row,) = client.get("/api/v1/webhooks/deliveries").json()["items"]
    assert row["channel"] == "acme/lms"
    assert stranger.get("/api/v1/webhooks/deliveries").json()["items"] == []
    assert stranger.get(f"/api/v1/webhooks/deliveries/{row['id']}").status_code == 404
    everything = {one["channel"] for one in doors.client.get("/api/v1/webhooks/deliveries").json()["items"]}
    assert everything == {"crm", "acme/lms"}
