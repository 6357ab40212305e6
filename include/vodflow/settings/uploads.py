"""Settings of uploads that browsers and programs send to S3 themselves, and of imports by URL."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from vodflow.settings.core import CoreSettings

_MEBIBYTE: Final = 1024**2
_GIBIBYTE: Final = 1024**3
_DAY: Final = 86_400.0


class ImportBucket(BaseModel):
    """A bucket, of another account too, that videos may be imported from.

    :param bucket: its name
    :param prefix: only keys that begin with it
    :param region: where it is; none means `VODFLOW_AWS_REGION`
    :param role: ARN of the role that reads it; none means the permissions of the process
    :param external_id: what that role's trust policy asks for, where it does
    :param tenants: slugs of the tenants that may import from it; none means all
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    bucket: str = Field(min_length=3)
    prefix: str = ""
    region: str | None = None
    role: str | None = Field(default=None, pattern=r"^arn:aws(-[a-z-]+)?:iam::\d{12}:role/.+$")
    external_id: str | None = Field(default=None, min_length=2)
    tenants: tuple[str, ...] | None = None


class UploadSettings(CoreSettings):
    """Settings of uploads and imports."""

    # Uploads
    upload_single_limit: int = Field(
        default=64 * _MEBIBYTE,
        ge=0,
        le=5 * _GIBIBYTE,
        description="bytes up to which a file is sent in one request where its sender leaves that open",
    )
    upload_part_size: int = Field(
        default=16 * _MEBIBYTE,
        ge=5 * _MEBIBYTE,
        le=5 * _GIBIBYTE,
        description="bytes of one part of larger ones; more where 10,000 such parts do not suffice",
    )
    upload_url_expiry: float = Field(
        default=3600.0, ge=60, le=7 * _DAY, description="seconds for which an address to send to is good"
    )
    upload_expiry: float = Field(
        default=3 * _DAY, ge=60, le=30 * _DAY, description="seconds after which an unfinished upload is given up"
    )
    uploads_open: int = Field(
        default=100, ge=1, description="unfinished uploads and imports that one tenant may have at a time"
    )
    uploads_bytes_day: int = Field(
        default=1024 * _GIBIBYTE, ge=1, description="bytes that one tenant may send and import within 24 hours"
    )

    # Imports by URL
    import_hosts: tuple[str, ...] = Field(
        default=(),
        description="hosts that videos may be imported from over HTTP (JSON list; `*.example.org` for all below it, "
        "`nas.example.org:8080` for one port of it)",
    )
    import_private: tuple[str, ...] = Field(
        default=(),
        description="private places among them (JSON list of host names and networks); all others must be public",
    )
    import_buckets: tuple[ImportBucket, ...] = Field(
        default=(), description="buckets that videos may be imported from (JSON list of import buckets)"
    )
    import_timeout: float = Field(default=6 * 3600.0, gt=0, description="seconds one try of an import may take")
    import_read_timeout: float = Field(
        default=30.0, gt=0, le=600, description="seconds to wait for each answer, and for more of its bytes"
    )
