"""How uploads end that others sent to S3: completed, cancelled, or given up when their time is over.

An object starts its run by its arrival where S3 tells of it; to complete the upload then finds that run. Where nobody
tells, or sooner than that, completing starts it; either way it is one run.
"""

from __future__ import annotations

import logging
from typing import Final

from vodflow.catalog import uploads
from vodflow.catalog.database import acting_for, transaction
from vodflow.catalog.rows import SourceRow
from vodflow.catalog.states import UploadStatus
from vodflow.catalog.uploads import UploadRow
from vodflow.errors import CatalogError, SourceNotFound, UploadIncomplete, VodflowError
from vodflow.jobs.airflow_client import AirflowClient
from vodflow.jobs.job import Job
from vodflow.jobs.presigned_uploads import UPLOAD_ID, asked_of, get_upload, metadata_of
from vodflow.jobs.queries import get
from vodflow.jobs.upload import start_or_leave
from vodflow.sensing.registration import register_object
from vodflow.settings import Settings, get_settings
from vodflow.storage import multipart
from vodflow.storage.objects import SourceObject, resolve_source

log = logging.getLogger(__name__)

_ACTOR: Final = "vodflow.jobs"
#: Uploads ended before the next ones are looked for, and numbers that a message names.
_PAGE: Final = 100
_NAMED: Final = 10


def complete_upload(
    upload_id: str, *, airflow: AirflowClient | None = None, settings: Settings | None = None
) -> tuple[UploadRow, Job]:
    """See that everything has arrived as it was promised, and start the run. Twice is once.

    :return: the upload, and the job as it is now
    :raises NotInCatalog: there is no such upload
    :raises UploadIncomplete: parts of it are missing, or all of it
    :raises CatalogError: it was cancelled or given up, or what lies there is not what was promised
    :raises EngineError: S3 does not answer (retryable)
    """
    used = settings or get_settings()
    upload = get_upload(upload_id, settings=used)
    if upload.status == UploadStatus.COMPLETED:
        return upload, job_of(upload, settings=used)
    _check_open(upload)
    has_parts = upload.multipart_id is None or _join(upload, upload.multipart_id, used)
    sent = _arrived(upload, used)
    if sent is None and not has_parts:
        _check_open(get_upload(upload_id, settings=used))  # cancelled meanwhile, perhaps
        raise CatalogError(
            f"S3 has removed what was sent of {upload.filename}: cancel upload {upload_id}, open a new one."
        )
    if sent is None:
        raise UploadIncomplete(f"{upload.filename} has not arrived: send it, then complete upload {upload_id}.")
    # Whoever completes it has seen the upload; what its run needs to know is everybody's, an engine's limits for one.
    with acting_for(None):
        start_or_leave(_take(upload, sent, used), asked_of(upload), airflow, used)
    done = get_upload(upload_id, settings=used)
    return done, job_of(done, settings=used)


def job_of(upload: UploadRow, *, settings: Settings | None = None) -> Job:
    """What became of a completed upload."""
    return get(f"source-{upload.source_id}", settings=settings)


def cancel_upload(upload_id: str, *, settings: Settings | None = None) -> UploadRow:
    """Give an upload up, and the parts that S3 has of it. Twice is once.

    :raises NotInCatalog: there is no such upload
    :raises CatalogError: it is completed, or has arrived: its job may be cancelled
    :raises EngineError: S3 does not answer (retryable)
    """
    used = settings or get_settings()
    upload = get_upload(upload_id, settings=used)
    if upload.status == UploadStatus.OPEN and not _end(upload, UploadStatus.CANCELED, used):
        upload = get_upload(upload_id, settings=used)
    if upload.status == UploadStatus.COMPLETED:
        raise CatalogError(f"Upload {upload_id} has arrived: cancel its job, source-{upload.source_id}.")
    return get_upload(upload_id, settings=used)


