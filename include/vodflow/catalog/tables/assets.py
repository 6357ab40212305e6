"""What came in: tenants, videos, and the versions of their bytes."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from vodflow.catalog.states import DiscoveredBy, SourceStatus, TenantStatus
from vodflow.catalog.tables.base import identity, metadata, not_negative, one_of, owner, recorded, timestamp
from vodflow.contract.engine_names import EngineName

#: The words of a key, by which people look for videos; a search uses the index where it says the same.
KEY_WORDS = text("to_tsvector('simple'::regconfig, regexp_replace(key, '[^[:alnum:]]+', ' ', 'g'))")

tenant = Table(
    "tenant",
    metadata,
    identity(),
    Column("slug", Text, nullable=False, unique=True, comment="first part of every output path"),
    timestamp("created_at", nullable=False),
    Column("name", Text, nullable=False, server_default="", comment="for people"),
    Column("status", Text, nullable=False, server_default=TenantStatus.ACTIVE.value),
    Column("status_reason", Text, comment="why it is suspended"),
    timestamp("status_at", comment="since when it has this status"),
    one_of("status", TenantStatus),
    CheckConstraint("slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'", name="slug"),
    comment="Who a video belongs to.",
)

video = Table(
    "video",
    metadata,
    identity(),
    Column("tenant_id", BigInteger, ForeignKey("tenant.id"), nullable=False),
    Column("bucket", Text, nullable=False),
    Column("key", Text, nullable=False),
    timestamp("created_at", nullable=False),
    UniqueConstraint("bucket", "key"),
    # What composite foreign keys point at.
    UniqueConstraint("id", "bucket", "key"),
    CheckConstraint("bucket <> '' AND key <> ''", name="address"),
    Index("ix_video_tenant_id", "tenant_id"),
    Index("ix_video_words", KEY_WORDS, postgresql_using="gin"),
    comment="A logical asset: one key in one bucket, whatever its versions.",
)

source = Table(
    "source",
    metadata,
    identity(),
    Column("video_id", BigInteger, nullable=False),
    Column("bucket", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("version", Text, nullable=False, comment="S3 version id, or the unquoted ETag without versioning"),
    Column("version_id", Text, comment="S3 version id, where the bucket keeps versions"),
    Column("etag", Text, nullable=False, comment="unquoted"),
    Column("size_bytes", BigInteger, nullable=False),
    timestamp("last_modified", nullable=False, comment="by S3"),
    timestamp("current_since", nullable=False, comment="since when the key has these bytes; orders those of one key"),
    Column("discovered_by", Text, nullable=False),
    Column("profile", Text, comment="asked for by the watch rule; none means the default profile"),
    Column("engine", Text, comment="asked for by the watch rule; none means what the profile says"),
    Column("status", Text, nullable=False, server_default=SourceStatus.DISCOVERED.value),
    Column("rejection_reason", Text),
    Column("rejection_detail", Text),
    Column("unreadable_reason", Text, comment="why it could not be read when that was tried last; kept afterwards"),
    Column("unreadable_detail", Text),
    Column("media_info", JSONB(none_as_null=True), comment="vodflow.contract.media_info.MediaInfo"),
    Column("run_id", Text, comment="run of transcode_video started for it"),
    Column("reopened", Integer, nullable=False, server_default=text("0"), comment="runs started after the first"),
    timestamp("registered_at", nullable=False),
    timestamp("dispatched_at"),
    timestamp("probed_at"),
    timestamp("rejected_at"),
    timestamp("unreadable_at"),
    recorded(),
    owner(),
    UniqueConstraint("bucket", "key", "version"),
    UniqueConstraint("id", "video_id"),
    ForeignKeyConstraint(["video_id", "bucket", "key"], ["video.id", "video.bucket", "video.key"]),
    CheckConstraint("version <> ''", name="version"),
    one_of("status", SourceStatus),
    one_of("discovered_by", DiscoveredBy),
    one_of("engine", EngineName),
    # The names are vodflow.errors.RejectionReason; a new one needs no migration.
    CheckConstraint("rejection_reason ~ '^[a-z][a-z0-9_]*$'", name="rejection_reason"),
    CheckConstraint("unreadable_reason ~ '^[a-z][a-z0-9_]*$'", name="unreadable_reason"),
    *not_negative("size_bytes", "reopened"),
    CheckConstraint("(status = 'REJECTED') = (rejection_reason IS NOT NULL)", name="rejected_has_reason"),
    CheckConstraint("(status = 'REJECTED') = (rejected_at IS NOT NULL)", name="rejected_has_time"),
    CheckConstraint("rejection_detail IS NULL OR rejection_reason IS NOT NULL", name="detail_has_reason"),
    CheckConstraint("status <> 'UNREADABLE' OR unreadable_reason IS NOT NULL", name="unreadable_has_reason"),
    CheckConstraint("(unreadable_reason IS NULL) = (unreadable_at IS NULL)", name="unreadable_has_time"),
    CheckConstraint("status <> 'PROBED' OR media_info IS NOT NULL", name="probed_has_media_info"),
    CheckConstraint("(media_info IS NULL) = (probed_at IS NULL)", name="media_info_has_time"),
    CheckConstraint("(run_id IS NULL) = (dispatched_at IS NULL)", name="dispatched_has_run"),
    CheckConstraint("status <> 'DISPATCHED' OR run_id IS NOT NULL", name="dispatched"),
    Index("ix_source_video_id", "video_id"),
    Index("ix_source_tenant_id", "tenant_id", "id"),
    Index("ix_source_undispatched", "id", postgresql_where=text("status = 'DISCOVERED'")),
    Index("ix_source_rejected_at", "rejected_at", postgresql_where=text("status = 'REJECTED'")),
    Index("ix_source_unreadable", "bucket", "key", postgresql_where=text("status = 'UNREADABLE'")),
    Index("ix_source_registered_at", "registered_at"),
    Index("ix_source_probed_at", "probed_at", postgresql_where=text("probed_at IS NOT NULL")),
    Index("ix_source_recorded_xid", "recorded_xid"),
    Index(
        "ix_source_waited_at",
        text(
            "tstzrange(LEAST(registered_at, dispatched_at, probed_at, rejected_at, unreadable_at),"
            " LEAST(dispatched_at, probed_at, rejected_at, unreadable_at))"
        ),
        postgresql_using="gist",
    ),
    Index("ix_source_unreadable_at", "unreadable_at", postgresql_where=text("unreadable_at IS NOT NULL")),
    comment="One version of a video's bytes.",
)

listing = Table(
    "listing",
    metadata,
    Column("video_id", BigInteger, ForeignKey("video.id"), primary_key=True, autoincrement=False),
    Column("tenant_id", BigInteger, nullable=False),
    Column("source_id", BigInteger, nullable=False, comment="the bytes that its key has now"),
    Column("job_id", BigInteger, comment="newest job for them; none while there is none"),
    Column("status", Text, nullable=False, comment="of that job; of the source while it has none"),
    Column("profile", Text),
    Column("engine", Text),
    Column(
        "registered_at",
        DateTime(timezone=True),
        nullable=False,
        comment="when these bytes were registered; orders the list",
    ),
    Index("ix_listing_registered_at", "registered_at", "video_id"),
    *(
        Index(f"ix_listing_{column}", column, "registered_at", "video_id")
        for column in ("tenant_id", "status", "profile", "engine")
    ),
    comment="Each video as it is now. Written by triggers of source and job alone.",
)
