"""Uploads whose sender talks to S3 itself, with addresses that are signed here: no byte passes through us.

The object goes to a watched place of its tenant and carries what is asked for (:mod:`vodflow.pipeline.object_request`),
so that its arrival alone starts its run; :mod:`vodflow.jobs.upload_endings` says how an upload ends.
"""

from __future__ import annotations

import base64
import binascii
import logging
import mimetypes
import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from vodflow.catalog import uploads
from vodflow.catalog.database import transaction
from vodflow.catalog.intake_quota import check_quota, one_at_a_time
from vodflow.catalog.states import UploadStatus
from vodflow.catalog.uploads import UploadRow
from vodflow.errors import CatalogError, ConfigurationError, NotInCatalog, SourceNotFound
from vodflow.jobs.upload import place_of, wanted
from vodflow.pipeline.object_request import object_metadata, run_conf
from vodflow.pipeline.request import TranscodeRequest
from vodflow.sensing.places import watched
from vodflow.sensing.rules import Watched, judge
from vodflow.settings import Settings, get_settings
from vodflow.storage import multipart
from vodflow.storage.multipart import Part
from vodflow.storage.objects import resolve_source
from vodflow.storage.presigning import SignedRequest, sign_part, sign_put
from vodflow.storage.send import part_size
from vodflow.tenancy.limits import upload_limits

log = logging.getLogger(__name__)

#: User metadata by which an object is known as an upload's.
UPLOAD_ID: Final = "upload-id"

#: S3's limit of what one request may send (Amazon S3 user guide, "Uploading objects").
MAX_SINGLE: Final = 5 * 1024**3

Method = Literal["auto", "single", "multipart"]

_ACTOR: Final = "vodflow.jobs"
_MEDIA_TYPE: Final = re.compile(
    r"video/[A-Za-z0-9.+-]{1,60}|application/(octet-stream|mxf|mp4|ogg|vnd\.[a-z0-9.-]{1,60})"
)
_TYPES: Final = {".mkv": "video/x-matroska", ".mxf": "application/mxf", ".m2ts": "video/mp2t", ".mts": "video/mp2t"}


def create_upload(
    filename: str,
    size: int,
    *,
    content_type: str | None = None,
    tenant: str | None = None,
    name: str | None = None,
    method: Method = "auto",
    crc32: str | None = None,
    part_checksums: bool = False,
    by: str = _ACTOR,
    settings: Settings | None = None,
    **options: Any,
) -> UploadRow:
    """Let somebody send a file. What is made of it: ``options`` as in :func:`vodflow.jobs.create`.

    :param filename: as its sender calls it
    :param size: bytes; S3 takes no other number
    :param content_type: media type of its bytes; none means what the name says
    :param tenant: slug of whose video it is; none means the watch rule's default tenant
    :param name: what it is called below the tenant's folder, where a name that is there already gets a new version;
        none makes it a video of its own, whatever others are called
    :param method: in one request or in parts; ``auto`` goes by its size
    :param crc32: base64 of the CRC-32 of a file that is sent in one request; S3 then takes no other bytes
    :param part_checksums: whether every part must be sent with its CRC-32, which S3 compares
    :param by: who asks
    :raises ConfigurationError: a value cannot be meant, or nobody would notice the file
    :raises QuotaExceeded: the tenant has enough under way, or has sent enough today
    :raises CatalogError: another upload to that name is open
    :raises EngineError: S3 does not answer
    """
    used = settings or get_settings()
    _check_filename(filename)
    kind = _checked_type(content_type or _guessed(filename))
    public_id = str(uuid.uuid4())
    bucket, key = place_of(name or f"{public_id}/{filename}", size, tenant, watched(used))
    whose = tenant_at(bucket, key, used, size)
    limits = upload_limits(whose, used)
    if not 0 < size <= limits.max_size:
        raise ConfigurationError(f"size is {size} bytes; {whose} may send files of 1 to {limits.max_size} bytes.")
    in_parts = _in_parts(method, size, used, crc32=crc32, part_checksums=part_checksums)
    asked = wanted(bucket, key, used, **options)
    values: dict[str, Any] = {
        "public_id": public_id, "bucket": bucket, "key": key, "filename": filename, "content_type": kind,
        "size_bytes": size, "crc32": crc32, "part_checksums": part_checksums, "request": kept(asked),
        "created_by": by, "expires_at": datetime.now(UTC) + timedelta(seconds=used.upload_expiry),
    }  # fmt: skip
    if in_parts:
        values["part_size"] = part_size(size, used.upload_part_size)
        values["multipart_id"] = multipart.begin(
            bucket,
            key,
            content_type=kind,
            metadata=metadata_of(public_id, asked),
            checksums=part_checksums,
            settings=used,
        )
    try:
        with transaction(by, used) as connection:
            one_at_a_time(connection, whose)
            check_quota(connection, whose, size, most_open=limits.open_uploads, most_bytes=limits.bytes_day)
            return uploads.open_upload(connection, whose, values)
    except BaseException:
        if in_parts:
            multipart.abort(bucket, key, values["multipart_id"], used)
        raise


