"""Free what is stored for nobody any more."""

from __future__ import annotations

from vodflow.catalog import content_keys
from vodflow.catalog.database import acting_for, transaction
from vodflow.catalog.publications import mark_outputs_deleted
from vodflow.errors import CatalogError
from vodflow.jobs.queries import JobRef, get
from vodflow.settings import Settings, get_settings
from vodflow.storage.copies import Outputs
from vodflow.storage.objects import list_objects


def delete_outputs(ref: JobRef, *, settings: Settings | None = None) -> tuple[int, int]:
    """Remove the outputs of a published job that its video does not show any more: what is below its prefix, no more.

    With them go their keys, where they are encrypted. The job and what is known of it stay. It cannot become public
    again: who asks for the same once more gets it made anew. Safe to run twice; after an error of S3 run it again.

    :return: objects and bytes that were there
    :raises CatalogError: there is no such job; it is not published, or public; or an open job is made with its tracks
    :raises EngineError: S3 does not answer or refuses
    """
    used = settings or get_settings()
    job = get(ref, settings=used)
    if job.id is None:
        raise CatalogError(f"{job.ref} has no job yet, and so no outputs.")
    # Noted first: from then on nobody can make public what is half gone.
    with transaction("vodflow.jobs", used) as connection:
        row = mark_outputs_deleted(connection, job.id)
    found = list_objects(row.bucket, row.prefix, settings=used)
    Outputs(row.bucket, row.prefix, used).delete(found)
    # Keys are changed by the installation alone, for whoever may delete what they open.
    with acting_for(None), transaction("vodflow.jobs", used) as connection:
        content_keys.forget(connection, row.prefix)
    return len(found), sum(found.values())
