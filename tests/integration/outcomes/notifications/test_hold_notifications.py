"""People hear once that every video waits, and once that all go on."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from sqlalchemy import text
from support.fixtures.receiver import Receiver
from vodflow.catalog import deliveries, holds
from vodflow.catalog.database import transaction
from vodflow.errors import DiskSpaceError, EngineUnavailable, StorageUnavailable, VodflowError
from vodflow.outcomes.notifications.delivery import deliver_due
from vodflow.pipeline.holds import HeldStep, try_again
from vodflow.settings import Settings

pytestmark = pytest.mark.integration

AWAY = StorageUnavailable("S3 does not answer.", code="connection")


@pytest.fixture
def hook(catalog: Settings, set_settings: Callable[..., Settings], receiver: Receiver) -> Receiver:
    """A channel for everything, one for one tenant, and one that wants nothing of holds."""
    common = {"type": "webhook", "url": receiver.url, "secret": "s3cret", "timeout": 5.0}
    channels = [
        {**common, "name": "operators"},
        {**common, "name": "acme", "tenants": ["*"]},
        {**common, "name": "crm", "events": ["published", "failed"]},
    ]
    set_settings(notifications=json.dumps(channels))
    return receiver


def meet(number: int, step: str = "publish", error: VodflowError = AWAY) -> HeldStep:
    held = HeldStep(f"source-{number}", step)
    held.admit()
    held.meet(error, 0.0)
    return held


def later() -> None:
    """Let the pause before the first word go by, and send."""
    with transaction("test") as connection:
        connection.execute(text("UPDATE notification_delivery SET due_at = now() WHERE status = 'PENDING'"))
    deliver_due()


def heard(receiver: Receiver) -> list[tuple[str, str]]:
    return [(request.document["type"], request.document["hold"]["cause"]) for request in receiver.requests]


def passes(number: int, step: str = "publish") -> None:
    held = HeldStep(f"source-{number}", step)
    assert held.admit().wait is None
    held.passed(lambda _: None)


def grow_older() -> None:
    with transaction("test") as connection:
        connection.execute(text("UPDATE hold SET since = since - interval '1 h', tried_at = tried_at - interval '1 h'"))


def test_many_videos_and_steps_are_one_hold(hook: Receiver) -> None:
    for number in range(1, 4):
        meet(number)
    meet(4, "prepare")
    later()
    assert heard(hook) == [("hold.held", "storage")]
    told = hook.requests[0].document
    assert (told["video"], told["source"], told["job"], told["tenant"]) == (None, None, None, None)
    assert told["hold"]["message"] == "S3 does not answer."
    grow_older()
    passes(2)
    later()
    assert len(hook.requests) == 1, "one waits in prepare still"
    grow_older()
    passes(4, "prepare")
    assert heard(hook) == [("hold.held", "storage"), ("hold.resumed", "storage")], "told by the step itself"
    assert hook.requests[1].document["hold"]["id"] == told["hold"]["id"]
    later()
    assert len(hook.requests) == 2
    meet(1)
    later()
    assert heard(hook)[2:] == [("hold.held", "storage")], "the next one is another"


def test_a_short_one_is_not_told(hook: Receiver) -> None:
    meet(1)
    grow_older()
    passes(1)
    later()
    assert hook.requests == []
    with transaction("test") as connection:
        (row,) = deliveries.recent(connection)
    assert (row.event, row.channel, row.status, row.tenant, row.source_id) == (
        "held", "operators", "SUPERSEDED", "", None
    )  # fmt: skip


def test_causes_and_machines_are_told_apart(hook: Receiver) -> None:
    meet(1)
    meet(2, "transcode_mediaconvert", EngineUnavailable("MediaConvert throttles.", code="Throttling"))
    meet(3, "transcode_local", DiskSpaceError("The disk is full.", code="ENOSPC"))
    later()
    assert sorted(heard(hook)) == [("hold.held", "disk"), ("hold.held", "engine"), ("hold.held", "storage")]
    assert [bool(request.document["hold"]["machine"]) for request in hook.requests].count(True) == 1
    grow_older()
    passes(3, "transcode_local")
    assert heard(hook)[3:] == [("hold.resumed", "disk")]


def test_one_that_everybody_gave_up_lasts_until_a_run_goes_on(
    hook: Receiver, set_settings: Callable[..., Settings]
) -> None:
    set_settings(hold_limit=0)
    meet(1)
    later()
    assert heard(hook) == [("hold.held", "storage")]
    assert try_again(lambda _: None) == 1
    later()
    assert heard(hook)[1:] == [("hold.resumed", "storage")]


def test_one_whose_runs_were_stopped_ends_with_the_next_sweep(hook: Receiver) -> None:
    meet(1)
    later()
    with transaction("test") as connection:
        connection.execute(text("UPDATE hold SET seen_at = seen_at - interval '1 h'"))
    assert try_again(lambda _: None) == 0
    later()
    assert heard(hook)[1:] == [("hold.resumed", "storage")]
    with transaction("test") as connection:
        assert holds.holds(connection) == []
