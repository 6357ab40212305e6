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
COMMENT ON COLUMN report_transcoding_daily.time_to_publish_p50 IS 'seconds from request to publication';
COMMENT ON COLUMN report_transcoding_daily.time_to_publish_p95 IS 'seconds from request to publication';

CREATE TABLE report_transcoding_problem_daily (
    day DATE NOT NULL,
    tenant TEXT NOT NULL,
    profile TEXT NOT NULL,
    engine TEXT NOT NULL,
    kind TEXT NOT NULL,
    reason TEXT NOT NULL,
    count INTEGER NOT NULL,
    CONSTRAINT pk_report_transcoding_problem_daily PRIMARY KEY (day, tenant, profile, engine, kind, reason),
    CONSTRAINT ck_report_transcoding_problem_daily_kind CHECK (kind IN ('failed', 'rejected', 'unreadable')),
    CONSTRAINT ck_report_transcoding_problem_daily_count CHECK (count > 0),
    CONSTRAINT fk_report_transcoding_problem_daily_report_transcoding_daily FOREIGN KEY(day, tenant, profile, engine) REFERENCES report_transcoding_daily (day, tenant, profile, engine) ON DELETE CASCADE
);

COMMENT ON TABLE report_transcoding_problem_daily IS 'Why jobs failed and sources were rejected, one row a reason.';
COMMENT ON COLUMN report_transcoding_problem_daily.reason IS 'error class of a failure, reason of a rejection';
COMMENT ON COLUMN rendition.speed IS 'media seconds encoded a wall second, if encoded by itself; see job.speed';
