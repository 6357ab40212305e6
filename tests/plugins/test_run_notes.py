"""The note of a run; its end is tested with the whole DAG."""

from __future__ import annotations

from typing import Any

import pytest
from vodflow_airflow import run_notes

pytestmark = pytest.mark.airflow


class Run:
    """What the listener sees of a DAG run."""

    def __init__(self, dag_id: str, conf: Any, note: str | None = None) -> None:
        self.dag_id, self.conf, self.note = dag_id, conf, note


@pytest.mark.parametrize(
    ("run", "note"),
    [
        (Run("transcode_video", {"source_uri": "s3://b/acme/Über uns.mp4"}), "Über uns.mp4"),
        (Run("transcode_video", {"source_uri": "s3://b/acme/a.mp4"}, "mine"), "mine"),
        (Run("transcode_video", {"source_uri": "s3://b/" + "x" * 2000}), "x" * 1000),
        (Run("transcode_video", {"source_id": 7}), None),
        (Run("transcode_video", None), None),
        (Run("somebody_else", {"source_uri": "s3://b/acme/a.mp4"}), None),
    ],
)
def test_a_run_is_named_after_its_file(run: Run, note: str | None) -> None:
    run_notes.on_dag_run_running(dag_run=run, msg="")
    assert run.note == note


def test_the_plugin_brings_the_listener() -> None:
    from vodflow_plugin import VodflowPlugin  # noqa: PLC0415

    assert VodflowPlugin.listeners == [run_notes]
