"""A task whose tenant has as many jobs at work as it may have is put off, and spends no try on it."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowRescheduleException
from sqlalchemy import func, select
from support.fixtures.values import probed_source, queued_job
from vodflow.catalog import jobs
from vodflow.catalog.database import transaction
from vodflow.catalog.states import JobStatus
from vodflow.catalog.tables import hold
from vodflow.settings import Settings
from vodflow.tenancy import registry
from vodflow_airflow.holds import patience

pytestmark = pytest.mark.integration


def test_a_tenant_waits_for_its_turn(catalog: Settings) -> None:
    registry.create("acme", "", catalog)
    registry.configure("acme", {"assigned": {"concurrency": 1}}, catalog, by="test", assigned_too=True)
    with transaction("test") as connection:
        first = queued_job(connection, probed_source(connection, key="acme/a.mp4"), run_id="a")
        second = queued_job(connection, probed_source(connection, key="acme/b.mp4"), run_id="b")
        jobs.begin(connection, first.id, engine="local", worker="host")
    context: Any = {"run_id": "b", "ti": SimpleNamespace(get_first_reschedule_date=lambda _: None)}
    with (
        pytest.raises(AirflowRescheduleException) as caught,
        patience(context, "transcode_local"),
        transaction("transcode") as connection,
    ):
        jobs.begin(connection, second.id, engine="local", worker="host", run_id="b")
    assert caught.value.reschedule_date > datetime.now(UTC)
    with transaction("test") as connection:
        assert jobs.get_job(connection, second.id).status == JobStatus.QUEUED
        assert connection.scalar(select(func.count()).select_from(hold)) == 0
        jobs.cancel_job(connection, first.id)
    with patience(context, "transcode_local"), transaction("transcode") as connection:
        jobs.begin(connection, second.id, engine="local", worker="host", run_id="b")
