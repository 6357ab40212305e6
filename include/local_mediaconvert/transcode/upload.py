"""The files of a group into its bucket, as ``DestinationSettings`` says."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from vodflow.contract.layout import CONTENT_TYPES
from vodflow.errors import EngineCanceled

from local_mediaconvert.aws import client
from local_mediaconvert.settings import Settings
from local_mediaconvert.transcode.contract import Document
from local_mediaconvert.transcode.packaging import Made
from local_mediaconvert.transcode.plan import GroupPlan

#: Of what jobs write besides the layout's files. RFC 4337, RFC 6381, IANA's registry; ``.cmf*``: ISO/IEC 23000-19.
_MORE_CONTENT_TYPES: Final = {
    ".cmfv": "video/mp4",
    ".cmfa": "audio/mp4",
    ".cmft": "application/mp4",
    ".mov": "video/quicktime",
    ".m2ts": "video/mp2t",
    ".mxf": "application/mxf",
    ".webm": "video/webm",
    ".mp2": "audio/mpeg",
    ".mp3": "audio/mpeg",
    ".wav": "audio/wav",
    ".aiff": "audio/aiff",
    ".flac": "audio/flac",
    ".ac3": "audio/ac3",
    ".ec3": "audio/eac3",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".gif": "image/gif",
    ".srt": "application/x-subrip",
    ".ttml": "application/ttml+xml",
    ".xml": "application/ttml+xml",
}
#: Files and parts sent at a time; most are small.
_PARALLEL: Final = 8
_ACLS: Final = {
    "PUBLIC_READ": "public-read",
    "AUTHENTICATED_READ": "authenticated-read",
    "BUCKET_OWNER_READ": "bucket-owner-read",
    "BUCKET_OWNER_FULL_CONTROL": "bucket-owner-full-control",
}
_ENCRYPTION: Final = {"SERVER_SIDE_ENCRYPTION_S3": "AES256", "SERVER_SIDE_ENCRYPTION_KMS": "aws:kms"}


def store_group(
    group: GroupPlan,
    made: Made,
    folder: Path,
    settings: Settings,
    *,
    progress: Callable[[int], None],
    cancel: threading.Event,
) -> None:
    """Upload everything below ``folder``, playlists and manifests last.

    :raises ClientError, BotoCoreError: when S3 does not take it
    :raises EngineCanceled: when ``cancel`` is set
    """
    from boto3.s3.transfer import (  # noqa: PLC0415 - boto3 is slow to import
        ProgressCallbackInvoker,
        TransferConfig,
        create_transfer_manager,
    )

    headers = put_arguments(group.settings.get("DestinationSettings", {}).get("S3Settings", {}))
    s3, sent, lock = client("s3", settings), 0, threading.Lock()

    def count(number: int) -> None:
        nonlocal sent
        if cancel.is_set():
            raise EngineCanceled(f"The upload to {group.place.uri('')} was cancelled.", code="canceled")
        with lock:
            sent += number
            progress(sent)

    def send(path: Path) -> Any:
        suffix = path.suffix.lower()
        kind = CONTENT_TYPES.get(suffix) or _MORE_CONTENT_TYPES.get(suffix) or "application/octet-stream"
        key = f"{group.place.folder.strip('/')}/{path.relative_to(folder).as_posix()}".lstrip("/")
        extra = {**headers, "ContentType": kind, "ChecksumAlgorithm": "CRC32"}
        return manager.upload(str(path), group.place.bucket, key, extra, [ProgressCallbackInvoker(count)])

    files = sorted(path for path in folder.rglob("*") if path.is_file())
    last = {folder / name for name in made.playlists}
    # Not the client's upload_file: its error has no code.
    with create_transfer_manager(s3, TransferConfig(max_concurrency=_PARALLEL)) as manager:
        for batch in ([path for path in files if path not in last], [path for path in files if path in last]):
            for future in [send(path) for path in batch]:
                future.result()


def put_arguments(settings: Document) -> dict[str, str]:
    """PutObject's arguments for ``S3DestinationSettings``."""
    found: dict[str, str] = {}
    acl = settings.get("AccessControl", {}).get("CannedAcl")
    if acl:
        found["ACL"] = _ACLS[acl]
    encryption = settings.get("Encryption", {})
    if encryption.get("EncryptionType"):
        found["ServerSideEncryption"] = _ENCRYPTION[encryption["EncryptionType"]]
    if encryption.get("KmsKeyArn"):
        found["SSEKMSKeyId"] = encryption["KmsKeyArn"]
    if encryption.get("KmsEncryptionContext"):
        found["SSEKMSEncryptionContext"] = encryption["KmsEncryptionContext"]
    if settings.get("StorageClass"):
        found["StorageClass"] = str(settings["StorageClass"])
    return found
