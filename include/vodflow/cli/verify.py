"""``vodflow verify``: hold outputs against the plan they were made by."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vodflow.catalog import jobs as catalog_jobs
from vodflow.catalog.database import transaction
from vodflow.catalog.tables import job as job_table
from vodflow.catalog.work_lookup import find_work
from vodflow.cli import outcome, tables
from vodflow.cli.options import AsJson
from vodflow.errors import CatalogError
from vodflow.jobs import get
from vodflow.keys import stored_keys
from vodflow.storage.objects import readable_url
from vodflow.verification import DirectoryStore, ObjectStore, S3Store, Verification
from vodflow.verification import verify as verify_outputs


def verify(
    what: Annotated[str, typer.Argument(metavar="JOB", help="A job, as in `vodflow jobs get`, or s3://bucket/prefix "
                                                            "of its outputs.")],
    folder: Annotated[Path | None, typer.Option(help="Look at this copy of the outputs instead of S3.",
                                                exists=True, file_okay=False)] = None,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Check a job's outputs, every manifest, segment and picture, against its plan. Nothing is changed."""
    job_id = _job_id(what)
    with transaction("vodflow verify") as connection:
        row = catalog_jobs.get_job(connection, job_id)
    store: ObjectStore = S3Store() if folder is None else DirectoryStore(folder)
    place = (row.bucket, row.prefix) if folder is None else ("", "")
    keys = stored_keys(row.plan, row.prefix)
    result = verify_outputs(row.plan, *place, store, readable_url(row.plan.source), keys)
    if as_json:
        outcome.print_json({"job_id": job_id, **result.model_dump(mode="json")})
    else:
        _show(job_id, result)


def _job_id(what: str) -> int:
    if what.startswith("s3://"):
        bucket, _, prefix = what.removeprefix("s3://").rstrip("/").partition("/")
        with transaction("vodflow verify") as connection:
            row = find_work(connection, job_table.c.bucket == bucket, job_table.c.prefix == prefix)
        if row is not None and row.job_id is not None:
            return row.job_id
    job = get(what)
    if job.id is None:
        raise CatalogError(f"{what} has no job yet, and so no outputs.")
    return job.id


def _show(job_id: int, result: Verification) -> None:
    columns = ("Rendition", "Codec", "Size", "Duration", "Bits a second")
    rows = [
        (item.name, item.codec, f"{item.width}x{item.height}" if item.width else "", f"{item.duration:.3f} s",
         str(item.average_bitrate))
        for item in result.renditions
    ]  # fmt: skip
    typer.echo(f"Job {job_id}: {result.objects} objects, {result.bytes} bytes, all as planned")
    tables.show([tables.Column(title) for title in columns], rows)
