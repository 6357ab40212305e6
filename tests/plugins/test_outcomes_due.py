"""The trigger that wakes ``deliver_outcomes``, on a real catalog."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text
from support.fixtures.values import probed_source, published_job
from vodflow.catalog.database import dispose_engines, transaction
from vodflow.outcomes.announce import deliver_outcomes, due_in
from vodflow.settings import Settings
from vodflow_airflow.triggers.outcomes_due import OutcomesDueTrigger

pytestmark = [pytest.mark.airflow, pytest.mark.integration]

CHANNEL = {"type": "webhook", "name": "crm", "url": "http://127.0.0.1:9/", "secret": "s"}


@pytest.fixture
def configured(catalog: Settings, set_settings: Callable[..., Settings]) -> Settings:
    return set_settings(notifications=json.dumps([CHANNEL]))


def publish(age: float = 0.0) -> None:
    with transaction("test") as connection:
        published_job(connection, probed_source(connection))
        connection.execute(
            text("UPDATE notification_delivery SET due_at = now() - make_interval(secs => :a)"), {"a": age}
        )


async def events(trigger: OutcomesDueTrigger, seconds: float, *, sure: int = 0) -> int:
    """How often it fires within that time, which begins when so many events have come."""
    count, begun = 0, asyncio.Event()

    async def watch() -> None:
        nonlocal count
        async for _ in trigger.run():
            count += 1
            if count == sure:
                begun.set()

    watching = asyncio.create_task(watch())
    if sure:
        await asyncio.wait_for(begun.wait(), 60)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(watching, seconds)
    return count


def test_a_restarted_triggerer_makes_the_same_trigger() -> None:
    path, arguments = json.loads(json.dumps(OutcomesDueTrigger(look=3).serialize()))
    assert path == f"{OutcomesDueTrigger.__module__}.{OutcomesDueTrigger.__qualname__}"
    assert OutcomesDueTrigger(**arguments).serialize() == (path, arguments)


def test_nothing_to_tell_is_no_event(configured: Settings) -> None:
    assert due_in() is None
    assert asyncio.run(events(OutcomesDueTrigger(look=0.05), 0.5)) == 0


def test_the_step_itself_has_the_first_try(configured: Settings) -> None:
    publish()
    assert 0 < (due_in() or 0) <= 10.5
    assert asyncio.run(events(OutcomesDueTrigger(look=0.05), 0.4)) == 0


def test_what_is_left_wakes_and_not_all_the_time(configured: Settings) -> None:
    publish(age=60)
    assert due_in() == 0.0
    assert asyncio.run(events(OutcomesDueTrigger(look=0.05, gap=30), 0.5, sure=1)) == 1
    assert deliver_outcomes() == {
        "items_written": 0, "items_failed": 0, "delivered": 0, "postponed": 1, "given_up": 0,
    }  # fmt: skip
    assert 5 < (due_in() or 0) < 25, "tried, and to be tried again"


def test_the_gap_grows_while_nothing_becomes_of_the_events(
    configured: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(age=60)
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 5:
            await asyncio.to_thread(deliver_outcomes)
        if len(slept) == 6:
            raise EOFError

    monkeypatch.setattr("vodflow_airflow.triggers.outcomes_due.sleep", sleep)
    with pytest.raises(EOFError):
        asyncio.run(events(OutcomesDueTrigger(), 30))
    assert slept == [60, 120, 240, 480, 600, 15]


def test_a_catalog_that_is_away_is_no_event(
    configured: Settings, set_settings: Callable[..., Settings], caplog: pytest.LogCaptureFixture
) -> None:
    set_settings(catalog_url="postgresql+psycopg2://nobody@127.0.0.1:9/none", catalog_timeout=1)
    assert asyncio.run(events(OutcomesDueTrigger(look=0.05), 0.5)) == 0
    dispose_engines()


@pytest.mark.parametrize("on", [True, False])
def test_the_dag_is_woken_only_where_something_is_configured(
    airflow_db: None, catalog: Settings, set_settings: Callable[..., Settings], on: bool
) -> None:
    import importlib  # noqa: PLC0415

    import vodflow_dags.outcomes.assets  # noqa: PLC0415
    import vodflow_dags.outcomes.deliver_outcomes_dag as module  # noqa: PLC0415

    def load() -> Any:
        importlib.reload(vodflow_dags.outcomes.assets)
        return importlib.reload(module).deliver_outcomes()

    set_settings(notifications=json.dumps([CHANNEL] if on else []))
    dag = load()
    assert bool(vodflow_dags.outcomes.assets.OUTCOMES_DUE.watchers) == on
    assert (dag.schedule is None) != on
    set_settings(notifications="[]")
    load()


def test_the_dag_delivers(
    airflow_db: None, catalog: Settings, set_settings: Callable[..., Settings], receiver: Any
) -> None:
    from vodflow_dags.outcomes.deliver_outcomes_dag import deliver_outcomes as dag  # noqa: PLC0415

    set_settings(notifications=json.dumps([CHANNEL | {"url": receiver.url}]))
    publish(age=60)
    result = dag().test()
    assert str(result.state) == "success"
    (task,) = result.get_task_instances()
    assert task.xcom_pull(task_ids="deliver")["delivered"] == 1
    assert len(receiver.requests) == 1
