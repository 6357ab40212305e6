"""What a job says of itself."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest
from support.fixtures.values import MOMENT
from vodflow.cli.outcome import exit_code
from vodflow.errors import EngineCanceled, EngineError, InputRejected
from vodflow.jobs import Job

PAGE = Path(__file__).resolve().parents[4] / "docs" / "library.md"

JOB = Job(
    id=12, source_id=7, source="s3://footage/acme/a.mp4", version="v1", size=1000, tenant="acme", status="PUBLISHED",
    profile="standard", engine="local", priority=50, run_id="source-7", external_id=None, stage=None, progress=100.0,
    speed=2.0, eta=None, error_class=None, error_code=None, reason=None, retryable=None, outputs=("hls",),
    qualities=("720p",), warnings=(), estimated_cost=None, actual_cost=None, created_at=MOMENT, queued_at=MOMENT,
    started_at=MOMENT, finished_at=MOMENT, output="s3://media/vod/acme/a/0123", manifest="s3://media/vod/acme/a/0123/manifest.json",
    public=True,
)  # fmt: skip


def job(**changes: object) -> Job:
    return dataclasses.replace(JOB, **changes)  # type: ignore[arg-type]


def test_every_field_is_documented_and_no_other() -> None:
    section = PAGE.read_text("utf-8").split("## A job")[1]
    rows = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    named = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert sorted(named) == sorted(field.name for field in dataclasses.fields(Job))


def test_json_is_json() -> None:
    document = json.loads(json.dumps(JOB.to_json()))
    assert document["created_at"] == "2026-05-01T12:00:00+00:00"
    assert document["outputs"] == ["hls"]


@pytest.mark.parametrize(
    ("changes", "over"),
    [
        ({}, True),
        ({"status": "REJECTED"}, True),
        ({"status": "QUEUED"}, False),
        ({"status": "DISPATCHED", "id": None}, False),
        ({"status": "FAILED"}, True),
        ({"status": "FAILED", "run_state": "running"}, False),
        ({"status": "FAILED", "run_state": "queued"}, False),
        ({"status": "FAILED", "run_state": "failed"}, True),
        ({"status": "CANCELED", "run_state": "running"}, False),
    ],
)
def test_over_is_when_nothing_more_happens(changes: dict[str, object], over: bool) -> None:
    assert job(**changes).over is over


@pytest.mark.parametrize(
    ("status", "run_id", "state", "expected"),
    [
        ("REJECTED", "source-7-force-1f2e", "running", "DISPATCHED"),
        ("UNREADABLE", "source-7-1f2e", "queued", "DISPATCHED"),
        ("REJECTED", "source-7-force-1f2e", "success", "REJECTED"),
        ("REJECTED", "source-7-force-1f2e", None, "REJECTED"),
        ("REJECTED", "source-7", "running", "REJECTED"),
    ],
)
def test_what_an_earlier_run_found_is_no_answer(status: str, run_id: str, state: str | None, expected: str) -> None:
    found = job(id=None, status=status, run_id=run_id, reason="cut off").with_run(state)
    assert (found.status, found.over) == (expected, expected == status)
    assert (found.reason is None) is (expected != status)


def test_a_run_that_ended_without_a_job_has_failed() -> None:
    waiting = job(id=None, status="PROBED", reason=None)
    assert waiting.with_run("running").status == "PROBED"
    assert waiting.with_run(None).status == "PROBED"
    assert waiting.with_run("failed").status == "FAILED"
    assert job(id=None, status="REJECTED").with_run("success").status == "REJECTED"
    assert JOB.with_run("failed").status == "PUBLISHED", "a later task of the run does not undo a publication"


def test_an_end_can_be_raised() -> None:
    assert JOB.raise_for_status() is JOB
    assert job(status="QUEUED").raise_for_status().status == "QUEUED"
    with pytest.raises(InputRejected, match="truncated: cut off"):
        job(status="REJECTED", error_code="truncated", reason="cut off").raise_for_status()
    with pytest.raises(EngineCanceled):
        job(status="CANCELED").raise_for_status()
    with pytest.raises(EngineError, match="out of memory") as caught:
        job(status="FAILED", error_code="137", reason="out of memory", retryable=False).raise_for_status()
    assert (caught.value.code, caught.value.retryable) == ("137", False)


@pytest.mark.parametrize(
    ("statuses", "code"),
    [
        ([], 0),
        (["PUBLISHED"], 0),
        (["PUBLISHED", "REJECTED", "FAILED"], 3),
        (["PUBLISHED", "FAILED"], 4),
        (["CANCELED"], 5),
        (["QUEUED", "PUBLISHED"], 6),
        (["PROBED"], 6),
    ],
)
def test_exit_codes(statuses: list[str], code: int) -> None:
    assert exit_code(job(status=status) for status in statuses) == code
