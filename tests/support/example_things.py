"""What the examples of docs/api.md are about, by the names they have there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.fixtures.values import probed_source, queued_job
from support.playable import put_objects
from vodflow.catalog import deliveries, jobs
from vodflow.catalog.database import transaction
from vodflow.catalog.dead_letters import LetterFilter, NewDeadLetter, list_letters, record_dead_letters
from vodflow.errors import EngineError
from vodflow.storage.clients import s3_client

if TYPE_CHECKING:
    from support.fixtures.doors import Doors


def things(doors: Doors) -> dict[str, str]:
    """A published video, a job that is queued, one that failed, a dead letter, a delivery, an object in S3."""
    uri = doors.place.put("acme/holiday.mp4")
    published = doors.publish(uri)
    job = doors.client.get(f"/api/v1/jobs/{published}").json()
    _put_outputs(doors, published)
    with transaction("example") as connection:
        queued = queued_job(connection, probed_source(connection, key="acme/queued.mp4"), run_id="source-2")
        failed = queued_job(connection, probed_source(connection, key="acme/failed.mp4"), run_id="source-3")
        jobs.fail_job(connection, failed.id, EngineError("the worker was killed"))
        letter = NewDeadLetter(origin="ingest_videos.intake", identity="1", code="not_an_event", message="No event.")
        record_dead_letters(connection, [letter])
        (row,) = deliveries.recent(connection)  # of the publication
        (kept,) = list_letters(connection, LetterFilter(), 1)
        deliveries.failed(connection, row.id, "HTTP 500", 500)
    doors.place.airflow.runs |= {
        run: {"state": "failed", "conf": {"source_id": number}} for number, run in ((2, "source-2"), (3, "source-3"))
    }
    return {
        "BUCKET": doors.place.bucket, "JOB": str(published), "QUEUED": str(queued.id), "FAILED": str(failed.id),
        "VIDEO": str(doors.video_of(published)), "SOURCE": str(job["source_id"]), "LETTER": str(kept.id),
        "DELIVERY": str(row.id),
    }  # fmt: skip


def _put_outputs(doors: Doors, job_id: int) -> None:
    """Small objects where the published job says that its outputs are."""
    with transaction("example") as connection:
        row = jobs.get_job(connection, job_id)
    s3 = s3_client(doors.settings)
    s3.create_bucket(Bucket=row.bucket)
    put_objects(s3, row.bucket, row.prefix)