def get_upload(upload_id: str, *, settings: Settings | None = None) -> UploadRow:
    """One upload as it is now.

    :raises NotInCatalog: there is none
    """
    try:
        public_id = str(uuid.UUID(upload_id))
    except ValueError:
        public_id = ""
    with transaction(_ACTOR, settings) as connection:
        found = uploads.find_upload(connection, public_id) if public_id else None
    if found is None:
        raise NotInCatalog(f"There is no upload {upload_id!r}.")
    return found


def list_uploads(
    *,
    tenant: str | None = None,
    status: str | None = None,
    limit: int = 50,
    before_id: int | None = None,
    settings: Settings | None = None,
) -> list[UploadRow]:
    """A page of uploads, newest first.

    :param before_id: the catalog's id of the last one of the page before
    """
    wanted_status = None if status is None else UploadStatus(status)
    with transaction(_ACTOR, settings) as connection:
        return uploads.list_uploads(connection, limit, tenant_slug=tenant, status=wanted_status, before_id=before_id)


def signed_upload(upload: UploadRow, *, settings: Settings | None = None) -> SignedRequest | None:
    """The request that sends it; none of what is sent in parts, or is over.

    :raises EngineError: S3 does not say what lies in its place
    """
    if upload.multipart_id is not None or upload.status != UploadStatus.OPEN:
        return None
    used = settings or get_settings()
    return sign_put(
        upload.bucket,
        upload.key,
        upload.size_bytes,
        content_type=upload.content_type,
        metadata=metadata_of(upload.public_id, asked_of(upload)),
        crc32=upload.crc32,
        replaces=_replaced(upload, used),
        seconds=_good_for(upload, used),
        settings=used,
    )


def _replaced(upload: UploadRow, settings: Settings) -> str | None:
    """ETag of what the upload is a new version of; none where nothing is, or its own object has arrived already."""
    if f"/{upload.public_id}/" in f"/{upload.key}":  # below its own id nothing lies before it
        return None
    try:
        there = resolve_source(upload.bucket, upload.key, settings=settings)
    except SourceNotFound:
        return None
    return None if there.metadata.get(UPLOAD_ID) == upload.public_id else there.etag


def sign_parts(
    upload: UploadRow, parts: Mapping[int, str | None], *, settings: Settings | None = None
) -> dict[int, SignedRequest]:
    """The requests that send these parts.

    :param parts: numbers from 1, each with the base64 of its CRC-32, or none, as the upload was opened
    :raises CatalogError: it is over, or is sent in one request
    :raises ConfigurationError: it has no such part, or checksums are missing or not meant
    """
    used = settings or get_settings()
    if upload.status != UploadStatus.OPEN:
        raise CatalogError(f"Upload {upload.public_id} is {upload.status}: open a new one.")
    if upload.multipart_id is None:
        raise CatalogError(f"Upload {upload.public_id} has no parts: it is sent in one request.")
    if strange := [number for number in parts if not 1 <= number <= upload.parts]:
        raise ConfigurationError(f"Upload {upload.public_id} has parts 1 to {upload.parts}, not {strange[0]}.")
    for number, crc32 in parts.items():
        if (crc32 is not None) != upload.part_checksums:
            wish = "needs its CRC-32" if upload.part_checksums else "must come without a CRC-32"
            raise ConfigurationError(f"Part {number} {wish}, for that is how upload {upload.public_id} was opened.")
        _check_crc32(crc32)
    seconds = _good_for(upload, used)
    return {
        number: sign_part(
            upload.bucket, upload.key, upload.multipart_id, number, upload.size_of(number),
            crc32=crc32, seconds=seconds, settings=used,
        )
        for number, crc32 in parts.items()
    }  # fmt: skip


