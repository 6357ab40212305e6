"""The example DAG that others schedule on published videos, and the asset that wakes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from vodflow_airflow.assets import PUBLISHED_VIDEO
from vodflow_airflow.links.published import ManifestLink, PlayerLink
from vodflow_airflow.operators.publish import PublishOperator

pytestmark = pytest.mark.airflow

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "published_videos_dag.py"


class Event:
    """An asset's event as a task sees it."""

    def __init__(self, **extra: Any) -> None:
        self.extra = {"source": "s3://b/acme/a.mp4", "tenant": "acme", "manifest_url": "https://cdn/m.json", **extra}


def test_the_example_is_scheduled_on_what_publish_changes(airflow_db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.dag_processing.dagbag import DagBag  # noqa: PLC0415  (slow)

    bag = DagBag(str(EXAMPLE))
    assert bag.import_errors == {}
    dag = bag.dags["published_videos"]
    assert list(dag.timetable.asset_condition.objects) == [PUBLISHED_VIDEO]
    assert PublishOperator(task_id="publish", job_id=1).outlets == [PUBLISHED_VIDEO]
    body = dag.get_task("handle").python_callable
    events = [
        Event(job_id=7, manifest="s3://m/7"),
        Event(job_id=8, manifest="s3://m/8"),
        Event(job_id=7, manifest="s3://m/7"),
    ]
    context = {"triggering_asset_events": {PUBLISHED_VIDEO: events}}
    monkeypatch.setitem(body.__globals__, "get_current_context", lambda: context)
    assert body() == ["s3://m/7", "s3://m/8"]


def test_links_lead_nowhere_before_the_video_is_published() -> None:
    operator = PublishOperator(task_id="publish", job_id=1)
    assert [link.get_link(operator) for link in (PlayerLink(), ManifestLink())] == ["", ""]
    assert [link.name for link in operator.operator_extra_links] == ["Player", "Manifest"]
