"""What is done: jobs, their attempts and events, and what was given up."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Numeric,
    SmallInteger,
    Table,
    Text,
    TextClause,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from vodflow.catalog.states import FINISHED, JobStatus, PartState
from vodflow.catalog.tables.base import identity, metadata, not_negative, one_of, owner, recorded, timestamp
from vodflow.contract.engine_names import EngineName
from vodflow.errors import ErrorClass, SharedCause


def _among(column: str, statuses: Iterable[JobStatus]) -> TextClause:
    words = ", ".join(f"'{status}'" for status in sorted(statuses))
    return text(f"{column} IN ({words})")


_OPEN = _among("status", set(JobStatus) - FINISHED)

job = Table(
    "job",
    metadata,
    identity(),
    Column("source_id", BigInteger, nullable=False),
    Column("video_id", BigInteger, nullable=False),
    Column("plan_hash", Text, nullable=False),
    Column("plan", JSONB, nullable=False, comment="vodflow.contract.plan.TranscodePlan"),
    Column("profile", Text, nullable=False),
    Column("revision", Integer, nullable=False, server_default="0", comment="above 0 when forced again"),
    Column("engine", Text, nullable=False),
    Column("priority", SmallInteger, nullable=False, server_default="50", comment="0 to 100, higher first"),
    Column("status", Text, nullable=False, server_default=JobStatus.QUEUED.value),
    Column("stage", Text, comment="what the worker is doing"),
    Column("progress", Double, nullable=False, server_default="0", comment="percent"),
    Column("speed", Double, comment="media seconds encoded a wall second"),
    Column("eta_seconds", Double),
    timestamp("heartbeat_at", comment="last sign of life of the worker"),
    Column("external_id", Text, comment="the engine's own id of the job"),
    Column("bucket", Text, nullable=False, comment="of the outputs"),
    Column("prefix", Text, nullable=False, comment="key prefix of the outputs"),
    Column("run_id", Text, comment="run of transcode_video that works on it"),
    Column("error_class", Text),
    Column("error_code", Text, comment="the other side's code, an exit status, or a verification rule"),
    Column("error_message", Text),
    Column("retryable", Boolean, comment="whether running it again can help"),
    Column("estimated_cost", Numeric(12, 6), comment="US dollars"),
    Column("actual_cost", Numeric(12, 6), comment="US dollars"),
    Column("estimated_cpu_seconds", Double, comment="foreseen for an engine of our own when the job was opened"),
    timestamp("created_at", nullable=False),
    timestamp("queued_at", nullable=False),
    timestamp("submitted_at"),
    timestamp("started_at"),
    timestamp("encoded_at", comment="outputs are in S3, verification begins"),
    timestamp("verified_at"),
    timestamp("finished_at"),
    timestamp("outputs_deleted_at", comment="when its outputs were removed from S3"),
    Column(
        "cancel_request",
        JSONB(none_as_null=True),
        comment="who asked for its cancellation, and why: by, reason",
    ),
    Column("encode_seconds", Double, comment="wall"),
    Column("cpu_seconds", Double, comment="of all processes of the worker"),
    Column("worker_seconds", Double, comment="wall, download to upload"),
    Column("result", JSONB(none_as_null=True), comment="vodflow.contract.result.EngineResult"),
    Column("verification", JSONB(none_as_null=True), comment="vodflow.verification.Verification"),
    owner(),
    UniqueConstraint("source_id", "plan_hash"),
    UniqueConstraint("bucket", "prefix"),
    # What composite foreign keys point at.
    UniqueConstraint("id", "video_id", "status"),
    ForeignKeyConstraint(["source_id", "video_id"], ["source.id", "source.video_id"]),
    one_of("status", JobStatus),
    one_of("engine", EngineName),
    one_of("error_class", ErrorClass),
    CheckConstraint("priority BETWEEN 0 AND 100", name="priority"),
    CheckConstraint("progress BETWEEN 0 AND 100", name="progress"),
    CheckConstraint("plan_hash ~ '^[0-9a-f]{16}$'", name="plan_hash"),
    *not_negative(
        "revision", "speed", "eta_seconds", "estimated_cost", "actual_cost",
        "encode_seconds", "cpu_seconds", "worker_seconds", "estimated_cpu_seconds",
    ),
    CheckConstraint("(status = 'FAILED') = (error_class IS NOT NULL)", name="failed_has_class"),
    CheckConstraint("(error_class IS NULL) = (retryable IS NULL)", name="failed_has_retryable"),
    CheckConstraint(
        "error_message IS NULL OR error_class IS NOT NULL OR status = 'REJECTED'", name="message_has_class"
    ),
    CheckConstraint(
        "(status IN ('PUBLISHED', 'REJECTED', 'FAILED', 'CANCELED')) = (finished_at IS NOT NULL)",
        name="finished_has_time",
    ),
    CheckConstraint("status <> 'PUBLISHED' OR (verified_at IS NOT NULL AND progress = 100)", name="published"),
    Index("ix_job_video_id", "video_id"),
    Index("ix_job_tenant_id", "tenant_id", "id"),
    Index(
        "uq_job_external", "engine", "external_id", unique=True, postgresql_where=text("external_id IS NOT NULL")
    ),
    # Those that were open at a moment, however long ago; least() so that no order of times is an error.
    Index(
        "ix_job_open_at", text("tstzrange(LEAST(created_at, finished_at), finished_at, '[]')"), postgresql_using="gist"
    ),
    Index("ix_job_outputs_deleted_at", "outputs_deleted_at", postgresql_where=text("outputs_deleted_at IS NOT NULL")),
    Index("ix_job_open", "status", text("priority DESC"), "id", postgresql_where=_OPEN),
    comment="One plan for one source, carried out by one engine.",
    # Room on each page for the progress updates, which touch no index (heap-only tuples).
    postgresql_with={"fillfactor": 70},
)  # fmt: skip

job_attempt = Table(
    "job_attempt",
    metadata,
    identity(),
    Column("job_id", BigInteger, ForeignKey("job.id"), nullable=False),
    Column("number", Integer, nullable=False, comment="1, 2, … within the job"),
    Column("run_id", Text, comment="run of transcode_video"),
    Column("engine", Text, nullable=False),
    Column("worker", Text, nullable=False, comment="who worked: a host, a pod"),
    Column("external_id", Text, comment="the engine's own id of its job"),
    Column("tier", Text, comment="pricing tier"),
    Column("normalized_minutes", Numeric(14, 4), comment="estimated"),
    Column("estimated_cost", Numeric(12, 6), comment="US dollars"),
    Column("request", JSONB(none_as_null=True), comment="how the engine was asked: its options, without keys"),
    timestamp("started_at", nullable=False),
    timestamp("finished_at"),
    Column("outcome", Text, comment="none while it runs; lost when a later attempt found it unfinished"),
    Column("error_class", Text),
    Column("error_code", Text),
    Column("error_message", Text),
    UniqueConstraint("job_id", "number"),
    one_of("outcome", ("succeeded", "failed", "rejected", "canceled", "lost")),
    one_of("error_class", ErrorClass),
    one_of("engine", EngineName),
    CheckConstraint("number > 0", name="number"),
    *not_negative("normalized_minutes", "estimated_cost"),
    CheckConstraint("(outcome IS NULL) = (finished_at IS NULL)", name="finished_has_outcome"),
    CheckConstraint("error_class IS NULL OR outcome = 'failed'", name="error_has_outcome"),
    Index(
        "uq_job_attempt_external", "engine", "external_id", unique=True,
        postgresql_where=text("external_id IS NOT NULL"),
    ),
    Index("ix_job_attempt_estimated", "started_at", postgresql_where=text("estimated_cost IS NOT NULL")),
    Index("uq_job_attempt_running", "job_id", unique=True, postgresql_where=text("finished_at IS NULL")),
    comment="One time a worker was started for a job.",
)  # fmt: skip

job_part = Table(
    "job_part",
    metadata,
    identity(),
    Column("job_id", BigInteger, ForeignKey("job.id"), nullable=False),
    Column("part", Text, nullable=False, comment="its name: audio, chunk-003, rungs-2160p"),
    Column("title", Text, nullable=False, comment="for people: chunk 003 (00:01:00–00:01:30)"),
    Column("digest", Text, nullable=False, comment="of what it is made by"),
    Column("state", Text, nullable=False, server_default=PartState.WAITING.value),
    Column("attempt", Integer, nullable=False, server_default="0", comment="how often it was begun"),
    Column("worker", Text, comment="who works or worked: a host, a pod"),
    Column("size_bytes", BigInteger, comment="of its files in S3"),
    Column("checksum", Text, comment="of its files' checksums"),
    Column("cpu_seconds", Double, comment="of all its processes"),
    Column("failures", JSONB, nullable=False, server_default="[]", comment="attempts that made nothing, and why"),
    timestamp("started_at", comment="of the last attempt"),
    timestamp("ended_at"),
    Column("error_code", Text),
    Column("error_message", Text),
    UniqueConstraint("job_id", "part"),
    one_of("state", PartState),
    *not_negative("attempt", "size_bytes", "cpu_seconds"),
    CheckConstraint("(state IN ('done', 'failed')) = (ended_at IS NOT NULL)", name="ended_has_time"),
    CheckConstraint("state <> 'done' OR size_bytes IS NOT NULL", name="done_has_size"),
    CheckConstraint("(state = 'failed') = (error_message IS NOT NULL)", name="failed_has_message"),
    comment="One part of a divided job: the sound, a stretch of time, a group of rungs.",
)

job_event = Table(
    "job_event",
    metadata,
    identity(),
    Column("job_id", BigInteger, ForeignKey("job.id"), nullable=False),
    timestamp("at", nullable=False),
    Column("actor", Text, nullable=False, comment="who changed it: a task, a command, a person"),
    Column("old_status", Text),
    Column("new_status", Text, nullable=False),
    Column("detail", JSONB(none_as_null=True)),
    one_of("old_status", JobStatus),
    one_of("new_status", JobStatus),
    recorded(),
    Index("ix_job_event_job_id", "job_id", "id"),
    Index("ix_job_event_recorded_xid", "recorded_xid"),
    Index("ix_job_event_at", "at", postgresql_using="brin", postgresql_with={"autosummarize": "on"}),
    Index("ix_job_event_ended", "at", postgresql_where=_among("new_status", FINISHED)),
    comment="Every change of a job's status. Written by a trigger, never changed or deleted.",
)

engine_event = Table(
    "engine_event",
    metadata,
    identity(),
    Column("engine", Text, nullable=False),
    Column("event_id", Text, nullable=False, comment="given by the sender; a duplicate has the same"),
    Column("job_id", BigInteger, ForeignKey("job.id"), nullable=False),
    Column("external_id", Text, nullable=False, comment="the engine's own id of its job"),
    Column("kind", Text, nullable=False, comment="the engine's word: COMPLETE, STATUS_UPDATE, …"),
    Column("at", DateTime(timezone=True), nullable=False, comment="by the engine"),
    timestamp("received_at", nullable=False),
    Column("detail", JSONB, nullable=False),
    UniqueConstraint("engine", "event_id"),
    one_of("engine", EngineName),
    Index("ix_engine_event_job_id", "job_id", "id"),
    Index("ix_engine_event_external", "engine", "external_id", "kind"),
    comment="What an engine told about its jobs, as it came: at least once, in any order.",
)

hold = Table(
    "hold",
    metadata,
    Column("run_id", Text, primary_key=True, comment="run of transcode_video that waits"),
    Column("step", Text, primary_key=True, comment="task of the run"),
    Column("cause", Text, nullable=False, comment="vodflow.errors.SharedCause"),
    Column("scope", Text, nullable=False, comment="the machine whose trouble it is; empty when it is everybody's"),
    Column("code", Text, nullable=False),
    Column("message", Text, nullable=False),
    timestamp("since", nullable=False),
    timestamp("seen_at", nullable=False, comment="last look"),
    timestamp("tried_at", comment="last try of its own"),
    timestamp("given_up_at", comment="its run has failed, and is started again when the cause is over"),
    one_of("cause", SharedCause),
    CheckConstraint("(scope <> '') = (cause IN ('disk', 'machine'))", name="scope"),
    Index("ix_hold_step", "step", "scope"),
    comment="Runs that wait for what stops every video alike: a full disk, S3 away. They spend no try on it.",
)

outage = Table(
    "outage",
    metadata,
    identity(),
    Column("cause", Text, nullable=False, comment="vodflow.errors.SharedCause"),
    Column("scope", Text, nullable=False, comment="the machine whose trouble it is; empty when it is everybody's"),
    Column("step", Text, nullable=False, comment="task that met it first"),
    Column("code", Text, nullable=False),
    Column("message", Text, nullable=False),
    timestamp("began_at", nullable=False),
    timestamp("ended_at", comment="none while anybody waits for it"),
    one_of("cause", SharedCause),
    CheckConstraint("(scope <> '') = (cause IN ('disk', 'machine'))", name="scope"),
    CheckConstraint("ended_at >= began_at", name="ended"),
    Index("uq_outage_open", "cause", "scope", unique=True, postgresql_where=text("ended_at IS NULL")),
    comment="What stopped every video alike, and for how long.",
)

dead_letter = Table(
    "dead_letter",
    metadata,
    identity(),
    Column("origin", Text, nullable=False, comment="what gave up, for example ingest_videos.intake"),
    Column(
        "identity", Text, nullable=False, comment="equal for the same trouble: an open one is counted, not repeated"
    ),
    Column("code", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("payload", JSONB(none_as_null=True), comment="what is needed to look into it and to try again"),
    Column("source_id", BigInteger, ForeignKey("source.id")),
    Column("job_id", BigInteger, ForeignKey("job.id")),
    Column("occurrences", Integer, nullable=False, server_default="1"),
    timestamp("first_seen_at", nullable=False),
    timestamp("last_seen_at", nullable=False),
    timestamp("resolved_at"),
    Column("resolution", Text),
    CheckConstraint("occurrences > 0", name="occurrences"),
    CheckConstraint("last_seen_at >= first_seen_at", name="seen"),
    CheckConstraint("(resolved_at IS NULL) = (resolution IS NULL)", name="resolved"),
    Index("uq_dead_letter_open", "origin", "identity", unique=True, postgresql_where=text("resolved_at IS NULL")),
    Index("ix_dead_letter_source_id", "source_id"),
    Index("ix_dead_letter_job_id", "job_id"),
    comment="Work that was given up and waits for a person.",
)

mediaconvert_submission_rate = Table(
    "mediaconvert_submission_rate",
    metadata,
    Column("key", Text, primary_key=True, comment="what has one quota: connection or account, Region, endpoint"),
    Column("free_at", Double, nullable=False, comment="when the next job may be submitted, seconds since the epoch"),
    comment="the shared rate of submissions to MediaConvert, where the settings ask for it",
)
