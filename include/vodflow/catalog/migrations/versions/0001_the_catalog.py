"""The catalog: assets, work, outputs, reports, and the job state machine."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# The job state machine. vodflow.catalog.states.JOB_TRANSITIONS says the same for people; a test compares the two.
_JOB_GUARD = """
CREATE FUNCTION job_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  moment CONSTANT timestamptz := clock_timestamp();
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.status <> 'QUEUED' THEN
      RAISE EXCEPTION 'A new job must be QUEUED, not %.', NEW.status USING ERRCODE = 'VF001';
    END IF;
    RETURN NEW;
  END IF;
  IF NEW.status = OLD.status THEN
    RETURN NEW;
  END IF;
  IF NOT OLD.status || '>' || NEW.status = ANY (ARRAY[
    'QUEUED>SUBMITTED', 'QUEUED>PROGRESSING', 'QUEUED>CANCELED', 'QUEUED>FAILED', 'QUEUED>REJECTED',
    'SUBMITTED>PROGRESSING', 'SUBMITTED>FAILED', 'SUBMITTED>CANCELED', 'SUBMITTED>REJECTED', 'SUBMITTED>QUEUED',
    'PROGRESSING>VERIFYING', 'PROGRESSING>FAILED', 'PROGRESSING>CANCELED', 'PROGRESSING>REJECTED',
    'PROGRESSING>QUEUED',
    'VERIFYING>PUBLISHED', 'VERIFYING>FAILED', 'VERIFYING>CANCELED', 'VERIFYING>QUEUED',
    'FAILED>QUEUED', 'CANCELED>QUEUED'])
  THEN
    RAISE EXCEPTION 'Job % is %: it cannot become %.', OLD.id, OLD.status, NEW.status USING ERRCODE = 'VF001';
  END IF;
  CASE NEW.status
    WHEN 'QUEUED' THEN
      NEW.queued_at := moment;
      NEW.submitted_at := NULL; NEW.started_at := NULL; NEW.encoded_at := NULL; NEW.verified_at := NULL;
      NEW.finished_at := NULL; NEW.heartbeat_at := NULL; NEW.external_id := NULL;
      NEW.stage := NULL; NEW.progress := 0; NEW.speed := NULL; NEW.eta_seconds := NULL;
      NEW.error_class := NULL; NEW.error_code := NULL; NEW.error_message := NULL; NEW.retryable := NULL;
      NEW.result := NULL; NEW.verification := NULL;
      NEW.encode_seconds := NULL; NEW.cpu_seconds := NULL; NEW.worker_seconds := NULL;
    WHEN 'SUBMITTED' THEN
      NEW.submitted_at := moment;
    WHEN 'PROGRESSING' THEN
      NEW.started_at := moment; NEW.heartbeat_at := moment;
    WHEN 'VERIFYING' THEN
      NEW.encoded_at := moment; NEW.heartbeat_at := moment; NEW.eta_seconds := NULL;
    WHEN 'PUBLISHED' THEN
      NEW.verified_at := coalesce(NEW.verified_at, moment);
      NEW.finished_at := moment; NEW.progress := 100; NEW.stage := NULL; NEW.eta_seconds := NULL;
    ELSE
      NEW.finished_at := moment; NEW.eta_seconds := NULL;
  END CASE;
  RETURN NEW;
END $$;
CREATE TRIGGER job_guard BEFORE INSERT OR UPDATE OF status ON job
  FOR EACH ROW EXECUTE FUNCTION job_guard();
"""

# One event for each change of status, from whoever set vodflow.actor in this transaction.
_JOB_JOURNAL = """
CREATE FUNCTION job_journal() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  before text := CASE WHEN TG_OP = 'UPDATE' THEN OLD.status END;
BEGIN
  IF before IS DISTINCT FROM NEW.status THEN
    INSERT INTO job_event (job_id, at, actor, old_status, new_status, detail)
    VALUES (NEW.id, clock_timestamp(), coalesce(nullif(current_setting('vodflow.actor', true), ''), current_user),
            before, NEW.status,
            nullif(jsonb_strip_nulls(jsonb_build_object(
              'run_id', NEW.run_id, 'error_class', NEW.error_class, 'error_code', NEW.error_code,
              'error_message', NEW.error_message)), '{}'));
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER job_journal AFTER INSERT OR UPDATE OF status ON job
  FOR EACH ROW EXECUTE FUNCTION job_journal();
