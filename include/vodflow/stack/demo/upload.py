"""Put the demo's files into the watched bucket, each content once."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import ClientError

from vodflow.contract.engine_names import EngineName
from vodflow.sensing.registration import METADATA_PREFIX
from vodflow.stack.demo.clips import DemoVideo
from vodflow.storage.clients import s3_client
from vodflow.storage.objects import resolve_source

#: Where the demo's tenant lives in the watched bucket; see ``WatchRule.tenant_pattern``.
TENANT = "demo"
#: User metadata that tells whether the bucket holds this very file already.
DIGEST = "sha256"


@dataclass(frozen=True)
class Upload:
    """One video as it lies in S3.

    :param version: version id or ETag, the identity that the catalog knows
    :param fresh: whether it was uploaded now; otherwise it lay there already
    """

    video: DemoVideo
    bucket: str
    key: str
    version: str
    size: int
    fresh: bool


def upload_once(
    video: DemoVideo, bucket: str, engine: EngineName | None = None, *, profile: str | None = None
) -> Upload:
    """Upload a video unless the bucket holds the same content under the same key.

    :param engine: who is to encode it, which the object itself says; it has a key for each, so that what one engine
        has published is not taken for the other's
    :param profile: by which it is to be made, likewise
    :raises botocore.exceptions.BotoCoreError: S3 does not answer
    """
    asked = {name: value for name, value in (("engine", engine), ("profile", profile)) if value}
    key = "/".join([TENANT, *asked.values(), video.name])
    digest = _sha256(video.path)
    client = s3_client()
    fresh = _stored_digest(bucket, key) != digest
    if fresh:
        wishes = {f"{METADATA_PREFIX}{name}": str(value) for name, value in asked.items()}
        client.upload_file(str(video.path), bucket, key, ExtraArgs={"Metadata": {DIGEST: digest, **wishes}})
    stored = resolve_source(bucket, key)
    return Upload(video, bucket, key, stored.ref.version, stored.ref.size, fresh)


def _stored_digest(bucket: str, key: str) -> str | None:
    try:
        return s3_client().head_object(Bucket=bucket, Key=key)["Metadata"].get(DIGEST)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            return None
        raise


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