def received_parts(upload: UploadRow, *, settings: Settings | None = None) -> list[Part]:
    """The parts of an open upload that S3 has, by number.

    :raises EngineError: S3 does not answer
    """
    if upload.multipart_id is None or upload.status != UploadStatus.OPEN:
        return []
    try:
        return multipart.received(upload.bucket, upload.key, upload.multipart_id, settings or get_settings())
    except multipart.NoSuchUpload:  # just completed, or cancelled
        return []


def asked_of(upload: UploadRow) -> TranscodeRequest:
    """What is asked to be made of it."""
    return TranscodeRequest.from_params({"source_uri": upload.uri, **(upload.request or {})})


def _good_for(upload: UploadRow, settings: Settings) -> float:
    left = (upload.expires_at - datetime.now(UTC)).total_seconds()
    return max(1.0, min(settings.upload_url_expiry, left))


def metadata_of(public_id: str, asked: TranscodeRequest) -> dict[str, str]:
    """User metadata of an upload's object: what is asked for, and whose it is."""
    return {**object_metadata(asked), UPLOAD_ID: public_id}


def kept(asked: TranscodeRequest) -> dict[str, Any]:
    """What is asked for, as the catalog keeps it."""
    return {name: value for name, value in run_conf(asked).items() if name != "source_uri"}


def tenant_at(bucket: str, key: str, settings: Settings, size: int | None = None) -> str:
    """The tenant of a watched place.

    :param size: bytes; none where nobody knows yet
    """
    verdict = judge(watched(settings), bucket, key, size=size)
    assert isinstance(verdict, Watched)  # noqa: S101 - the place was chosen so
    return verdict.tenant


def _check_filename(filename: str) -> None:
    if not filename or len(filename) > 255 or "/" in filename or "\\" in filename:
        raise ConfigurationError(
            f"{filename[:80]!r} cannot be a file's name: give 1 to 255 characters without folders, like holiday.mp4."
        )


def _guessed(filename: str) -> str:
    ending = f".{filename.rpartition('.')[2].lower()}"
    return _TYPES.get(ending) or mimetypes.guess_type(filename)[0] or "application/octet-stream"


def _checked_type(content_type: str) -> str:
    if not _MEDIA_TYPE.fullmatch(content_type):
        raise ConfigurationError(
            f"{content_type[:80]!r} is no media type of a video: give one like video/mp4, or application/octet-stream."
        )
    return content_type


def _in_parts(method: Method, size: int, settings: Settings, *, crc32: str | None, part_checksums: bool) -> bool:
    in_parts = size > settings.upload_single_limit if method == "auto" else method == "multipart"
    if not in_parts and size > MAX_SINGLE:
        raise ConfigurationError(
            f"{size} bytes do not go into one request, which takes {MAX_SINGLE}: send it in parts."
        )
    if in_parts and crc32 is not None:
        raise ConfigurationError("crc32 is for files that are sent in one request; parts have each their own.")
    if not in_parts and part_checksums:
        raise ConfigurationError("part_checksums is for files that are sent in parts; give crc32 of this one.")
    _check_crc32(crc32)
    return in_parts


def _check_crc32(crc32: str | None) -> None:
    if crc32 is None:
        return
    try:
        if len(base64.b64decode(crc32, validate=True)) == 4:
            return
    except (binascii.Error, ValueError):
        pass
    raise ConfigurationError(f"{crc32[:20]!r} is no CRC-32: give the base64 of its four bytes, the highest first.")
