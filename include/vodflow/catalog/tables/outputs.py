"""What came out: renditions, artifacts, and what is public."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from vodflow.catalog.states import ArtifactKind, JobStatus
from vodflow.catalog.tables.base import identity, metadata, not_negative, one_of, recorded, timestamp

rendition = Table(
    "rendition",
    metadata,
    identity(),
    Column("job_id", BigInteger, ForeignKey("job.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("codec", Text, nullable=False, comment="RFC 6381, as in the manifests"),
    Column("width", Integer, comment="pixels"),
    Column("height", Integer, comment="pixels"),
    Column("frame_rate", Text, comment="num/den"),
    Column("channels", Integer),
    Column("sample_rate", Integer, comment="hertz"),
    Column("bitrate", Integer, nullable=False, comment="asked for, bits a second"),
    Column("measured_bitrate", Integer, nullable=False, comment="average of the segments, bits a second"),
    Column("peak_bitrate", Integer, comment="largest segment, bits a second"),
    Column("size_bytes", BigInteger, nullable=False, comment="of its segments"),
    Column("duration", Double, nullable=False, comment="seconds"),
    Column(
        "speed",
        Double,
        comment="media seconds encoded a wall second, where not all rungs of the job have the same; see job.speed",
    ),
    UniqueConstraint("job_id", "name"),
    one_of("kind", ("video", "audio")),
    CheckConstraint(
        "(kind = 'video') = (width IS NOT NULL AND height IS NOT NULL AND frame_rate IS NOT NULL)",
        name="video_has_size",
    ),
    CheckConstraint("width > 0 AND height > 0", name="size"),
    *not_negative("bitrate", "measured_bitrate", "peak_bitrate", "size_bytes", "duration", "speed"),
    comment="One encoded track of a published job.",
)

artifact = Table(
    "artifact",
    metadata,
    identity(),
    Column("job_id", BigInteger, ForeignKey("job.id"), nullable=False),
    Column("name", Text, nullable=False, comment="path below the job's prefix"),
    Column("kind", Text, nullable=False),
    Column("uri", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("checksum", Text, comment="base64 of the CRC-32, as S3 stores it"),
    Column("content_type", Text, nullable=False),
    UniqueConstraint("job_id", "name"),
    one_of("kind", ArtifactKind),
    *not_negative("size_bytes"),
    comment="One object that people or players address: manifests, MP4s, pictures, captions.",
)

publication = Table(
    "publication",
    metadata,
    Column("video_id", BigInteger, ForeignKey("video.id"), primary_key=True, autoincrement=False),
    Column("job_id", BigInteger, nullable=False, unique=True),
    Column("job_status", Text, nullable=False, server_default=JobStatus.PUBLISHED.value),
    Column("manifest_uri", Text, nullable=False),
    timestamp("first_published_at", nullable=False),
    timestamp("published_at", nullable=False),
    Column(
        "again_told_by",
        Text,
        comment="run that tells other DAGs that this job is public once more; empty while none does",
    ),
    # Together: the job is of this video, and it is PUBLISHED, which is final.
    CheckConstraint("job_status = 'PUBLISHED'", name="job_status"),
    ForeignKeyConstraint(["job_id", "video_id", "job_status"], ["job.id", "job.video_id", "job.status"]),
    Index("ix_publication_again", "again_told_by", postgresql_where=text("again_told_by IS NOT NULL")),
    comment="Which job of a video is public now.",
)

publication_event = Table(
    "publication_event",
    metadata,
    identity(),
    Column("video_id", BigInteger, ForeignKey("video.id"), nullable=False),
    timestamp("at", nullable=False),
    Column("old_job_id", BigInteger, ForeignKey("job.id"), comment="public until then; none where nothing was"),
    Column("new_job_id", BigInteger, ForeignKey("job.id"), comment="public since then; none where it was taken down"),
    recorded(),
    Index("ix_publication_event_video_id", "video_id", "id"),
    Index("ix_publication_event_at", "at"),
    Index("ix_publication_event_recorded_xid", "recorded_xid"),
    comment="Every change of what is public of a video. Written by a trigger, never changed or deleted.",
)
