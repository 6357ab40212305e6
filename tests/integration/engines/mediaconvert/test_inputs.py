"""The corpus of odd inputs through MediaConvert's settings: published and right, or refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.clips import clip
from support.fixtures.mediaconvert_site import Site, reread
from vodflow.catalog.rows import JobRow
from vodflow.catalog.states import JobStatus
from vodflow.engines.mediaconvert.steps import collect_job, submit_job
from vodflow.errors import PlanError
from vodflow.pipeline.publish import publish_job, verify_job

pytestmark = pytest.mark.integration

PROFILE = """\
description: one quick rung
preset: ultrafast
outputs: [hls]
thumbnails: null
rungs:
  - {name: 180p, height: 180, bitrate: 400k}
"""

#: Rotated; VP9 of odd sizes with Opus; no sound at 29.97; 5.1; frames that come when they like; fields of MPEG-2.
CLIPS = ("portrait", "odd", "silent", "surround", "vfr", "interlaced")


@pytest.fixture
def quick(site: Site, set_settings: Any, tmp_path: Path) -> Site:
    """A site with one quick rung."""
    (tmp_path / "quick.yaml").write_text(PROFILE)
    site.settings = set_settings(profiles_dir=tmp_path, mediaconvert_options='{"quality_tuning": "single_pass"}')
    return site


def planned(site: Site, name: str) -> JobRow:
    # Any key that S3 allows is one that MediaConvert is given.
    key = f"acme/a+b %20 'c' \"é\" 😀 {name}{clip(name).suffix}"
    return site.planned(name, f"run-{name}", key=key, profile="quick")


def test_odd_inputs_are_published(quick: Site) -> None:
    jobs = {name: planned(quick, name) for name in CLIPS}
    submitted = {name: submit_job(job.id, run_id=job.run_id) for name, job in jobs.items()}
    for name, job in jobs.items():
        ended = quick.ended(submitted[name].external_id)
        assert ended["Status"] == "COMPLETE", (name, ended.get("ErrorMessage"))
        collect_job(job.id, run_id=job.run_id)
        verify_job(job.id)
        publish_job(job.id)
    rows = {name: reread(job) for name, job in jobs.items()}
    assert {name: row.status for name, row in rows.items()} == dict.fromkeys(CLIPS, JobStatus.PUBLISHED)
    made = {name: row.verification_document["renditions"] for name, row in rows.items() if row.verification_document}
    assert (made["portrait"][0]["width"], made["portrait"][0]["height"]) == (180, 320)
    assert [item["kind"] for item in made["silent"]] == ["video"]
    assert made["surround"][1]["channels"] == 2
    # Only fields make the job dearer, and the attempt says so.
    assert (rows["interlaced"].estimated_cost or 0) > (rows["vfr"].estimated_cost or 0)


def test_pictures_below_what_the_service_makes_are_refused_by_name(quick: Site) -> None:
    job = planned(quick, "tiny")
    with pytest.raises(PlanError, match="MediaConvert makes sides of 32 to 8192 pixels"):
        submit_job(job.id, run_id=job.run_id)
    assert reread(job).status == JobStatus.FAILED
    assert quick.jobs() == []
