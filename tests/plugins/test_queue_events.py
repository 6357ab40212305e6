from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import Asset
from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
from airflow.sdk.execution_time.comms import ErrorResponse
from vodflow_airflow.queue_events import WakingMessages

MADE = datetime(2026, 5, 1, tzinfo=UTC)
ASSET = Asset("queue")


def event(*bodies: str, seconds: float = 0, **extra: Any) -> SimpleNamespace:
    batch = [{"MessageId": body, "ReceiptHandle": f"r-{body}", "Body": body} for body in bodies]
    return SimpleNamespace(
        extra={"payload": {"message_batch": batch}, **extra}, timestamp=MADE + timedelta(seconds=seconds)
    )


class InletEvents:
    """Airflow's accessor, with events that may be added while a run goes on."""

    def __init__(self, *events: SimpleNamespace) -> None:
        self.events = list(events)
        self._after = MADE

    def __getitem__(self, asset: Asset) -> InletEvents:
        assert asset is ASSET
        return self

    def after(self, time: str) -> InletEvents:
        self._after = datetime.fromisoformat(time)
        return self

    def limit(self, _: int) -> list[SimpleNamespace]:
        return [one for one in self.events if one.timestamp >= self._after]


def waking(consumed: list[Any], inlets: Any) -> WakingMessages:
    context = {
        "triggering_asset_events": {ASSET: consumed},
        "inlet_events": inlets,
        "dag_run": SimpleNamespace(run_after=MADE),
    }
    return WakingMessages(context, ASSET)


def bodies(messages: list[Any]) -> list[object]:
    return [message.body for message in messages]


def test_messages_of_several_events_and_of_later_ones_once() -> None:
    inlets = InletEvents(event("b"), event("c", seconds=1))
    messages = waking([event("a", seconds=-1), event("b")], inlets)
    assert bodies(messages()) == ["a", "b", "c"]
    assert messages() == []
    inlets.events.append(event("d", seconds=2))
    assert bodies(messages()) == ["d"]
    assert messages() == []


@pytest.mark.parametrize(
    "extra", [None, {}, {"payload": None}, {"payload": "?"}, {"payload": {"message_batch": 3}}, "x"]
)
def test_odd_payloads_give_nothing(extra: Any) -> None:
    assert waking([SimpleNamespace(extra=extra, timestamp=MADE)], InletEvents())() == []


def test_runs_without_events() -> None:
    assert waking([], InletEvents())() == []


def test_unreadable_later_events_are_left_to_the_queue() -> None:
    class Broken(InletEvents):
        def limit(self, _: int) -> list[SimpleNamespace]:
            raise AirflowRuntimeError(ErrorResponse(error=ErrorType.API_SERVER_ERROR))

    assert bodies(waking([event("a")], Broken())()) == ["a"]
