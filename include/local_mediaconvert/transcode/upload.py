"""The files of a group into its bucket, as ``DestinationSettings`` says."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from vodflow.contract.layout import MORE_CONTENT_TYPES
from vodflow.settings import Settings
from vodflow.storage.upload import Manners, upload_tree

from local_mediaconvert.transcode.contract import Document
from local_mediaconvert.transcode.packaging import Made
from local_mediaconvert.transcode.plan import GroupPlan

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
    """Upload everything below ``folder``.

    :raises EngineError: when S3 does not take it
    :raises EngineCanceled: when ``cancel`` is set
    """
    manners = Manners(
        last=frozenset(made.playlists),
        headers=put_arguments(group.settings.get("DestinationSettings", {}).get("S3Settings", {})),
        content_types=MORE_CONTENT_TYPES,
        default_type="application/octet-stream",
    )
    upload_tree(
        folder, group.place.bucket, group.place.folder, progress, cancel=cancel, settings=settings, manners=manners
    )


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
