-- The catalog: assets, work, outputs, reports, and the job state machine. Run by 0001_the_catalog.py.

CREATE TABLE report_transcoding_daily (
    day DATE NOT NULL,
    tenant TEXT NOT NULL,
    profile TEXT NOT NULL,
    engine TEXT NOT NULL,
    videos INTEGER NOT NULL,
    jobs INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    rejected INTEGER NOT NULL,
    canceled INTEGER NOT NULL,
    minutes_in DOUBLE PRECISION NOT NULL,
    minutes_out DOUBLE PRECISION NOT NULL,
    bytes_in BIGINT NOT NULL,
    bytes_out BIGINT NOT NULL,
    encode_speed_p50 DOUBLE PRECISION,
    encode_speed_p95 DOUBLE PRECISION,
    time_to_publish_p50 DOUBLE PRECISION,
    time_to_publish_p95 DOUBLE PRECISION,
    CONSTRAINT pk_report_transcoding_daily PRIMARY KEY (day, tenant, profile, engine),
    CONSTRAINT ck_report_transcoding_daily_bytes_in CHECK (bytes_in >= 0),
    CONSTRAINT ck_report_transcoding_daily_bytes_out CHECK (bytes_out >= 0),
    CONSTRAINT ck_report_transcoding_daily_canceled CHECK (canceled >= 0),
    CONSTRAINT ck_report_transcoding_daily_failed CHECK (failed >= 0),
    CONSTRAINT ck_report_transcoding_daily_jobs CHECK (jobs >= 0),
    CONSTRAINT ck_report_transcoding_daily_minutes_in CHECK (minutes_in >= 0),
    CONSTRAINT ck_report_transcoding_daily_minutes_out CHECK (minutes_out >= 0),
    CONSTRAINT ck_report_transcoding_daily_rejected CHECK (rejected >= 0),
    CONSTRAINT ck_report_transcoding_daily_videos_within_jobs CHECK (videos <= jobs),
    CONSTRAINT ck_report_transcoding_daily_videos CHECK (videos >= 0)
);

COMMENT ON TABLE report_transcoding_daily IS 'Transcoding per UTC day, tenant, profile and engine.';
COMMENT ON COLUMN report_transcoding_daily.day IS 'UTC day on which jobs ended';
COMMENT ON COLUMN report_transcoding_daily.engine IS 'none for sources rejected before a job existed';
COMMENT ON COLUMN report_transcoding_daily.videos IS 'different videos published';
COMMENT ON COLUMN report_transcoding_daily.jobs IS 'jobs published';
COMMENT ON COLUMN report_transcoding_daily.failed IS 'failures, those retried later included';
COMMENT ON COLUMN report_transcoding_daily.rejected IS 'sources rejected, with or without a job';
COMMENT ON COLUMN report_transcoding_daily.canceled IS 'cancellations';
COMMENT ON COLUMN report_transcoding_daily.minutes_in IS 'of the published jobs'' sources';
COMMENT ON COLUMN report_transcoding_daily.minutes_out IS 'sum over their video renditions';
COMMENT ON COLUMN report_transcoding_daily.encode_speed_p50 IS 'media seconds a wall second';
COMMENT ON COLUMN report_transcoding_daily.encode_speed_p95 IS 'media seconds a wall second';
COMMENT ON COLUMN report_transcoding_daily.time_to_publish_p50 IS 'seconds from registered to published';
COMMENT ON COLUMN report_transcoding_daily.time_to_publish_p95 IS 'seconds from registered to published';

