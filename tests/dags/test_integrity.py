"""Every DAG file loads, says what it is, and keeps to wiring."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

pytestmark = pytest.mark.airflow

DAGS = Path(__file__).resolve().parents[2] / "dags"
FILES = sorted(DAGS.rglob("*_dag.py"))

EXPECTED = {
    "vodflow_dags/ingest/import_video_dag.py": {"import_video"},
    "vodflow_dags/ingest/ingest_videos_dag.py": {"ingest_videos"},
    "vodflow_dags/outcomes/deliver_outcomes_dag.py": {"deliver_outcomes"},
    "vodflow_dags/transcode/transcode_video_dag.py": {"transcode_video"},
    "vodflow_dags/quality/measure_quality_dag.py": {"measure_quality"},
    "vodflow_dags/reports/report_transcoding_dag.py": {"report_transcoding"},
}


@pytest.fixture(scope="module")
def dag_bag(airflow_db):
    from airflow.dag_processing.dagbag import DagBag  # noqa: PLC0415  (slow)

    return DagBag(str(DAGS))


def test_every_file_and_its_dags(dag_bag):
    assert dag_bag.import_errors == {}
    assert {str(path.relative_to(DAGS)) for path in FILES} == set(EXPECTED)
    found: dict[str, set[str]] = {}
    for dag in dag_bag.dags.values():
        found.setdefault(str(Path(dag.fileloc).relative_to(DAGS)), set()).add(dag.dag_id)
    assert found == EXPECTED


def test_every_dag_is_documented_owned_and_retried(dag_bag):
    for dag in dag_bag.dags.values():
        tree = ast.parse(Path(dag.fileloc).read_text())
        assert dag.doc_md == ast.get_docstring(tree, clean=False), dag.dag_id
        for heading in ("**Params**", "**Safe to run twice**", "**To recover**"):
            assert heading in dag.doc_md, (dag.dag_id, heading)
        assert "vodflow" in dag.tags
        assert not dag.catchup
        assert all(task.retries >= 2 for task in dag.tasks), dag.dag_id
        for name in dag.params:
            assert dag.params.get_param(name).description, (dag.dag_id, name)


@pytest.mark.parametrize("path", sorted(DAGS.rglob("*.py")), ids=lambda path: str(path.relative_to(DAGS)))
def test_wiring_only(path):
    """No AWS or SQL libraries under ``dags/``; DAG files stay short."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    assert names.isdisjoint({"boto3", "botocore", "sqlalchemy", "psycopg2", "subprocess", "requests"})
    if path in FILES:
        assert len(path.read_text().splitlines()) <= 150
