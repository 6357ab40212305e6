"""``transcode_video`` with the MediaConvert engine in one process: submit, wait in the trigger, collect, publish."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
from airflow.sdk.exceptions import ParamValidationError
from support.fixtures.mediaconvert_site import Site
from vodflow.catalog.database import transaction
from vodflow.catalog.overview import overview

pytestmark = [pytest.mark.airflow, pytest.mark.integration]


@pytest.fixture
def run(airflow_db: None, site: Site) -> Any:
    """The DAG as it is where the engine is configured."""
    module = importlib.reload(importlib.import_module("vodflow_dags.transcode.transcode_video_dag"))

    def start(**conf: Any) -> tuple[str, dict[str, str]]:
        result = module.transcode_video().test(run_conf={"engine": "mediaconvert", "profile": "sd", **conf})
        return str(result.state), {task.task_id: str(task.state) for task in result.get_task_instances()}

    return start


def test_a_video_goes_the_whole_way(run: Any, site: Site) -> None:
    uri = site.upload("small")
    state, tasks = run(source_uri=uri)
    assert state == "success"
    done = dict.fromkeys(("prepare", "transcode_mediaconvert", "publish"), "success")
    assert tasks == done | {"transcode_local": "skipped"}
    with transaction("test") as connection:
        (row,) = overview(connection)
    assert (row.verdict, row.engine, row.rungs) == ("PUBLISHED", "mediaconvert", ["360p", "240p"])
    assert len(site.jobs()) == 1
    # Once more by hand: nothing is submitted.
    state, tasks = run(source_uri=uri)
    assert (state, tasks["transcode_mediaconvert"], tasks["publish"]) == ("success", "skipped", "success")
    assert len(site.jobs()) == 1


def test_damage_that_shows_while_encoding_is_a_rejection(run: Any, site: Site) -> None:
    site.restart(fail=[{"code": 1076, "message": "The input ends too early"}])
    state, tasks = run(source_uri=site.upload("small"))
    assert state == "success"
    assert (tasks["transcode_mediaconvert"], tasks["publish"]) == ("skipped", "skipped")
    with transaction("test") as connection:
        (row,) = overview(connection)
    assert row.verdict == "REJECTED"
    assert row.reason is not None
    assert "1076" in row.reason


def test_the_form_refuses_an_engine_that_is_not_here(run: Any) -> None:
    with pytest.raises(ParamValidationError):
        run(source_uri="s3://bucket/a.mp4", engine="kubernetes")
