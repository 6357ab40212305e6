"""``transcode_video`` in one process: every task, every way out."""

from __future__ import annotations

import importlib
from datetime import UTC, datetime
from typing import Any

import pytest
from airflow.sdk.exceptions import ParamValidationError
from mypy_boto3_s3 import S3Client
from sqlalchemy import select, text
from support.clips import clip
from vodflow.catalog import parts
from vodflow.catalog.database import transaction
from vodflow.catalog.overview import overview
from vodflow.catalog.states import PartState
from vodflow.catalog.work_list import WorkFilter, list_work
from vodflow.errors import SourceNotFound
from vodflow.pipeline.prepare import prepare
from vodflow.reports.partitions import recompute_day
from vodflow.reports.transcoding import read_problems
from vodflow.settings import Settings
from vodflow_airflow import run_notes

pytestmark = [pytest.mark.airflow, pytest.mark.integration]

WHOLE_WAY = {"prepare", "transcode_local", "publish"}


@pytest.fixture
def run(
    airflow_db: None,
    catalog: Settings,
    s3: S3Client,
    source_bucket: str,
    media_bucket: str,
    set_settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> Any:
    """The DAG as it is where no other engine is configured."""
    for name in ("VODFLOW_MEDIACONVERT_ROLE", "AWS_MEDIACONVERT_ROLE_ARN", "MEDIACONVERT_ROLE_ARN"):
        monkeypatch.delenv(name, raising=False)
    set_settings()
    module = importlib.reload(importlib.import_module("vodflow_dags.transcode.transcode_video_dag"))

    def start(**conf: Any) -> tuple[str, dict[str, str]]:
        result = module.transcode_video().test(run_conf=conf)
        states = {task.task_id: str(task.state) for task in result.get_task_instances()}
        return str(result.state), states

    return start


def put(s3: S3Client, bucket: str, name: str) -> str:
    s3.put_object(Bucket=bucket, Key=f"acme/{name}.mp4", Body=clip(name).read_bytes())
    return f"s3://{bucket}/acme/{name}.mp4"


def test_publishes_then_finds_it_published(run: Any, s3: S3Client, source_bucket: str) -> None:
    conf = {"source_uri": put(s3, source_bucket, "small"), "profile": "sd", "outputs": ["hls", "mp4"]}
    state, tasks = run(**conf)
    assert state == "success"
    assert tasks == dict.fromkeys(WHOLE_WAY, "success")
    with transaction("test") as connection:
        (row,) = overview(connection)
    assert row.verdict == "PUBLISHED"
    # Once more by hand: `prepare` finds the work done and goes straight to publish.
    state, tasks = run(**conf)
    assert state == "success"
    assert tasks == {"prepare": "success", "transcode_local": "skipped", "publish": "success"}


@pytest.fixture
def divide(run: Any, set_settings: Any) -> Any:
    """The DAG as it is where plans are divided."""
    set_settings(strategy="chunks", chunk_seconds="10", chunks_from="20")
    module = importlib.reload(importlib.import_module("vodflow_dags.transcode.transcode_video_dag"))

    def start(**conf: Any) -> tuple[str, dict[tuple[str, int], tuple[str, str | None]]]:
        result = module.transcode_video().test(run_conf=conf)
        tasks = result.get_task_instances()
        return str(result.state), {(ti.task_id, ti.map_index): (str(ti.state), ti.rendered_map_index) for ti in tasks}

    yield start
    set_settings()
    importlib.reload(module)


def test_a_divided_plan_is_made_part_by_part(divide: Any, s3: S3Client, source_bucket: str) -> None:
    conf = {"source_uri": put(s3, source_bucket, "moving_twice"), "profile": "sd", "outputs": ["hls"]}
    state, tasks = divide(**conf)
    assert state == "success"
    assert tasks == {
        ("prepare", -1): ("success", None),
        ("transcode_local", -1): ("skipped", None),
        ("list_parts", -1): ("success", None),
        ("make_part", 0): ("success", "audio"),
        ("make_part", 1): ("success", "chunk 001 (00:00:00–00:00:12)"),
        ("make_part", 2): ("success", "chunk 002 (00:00:12–00:00:24)"),
        ("join_parts", -1): ("success", None),
        ("publish", -1): ("success", None),
    }
    with transaction("test") as connection:
        (row,) = overview(connection)
        made = parts.parts_of(connection, row.job_id)
    assert row.verdict == "PUBLISHED"
    assert [(part.part, part.state, part.attempt) for part in made] == [
        ("audio", PartState.DONE, 1), ("chunk-001", PartState.DONE, 1), ("chunk-002", PartState.DONE, 1),
    ]  # fmt: skip
    assert all(part.size_bytes and part.worker and part.cpu_seconds for part in made)


def test_an_ordinary_video_costs_three_tasks_beside_divided_ones(divide: Any, s3: S3Client, source_bucket: str) -> None:
    state, tasks = divide(source_uri=put(s3, source_bucket, "small"), profile="sd", outputs=["hls"])
    assert state == "success"
    done = {task for task, (state, _) in tasks.items() if state == "success"}
    assert done == {("prepare", -1), ("transcode_local", -1), ("publish", -1)}
    assert {state for task, (state, _) in tasks.items() if task not in done} == {"skipped"}


def test_an_archived_input_skips_the_rest_and_goes_on_when_it_is_back(
    run: Any, s3: S3Client, source_bucket: str
) -> None:
    body = clip("small").read_bytes()
    s3.put_object(Bucket=source_bucket, Key="acme/small.mp4", Body=body, StorageClass="GLACIER")
    conf = {"source_uri": f"s3://{source_bucket}/acme/small.mp4", "profile": "sd", "outputs": ["mp4"]}
    state, tasks = run(**conf)
    assert (state, tasks) == ("success", dict.fromkeys(WHOLE_WAY, "skipped"))
    with transaction("test") as connection:
        (row,) = overview(connection)
    assert (row.verdict, row.job_id) == ("UNREADABLE", None)
    s3.put_object(Bucket=source_bucket, Key="acme/small.mp4", Body=body)
    assert run(**conf)[1] == dict.fromkeys(WHOLE_WAY, "success")
    with transaction("test") as connection:
        (row,) = overview(connection)
    assert row.verdict == "PUBLISHED"


def test_a_rejected_input_skips_the_rest(run: Any, s3: S3Client, source_bucket: str) -> None:
    state, tasks = run(source_uri=put(s3, source_bucket, "audio_only"))
    assert state == "success"
    assert tasks == dict.fromkeys(WHOLE_WAY, "skipped")
    with transaction("test") as connection:
        (row,) = overview(connection)
    assert (row.verdict, row.job_id) == ("REJECTED", None)


@pytest.mark.parametrize(
    "conf",
    [
        {"source_uri": "ftp://somewhere/a.mp4"},
        {"source_uri": "s3://bucket/a.mp4", "priority": 101},
        {"source_uri": "s3://bucket/a.mp4", "outputs": ["avi"]},
        {"source_uri": "s3://bucket/a.mp4", "engine": "abacus"},
        {"source_uri": "s3://bucket/a.mp4", "engine": "mediaconvert"},
        {"source_uri": "s3://bucket/a.mp4", "force": "yes"},
    ],
)
def test_the_form_refuses_wrong_values(run: Any, conf: dict[str, Any]) -> None:
    with pytest.raises(ParamValidationError, match=next(iter(set(conf) - {"source_uri"}), "source_uri")):
        run(**conf)


def test_what_does_not_exist_fails_at_once(run: Any, source_bucket: str) -> None:
    state, tasks = run(source_uri=f"s3://{source_bucket}/nothing.mp4")
    assert state == "failed"
    assert tasks["prepare"] == "failed"
    assert tasks["publish"] == "upstream_failed"


def test_what_became_of_it_stands_on_the_run(
    run: Any, s3: S3Client, source_bucket: str, set_settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    published = put(s3, source_bucket, "small")
    run(source_uri=published, profile="sd", outputs=["mp4"])
    assert seen_of_the_run() == (None, None)
    assert_tells_of_it(published)
    rejected = put(s3, source_bucket, "audio_only")
    reason = "Input rejected, no_video_track: The file holds sound only, no video track."
    run(source_uri=rejected)
    assert seen_of_the_run("mine") == (f"mine · Not published: {reason}", reason)
    assert reason in caplog.text
    # Where a setting says so, the run fails.
    set_settings(rejected_run="failed")
    state, tasks = run(source_uri=rejected)
    assert (state, tasks["prepare"], tasks["publish"]) == ("failed", "failed", "upstream_failed")
    assert "no_video_track" in str(seen_of_the_run()[0])


def seen_of_the_run(note: str | None = None) -> tuple[str | None, str | None]:
    """The newest run's note, and the rendered outcome of its first task."""
    from airflow.models.dagrun import DagRun  # noqa: PLC0415
    from airflow.models.renderedtifields import RenderedTaskInstanceFields  # noqa: PLC0415
    from airflow.utils.session import create_session  # noqa: PLC0415

    with create_session() as session:
        newest = session.scalars(select(DagRun).order_by(DagRun.id.desc()).limit(1)).one()
        # As the scheduler tells it; dag.test() does so with a run that has no session.
        newest.note = note
        for _ in range(2):
            run_notes.on_dag_run_success(dag_run=newest, msg="success")
        wanted = select(RenderedTaskInstanceFields.rendered_fields).filter_by(run_id=newest.run_id, task_id="prepare")
        return newest.note, (session.scalar(wanted) or {}).get("outcome")


def assert_tells_of_it(source: str) -> None:
    """Other DAGs are woken by an event with ids and addresses."""
    from airflow.models.asset import AssetEvent  # noqa: PLC0415
    from airflow.models.xcom import XComModel  # noqa: PLC0415
    from airflow.utils.session import create_session  # noqa: PLC0415

    with create_session() as session:
        event = session.scalars(select(AssetEvent).order_by(AssetEvent.id.desc()).limit(1)).one()
        links = dict(
            session.execute(select(XComModel.key, XComModel.value).filter_by(run_id=event.source_run_id)).all()
        )
    with transaction("test") as connection:
        (row,) = overview(connection)
    assert (event.extra["job_id"], event.extra["source_id"]) == (row.job_id, row.source_id)
    assert (event.extra["source"], event.extra["tenant"], event.extra["engine"]) == (source, "acme", "local")
    assert links["_link_ManifestLink"] == event.extra["manifest_url"]
    assert links["_link_ManifestLink"].endswith("/manifest.json")
    assert f"player.html?manifest={row.output_prefix}/" in links["_link_PlayerLink"]


def test_a_run_that_opens_no_job_is_a_row_and_in_the_report(run: Any, s3: S3Client, source_bucket: str) -> None:
    began = datetime.now(UTC).date()
    wrong = {"source_uri": f"s3://{source_bucket}/acme/small.mp4", "profile": "sd"}
    assert run(**wrong)[0] == "failed"
    assert run()[0] == "failed"
    assert run(source_uri=put(s3, source_bucket, "small"), profile="never")[0] == "failed"
    with transaction("test") as connection:
        letters = connection.execute(text("SELECT code, message, source_id FROM dead_letter ORDER BY id")).all()
        listed = list_work(connection, WorkFilter(), 10)[0]
    assert [letter.code for letter in letters] == ["source_not_found", "configuration_error", "profile_error"]
    assert "give exactly one of source_uri (s3://bucket/key) and source_id" in letters[1].message
    assert [(row.status, row.error_code, row.source_id) for row in listed] == [
        ("PROBED", "profile_error", letters[2].source_id),
        ("FAILED", "configuration_error", None),
        ("FAILED", "source_not_found", None),
    ]
    today = datetime.now(UTC).date()
    for day in {began, today}:
        recompute_day(day)
    with transaction("test") as connection:
        problems = read_problems(connection, began, today)
    assert sorted((item.tenant, item.profile, item.kind, item.reason) for item in problems) == [
        ("acme", "never", "failed", "profile_error"),
        ("default", "sd", "failed", "source_not_found"),
        ("default", "standard", "failed", "configuration_error"),
    ]


def test_a_later_try_that_goes_on_closes_the_letter(catalog: Settings, s3: S3Client, source_bucket: str) -> None:
    params = {"source_uri": f"s3://{source_bucket}/acme/small.mp4"}
    with pytest.raises(SourceNotFound):
        prepare(params, "manual-1")
    put(s3, source_bucket, "small")
    assert prepare(params, "manual-1", first_try=False).status == "QUEUED"
    with transaction("test") as connection:
        assert connection.scalar(text("SELECT count(*) FROM dead_letter WHERE resolved_at IS NULL")) == 0
