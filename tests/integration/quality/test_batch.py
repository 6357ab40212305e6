"""Which published jobs a run measures, and when it lets others go first."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select, update
from support.fixtures.values import probed_source, published_job, queued_job
from vodflow.catalog import measurements
from vodflow.catalog.database import transaction
from vodflow.catalog.measurements import Due
from vodflow.catalog.states import MeasurementState
from vodflow.catalog.tables import job, job_measurement
from vodflow.contract.engine_names import EngineName
from vodflow.errors import EngineError
from vodflow.quality import batch
from vodflow.quality.batch import encodes_wait, is_chosen, measure_due
from vodflow.settings import Settings

pytestmark = pytest.mark.integration


def states() -> dict[int, str]:
    with transaction("test") as connection:
        rows = connection.execute(select(job_measurement.c.job_id, job_measurement.c.state))
        return {row.job_id: row.state for row in rows}


def test_a_batch_of_real_videos(publish: Any, set_settings: Any) -> None:
    jobs = [publish(name, outputs=["mp4"], qualities=["240p"]).id for name in ("small", "silent", "mono")]
    set_settings(quality_batch=2)
    assert measure_due(run_id="r") == {"measured": 2, "waiting": 1}
    assert measure_due(run_id="r") == {"measured": 1}
    assert measure_due(run_id="r") == {}
    assert states() == dict.fromkeys(jobs, "measured")


def test_it_begins_nothing_while_encodes_wait(publish: Any, catalog: Settings) -> None:
    publish("small", outputs=["mp4"], qualities=["240p"])
    assert not encodes_wait(catalog)
    with transaction("test") as connection:
        source = probed_source(connection, key="acme/next.mp4")
        waiting = queued_job(connection, source).id
    assert encodes_wait(catalog)
    assert measure_due() == {"waiting": 1}
    assert states() == {}
    # Nobody works on what gave no sign of life for so long.
    with transaction("test") as connection:
        old = func.now() - func.make_interval(0, 0, 0, 0, 1)
        connection.execute(update(job).where(job.c.id == waiting).values(queued_at=old))
    assert not encodes_wait(catalog)
    assert measure_due() == {"measured": 1}


def test_a_job_elsewhere_holds_nobody_up(catalog: Settings, set_settings: Any) -> None:
    with transaction("test") as connection:
        queued_job(connection, probed_source(connection))
        connection.execute(update(job).values(engine=EngineName.MEDIACONVERT))
    assert not encodes_wait(set_settings(mediaconvert_endpoint_url="https://mediaconvert.eu-west-1.amazonaws.com"))
    assert encodes_wait(set_settings(mediaconvert_endpoint_url="http://127.0.0.1:4000"))


def test_the_share_is_decided_by_the_job(catalog: Settings, set_settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = set_settings(quality_share=0.3, quality_long_share=0, quality_long_from=600)

    def due(number: int, duration: float) -> Due:
        return Due(job_id=number, duration=duration, state=None)

    chosen = [number for number in range(1000) if is_chosen(due(number, 60), settings)]
    assert 250 < len(chosen) < 350
    assert chosen == [number for number in range(1000) if is_chosen(due(number, 60), settings)]
    assert set(chosen) < {number for number in range(1000) if is_chosen(due(number, 60), settings, share=0.5)}
    assert not any(is_chosen(due(number, 3600), settings) for number in range(1000))
    assert all(is_chosen(due(number, 3600), settings, share=1) for number in range(1000))
    with transaction("test") as connection:
        job_id = published_job(connection, probed_source(connection)).id
    monkeypatch.setattr(batch, "measure_job", lambda *_, **__: pytest.fail("not chosen"))
    assert measure_due(share=0) == {"skipped": 1}
    assert states() == {job_id: "skipped"}
    assert measure_due() == {}


def test_what_failed_is_tried_again_after_a_while_and_given_up(catalog: Settings) -> None:
    with transaction("test") as connection:
        job_id = published_job(connection, probed_source(connection)).id
        assert [row.job_id for row in measurements.due(connection, days=1)] == [job_id]
        assert measurements.due(connection, days=-1) == []
    for attempt in (1, 2, 3):
        with transaction("test") as connection:
            measurements.begin(connection, job_id, run_id="r", every=1, seconds=1.0)
            measurements.fail(connection, job_id, EngineError("\x00broken", code="1"))
            assert measurements.due(connection, days=1) == []
        with transaction("test") as connection:
            earlier = func.now() - func.make_interval(0, 0, 0, 0, 2)
            connection.execute(update(job_measurement).values(measured_at=earlier))
            assert len(measurements.due(connection, days=1)) == (attempt < 3)
            row = measurements.get_measurement(connection, job_id)
        assert row is not None
        assert (row.state, row.attempts, row.error_message) == (MeasurementState.FAILED, attempt, "broken")


def test_every_change_is_a_new_fact(catalog: Settings) -> None:
    recorded = []
    with transaction("test") as connection:
        job_id = published_job(connection, probed_source(connection)).id
    for change in (
        lambda connection: measurements.begin(connection, job_id, run_id="r", every=1, seconds=1.0),
        lambda connection: measurements.finish(connection, job_id),
        lambda connection: measurements.begin(connection, job_id, run_id="r", every=2, seconds=1.0),
    ):
        with transaction("test") as connection:
            change(connection)
            recorded.append(connection.scalar(select(job_measurement.c.recorded_xid)))
    assert recorded == sorted(set(recorded))
