"""Ways in: uploads that browsers and programs send themselves, and imports by URL."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, UUID

from vodflow.catalog.states import ImportStatus, UploadStatus
from vodflow.catalog.tables.base import identity, metadata, not_negative, one_of, timestamp

upload = Table(
    "upload",
    metadata,
    identity(),
    Column("public_id", UUID(as_uuid=False), nullable=False, unique=True, comment="what the outside calls it"),
    Column("tenant_id", BigInteger, ForeignKey("tenant.id"), nullable=False),
    Column("bucket", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("filename", Text, nullable=False, comment="as its sender calls it"),
    Column("content_type", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False, comment="promised, and checked at the end"),
    Column("multipart_id", Text, comment="S3's UploadId; none of what is sent in one request"),
    Column("part_size", BigInteger, comment="bytes of each part but the last"),
    Column("request", JSONB(none_as_null=True), comment="what is asked to be made of it"),
    Column("status", Text, nullable=False, server_default=UploadStatus.OPEN.value),
    Column("source_id", BigInteger, ForeignKey("source.id"), comment="what became of it"),
    Column("error", Text, comment="why it was refused"),
    Column("created_by", Text, nullable=False),
    timestamp("created_at", nullable=False),
    timestamp("expires_at", nullable=False, comment="when it counts as abandoned"),
    timestamp("finished_at"),
    one_of("status", UploadStatus),
    CheckConstraint("(multipart_id IS NULL) = (part_size IS NULL)", name="multipart"),
    CheckConstraint("(status = 'OPEN') = (finished_at IS NULL)", name="finished_has_time"),
    *not_negative("size_bytes"),
    CheckConstraint("part_size > 0", name="part_size"),
    Index("uq_upload_open", "bucket", "key", unique=True, postgresql_where=text("status = 'OPEN'")),
    Index("ix_upload_tenant_id", "tenant_id", "id"),
    Index("ix_upload_expires_at", "expires_at", postgresql_where=text("status = 'OPEN'")),
    comment="A file that somebody sends to S3 with addresses that were signed for it.",
)

url_import = Table(
    "url_import",
    metadata,
    identity(),
    Column("tenant_id", BigInteger, ForeignKey("tenant.id"), nullable=False),
    Column("url", Text, nullable=False, comment="without user, password and query"),
    Column("sealed_url", Text, nullable=False, comment="the whole URL, encrypted: it may hold a signature"),
    Column("identity", Text, nullable=False, comment="hex of the SHA-256 of URL and place: the same is fetched once"),
    Column("bucket", Text, nullable=False, comment="where it is put"),
    Column("key", Text, nullable=False),
    Column("request", JSONB(none_as_null=True), comment="what is asked to be made of it"),
    Column("status", Text, nullable=False, server_default=ImportStatus.QUEUED.value),
    Column("size_bytes", BigInteger, comment="of what was fetched, so far or in all"),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("run_id", Text, comment="run of import_video"),
    Column("source_id", BigInteger, ForeignKey("source.id"), comment="what became of it"),
    Column("error", Text),
    Column("created_by", Text, nullable=False),
    timestamp("created_at", nullable=False),
    timestamp("finished_at"),
    UniqueConstraint("tenant_id", "identity"),
    one_of("status", ImportStatus),
    *not_negative("size_bytes", "attempts"),
    Index("ix_url_import_tenant_id", "tenant_id", "id"),
    comment="A video that is fetched from somebody else's address.",
)
