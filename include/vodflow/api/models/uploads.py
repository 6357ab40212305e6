"""Uploads: what somebody wants to send, the signed requests that send it, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal

from pydantic import Field

from vodflow.api.models.common import Answer, Asked
from vodflow.api.models.jobs import JobDocument
from vodflow.api.parameters import LongText, ShortText, TenantName
from vodflow.catalog.states import UploadStatus
from vodflow.catalog.uploads import UploadRow
from vodflow.contract.engine_names import EngineName
from vodflow.contract.plan import Output
from vodflow.pipeline.request import DEFAULT_PRIORITY
from vodflow.storage.multipart import Part
from vodflow.storage.presigning import SignedRequest
from vodflow.storage.send import MAX_PARTS, MAX_SIZE

#: Parts that one request may have signed.
MOST_SIGNED: Final = 100


class Wishes(Asked):
    """What is to be made of a video; all may be left out."""

    profile: ShortText | None = Field(default=None, description="none means the watch rule's, or the default one")
    outputs: list[Output] | None = Field(default=None, min_length=1, description="none means what the profile says")
    qualities: list[ShortText] | None = Field(
        default=None, min_length=1, max_length=50, description="rungs of the profile; none means all that fit"
    )
    engine: EngineName | None = Field(default=None, description="none means what the watch rule or the profile says")
    priority: int = Field(default=DEFAULT_PRIORITY, ge=0, le=100, description="higher first")

    def options(self) -> dict[str, Any]:
        """As the library takes them."""
        return {name: getattr(self, name) for name in Wishes.model_fields}


class NewUpload(Wishes):
    """A file that somebody wants to send."""

    filename: ShortText = Field(description="as its sender calls it, without folders", examples=["holiday.mp4"])
    size: int = Field(ge=1, le=MAX_SIZE, description="bytes; S3 takes no other number")
    content_type: ShortText | None = Field(
        default=None, description="media type; none means what the name says", examples=["video/mp4"]
    )
    method: Literal["auto", "single", "multipart"] = Field(
        default="auto", description="in one request or in parts; `auto` goes by the size"
    )
    crc32: ShortText | None = Field(
        default=None,
        description="base64 of the CRC-32 of a file that is sent in one request: S3 then takes no other bytes",
    )
    part_checksums: bool = Field(default=False, description="every part is sent with its CRC-32, which S3 compares")
    name: LongText | None = Field(
        default=None,
        min_length=1,
        max_length=900,
        description="below the tenant's folder; one that is there already gets a new version. None makes a new video",
    )
    tenant: TenantName | None = Field(default=None, description="for callers of the installation: whose video it is")


class Signed(Answer):
    """A request that S3 takes from whoever sends it, until it runs out; `Content-Length` must be `size`."""

    method: str
    url: str
    headers: dict[str, str] = Field(description="to be sent as they are")
    size: int = Field(description="bytes that its body must have")
    expires_at: datetime


class SignedPart(Signed):
    """The request that sends one part."""

    number: int


class SignedParts(Answer):
    """Requests that send parts, in the order of their numbers."""

    parts: list[SignedPart]


class WantedPart(Asked):
    """A part that is to be sent."""

    number: int = Field(ge=1, le=MAX_PARTS, description="from 1")
    crc32: ShortText | None = Field(default=None, description="base64 of its CRC-32, of uploads with `part_checksums`")


class WantedParts(Asked):
    """Parts that are to be sent next."""

    parts: list[WantedPart] = Field(min_length=1, max_length=MOST_SIGNED)


class ReceivedPart(Answer):
    """A part that S3 has."""

    number: int
    size: int
    crc32: str | None


class Multipart(Answer):
    """How a file is sent in parts: part `n` begins at byte `(n - 1) * part_size`."""

    part_size: int = Field(description="bytes of each part but the last")
    parts: int
    checksums: bool = Field(description="whether every part needs its CRC-32")
    received: list[ReceivedPart] = Field(description="parts that S3 has, while the upload is open")


class UploadDocument(Answer):
    """One upload."""

    id: str
    status: UploadStatus
    tenant: str
    filename: str
    content_type: str
    size: int
    source: str = Field(description="`s3://bucket/key`, where it goes")
    request: dict[str, Any] = Field(description="what is asked to be made of it, where that is not the usual")
    error: str | None = Field(description="why it was refused")
    created_by: str
    created_at: datetime
    expires_at: datetime = Field(description="when it is given up if it is open still")
    finished_at: datetime | None

    @classmethod
    def shown(cls, row: UploadRow) -> dict[str, Any]:
        """The values that all forms of it have."""
        same = {name: getattr(row, name) for name in UploadDocument.model_fields if hasattr(row, name)}
        return same | {"id": row.public_id, "size": row.size_bytes, "source": row.uri, "request": row.request or {}}

    @classmethod
    def of(cls, row: UploadRow) -> UploadDocument:
        """From the library's."""
        return cls(**cls.shown(row))


class UploadDetails(UploadDocument):
    """One upload, how to send it, and what became of it."""

    single: Signed | None = Field(description="the request that sends it, of one that is open and sent at once")
    multipart: Multipart | None = Field(description="of one that is sent in parts")
    job: JobDocument | None = Field(description="of one that is completed")

    @classmethod
    def with_all(
        cls, row: UploadRow, single: SignedRequest | None, received: list[Part], job: JobDocument | None
    ) -> UploadDetails:
        """From the library's."""
        parts = row.part_size and Multipart(
            part_size=row.part_size,
            parts=row.parts,
            checksums=row.part_checksums,
            received=[ReceivedPart.model_validate(part) for part in received],
        )
        return cls(
            **cls.shown(row),
            single=None if single is None else Signed.model_validate(single),
            multipart=parts or None,
            job=job,
        )


def signed_parts(signed: Mapping[int, SignedRequest]) -> SignedParts:
    """From the library's."""
    return SignedParts(
        parts=[
            SignedPart(number=number, **Signed.model_validate(one).model_dump())
            for number, one in sorted(signed.items())
        ]
    )
