"""Who may watch: courses, who takes part in them, what was revoked; and the keys of encrypted videos."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, UUID

from vodflow.catalog.tables.base import identity, metadata, not_negative, one_of, timestamp

course = Table(
    "course",
    metadata,
    identity(),
    Column("tenant_id", BigInteger, ForeignKey("tenant.id"), nullable=False),
    Column("code", Text, nullable=False, comment="what the learning platform calls it"),
    Column("title", Text, nullable=False, server_default=""),
    Column("active", Boolean, nullable=False, server_default=text("true"), comment="whether its videos may be watched"),
    timestamp("created_at", nullable=False),
    UniqueConstraint("tenant_id", "code"),
    CheckConstraint("code <> ''", name="code"),
    comment="Videos that the same people may watch.",
)

course_video = Table(
    "course_video",
    metadata,
    Column("course_id", BigInteger, ForeignKey("course.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("video_id", BigInteger, ForeignKey("video.id"), primary_key=True, autoincrement=False),
    timestamp("added_at", nullable=False),
    Index("ix_course_video_video_id", "video_id"),
    comment="Which videos belong to a course.",
)

enrolment = Table(
    "enrolment",
    metadata,
    Column("course_id", BigInteger, ForeignKey("course.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("user_id", Text, primary_key=True, comment="as the learning platform calls the person"),
    Column("role", Text, nullable=False, server_default="learner"),
    timestamp("starts_at", comment="none means at once"),
    timestamp("ends_at", comment="none means never"),
    timestamp("created_at", nullable=False),
    one_of("role", ("learner", "teacher")),
    CheckConstraint("user_id <> ''", name="user_id"),
    CheckConstraint("ends_at > starts_at", name="ends_after_start"),
    Index("ix_enrolment_user_id", "user_id"),
    comment="Who takes part in a course.",
)

playback_revocation = Table(
    "playback_revocation",
    metadata,
    identity(),
    Column("tenant_id", BigInteger, ForeignKey("tenant.id"), nullable=False),
    Column("video_id", BigInteger, ForeignKey("video.id"), comment="none means every video of the tenant"),
    Column("user_id", Text, comment="none means everybody"),
    timestamp("issued_before", nullable=False, comment="tokens that were issued until then are void"),
    timestamp("expires_at", nullable=False, comment="when the last of them has run out by itself"),
    Column("created_by", Text, nullable=False),
    timestamp("created_at", nullable=False),
    Index("ix_playback_revocation_expires_at", "expires_at"),
    Index("ix_playback_revocation_tenant_id", "tenant_id"),
    comment="Playback tokens that are void before their time.",
)

content_key = Table(
    "content_key",
    metadata,
    Column("key_id", UUID(as_uuid=False), primary_key=True, comment="KID, as in the manifests"),
    Column("tenant", Text, nullable=False, comment="slug"),
    Column("content_id", Text, nullable=False, comment="what is encrypted with it: a job's output prefix"),
    Column("label", Text, nullable=False, comment="which tracks: audio, sd, hd, uhd, or all"),
    Column("period", Integer, nullable=False, server_default=text("0"), comment="0, 1, … where keys are rotated"),
    Column("sealed_key", Text, nullable=False, comment="the key, encrypted; see VODFLOW_SEALING_KEYS"),
    Column("period_seconds", Double, comment="seconds for which a key holds where keys are rotated"),
    Column("signals", JSONB(none_as_null=True), comment="what a DRM provider wants manifests to say of it; no secrets"),
    timestamp("created_at", nullable=False),
    UniqueConstraint("content_id", "label", "period"),
    *not_negative("period"),
    CheckConstraint("period_seconds > 0", name="period_seconds"),
    Index("ix_content_key_tenant", "tenant"),
    comment="Content keys that the key service of this installation gave out.",
)
