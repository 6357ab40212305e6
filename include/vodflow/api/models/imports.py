"""Imports by URL: what is to be fetched, and how far that is."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from vodflow.api.models.common import Answer
from vodflow.api.models.jobs import JobDocument
from vodflow.api.models.uploads import Wishes
from vodflow.api.parameters import LongText, TenantName
from vodflow.catalog.states import ImportStatus
from vodflow.catalog.url_imports import ImportRow


class NewImport(Wishes):
    """A video that is somewhere else."""

    url: LongText = Field(
        min_length=1,
        description="http, https or s3, in a place that this installation allows",
        examples=["https://media.example.org/holiday.mp4"],
    )
    name: LongText | None = Field(
        default=None,
        min_length=1,
        max_length=900,
        description="below the tenant's folder; none means what the URL calls it, as a video of its own",
    )
    tenant: TenantName | None = Field(default=None, description="for callers of the installation: whose video it is")


class ImportDocument(Answer):
    """One import."""

    id: int
    status: ImportStatus
    tenant: str
    url: str = Field(description="without user, password and query")
    source: str = Field(description="`s3://bucket/key`, where it is put")
    request: dict[str, Any] = Field(description="what is asked to be made of it, where that is not the usual")
    bytes: int | None = Field(description="fetched so far, or in all")
    total_bytes: int | None = Field(description="as the server says")
    attempts: int = Field(description="tries that were begun")
    run_id: str | None = Field(description="run of `import_video`")
    error: str | None = Field(description="why it was refused, or failed")
    created_by: str
    created_at: datetime
    finished_at: datetime | None

    @classmethod
    def shown(cls, row: ImportRow) -> dict[str, Any]:
        """The values that all forms of it have."""
        same = {name: getattr(row, name) for name in ImportDocument.model_fields if hasattr(row, name)}
        return same | {"source": row.uri, "request": row.request or {}, "bytes": row.size_bytes}

    @classmethod
    def of(cls, row: ImportRow) -> ImportDocument:
        """From the library's."""
        return cls(**cls.shown(row))


class ImportDetails(ImportDocument):
    """One import, and what became of it."""

    job: JobDocument | None = Field(description="of one that is completed")