CREATE TABLE tenant (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    slug TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_tenant PRIMARY KEY (id),
    CONSTRAINT ck_tenant_slug CHECK (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    CONSTRAINT uq_tenant_slug UNIQUE (slug)
);

COMMENT ON TABLE tenant IS 'Who a video belongs to.';
COMMENT ON COLUMN tenant.slug IS 'first part of every output path';

CREATE TABLE report_transcoding_problem_daily (
    day DATE NOT NULL,
    tenant TEXT NOT NULL,
    profile TEXT NOT NULL,
    engine TEXT NOT NULL,
    kind TEXT NOT NULL,
    reason TEXT NOT NULL,
    count INTEGER NOT NULL,
    CONSTRAINT pk_report_transcoding_problem_daily PRIMARY KEY (day, tenant, profile, engine, kind, reason),
    CONSTRAINT ck_report_transcoding_problem_daily_kind CHECK (kind IN ('failed', 'rejected')),
    CONSTRAINT ck_report_transcoding_problem_daily_count CHECK (count > 0),
    CONSTRAINT fk_report_transcoding_problem_daily_report_transcoding_daily FOREIGN KEY(day, tenant, profile, engine) REFERENCES report_transcoding_daily (day, tenant, profile, engine) ON DELETE CASCADE
);

COMMENT ON TABLE report_transcoding_problem_daily IS 'Why jobs failed and sources were rejected, one row a reason.';
COMMENT ON COLUMN report_transcoding_problem_daily.reason IS 'error class of a failure, reason of a rejection';

CREATE TABLE video (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    tenant_id BIGINT NOT NULL,
    bucket TEXT NOT NULL,
    key TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_video PRIMARY KEY (id),
    CONSTRAINT ck_video_address CHECK (bucket <> '' AND key <> ''),
    CONSTRAINT fk_video_tenant_id_tenant FOREIGN KEY(tenant_id) REFERENCES tenant (id),
    CONSTRAINT uq_video_bucket_key UNIQUE (bucket, key),
    CONSTRAINT uq_video_id_bucket_key UNIQUE (id, bucket, key)
);

COMMENT ON TABLE video IS 'A logical asset: one key in one bucket, whatever its versions.';

CREATE INDEX ix_video_tenant_id ON video (tenant_id);

CREATE TABLE source (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    video_id BIGINT NOT NULL,
    bucket TEXT NOT NULL,
    key TEXT NOT NULL,
    version TEXT NOT NULL,
    version_id TEXT,
    etag TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    last_modified TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    discovered_by TEXT NOT NULL,
    profile TEXT,
    status TEXT DEFAULT 'DISCOVERED' NOT NULL,
    rejection_reason TEXT,
    rejection_detail TEXT,
    media_info JSONB,
    run_id TEXT,
    registered_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    dispatched_at TIMESTAMP WITH TIME ZONE,
    probed_at TIMESTAMP WITH TIME ZONE,
    rejected_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_source PRIMARY KEY (id),
    CONSTRAINT ck_source_rejected_has_time CHECK ((status = 'REJECTED') = (rejected_at IS NOT NULL)),
    CONSTRAINT ck_source_rejected_has_reason CHECK ((status = 'REJECTED') = (rejection_reason IS NOT NULL)),
    CONSTRAINT ck_source_discovered_by CHECK (discovered_by IN ('event', 'sweep', 'manual', 'sensor')),
    CONSTRAINT ck_source_rejection_reason CHECK (rejection_reason ~ '^[a-z][a-z0-9_]*$'),
    CONSTRAINT ck_source_dispatched CHECK (status <> 'DISPATCHED' OR run_id IS NOT NULL),
    CONSTRAINT ck_source_probed_has_media_info CHECK (status <> 'PROBED' OR media_info IS NOT NULL),
    CONSTRAINT ck_source_status CHECK (status IN ('DISCOVERED', 'DISPATCHED', 'PROBED', 'REJECTED')),
    CONSTRAINT ck_source_version CHECK (version <> ''),
    CONSTRAINT ck_source_media_info_has_time CHECK ((media_info IS NULL) = (probed_at IS NULL)),
    CONSTRAINT ck_source_dispatched_has_run CHECK ((run_id IS NULL) = (dispatched_at IS NULL)),
    CONSTRAINT ck_source_detail_has_reason CHECK (rejection_detail IS NULL OR rejection_reason IS NOT NULL),
    CONSTRAINT ck_source_size_bytes CHECK (size_bytes >= 0),
    CONSTRAINT fk_source_video_id_bucket_key_video FOREIGN KEY(video_id, bucket, key) REFERENCES video (id, bucket, key),
    CONSTRAINT uq_source_bucket_key_version UNIQUE (bucket, key, version),
    CONSTRAINT uq_source_id_video_id UNIQUE (id, video_id)
);

COMMENT ON TABLE source IS 'One version of a video''s bytes.';
COMMENT ON COLUMN source.version IS 'S3 version id, or the unquoted ETag without versioning';
COMMENT ON COLUMN source.version_id IS 'S3 version id, where the bucket keeps versions';
COMMENT ON COLUMN source.etag IS 'unquoted';
COMMENT ON COLUMN source.last_modified IS 'by S3; orders the versions of a key';
COMMENT ON COLUMN source.profile IS 'asked for by the watch rule; none means the default profile';
COMMENT ON COLUMN source.media_info IS 'vodflow.contract.media_info.MediaInfo';
COMMENT ON COLUMN source.run_id IS 'run of transcode_video started for it';

CREATE INDEX ix_source_rejected_at ON source (rejected_at) WHERE status = 'REJECTED';

CREATE INDEX ix_source_undispatched ON source (id) WHERE status = 'DISCOVERED';

CREATE INDEX ix_source_video_id ON source (video_id);

CREATE TABLE job (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    source_id BIGINT NOT NULL,
    video_id BIGINT NOT NULL,
    plan_hash TEXT NOT NULL,
    plan JSONB NOT NULL,
    profile TEXT NOT NULL,
    revision INTEGER DEFAULT '0' NOT NULL,
    engine TEXT NOT NULL,
    priority SMALLINT DEFAULT '50' NOT NULL,
    status TEXT DEFAULT 'QUEUED' NOT NULL,
    stage TEXT,
    progress DOUBLE PRECISION DEFAULT '0' NOT NULL,
    speed DOUBLE PRECISION,
    eta_seconds DOUBLE PRECISION,
    heartbeat_at TIMESTAMP WITH TIME ZONE,
    external_id TEXT,
    bucket TEXT NOT NULL,
    prefix TEXT NOT NULL,
    run_id TEXT,
    error_class TEXT,
    error_code TEXT,
    error_message TEXT,
    retryable BOOLEAN,
    estimated_cost NUMERIC(12, 6),
    actual_cost NUMERIC(12, 6),
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    queued_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    submitted_at TIMESTAMP WITH TIME ZONE,
    started_at TIMESTAMP WITH TIME ZONE,
    encoded_at TIMESTAMP WITH TIME ZONE,
    verified_at TIMESTAMP WITH TIME ZONE,
    finished_at TIMESTAMP WITH TIME ZONE,
    encode_seconds DOUBLE PRECISION,
    cpu_seconds DOUBLE PRECISION,
    worker_seconds DOUBLE PRECISION,
    result JSONB,
    verification JSONB,
    CONSTRAINT pk_job PRIMARY KEY (id),
    CONSTRAINT ck_job_failed_has_class CHECK ((status = 'FAILED') = (error_class IS NOT NULL)),
    CONSTRAINT ck_job_finished_has_time CHECK ((status IN ('PUBLISHED', 'REJECTED', 'FAILED', 'CANCELED')) = (finished_at IS NOT NULL)),
    CONSTRAINT ck_job_engine CHECK (engine IN ('local', 'mediaconvert', 'kubernetes')),
    CONSTRAINT ck_job_error_class CHECK (error_class IN ('throttled', 'transient', 'permanent')),
    CONSTRAINT ck_job_message_has_class CHECK (error_message IS NULL OR error_class IS NOT NULL OR status = 'REJECTED'),
    CONSTRAINT ck_job_plan_hash CHECK (plan_hash ~ '^[0-9a-f]{16}$'),
    CONSTRAINT ck_job_published CHECK (status <> 'PUBLISHED' OR (verified_at IS NOT NULL AND progress = 100)),
    CONSTRAINT ck_job_status CHECK (status IN ('QUEUED', 'SUBMITTED', 'PROGRESSING', 'VERIFYING', 'PUBLISHED', 'REJECTED', 'FAILED', 'CANCELED')),
    CONSTRAINT ck_job_failed_has_retryable CHECK ((error_class IS NULL) = (retryable IS NULL)),
    CONSTRAINT ck_job_actual_cost CHECK (actual_cost >= 0),
    CONSTRAINT ck_job_cpu_seconds CHECK (cpu_seconds >= 0),
    CONSTRAINT ck_job_encode_seconds CHECK (encode_seconds >= 0),
    CONSTRAINT ck_job_estimated_cost CHECK (estimated_cost >= 0),
    CONSTRAINT ck_job_eta_seconds CHECK (eta_seconds >= 0),
    CONSTRAINT ck_job_priority CHECK (priority BETWEEN 0 AND 100),
    CONSTRAINT ck_job_progress CHECK (progress BETWEEN 0 AND 100),
    CONSTRAINT ck_job_revision CHECK (revision >= 0),
    CONSTRAINT ck_job_speed CHECK (speed >= 0),
    CONSTRAINT ck_job_worker_seconds CHECK (worker_seconds >= 0),
    CONSTRAINT fk_job_source_id_video_id_source FOREIGN KEY(source_id, video_id) REFERENCES source (id, video_id),
    CONSTRAINT uq_job_bucket_prefix UNIQUE (bucket, prefix),
    CONSTRAINT uq_job_id_video_id_status UNIQUE (id, video_id, status),
    CONSTRAINT uq_job_source_id_plan_hash UNIQUE (source_id, plan_hash)
)
 WITH (fillfactor = 70);

COMMENT ON TABLE job IS 'One plan for one source, carried out by one engine.';
COMMENT ON COLUMN job.plan IS 'vodflow.contract.plan.TranscodePlan';
COMMENT ON COLUMN job.revision IS 'above 0 when forced again';
COMMENT ON COLUMN job.priority IS '0 to 100, higher first';
COMMENT ON COLUMN job.stage IS 'what the worker is doing';
COMMENT ON COLUMN job.progress IS 'percent';
COMMENT ON COLUMN job.speed IS 'media seconds encoded a wall second';
COMMENT ON COLUMN job.heartbeat_at IS 'last sign of life of the worker';
COMMENT ON COLUMN job.external_id IS 'the engine''s own id of the job';
COMMENT ON COLUMN job.bucket IS 'of the outputs';
COMMENT ON COLUMN job.prefix IS 'key prefix of the outputs';
COMMENT ON COLUMN job.run_id IS 'run of transcode_video that works on it';
COMMENT ON COLUMN job.error_code IS 'the other side''s code, an exit status, or a verification rule';
COMMENT ON COLUMN job.retryable IS 'whether running it again can help';
COMMENT ON COLUMN job.estimated_cost IS 'US dollars';
COMMENT ON COLUMN job.actual_cost IS 'US dollars';
COMMENT ON COLUMN job.encoded_at IS 'outputs are in S3, verification begins';
COMMENT ON COLUMN job.encode_seconds IS 'wall';
COMMENT ON COLUMN job.cpu_seconds IS 'of all processes of the worker';
COMMENT ON COLUMN job.worker_seconds IS 'wall, download to upload';
COMMENT ON COLUMN job.result IS 'vodflow.contract.result.EngineResult';
COMMENT ON COLUMN job.verification IS 'vodflow.verification.Verification';

CREATE INDEX ix_job_open ON job (status, priority DESC, id) WHERE status IN ('PROGRESSING', 'QUEUED', 'SUBMITTED', 'VERIFYING');

CREATE INDEX ix_job_video_id ON job (video_id);

CREATE TABLE artifact (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    job_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    uri TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    checksum TEXT,
    content_type TEXT NOT NULL,
    CONSTRAINT pk_artifact PRIMARY KEY (id),
    CONSTRAINT ck_artifact_kind CHECK (kind IN ('hls', 'dash', 'mp4', 'thumbnail', 'poster', 'caption', 'manifest')),
    CONSTRAINT ck_artifact_size_bytes CHECK (size_bytes >= 0),
    CONSTRAINT fk_artifact_job_id_job FOREIGN KEY(job_id) REFERENCES job (id),
    CONSTRAINT uq_artifact_job_id_name UNIQUE (job_id, name)
);

COMMENT ON TABLE artifact IS 'One object that people or players address: manifests, MP4s, pictures, captions.';
COMMENT ON COLUMN artifact.name IS 'path below the job''s prefix';
COMMENT ON COLUMN artifact.checksum IS 'base64 of the CRC-32, as S3 stores it';

CREATE TABLE dead_letter (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    origin TEXT NOT NULL,
    identity TEXT NOT NULL,
    code TEXT NOT NULL,
    message TEXT NOT NULL,
    payload JSONB,
    source_id BIGINT,
    job_id BIGINT,
    occurrences INTEGER DEFAULT '1' NOT NULL,
    first_seen_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    last_seen_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    resolved_at TIMESTAMP WITH TIME ZONE,
    resolution TEXT,
    CONSTRAINT pk_dead_letter PRIMARY KEY (id),
    CONSTRAINT ck_dead_letter_resolved CHECK ((resolved_at IS NULL) = (resolution IS NULL)),
    CONSTRAINT ck_dead_letter_seen CHECK (last_seen_at >= first_seen_at),
    CONSTRAINT ck_dead_letter_occurrences CHECK (occurrences > 0),
    CONSTRAINT fk_dead_letter_job_id_job FOREIGN KEY(job_id) REFERENCES job (id),
    CONSTRAINT fk_dead_letter_source_id_source FOREIGN KEY(source_id) REFERENCES source (id)
);

COMMENT ON TABLE dead_letter IS 'Work that was given up and waits for a person.';
COMMENT ON COLUMN dead_letter.origin IS 'what gave up, for example ingest_videos.intake';
COMMENT ON COLUMN dead_letter.identity IS 'equal for the same trouble: an open one is counted, not repeated';
COMMENT ON COLUMN dead_letter.payload IS 'what is needed to look into it and to try again';

CREATE INDEX ix_dead_letter_job_id ON dead_letter (job_id);

CREATE INDEX ix_dead_letter_source_id ON dead_letter (source_id);

CREATE UNIQUE INDEX uq_dead_letter_open ON dead_letter (origin, identity) WHERE resolved_at IS NULL;

CREATE TABLE job_attempt (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    job_id BIGINT NOT NULL,
    number INTEGER NOT NULL,
    run_id TEXT,
    worker TEXT NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    finished_at TIMESTAMP WITH TIME ZONE,
    outcome TEXT,
    error_class TEXT,
    error_code TEXT,
    error_message TEXT,
    CONSTRAINT pk_job_attempt PRIMARY KEY (id),
    CONSTRAINT ck_job_attempt_error_class CHECK (error_class IN ('throttled', 'transient', 'permanent')),
    CONSTRAINT ck_job_attempt_error_has_outcome CHECK (error_class IS NULL OR outcome = 'failed'),
    CONSTRAINT ck_job_attempt_outcome CHECK (outcome IN ('succeeded', 'failed', 'rejected', 'canceled', 'lost')),
    CONSTRAINT ck_job_attempt_finished_has_outcome CHECK ((outcome IS NULL) = (finished_at IS NULL)),
    CONSTRAINT ck_job_attempt_number CHECK (number > 0),
    CONSTRAINT fk_job_attempt_job_id_job FOREIGN KEY(job_id) REFERENCES job (id),
    CONSTRAINT uq_job_attempt_job_id_number UNIQUE (job_id, number)
);

COMMENT ON TABLE job_attempt IS 'One time a worker was started for a job.';
COMMENT ON COLUMN job_attempt.number IS '1, 2, … within the job';
COMMENT ON COLUMN job_attempt.run_id IS 'run of transcode_video';
COMMENT ON COLUMN job_attempt.worker IS 'who worked: a host, a pod';
COMMENT ON COLUMN job_attempt.outcome IS 'none while it runs; lost when a later attempt found it unfinished';

CREATE UNIQUE INDEX uq_job_attempt_running ON job_attempt (job_id) WHERE finished_at IS NULL;

CREATE TABLE job_event (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    job_id BIGINT NOT NULL,
    at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    actor TEXT NOT NULL,
    old_status TEXT,
    new_status TEXT NOT NULL,
    detail JSONB,
    CONSTRAINT pk_job_event PRIMARY KEY (id),
    CONSTRAINT ck_job_event_new_status CHECK (new_status IN ('QUEUED', 'SUBMITTED', 'PROGRESSING', 'VERIFYING', 'PUBLISHED', 'REJECTED', 'FAILED', 'CANCELED')),
    CONSTRAINT ck_job_event_old_status CHECK (old_status IN ('QUEUED', 'SUBMITTED', 'PROGRESSING', 'VERIFYING', 'PUBLISHED', 'REJECTED', 'FAILED', 'CANCELED')),
    CONSTRAINT fk_job_event_job_id_job FOREIGN KEY(job_id) REFERENCES job (id)
);

COMMENT ON TABLE job_event IS 'Every change of a job''s status. Written by a trigger, never changed or deleted.';
COMMENT ON COLUMN job_event.actor IS 'who changed it: a task, a command, a person';

CREATE INDEX ix_job_event_ended ON job_event (at) WHERE new_status IN ('CANCELED', 'FAILED', 'PUBLISHED', 'REJECTED');

CREATE INDEX ix_job_event_job_id ON job_event (job_id, id);

CREATE TABLE publication (
    video_id BIGINT NOT NULL,
    job_id BIGINT NOT NULL,
    job_status TEXT DEFAULT 'PUBLISHED' NOT NULL,
    manifest_uri TEXT NOT NULL,
    first_published_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    published_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_publication PRIMARY KEY (video_id),
    CONSTRAINT ck_publication_job_status CHECK (job_status = 'PUBLISHED'),
    CONSTRAINT fk_publication_job_id_video_id_job_status_job FOREIGN KEY(job_id, video_id, job_status) REFERENCES job (id, video_id, status),
    CONSTRAINT fk_publication_video_id_video FOREIGN KEY(video_id) REFERENCES video (id),
    CONSTRAINT uq_publication_job_id UNIQUE (job_id)
);

COMMENT ON TABLE publication IS 'Which job of a video is public now.';

CREATE TABLE rendition (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    job_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    codec TEXT NOT NULL,
    width INTEGER,
    height INTEGER,
    frame_rate TEXT,
    channels INTEGER,
    sample_rate INTEGER,
    bitrate INTEGER NOT NULL,
    measured_bitrate INTEGER NOT NULL,
    peak_bitrate INTEGER,
    size_bytes BIGINT NOT NULL,
    duration DOUBLE PRECISION NOT NULL,
    speed DOUBLE PRECISION,
    vmaf DOUBLE PRECISION,
    psnr DOUBLE PRECISION,
    ssim DOUBLE PRECISION,
    CONSTRAINT pk_rendition PRIMARY KEY (id),
    CONSTRAINT ck_rendition_video_has_size CHECK ((kind = 'video') = (width IS NOT NULL AND height IS NOT NULL AND frame_rate IS NOT NULL)),
    CONSTRAINT ck_rendition_kind CHECK (kind IN ('video', 'audio')),
    CONSTRAINT ck_rendition_bitrate CHECK (bitrate >= 0),
    CONSTRAINT ck_rendition_duration CHECK (duration >= 0),
    CONSTRAINT ck_rendition_measured_bitrate CHECK (measured_bitrate >= 0),
    CONSTRAINT ck_rendition_peak_bitrate CHECK (peak_bitrate >= 0),
    CONSTRAINT ck_rendition_psnr CHECK (psnr >= 0),
    CONSTRAINT ck_rendition_size_bytes CHECK (size_bytes >= 0),
    CONSTRAINT ck_rendition_speed CHECK (speed >= 0),
    CONSTRAINT ck_rendition_ssim CHECK (ssim BETWEEN -1 AND 1),
    CONSTRAINT ck_rendition_vmaf CHECK (vmaf BETWEEN 0 AND 100),
    CONSTRAINT ck_rendition_size CHECK (width > 0 AND height > 0),
    CONSTRAINT fk_rendition_job_id_job FOREIGN KEY(job_id) REFERENCES job (id),
    CONSTRAINT uq_rendition_job_id_name UNIQUE (job_id, name)
);

COMMENT ON TABLE rendition IS 'One encoded track of a published job.';
COMMENT ON COLUMN rendition.codec IS 'RFC 6381, as in the manifests';
COMMENT ON COLUMN rendition.width IS 'pixels';
COMMENT ON COLUMN rendition.height IS 'pixels';
COMMENT ON COLUMN rendition.frame_rate IS 'num/den';
COMMENT ON COLUMN rendition.sample_rate IS 'hertz';
COMMENT ON COLUMN rendition.bitrate IS 'asked for, bits a second';
COMMENT ON COLUMN rendition.measured_bitrate IS 'average of the segments, bits a second';
COMMENT ON COLUMN rendition.peak_bitrate IS 'largest segment, bits a second';
COMMENT ON COLUMN rendition.size_bytes IS 'of its segments';
COMMENT ON COLUMN rendition.duration IS 'seconds';
COMMENT ON COLUMN rendition.speed IS 'media seconds encoded a wall second';
COMMENT ON COLUMN rendition.psnr IS 'decibels';

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
  FOR EACH ROW EXECUTE FUNCTION job_guard();;

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
  FOR EACH ROW EXECUTE FUNCTION job_journal();;

CREATE FUNCTION job_event_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'job_event is append-only: % is refused.', TG_OP USING ERRCODE = 'VF002';
END $$;
CREATE TRIGGER job_event_guard BEFORE UPDATE OR DELETE OR TRUNCATE ON job_event
  FOR EACH STATEMENT EXECUTE FUNCTION job_event_guard();;
