"""Deleting outputs that nobody sees any more."""

from __future__ import annotations

import json

import pytest
from integration.jobs.conftest import Place
from sqlalchemy import text
from support.clips import clip
from typer.testing import CliRunner
from vodflow import jobs
from vodflow.catalog.database import transaction
from vodflow.catalog.publications import publish
from vodflow.catalog.rows import SourceRow
from vodflow.cli.jobs import app
from vodflow.errors import CatalogError
from vodflow.sensing.registration import register_object
from vodflow.storage.objects import list_objects, parse_s3_uri, resolve_source

pytestmark = pytest.mark.integration


def put(place: Place, job: jobs.Job, *names: str) -> None:
    bucket, _, prefix = str(job.output).removeprefix("s3://").partition("/")
    for name in names:
        place.s3.put_object(Bucket=bucket, Key=f"{prefix}/{name}", Body=b"1234")


def left(job: jobs.Job) -> set[str]:
    bucket, _, prefix = str(job.output).removeprefix("s3://").partition("/")
    return set(list_objects(bucket, prefix))


def replaced(place: Place) -> tuple[jobs.Job, jobs.Job]:
    """A job that was public, and the one that is."""
    uri = place.put("acme/a.mp4")
    first = jobs.get(place.carry_out(str(jobs.create(uri, outputs=["mp4"]).run_id)))
    second = jobs.get(place.carry_out(str(jobs.create(uri, outputs=["hls"]).run_id)))
    for job in (first, second):
        put(place, job, "mp4/a.mp4")
    return jobs.get(first), jobs.get(second)


def test_what_is_not_public_any_more_is_deleted(place: Place) -> None:
    first, second = replaced(place)
    assert (first.public, second.public) == (False, True)
    bucket, _, prefix = str(first.output).removeprefix("s3://").partition("/")
    place.s3.put_object(Bucket=bucket, Key=f"{prefix}0/other", Body=b"another job's")

    assert jobs.delete_outputs(first) == (2, 2 + 4)
    assert left(first) == set()
    assert left(second) == {"manifest.json", "mp4/a.mp4"}
    assert set(list_objects(bucket, f"{prefix}0")) == {"other"}
    with transaction("test") as connection:
        moment = connection.scalar(text("SELECT outputs_deleted_at FROM job WHERE id = :id"), {"id": first.id})
    assert moment is not None

    assert jobs.delete_outputs(first) == (0, 0), "again"
    with transaction("test") as connection:
        again = connection.scalar(text("SELECT outputs_deleted_at FROM job WHERE id = :id"), {"id": first.id})
    assert again == moment

    with pytest.raises(CatalogError, match="were deleted"), transaction("test") as connection:
        publish(connection, int(first.id or 0), [], [], str(first.manifest))


def test_who_asks_for_the_same_gets_it_made_anew(place: Place) -> None:
    first, _ = replaced(place)
    jobs.delete_outputs(first)
    asked = jobs.create(first.source, outputs=["mp4"])
    assert asked.id != first.id
    made = place.carry_out(str(asked.run_id))
    anew = jobs.get(made)
    assert anew.id != first.id
    assert anew.output != first.output
    assert (anew.outputs, anew.qualities, anew.public) == (first.outputs, first.qualities, True)
    assert jobs.create(first.source, outputs=["mp4"]).id == made


def test_bytes_that_come_back_after_their_outputs_were_deleted(place: Place) -> None:
    uri = place.put("acme/a.mp4")
    old = place.carry_out(str(jobs.create(uri, outputs=["mp4"]).run_id))
    place.put("acme/a.mp4", clip("small").read_bytes() + b"\0" * 8)
    between = place.carry_out(str(jobs.create(uri, outputs=["mp4"]).run_id))
    assert jobs.get(between).public
    jobs.delete_outputs(old)
    with transaction("test") as connection:  # the next put is later than what the catalog has, at S3's resolution
        connection.execute(text("UPDATE source SET current_since = current_since - interval '1 hour'"))
    place.put("acme/a.mp4")
    sources = register([uri])
    assert [row.reopened for row in sources] == [1], "it gets a run, as if it were new"
    assert jobs.get(between).public
    assert not jobs.get(old).public
    anew = place.carry_out(str(jobs.create(uri, outputs=["mp4"]).run_id))
    assert anew not in {old, between}
    assert jobs.get(anew).public


def register(uris: list[str]) -> list[SourceRow]:
    return [register_object(resolve_source(*parse_s3_uri(uri)), "test") for uri in uris]


def test_what_is_public_unfinished_or_used_stays(place: Place) -> None:
    first, second = replaced(place)
    with pytest.raises(CatalogError, match="what its video shows now"):
        jobs.delete_outputs(second)
    waiting = place.carry_out(str(jobs.create(first.source, outputs=["dash"]).run_id), until="plan")
    with pytest.raises(CatalogError, match="is QUEUED"):
        jobs.delete_outputs(waiting)
    with pytest.raises(CatalogError, match="no job"):
        jobs.delete_outputs("source-999")

    bucket, _, prefix = str(first.output).removeprefix("s3://").partition("/")
    strategy = {"kind": "renditions", "reused": [{"track": "v", "bucket": bucket, "prefix": prefix, "mp4": "m"}]}
    with transaction("test") as connection:
        connection.execute(
            text("UPDATE job SET plan = jsonb_set(plan, '{strategy}', CAST(:strategy AS jsonb)) WHERE id = :id"),
            {"id": waiting, "strategy": json.dumps(strategy)},
        )
    with pytest.raises(CatalogError, match=f"Job {waiting} is made with tracks of job {first.id}"):
        jobs.delete_outputs(first)
    assert left(first) == {"manifest.json", "mp4/a.mp4"}


def test_on_the_command_line(place: Place) -> None:
    first, second = replaced(place)
    refused = CliRunner().invoke(app, ["delete-outputs", str(first.id)], input="n\n")
    assert refused.exit_code == 1
    assert left(first)
    ended = CliRunner().invoke(app, ["delete-outputs", str(second.id), str(first.id), "--yes"])
    assert f"{first.id}: 2 objects, 6 bytes" in ended.stdout
    assert ended.exit_code == 1
    assert left(first) == set()
    assert left(second) != set()
