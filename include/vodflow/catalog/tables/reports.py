"""What analysts read; recomputed a day at a time by :mod:`vodflow.reports`."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    Double,
    ForeignKeyConstraint,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
)

from vodflow.catalog.tables.base import metadata, not_negative, one_of

_COUNTS = ("videos", "jobs", "failed", "rejected", "canceled")

report_transcoding_daily = Table(
    "report_transcoding_daily",
    metadata,
    Column("day", Date, nullable=False, comment="UTC day on which jobs ended"),
    Column("tenant", Text, nullable=False),
    Column("profile", Text, nullable=False),
    Column("engine", Text, nullable=False, comment="none for sources rejected before a job existed"),
    Column("videos", Integer, nullable=False, comment="different videos published"),
    Column("jobs", Integer, nullable=False, comment="jobs published"),
    Column("failed", Integer, nullable=False, comment="failures, those retried later included"),
    Column("rejected", Integer, nullable=False, comment="sources rejected, with or without a job"),
    Column("canceled", Integer, nullable=False, comment="cancellations"),
    Column("minutes_in", Double, nullable=False, comment="of the published jobs' sources"),
    Column("minutes_out", Double, nullable=False, comment="sum over their video renditions"),
    Column("bytes_in", BigInteger, nullable=False),
    Column("bytes_out", BigInteger, nullable=False),
    Column("encode_speed_p50", Double, comment="media seconds a wall second"),
    Column("encode_speed_p95", Double, comment="media seconds a wall second"),
    Column("time_to_publish_p50", Double, comment="seconds from request to publication"),
    Column("time_to_publish_p95", Double, comment="seconds from request to publication"),
    PrimaryKeyConstraint("day", "tenant", "profile", "engine"),
    *not_negative(*_COUNTS, "minutes_in", "minutes_out", "bytes_in", "bytes_out"),
    CheckConstraint("videos <= jobs", name="videos_within_jobs"),
    comment="Transcoding per UTC day, tenant, profile and engine.",
)

report_transcoding_problem_daily = Table(
    "report_transcoding_problem_daily",
    metadata,
    Column("day", Date, nullable=False),
    Column("tenant", Text, nullable=False),
    Column("profile", Text, nullable=False),
    Column("engine", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("reason", Text, nullable=False, comment="error class of a failure, reason of a rejection"),
    Column("count", Integer, nullable=False),
    PrimaryKeyConstraint("day", "tenant", "profile", "engine", "kind", "reason"),
    ForeignKeyConstraint(
        ["day", "tenant", "profile", "engine"],
        [f"report_transcoding_daily.{name}" for name in ("day", "tenant", "profile", "engine")],
        ondelete="CASCADE",
        name="fk_report_transcoding_problem_daily_report_transcoding_daily",
    ),
    one_of("kind", ("failed", "rejected", "unreadable")),
    CheckConstraint("count > 0", name="count"),
    comment="Why jobs failed and sources were rejected, one row a reason.",
)