"""

_JOB_EVENT_GUARD = """
CREATE FUNCTION job_event_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'job_event is append-only: % is refused.', TG_OP USING ERRCODE = 'VF002';
END $$;
CREATE TRIGGER job_event_guard BEFORE UPDATE OR DELETE OR TRUNCATE ON job_event
  FOR EACH STATEMENT EXECUTE FUNCTION job_event_guard();
"""


def upgrade() -> None:
    op.create_table(
        "report_transcoding_daily",
        sa.Column("day", sa.Date(), nullable=False, comment="UTC day on which jobs ended"),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("profile", sa.Text(), nullable=False),
        sa.Column("engine", sa.Text(), nullable=False, comment="none for sources rejected before a job existed"),
        sa.Column("videos", sa.Integer(), nullable=False, comment="different videos published"),
        sa.Column("jobs", sa.Integer(), nullable=False, comment="jobs published"),
        sa.Column("failed", sa.Integer(), nullable=False, comment="failures, those retried later included"),
        sa.Column("rejected", sa.Integer(), nullable=False, comment="sources rejected, with or without a job"),
        sa.Column("canceled", sa.Integer(), nullable=False, comment="cancellations"),
        sa.Column("minutes_in", sa.Double(), nullable=False, comment="of the published jobs' sources"),
        sa.Column("minutes_out", sa.Double(), nullable=False, comment="sum over their video renditions"),
        sa.Column("bytes_in", sa.BigInteger(), nullable=False),
        sa.Column("bytes_out", sa.BigInteger(), nullable=False),
        sa.Column("encode_speed_p50", sa.Double(), nullable=True, comment="media seconds a wall second"),
        sa.Column("encode_speed_p95", sa.Double(), nullable=True, comment="media seconds a wall second"),
        sa.Column("time_to_publish_p50", sa.Double(), nullable=True, comment="seconds from registered to published"),
        sa.Column("time_to_publish_p95", sa.Double(), nullable=True, comment="seconds from registered to published"),
        sa.CheckConstraint("bytes_in >= 0", name=op.f("ck_report_transcoding_daily_bytes_in")),
        sa.CheckConstraint("bytes_out >= 0", name=op.f("ck_report_transcoding_daily_bytes_out")),
        sa.CheckConstraint("canceled >= 0", name=op.f("ck_report_transcoding_daily_canceled")),
        sa.CheckConstraint("failed >= 0", name=op.f("ck_report_transcoding_daily_failed")),
        sa.CheckConstraint("jobs >= 0", name=op.f("ck_report_transcoding_daily_jobs")),
        sa.CheckConstraint("minutes_in >= 0", name=op.f("ck_report_transcoding_daily_minutes_in")),
        sa.CheckConstraint("minutes_out >= 0", name=op.f("ck_report_transcoding_daily_minutes_out")),
        sa.CheckConstraint("rejected >= 0", name=op.f("ck_report_transcoding_daily_rejected")),
        sa.CheckConstraint("videos <= jobs", name=op.f("ck_report_transcoding_daily_videos_within_jobs")),
        sa.CheckConstraint("videos >= 0", name=op.f("ck_report_transcoding_daily_videos")),
        sa.PrimaryKeyConstraint("day", "tenant", "profile", "engine", name=op.f("pk_report_transcoding_daily")),
        comment="Transcoding per UTC day, tenant, profile and engine.",
    )
    op.create_table(
        "tenant",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False, comment="first part of every output path"),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'", name=op.f("ck_tenant_slug")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tenant")),
        sa.UniqueConstraint("slug", name=op.f("uq_tenant_slug")),
        comment="Who a video belongs to.",
    )
    op.create_table(
        "report_transcoding_problem_daily",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("profile", sa.Text(), nullable=False),
        sa.Column("engine", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False, comment="error class of a failure, reason of a rejection"),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.CheckConstraint("kind IN ('failed', 'rejected')", name=op.f("ck_report_transcoding_problem_daily_kind")),
        sa.CheckConstraint("count > 0", name=op.f("ck_report_transcoding_problem_daily_count")),
        sa.ForeignKeyConstraint(
            ["day", "tenant", "profile", "engine"],
            [
                "report_transcoding_daily.day",
                "report_transcoding_daily.tenant",
                "report_transcoding_daily.profile",
                "report_transcoding_daily.engine",
            ],
            name="fk_report_transcoding_problem_daily_report_transcoding_daily",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "day", "tenant", "profile", "engine", "kind", "reason", name=op.f("pk_report_transcoding_problem_daily")
        ),
        comment="Why jobs failed and sources were rejected, one row a reason.",
    )
    op.create_table(
        "video",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("bucket", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("bucket <> '' AND key <> ''", name=op.f("ck_video_address")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_video_tenant_id_tenant")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_video")),
        sa.UniqueConstraint("bucket", "key", name=op.f("uq_video_bucket_key")),
        sa.UniqueConstraint("id", "bucket", "key", name=op.f("uq_video_id_bucket_key")),
        comment="A logical asset: one key in one bucket, whatever its versions.",
    )
    op.create_index("ix_video_tenant_id", "video", ["tenant_id"], unique=False)
    op.create_table(
        "source",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("video_id", sa.BigInteger(), nullable=False),
        sa.Column("bucket", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column(
            "version", sa.Text(), nullable=False, comment="S3 version id, or the unquoted ETag without versioning"
        ),
        sa.Column("version_id", sa.Text(), nullable=True, comment="S3 version id, where the bucket keeps versions"),
        sa.Column("etag", sa.Text(), nullable=False, comment="unquoted"),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column(
            "last_modified",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="by S3; orders the versions of a key",
        ),
        sa.Column("discovered_by", sa.Text(), nullable=False),
        sa.Column(
            "profile", sa.Text(), nullable=True, comment="asked for by the watch rule; none means the default profile"
        ),
        sa.Column("status", sa.Text(), server_default="DISCOVERED", nullable=False),
        sa.Column("rejection_reason", sa.Text(), nullable=True),
        sa.Column("rejection_detail", sa.Text(), nullable=True),
        sa.Column(
            "media_info",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            nullable=True,
            comment="vodflow.contract.media_info.MediaInfo",
        ),
        sa.Column("run_id", sa.Text(), nullable=True, comment="run of transcode_video started for it"),
        sa.Column("registered_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("dispatched_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("probed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rejected_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(status = 'REJECTED') = (rejected_at IS NOT NULL)", name=op.f("ck_source_rejected_has_time")
        ),
        sa.CheckConstraint(
            "(status = 'REJECTED') = (rejection_reason IS NOT NULL)", name=op.f("ck_source_rejected_has_reason")
        ),
        sa.CheckConstraint(
            "discovered_by IN ('event', 'sweep', 'manual', 'sensor')", name=op.f("ck_source_discovered_by")
        ),
        sa.CheckConstraint("rejection_reason ~ '^[a-z][a-z0-9_]*$'", name=op.f("ck_source_rejection_reason")),
        sa.CheckConstraint("status <> 'DISPATCHED' OR run_id IS NOT NULL", name=op.f("ck_source_dispatched")),
        sa.CheckConstraint(
            "status <> 'PROBED' OR media_info IS NOT NULL", name=op.f("ck_source_probed_has_media_info")
        ),
        sa.CheckConstraint(
            "status IN ('DISCOVERED', 'DISPATCHED', 'PROBED', 'REJECTED')", name=op.f("ck_source_status")
        ),
        sa.CheckConstraint("version <> ''", name=op.f("ck_source_version")),
        sa.CheckConstraint("(media_info IS NULL) = (probed_at IS NULL)", name=op.f("ck_source_media_info_has_time")),
        sa.CheckConstraint("(run_id IS NULL) = (dispatched_at IS NULL)", name=op.f("ck_source_dispatched_has_run")),
        sa.CheckConstraint(
            "rejection_detail IS NULL OR rejection_reason IS NOT NULL", name=op.f("ck_source_detail_has_reason")
        ),
        sa.CheckConstraint("size_bytes >= 0", name=op.f("ck_source_size_bytes")),
        sa.ForeignKeyConstraint(
            ["video_id", "bucket", "key"],
            ["video.id", "video.bucket", "video.key"],
            name=op.f("fk_source_video_id_bucket_key_video"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_source")),
        sa.UniqueConstraint("bucket", "key", "version", name=op.f("uq_source_bucket_key_version")),
        sa.UniqueConstraint("id", "video_id", name=op.f("uq_source_id_video_id")),
        comment="One version of a video's bytes.",
    )
    op.create_index(
        "ix_source_rejected_at",
        "source",
        ["rejected_at"],
        unique=False,
        postgresql_where=sa.text("status = 'REJECTED'"),
    )
    op.create_index(
        "ix_source_undispatched", "source", ["id"], unique=False, postgresql_where=sa.text("status = 'DISCOVERED'")
    )
    op.create_index("ix_source_video_id", "source", ["video_id"], unique=False)
    op.create_table(
        "job",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("source_id", sa.BigInteger(), nullable=False),
        sa.Column("video_id", sa.BigInteger(), nullable=False),
        sa.Column("plan_hash", sa.Text(), nullable=False),
        sa.Column(
            "plan",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="vodflow.contract.plan.TranscodePlan",
        ),
        sa.Column("profile", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="0", nullable=False, comment="above 0 when forced again"),
        sa.Column("engine", sa.Text(), nullable=False),
        sa.Column("priority", sa.SmallInteger(), server_default="50", nullable=False, comment="0 to 100, higher first"),
        sa.Column("status", sa.Text(), server_default="QUEUED", nullable=False),
        sa.Column("stage", sa.Text(), nullable=True, comment="what the worker is doing"),
        sa.Column("progress", sa.Double(), server_default="0", nullable=False, comment="percent"),
        sa.Column("speed", sa.Double(), nullable=True, comment="media seconds encoded a wall second"),
        sa.Column("eta_seconds", sa.Double(), nullable=True),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=True, comment="last sign of life of the worker"),
        sa.Column("external_id", sa.Text(), nullable=True, comment="the engine's own id of the job"),
        sa.Column("bucket", sa.Text(), nullable=False, comment="of the outputs"),
        sa.Column("prefix", sa.Text(), nullable=False, comment="key prefix of the outputs"),
        sa.Column("run_id", sa.Text(), nullable=True, comment="run of transcode_video that works on it"),
        sa.Column("error_class", sa.Text(), nullable=True),
        sa.Column(
            "error_code",
            sa.Text(),
            nullable=True,
            comment="the other side's code, an exit status, or a verification rule",
        ),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("retryable", sa.Boolean(), nullable=True, comment="whether running it again can help"),
        sa.Column("estimated_cost", sa.Numeric(precision=12, scale=6), nullable=True, comment="US dollars"),
        sa.Column("actual_cost", sa.Numeric(precision=12, scale=6), nullable=True, comment="US dollars"),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("queued_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "encoded_at", sa.DateTime(timezone=True), nullable=True, comment="outputs are in S3, verification begins"
        ),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("encode_seconds", sa.Double(), nullable=True, comment="wall"),
        sa.Column("cpu_seconds", sa.Double(), nullable=True, comment="of all processes of the worker"),
        sa.Column("worker_seconds", sa.Double(), nullable=True, comment="wall, download to upload"),
        sa.Column(
            "result",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            nullable=True,
            comment="vodflow.contract.result.EngineResult",
        ),
        sa.Column(
            "verification",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            nullable=True,
            comment="vodflow.verification.Verification",
        ),
        sa.CheckConstraint("(status = 'FAILED') = (error_class IS NOT NULL)", name=op.f("ck_job_failed_has_class")),
        sa.CheckConstraint(
            "(status IN ('PUBLISHED', 'REJECTED', 'FAILED', 'CANCELED')) = (finished_at IS NOT NULL)",
            name=op.f("ck_job_finished_has_time"),
        ),
        sa.CheckConstraint("engine IN ('local', 'mediaconvert', 'kubernetes')", name=op.f("ck_job_engine")),
        sa.CheckConstraint("error_class IN ('throttled', 'transient', 'permanent')", name=op.f("ck_job_error_class")),
        sa.CheckConstraint(
            "error_message IS NULL OR error_class IS NOT NULL OR status = 'REJECTED'",
            name=op.f("ck_job_message_has_class"),
        ),
        sa.CheckConstraint("plan_hash ~ '^[0-9a-f]{16}$'", name=op.f("ck_job_plan_hash")),
        sa.CheckConstraint(
            "status <> 'PUBLISHED' OR (verified_at IS NOT NULL AND progress = 100)", name=op.f("ck_job_published")
        ),
        sa.CheckConstraint(
            "status IN ('QUEUED', 'SUBMITTED', 'PROGRESSING', 'VERIFYING', "
            "'PUBLISHED', 'REJECTED', 'FAILED', 'CANCELED')",
            name=op.f("ck_job_status"),
        ),
        sa.CheckConstraint("(error_class IS NULL) = (retryable IS NULL)", name=op.f("ck_job_failed_has_retryable")),
        sa.CheckConstraint("actual_cost >= 0", name=op.f("ck_job_actual_cost")),
        sa.CheckConstraint("cpu_seconds >= 0", name=op.f("ck_job_cpu_seconds")),
        sa.CheckConstraint("encode_seconds >= 0", name=op.f("ck_job_encode_seconds")),
        sa.CheckConstraint("estimated_cost >= 0", name=op.f("ck_job_estimated_cost")),
        sa.CheckConstraint("eta_seconds >= 0", name=op.f("ck_job_eta_seconds")),
        sa.CheckConstraint("priority BETWEEN 0 AND 100", name=op.f("ck_job_priority")),
        sa.CheckConstraint("progress BETWEEN 0 AND 100", name=op.f("ck_job_progress")),
        sa.CheckConstraint("revision >= 0", name=op.f("ck_job_revision")),
        sa.CheckConstraint("speed >= 0", name=op.f("ck_job_speed")),
        sa.CheckConstraint("worker_seconds >= 0", name=op.f("ck_job_worker_seconds")),
        sa.ForeignKeyConstraint(
            ["source_id", "video_id"], ["source.id", "source.video_id"], name=op.f("fk_job_source_id_video_id_source")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job")),
        sa.UniqueConstraint("bucket", "prefix", name=op.f("uq_job_bucket_prefix")),
        sa.UniqueConstraint("id", "video_id", "status", name=op.f("uq_job_id_video_id_status")),
        sa.UniqueConstraint("source_id", "plan_hash", name=op.f("uq_job_source_id_plan_hash")),
        comment="One plan for one source, carried out by one engine.",
        postgresql_with={"fillfactor": 70},
    )
    op.create_index(
        "ix_job_open",
        "job",
        ["status", sa.literal_column("priority DESC"), "id"],
        unique=False,
        postgresql_where=sa.text("status IN ('PROGRESSING', 'QUEUED', 'SUBMITTED', 'VERIFYING')"),
    )
    op.create_index("ix_job_video_id", "job", ["video_id"], unique=False)
    op.create_table(
        "artifact",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False, comment="path below the job's prefix"),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("uri", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("checksum", sa.Text(), nullable=True, comment="base64 of the CRC-32, as S3 stores it"),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('hls', 'dash', 'mp4', 'thumbnail', 'poster', 'caption', 'manifest')",
            name=op.f("ck_artifact_kind"),
        ),
        sa.CheckConstraint("size_bytes >= 0", name=op.f("ck_artifact_size_bytes")),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_artifact_job_id_job")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_artifact")),
        sa.UniqueConstraint("job_id", "name", name=op.f("uq_artifact_job_id_name")),
        comment="One object that people or players address: manifests, MP4s, pictures, captions.",
    )
    op.create_table(
        "dead_letter",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False, comment="what gave up, for example ingest_videos.intake"),
        sa.Column(
            "identity",
            sa.Text(),
            nullable=False,
            comment="equal for the same trouble: an open one is counted, not repeated",
        ),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column(
            "payload",
            postgresql.JSONB(none_as_null=True, astext_type=sa.Text()),
            nullable=True,
            comment="what is needed to look into it and to try again",
        ),
        sa.Column("source_id", sa.BigInteger(), nullable=True),
        sa.Column("job_id", sa.BigInteger(), nullable=True),
        sa.Column("occurrences", sa.Integer(), server_default="1", nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolution", sa.Text(), nullable=True),
        sa.CheckConstraint("(resolved_at IS NULL) = (resolution IS NULL)", name=op.f("ck_dead_letter_resolved")),
        sa.CheckConstraint("last_seen_at >= first_seen_at", name=op.f("ck_dead_letter_seen")),
        sa.CheckConstraint("occurrences > 0", name=op.f("ck_dead_letter_occurrences")),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_dead_letter_job_id_job")),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name=op.f("fk_dead_letter_source_id_source")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dead_letter")),
        comment="Work that was given up and waits for a person.",
    )
    op.create_index("ix_dead_letter_job_id", "dead_letter", ["job_id"], unique=False)
    op.create_index("ix_dead_letter_source_id", "dead_letter", ["source_id"], unique=False)
    op.create_index(
        "uq_dead_letter_open",
        "dead_letter",
        ["origin", "identity"],
        unique=True,
        postgresql_where=sa.text("resolved_at IS NULL"),
    )
    op.create_table(
        "job_attempt",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False, comment="1, 2, … within the job"),
        sa.Column("run_id", sa.Text(), nullable=True, comment="run of transcode_video"),
        sa.Column("worker", sa.Text(), nullable=False, comment="who worked: a host, a pod"),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "outcome",
            sa.Text(),
            nullable=True,
            comment="none while it runs; lost when a later attempt found it unfinished",
        ),
        sa.Column("error_class", sa.Text(), nullable=True),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "error_class IN ('throttled', 'transient', 'permanent')", name=op.f("ck_job_attempt_error_class")
        ),
        sa.CheckConstraint("error_class IS NULL OR outcome = 'failed'", name=op.f("ck_job_attempt_error_has_outcome")),
        sa.CheckConstraint(
            "outcome IN ('succeeded', 'failed', 'rejected', 'canceled', 'lost')", name=op.f("ck_job_attempt_outcome")
        ),
        sa.CheckConstraint(
            "(outcome IS NULL) = (finished_at IS NULL)", name=op.f("ck_job_attempt_finished_has_outcome")
        ),
        sa.CheckConstraint("number > 0", name=op.f("ck_job_attempt_number")),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_job_attempt_job_id_job")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_attempt")),
        sa.UniqueConstraint("job_id", "number", name=op.f("uq_job_attempt_job_id_number")),
        comment="One time a worker was started for a job.",
    )
    op.create_index(
        "uq_job_attempt_running",
        "job_attempt",
        ["job_id"],
        unique=True,
        postgresql_where=sa.text("finished_at IS NULL"),
    )
    op.create_table(
        "job_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False, comment="who changed it: a task, a command, a person"),
        sa.Column("old_status", sa.Text(), nullable=True),
        sa.Column("new_status", sa.Text(), nullable=False),
        sa.Column("detail", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.CheckConstraint(
            "new_status IN ('QUEUED', 'SUBMITTED', 'PROGRESSING', 'VERIFYING', "
            "'PUBLISHED', 'REJECTED', 'FAILED', 'CANCELED')",
            name=op.f("ck_job_event_new_status"),
        ),
        sa.CheckConstraint(
            "old_status IN ('QUEUED', 'SUBMITTED', 'PROGRESSING', 'VERIFYING', "
            "'PUBLISHED', 'REJECTED', 'FAILED', 'CANCELED')",
            name=op.f("ck_job_event_old_status"),
        ),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_job_event_job_id_job")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_event")),
        comment="Every change of a job's status. Written by a trigger, never changed or deleted.",
    )
    op.create_index(
        "ix_job_event_ended",
        "job_event",
        ["at"],
        unique=False,
        postgresql_where=sa.text("new_status IN ('CANCELED', 'FAILED', 'PUBLISHED', 'REJECTED')"),
    )
    op.create_index("ix_job_event_job_id", "job_event", ["job_id", "id"], unique=False)
    op.create_table(
        "publication",
        sa.Column("video_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("job_status", sa.Text(), server_default="PUBLISHED", nullable=False),
        sa.Column("manifest_uri", sa.Text(), nullable=False),
        sa.Column("first_published_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("job_status = 'PUBLISHED'", name=op.f("ck_publication_job_status")),
        sa.ForeignKeyConstraint(
            ["job_id", "video_id", "job_status"],
            ["job.id", "job.video_id", "job.status"],
            name=op.f("fk_publication_job_id_video_id_job_status_job"),
        ),
        sa.ForeignKeyConstraint(["video_id"], ["video.id"], name=op.f("fk_publication_video_id_video")),
        sa.PrimaryKeyConstraint("video_id", name=op.f("pk_publication")),
        sa.UniqueConstraint("job_id", name=op.f("uq_publication_job_id")),
        comment="Which job of a video is public now.",
    )
    op.create_table(
        "rendition",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("codec", sa.Text(), nullable=False, comment="RFC 6381, as in the manifests"),
        sa.Column("width", sa.Integer(), nullable=True, comment="pixels"),
        sa.Column("height", sa.Integer(), nullable=True, comment="pixels"),
        sa.Column("frame_rate", sa.Text(), nullable=True, comment="num/den"),
        sa.Column("channels", sa.Integer(), nullable=True),
        sa.Column("sample_rate", sa.Integer(), nullable=True, comment="hertz"),
        sa.Column("bitrate", sa.Integer(), nullable=False, comment="asked for, bits a second"),
        sa.Column("measured_bitrate", sa.Integer(), nullable=False, comment="average of the segments, bits a second"),
        sa.Column("peak_bitrate", sa.Integer(), nullable=True, comment="largest segment, bits a second"),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False, comment="of its segments"),
        sa.Column("duration", sa.Double(), nullable=False, comment="seconds"),
        sa.Column("speed", sa.Double(), nullable=True, comment="media seconds encoded a wall second"),
        sa.Column("vmaf", sa.Double(), nullable=True),
        sa.Column("psnr", sa.Double(), nullable=True, comment="decibels"),
        sa.Column("ssim", sa.Double(), nullable=True),
        sa.CheckConstraint(
            "(kind = 'video') = (width IS NOT NULL AND height IS NOT NULL AND frame_rate IS NOT NULL)",
            name=op.f("ck_rendition_video_has_size"),
        ),
        sa.CheckConstraint("kind IN ('video', 'audio')", name=op.f("ck_rendition_kind")),
        sa.CheckConstraint("bitrate >= 0", name=op.f("ck_rendition_bitrate")),
        sa.CheckConstraint("duration >= 0", name=op.f("ck_rendition_duration")),
        sa.CheckConstraint("measured_bitrate >= 0", name=op.f("ck_rendition_measured_bitrate")),
        sa.CheckConstraint("peak_bitrate >= 0", name=op.f("ck_rendition_peak_bitrate")),
        sa.CheckConstraint("psnr >= 0", name=op.f("ck_rendition_psnr")),
        sa.CheckConstraint("size_bytes >= 0", name=op.f("ck_rendition_size_bytes")),
        sa.CheckConstraint("speed >= 0", name=op.f("ck_rendition_speed")),
        sa.CheckConstraint("ssim BETWEEN -1 AND 1", name=op.f("ck_rendition_ssim")),
        sa.CheckConstraint("vmaf BETWEEN 0 AND 100", name=op.f("ck_rendition_vmaf")),
        sa.CheckConstraint("width > 0 AND height > 0", name=op.f("ck_rendition_size")),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_rendition_job_id_job")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rendition")),
        sa.UniqueConstraint("job_id", "name", name=op.f("uq_rendition_job_id_name")),
        comment="One encoded track of a published job.",
    )

    for statement in (_JOB_GUARD, _JOB_JOURNAL, _JOB_EVENT_GUARD):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("rendition")
    op.drop_table("publication")
    op.drop_index("ix_job_event_job_id", table_name="job_event")
    op.drop_index(
        "ix_job_event_ended",
        table_name="job_event",
        postgresql_where=sa.text("new_status IN ('CANCELED', 'FAILED', 'PUBLISHED', 'REJECTED')"),
    )
    op.drop_table("job_event")
    op.drop_index("uq_job_attempt_running", table_name="job_attempt", postgresql_where=sa.text("finished_at IS NULL"))
    op.drop_table("job_attempt")
    op.drop_index("uq_dead_letter_open", table_name="dead_letter", postgresql_where=sa.text("resolved_at IS NULL"))
    op.drop_index("ix_dead_letter_source_id", table_name="dead_letter")
    op.drop_index("ix_dead_letter_job_id", table_name="dead_letter")
    op.drop_table("dead_letter")
    op.drop_table("artifact")
    op.drop_index("ix_job_video_id", table_name="job")
    op.drop_index(
        "ix_job_open",
        table_name="job",
        postgresql_where=sa.text("status IN ('PROGRESSING', 'QUEUED', 'SUBMITTED', 'VERIFYING')"),
    )
    op.drop_table("job")
    op.drop_index("ix_source_video_id", table_name="source")
    op.drop_index("ix_source_undispatched", table_name="source", postgresql_where=sa.text("status = 'DISCOVERED'"))
    op.drop_index("ix_source_rejected_at", table_name="source", postgresql_where=sa.text("status = 'REJECTED'"))
    op.drop_table("source")
    op.drop_index("ix_video_tenant_id", table_name="video")
    op.drop_table("video")
    op.drop_table("report_transcoding_problem_daily")
    op.drop_table("tenant")
    op.drop_table("report_transcoding_daily")
    for function in ("job_guard", "job_journal", "job_event_guard"):
        op.execute(f"DROP FUNCTION {function}()")