def end_overdue_uploads(settings: Settings | None = None) -> int:
    """Give up uploads whose time is over; what has arrived all the same is taken in. Returns how many were overdue.

    :raises VodflowError: S3 or the catalog does not answer
    """
    used = settings or get_settings()
    ended, after = 0, 0
    while True:
        with transaction(_ACTOR, used) as connection:
            page = uploads.overdue_uploads(connection, _PAGE, after)
        for upload in page:
            try:
                _end(upload, UploadStatus.ABANDONED, used)
            except VodflowError as error:
                if error.shared_cause is not None:
                    raise
                # Its bucket is closed to us, for example: the others end all the same.
                log.warning("Upload %s: %s", upload.public_id, error)
        ended += len(page)
        if len(page) < _PAGE:
            return ended
        after = page[-1].id


def _end(upload: UploadRow, status: UploadStatus, settings: Settings) -> bool:
    """End an upload that is open; false where its object has arrived, which completes it."""
    if upload.multipart_id is not None:
        multipart.abort(upload.bucket, upload.key, upload.multipart_id, settings)
    if (sent := _arrived(upload, settings)) is not None:
        with acting_for(None):
            _take(upload, sent, settings)
        return False
    with transaction(_ACTOR, settings) as connection:
        uploads.end_upload(connection, upload.id, status)
    log.info("Upload %s of %s is %s", upload.public_id, upload.uri, status)
    return True


def _join(upload: UploadRow, multipart_id: str, settings: Settings) -> bool:
    """Make the object of its parts; false where that was done before, or S3 has none any more."""
    try:
        parts = multipart.received(upload.bucket, upload.key, multipart_id, settings)
        there = {part.number for part in parts if part.size == upload.size_of(part.number)}
        missing = tuple(number for number in range(1, upload.parts + 1) if number not in there)
        if missing:
            shown = ", ".join(map(str, missing[:_NAMED])) + (", …" if len(missing) > _NAMED else "")
            raise UploadIncomplete(
                f"{len(missing)} of {upload.parts} parts of {upload.filename} have not arrived: {shown}. Send them, "
                f"then complete upload {upload.public_id}.",
                missing=missing,
            )
        multipart.complete(upload.bucket, upload.key, multipart_id, parts, settings)
    except multipart.NoSuchUpload:
        log.info("The parts of upload %s were joined before, or are gone", upload.public_id)
        return False
    return True


def _arrived(upload: UploadRow, settings: Settings) -> SourceObject | None:
    """Its object, if that is what lies there."""
    try:
        found = resolve_source(upload.bucket, upload.key, settings=settings)
    except SourceNotFound:
        return None
    return found if found.metadata.get(UPLOAD_ID) == upload.public_id else None


def _take(upload: UploadRow, sent: SourceObject, settings: Settings) -> SourceRow:
    promised = (upload.size_bytes, upload.content_type, metadata_of(upload.public_id, asked_of(upload)))
    if (sent.ref.size, sent.content_type, dict(sent.metadata)) != promised:
        error = (
            f"What arrived is {sent.ref.size} bytes of {sent.content_type} with metadata {dict(sent.metadata)}, not "
            f"{promised[0]} bytes of {promised[1]} with {promised[2]} as promised."
        )
        with transaction(_ACTOR, settings) as connection:
            uploads.end_upload(connection, upload.id, UploadStatus.REFUSED, error=error)
        raise CatalogError(f"Upload {upload.public_id} is refused. {error}")
    source = register_object(sent, _ACTOR, settings=settings)
    with transaction(_ACTOR, settings) as connection:
        uploads.end_upload(connection, upload.id, UploadStatus.COMPLETED, source_id=source.id)
    return source


def _check_open(upload: UploadRow) -> None:
    if upload.status != UploadStatus.OPEN:
        why = f" ({upload.error})" if upload.error else ""
        raise CatalogError(f"Upload {upload.public_id} is {upload.status}{why}: open a new one.")
