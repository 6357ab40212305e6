CREATE SCHEMA reporting;
COMMENT ON SCHEMA reporting IS 'What analysts read. Every row can be computed from the catalog again; times are UTC.';

CREATE TABLE reporting.job_outcome (
    day DATE NOT NULL,
    outcome TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    status TEXT NOT NULL,
    tenant TEXT NOT NULL,
    profile TEXT NOT NULL,
    engine TEXT NOT NULL,
    strategy TEXT,
    codec TEXT,
    source_id BIGINT,
    video_id BIGINT,
    job_id BIGINT,
    uri TEXT,
    run_id TEXT,
    worker TEXT,
    actor TEXT,
    error_class TEXT,
    error_code TEXT,
    error_message TEXT,
    attempts INTEGER NOT NULL,
    stalls INTEGER NOT NULL,
    rungs INTEGER,
    media_seconds DOUBLE PRECISION,
    output_seconds DOUBLE PRECISION,
    bytes_in BIGINT,
    bytes_out BIGINT,
    artifact_bytes BIGINT,
    speed DOUBLE PRECISION,
    cpu_seconds DOUBLE PRECISION,
    worker_seconds DOUBLE PRECISION,
    notice_seconds DOUBLE PRECISION,
    dispatch_seconds DOUBLE PRECISION,
    prepare_seconds DOUBLE PRECISION,
    queue_seconds DOUBLE PRECISION,
    service_seconds DOUBLE PRECISION,
    download_seconds DOUBLE PRECISION,
    encode_seconds DOUBLE PRECISION,
    package_seconds DOUBLE PRECISION,
    upload_seconds DOUBLE PRECISION,
    verify_seconds DOUBLE PRECISION,
    publish_seconds DOUBLE PRECISION,
    total_seconds DOUBLE PRECISION,
    normalized_minutes NUMERIC(14, 4),
    estimated_cost NUMERIC(14, 6),
    actual_cost NUMERIC(14, 6),
    CONSTRAINT pk_job_outcome PRIMARY KEY (day, outcome),
    CONSTRAINT ck_job_outcome_status CHECK (status IN ('published', 'failed', 'rejected', 'canceled', 'unreadable')),
    CONSTRAINT ck_job_outcome_attempts CHECK (attempts >= 0),
    CONSTRAINT ck_job_outcome_stalls CHECK (stalls >= 0),
    CONSTRAINT ck_job_outcome_rungs CHECK (rungs >= 0),
    CONSTRAINT ck_job_outcome_media_seconds CHECK (media_seconds >= 0),
    CONSTRAINT ck_job_outcome_output_seconds CHECK (output_seconds >= 0),
    CONSTRAINT ck_job_outcome_bytes_in CHECK (bytes_in >= 0),
    CONSTRAINT ck_job_outcome_bytes_out CHECK (bytes_out >= 0),
    CONSTRAINT ck_job_outcome_artifact_bytes CHECK (artifact_bytes >= 0),
    CONSTRAINT ck_job_outcome_speed CHECK (speed >= 0),
    CONSTRAINT ck_job_outcome_cpu_seconds CHECK (cpu_seconds >= 0),
    CONSTRAINT ck_job_outcome_worker_seconds CHECK (worker_seconds >= 0),
    CONSTRAINT ck_job_outcome_normalized_minutes CHECK (normalized_minutes >= 0),
    CONSTRAINT ck_job_outcome_estimated_cost CHECK (estimated_cost >= 0),
    CONSTRAINT ck_job_outcome_actual_cost CHECK (actual_cost >= 0),
    CONSTRAINT ck_job_outcome_stalls_within_attempts CHECK (stalls <= attempts)
);
CREATE INDEX ix_job_outcome_job_id ON reporting.job_outcome (job_id);
CREATE INDEX ix_job_outcome_video_id ON reporting.job_outcome (video_id);
COMMENT ON TABLE reporting.job_outcome IS 'Every end of work, the failures that a retry cured included. Percentiles over any days come from here.';
COMMENT ON COLUMN reporting.job_outcome.day IS 'UTC day on which it ended';
COMMENT ON COLUMN reporting.job_outcome.outcome IS 'which end: event-7, source-7, unreadable-7, letter-7; of what';
COMMENT ON COLUMN reporting.job_outcome.at IS 'when it ended';
COMMENT ON COLUMN reporting.job_outcome.status IS 'published, failed, rejected, canceled or unreadable';
COMMENT ON COLUMN reporting.job_outcome.engine IS 'local, mediaconvert, kubernetes; none before there was a job';
COMMENT ON COLUMN reporting.job_outcome.strategy IS 'how the encode was divided: single, renditions, chunks';
COMMENT ON COLUMN reporting.job_outcome.codec IS 'of the pictures that were asked for';
COMMENT ON COLUMN reporting.job_outcome.source_id IS 'of the catalog';
COMMENT ON COLUMN reporting.job_outcome.video_id IS 'of the catalog';
COMMENT ON COLUMN reporting.job_outcome.job_id IS 'of the catalog; none before there was a job';
COMMENT ON COLUMN reporting.job_outcome.uri IS 'of the source: s3://bucket/key';
COMMENT ON COLUMN reporting.job_outcome.run_id IS 'run of transcode_video';
COMMENT ON COLUMN reporting.job_outcome.worker IS 'who worked last until then: a host, a pod';
COMMENT ON COLUMN reporting.job_outcome.actor IS 'who ended it: a task, a command, a person';
COMMENT ON COLUMN reporting.job_outcome.error_class IS 'of a failure: throttled, transient, permanent';
COMMENT ON COLUMN reporting.job_outcome.error_code IS 'of a failure; reason of a rejection, and of what could not be read';
COMMENT ON COLUMN reporting.job_outcome.error_message IS 'for people; of a cancellation why, where somebody said it';
COMMENT ON COLUMN reporting.job_outcome.attempts IS 'workers started for the job until then';
COMMENT ON COLUMN reporting.job_outcome.stalls IS 'of them ended because nothing moved';
COMMENT ON COLUMN reporting.job_outcome.rungs IS 'renditions of pictures';
COMMENT ON COLUMN reporting.job_outcome.media_seconds IS 'length of the source';
COMMENT ON COLUMN reporting.job_outcome.output_seconds IS 'length of the renditions of pictures together';
COMMENT ON COLUMN reporting.job_outcome.bytes_in IS 'of the source';
COMMENT ON COLUMN reporting.job_outcome.bytes_out IS 'of the renditions'' segments, or of their tracks in MP4s';
COMMENT ON COLUMN reporting.job_outcome.artifact_bytes IS 'of all else stored of it: MP4s, manifests, headers, pictures';
COMMENT ON COLUMN reporting.job_outcome.speed IS 'media seconds encoded a wall second';
COMMENT ON COLUMN reporting.job_outcome.cpu_seconds IS 'of all processes of the worker that made it';
COMMENT ON COLUMN reporting.job_outcome.worker_seconds IS 'wall, download to upload';
COMMENT ON COLUMN reporting.job_outcome.notice_seconds IS 'seconds: from the object''s last change in S3 to its registration';
COMMENT ON COLUMN reporting.job_outcome.dispatch_seconds IS 'seconds: from the registration to the start of its run';
COMMENT ON COLUMN reporting.job_outcome.prepare_seconds IS 'seconds: from the start of its run to the opening of the job: probe and plan';
COMMENT ON COLUMN reporting.job_outcome.queue_seconds IS 'seconds: the job waited for a worker, or to be submitted; all its rounds together';
COMMENT ON COLUMN reporting.job_outcome.service_seconds IS 'seconds: submitted, the job waited in the engine''s own queue; all its rounds together';
COMMENT ON COLUMN reporting.job_outcome.download_seconds IS 'seconds: the worker fetched the source';
COMMENT ON COLUMN reporting.job_outcome.encode_seconds IS 'seconds: the worker encoded';
COMMENT ON COLUMN reporting.job_outcome.package_seconds IS 'seconds: the worker packaged';
COMMENT ON COLUMN reporting.job_outcome.upload_seconds IS 'seconds: the worker uploaded';
COMMENT ON COLUMN reporting.job_outcome.verify_seconds IS 'seconds: from the end of the engine''s work to the verdict';
COMMENT ON COLUMN reporting.job_outcome.publish_seconds IS 'seconds: from the verdict to the publication';
COMMENT ON COLUMN reporting.job_outcome.total_seconds IS 'seconds: from the request to the publication: the source''s registration, or the opening of a later job';
COMMENT ON COLUMN reporting.job_outcome.normalized_minutes IS 'MediaConvert''s, of all attempts';
COMMENT ON COLUMN reporting.job_outcome.estimated_cost IS 'US dollars, as it was foreseen';
COMMENT ON COLUMN reporting.job_outcome.actual_cost IS 'US dollars, by what it took and the prices of the day';

CREATE TABLE reporting.rendition_quality (
    day DATE NOT NULL,
    rendition_id BIGINT NOT NULL,
    job_id BIGINT NOT NULL,
    video_id BIGINT NOT NULL,
    uri TEXT NOT NULL,
    tenant TEXT NOT NULL,
    profile TEXT NOT NULL,
    engine TEXT NOT NULL,
    kind TEXT NOT NULL,
    rung TEXT NOT NULL,
    codec TEXT NOT NULL,
    width INTEGER,
    height INTEGER,
    frame_rate DOUBLE PRECISION,
    bitrate BIGINT NOT NULL,
    measured_bitrate BIGINT NOT NULL,
    peak_bitrate BIGINT,
    size_bytes BIGINT NOT NULL,
    duration DOUBLE PRECISION NOT NULL,
    speed DOUBLE PRECISION,
    vmaf DOUBLE PRECISION,
    vmaf_harmonic DOUBLE PRECISION,
    vmaf_p5 DOUBLE PRECISION,
    vmaf_worst_second DOUBLE PRECISION,
    vmaf_worst_at DOUBLE PRECISION,
    vmaf_model TEXT,
    psnr DOUBLE PRECISION,
    ssim DOUBLE PRECISION,
    qvbr_avg DOUBLE PRECISION,
    qvbr_min DOUBLE PRECISION,
    loudness DOUBLE PRECISION,
    loudness_range DOUBLE PRECISION,
    true_peak DOUBLE PRECISION,
    silent_seconds DOUBLE PRECISION,
    clipped DOUBLE PRECISION,
    CONSTRAINT pk_rendition_quality PRIMARY KEY (day, rendition_id),
    CONSTRAINT ck_rendition_quality_kind CHECK (kind IN ('video', 'audio')),
    CONSTRAINT ck_rendition_quality_bitrate CHECK (bitrate >= 0),
    CONSTRAINT ck_rendition_quality_measured_bitrate CHECK (measured_bitrate >= 0),
    CONSTRAINT ck_rendition_quality_peak_bitrate CHECK (peak_bitrate >= 0),
    CONSTRAINT ck_rendition_quality_size_bytes CHECK (size_bytes >= 0),
    CONSTRAINT ck_rendition_quality_duration CHECK (duration >= 0),
    CONSTRAINT ck_rendition_quality_speed CHECK (speed >= 0),
    CONSTRAINT ck_rendition_quality_vmaf CHECK (vmaf BETWEEN 0 AND 100),
    CONSTRAINT ck_rendition_quality_ssim CHECK (ssim BETWEEN -1 AND 1)
);
CREATE INDEX ix_rendition_quality_job_id ON reporting.rendition_quality (job_id);
COMMENT ON TABLE reporting.rendition_quality IS 'Every rendition that was published: bits, and how good it is where that was measured.';
COMMENT ON COLUMN reporting.rendition_quality.day IS 'UTC day on which its job was published';
COMMENT ON COLUMN reporting.rendition_quality.rendition_id IS 'of the catalog';
COMMENT ON COLUMN reporting.rendition_quality.job_id IS 'of the catalog';
COMMENT ON COLUMN reporting.rendition_quality.video_id IS 'of the catalog';
COMMENT ON COLUMN reporting.rendition_quality.uri IS 'of the source: s3://bucket/key';
COMMENT ON COLUMN reporting.rendition_quality.kind IS 'video or audio';
COMMENT ON COLUMN reporting.rendition_quality.rung IS 'name of the rendition: 720p, audio';
COMMENT ON COLUMN reporting.rendition_quality.codec IS 'RFC 6381, as in the manifests';
COMMENT ON COLUMN reporting.rendition_quality.width IS 'pixels';
COMMENT ON COLUMN reporting.rendition_quality.height IS 'pixels';
COMMENT ON COLUMN reporting.rendition_quality.frame_rate IS 'frames a second';
COMMENT ON COLUMN reporting.rendition_quality.bitrate IS 'asked for, bits a second';
COMMENT ON COLUMN reporting.rendition_quality.measured_bitrate IS 'average of the segments, bits a second';
COMMENT ON COLUMN reporting.rendition_quality.peak_bitrate IS 'largest segment, bits a second';
COMMENT ON COLUMN reporting.rendition_quality.size_bytes IS 'of its segments';
COMMENT ON COLUMN reporting.rendition_quality.duration IS 'seconds';
COMMENT ON COLUMN reporting.rendition_quality.speed IS 'media seconds encoded a wall second by the process that made it; rungs of one process, and of one job in chunks, have one speed';
COMMENT ON COLUMN reporting.rendition_quality.vmaf IS 'mean of the frames that were compared, 0 to 100; none: not measured';
COMMENT ON COLUMN reporting.rendition_quality.vmaf_harmonic IS 'their harmonic mean';
COMMENT ON COLUMN reporting.rendition_quality.vmaf_p5 IS 'their 5th percentile';
COMMENT ON COLUMN reporting.rendition_quality.vmaf_worst_second IS 'mean of the worst second';
COMMENT ON COLUMN reporting.rendition_quality.vmaf_worst_at IS 'where that second begins, seconds';
COMMENT ON COLUMN reporting.rendition_quality.vmaf_model IS 'by the size it is shown at';
COMMENT ON COLUMN reporting.rendition_quality.psnr IS 'of luma, decibels';
COMMENT ON COLUMN reporting.rendition_quality.qvbr_avg IS 'MediaConvert''s own average quality level, 1 to 10';
COMMENT ON COLUMN reporting.rendition_quality.qvbr_min IS 'MediaConvert''s own lowest quality level, 1 to 10';
COMMENT ON COLUMN reporting.rendition_quality.loudness IS 'integrated (EBU R 128), LUFS';
COMMENT ON COLUMN reporting.rendition_quality.loudness_range IS 'LU';
COMMENT ON COLUMN reporting.rendition_quality.true_peak IS 'dBTP';
COMMENT ON COLUMN reporting.rendition_quality.clipped IS 'share of the samples at full scale';

CREATE TABLE reporting.transcoding_daily (
    day DATE NOT NULL,
    tenant TEXT NOT NULL,
    profile TEXT NOT NULL,
    engine TEXT NOT NULL,
    strategy TEXT NOT NULL,
    videos INTEGER NOT NULL,
    jobs INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    rejected INTEGER NOT NULL,
    canceled INTEGER NOT NULL,
    unreadable INTEGER NOT NULL,
    retries INTEGER NOT NULL,
    stalls INTEGER NOT NULL,
    minutes_in DOUBLE PRECISION NOT NULL,
    minutes_out DOUBLE PRECISION NOT NULL,
    bytes_in BIGINT NOT NULL,
    bytes_out BIGINT NOT NULL,
    cpu_seconds DOUBLE PRECISION NOT NULL,
    worker_seconds DOUBLE PRECISION NOT NULL,
    encode_speed_p50 DOUBLE PRECISION,
    encode_speed_p95 DOUBLE PRECISION,
    time_to_publish_p50 DOUBLE PRECISION,
    time_to_publish_p95 DOUBLE PRECISION,
    CONSTRAINT pk_transcoding_daily PRIMARY KEY (day, tenant, profile, engine, strategy),
    CONSTRAINT ck_transcoding_daily_videos CHECK (videos >= 0),
    CONSTRAINT ck_transcoding_daily_jobs CHECK (jobs >= 0),
    CONSTRAINT ck_transcoding_daily_failed CHECK (failed >= 0),
    CONSTRAINT ck_transcoding_daily_rejected CHECK (rejected >= 0),
    CONSTRAINT ck_transcoding_daily_canceled CHECK (canceled >= 0),
    CONSTRAINT ck_transcoding_daily_unreadable CHECK (unreadable >= 0),
    CONSTRAINT ck_transcoding_daily_retries CHECK (retries >= 0),
    CONSTRAINT ck_transcoding_daily_stalls CHECK (stalls >= 0),
    CONSTRAINT ck_transcoding_daily_minutes_in CHECK (minutes_in >= 0),
    CONSTRAINT ck_transcoding_daily_minutes_out CHECK (minutes_out >= 0),
    CONSTRAINT ck_transcoding_daily_bytes_in CHECK (bytes_in >= 0),
    CONSTRAINT ck_transcoding_daily_bytes_out CHECK (bytes_out >= 0),
    CONSTRAINT ck_transcoding_daily_cpu_seconds CHECK (cpu_seconds >= 0),
    CONSTRAINT ck_transcoding_daily_worker_seconds CHECK (worker_seconds >= 0),
    CONSTRAINT ck_transcoding_daily_videos_within_jobs CHECK (videos <= jobs)
);
COMMENT ON TABLE reporting.transcoding_daily IS 'What was transcoded: ends of work for each day, tenant, profile, engine and strategy.';
COMMENT ON COLUMN reporting.transcoding_daily.day IS 'UTC day';
COMMENT ON COLUMN reporting.transcoding_daily.engine IS 'local, mediaconvert, kubernetes; none before there was a job';
COMMENT ON COLUMN reporting.transcoding_daily.strategy IS 'how the encode was divided: single, renditions, chunks; none before there was a job';
COMMENT ON COLUMN reporting.transcoding_daily.videos IS 'different videos published';
COMMENT ON COLUMN reporting.transcoding_daily.jobs IS 'jobs published';
COMMENT ON COLUMN reporting.transcoding_daily.failed IS 'failures, those retried later included';
COMMENT ON COLUMN reporting.transcoding_daily.rejected IS 'sources rejected, with or without a job';
COMMENT ON COLUMN reporting.transcoding_daily.canceled IS 'cancellations';
COMMENT ON COLUMN reporting.transcoding_daily.unreadable IS 'objects found unreadable: gone, archived, denied';
COMMENT ON COLUMN reporting.transcoding_daily.retries IS 'workers started for the published jobs beyond the first of each';
COMMENT ON COLUMN reporting.transcoding_daily.stalls IS 'of these jobs'' workers, ended because nothing moved';
COMMENT ON COLUMN reporting.transcoding_daily.minutes_in IS 'of the published jobs'' sources';
COMMENT ON COLUMN reporting.transcoding_daily.minutes_out IS 'of their renditions of pictures';
COMMENT ON COLUMN reporting.transcoding_daily.bytes_in IS 'of the published jobs'' sources';
COMMENT ON COLUMN reporting.transcoding_daily.bytes_out IS 'of all their renditions'' segments';
COMMENT ON COLUMN reporting.transcoding_daily.cpu_seconds IS 'of the published jobs';
COMMENT ON COLUMN reporting.transcoding_daily.worker_seconds IS 'of the published jobs, wall';
COMMENT ON COLUMN reporting.transcoding_daily.encode_speed_p50 IS 'of this day alone; over days: job_outcome.speed';
COMMENT ON COLUMN reporting.transcoding_daily.encode_speed_p95 IS 'of this day alone; over days: job_outcome.speed';
COMMENT ON COLUMN reporting.transcoding_daily.time_to_publish_p50 IS 'seconds, of this day alone; over days: job_outcome.total_seconds';
COMMENT ON COLUMN reporting.transcoding_daily.time_to_publish_p95 IS 'seconds, of this day alone; over days: job_outcome.total_seconds';

CREATE TABLE reporting.failures (
    day DATE NOT NULL,
    tenant TEXT NOT NULL,
    profile TEXT NOT NULL,
    engine TEXT NOT NULL,
    kind TEXT NOT NULL,
    error_class TEXT NOT NULL,
    error_code TEXT NOT NULL,
    occurrences INTEGER NOT NULL,
    videos INTEGER NOT NULL,
    first_at TIMESTAMP WITH TIME ZONE NOT NULL,
    last_at TIMESTAMP WITH TIME ZONE NOT NULL,
    example_job_id BIGINT,
    example_video_id BIGINT,
    example_uri TEXT,
    example_run_id TEXT,
    example_message TEXT,
    link TEXT,
    CONSTRAINT pk_failures PRIMARY KEY (day, tenant, profile, engine, kind, error_class, error_code),
    CONSTRAINT ck_failures_kind CHECK (kind IN ('failed', 'rejected', 'unreadable')),
    CONSTRAINT ck_failures_occurrences CHECK (occurrences > 0),
    CONSTRAINT ck_failures_videos_within_occurrences CHECK (videos <= occurrences),
    CONSTRAINT ck_failures_first_before_last CHECK (first_at <= last_at)
);
COMMENT ON TABLE reporting.failures IS 'What stopped work and how often, with an example. The class is empty where there is none.';
COMMENT ON COLUMN reporting.failures.day IS 'UTC day';
COMMENT ON COLUMN reporting.failures.engine IS 'local, mediaconvert, kubernetes; none before there was a job';
COMMENT ON COLUMN reporting.failures.videos IS 'different videos';
COMMENT ON COLUMN reporting.failures.example_job_id IS 'of the last one; none before there was a job';
COMMENT ON COLUMN reporting.failures.example_uri IS 's3://bucket/key';
COMMENT ON COLUMN reporting.failures.example_run_id IS 'run of transcode_video';
COMMENT ON COLUMN reporting.failures.link IS 'path of the example''s page in Airflow''s UI';

CREATE TABLE reporting.cost_daily (
    day DATE NOT NULL,
    tenant TEXT NOT NULL,
    engine TEXT NOT NULL,
    kind TEXT NOT NULL,
    quantity NUMERIC(20, 6) NOT NULL,
    unit TEXT NOT NULL,
    jobs INTEGER NOT NULL,
    estimated_cost NUMERIC(16, 6),
    actual_cost NUMERIC(16, 6),
    difference NUMERIC(16, 6),
    CONSTRAINT pk_cost_daily PRIMARY KEY (day, tenant, engine, kind),
    CONSTRAINT ck_cost_daily_kind CHECK (kind IN ('transcode', 'quality', 'storage', 'egress')),
    CONSTRAINT ck_cost_daily_quantity CHECK (quantity >= 0),
    CONSTRAINT ck_cost_daily_jobs CHECK (jobs >= 0),
    CONSTRAINT ck_cost_daily_estimated_cost CHECK (estimated_cost >= 0),
    CONSTRAINT ck_cost_daily_actual_cost CHECK (actual_cost >= 0)
);
COMMENT ON TABLE reporting.cost_daily IS 'What it cost. Storage and egress are of all that a tenant has published (engine: none).';
COMMENT ON COLUMN reporting.cost_daily.day IS 'UTC day';
COMMENT ON COLUMN reporting.cost_daily.engine IS 'local, mediaconvert, kubernetes; none before there was a job';
COMMENT ON COLUMN reporting.cost_daily.quantity IS 'in the unit beside it';
COMMENT ON COLUMN reporting.cost_daily.unit IS 'normalized_minutes, cpu_seconds, gb_months, gb';
COMMENT ON COLUMN reporting.cost_daily.jobs IS 'that it is for; 0 for storage and egress';
COMMENT ON COLUMN reporting.cost_daily.estimated_cost IS 'US dollars, as it was foreseen; none where nothing was';
COMMENT ON COLUMN reporting.cost_daily.actual_cost IS 'US dollars, by the prices of the day; none where it cannot be told';
COMMENT ON COLUMN reporting.cost_daily.difference IS 'actual less estimated, of the jobs that have both';

CREATE TABLE reporting.tenant_usage (
    day DATE NOT NULL,
    tenant TEXT NOT NULL,
    sources INTEGER NOT NULL,
    videos INTEGER NOT NULL,
    jobs INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    rejected INTEGER NOT NULL,
    canceled INTEGER NOT NULL,
    bytes_received BIGINT NOT NULL,
    bytes_in BIGINT NOT NULL,
    bytes_out BIGINT NOT NULL,
    bytes_stored BIGINT NOT NULL,
    minutes_in DOUBLE PRECISION NOT NULL,
    minutes_out DOUBLE PRECISION NOT NULL,
    cpu_seconds DOUBLE PRECISION NOT NULL,
    cost NUMERIC(16, 6) NOT NULL,
    CONSTRAINT pk_tenant_usage PRIMARY KEY (day, tenant),
    CONSTRAINT ck_tenant_usage_sources CHECK (sources >= 0),
    CONSTRAINT ck_tenant_usage_videos CHECK (videos >= 0),
    CONSTRAINT ck_tenant_usage_jobs CHECK (jobs >= 0),
    CONSTRAINT ck_tenant_usage_failed CHECK (failed >= 0),
    CONSTRAINT ck_tenant_usage_rejected CHECK (rejected >= 0),
    CONSTRAINT ck_tenant_usage_canceled CHECK (canceled >= 0),
    CONSTRAINT ck_tenant_usage_bytes_received CHECK (bytes_received >= 0),
    CONSTRAINT ck_tenant_usage_bytes_in CHECK (bytes_in >= 0),
    CONSTRAINT ck_tenant_usage_bytes_out CHECK (bytes_out >= 0),
    CONSTRAINT ck_tenant_usage_bytes_stored CHECK (bytes_stored >= 0),
    CONSTRAINT ck_tenant_usage_minutes_in CHECK (minutes_in >= 0),
    CONSTRAINT ck_tenant_usage_minutes_out CHECK (minutes_out >= 0),
    CONSTRAINT ck_tenant_usage_cpu_seconds CHECK (cpu_seconds >= 0),
    CONSTRAINT ck_tenant_usage_cost CHECK (cost >= 0)
);
COMMENT ON TABLE reporting.tenant_usage IS 'Who used it, and how much.';
COMMENT ON COLUMN reporting.tenant_usage.day IS 'UTC day';
COMMENT ON COLUMN reporting.tenant_usage.sources IS 'objects registered';
COMMENT ON COLUMN reporting.tenant_usage.videos IS 'different videos published';
COMMENT ON COLUMN reporting.tenant_usage.jobs IS 'jobs published';
COMMENT ON COLUMN reporting.tenant_usage.failed IS 'failures, those retried later included';
COMMENT ON COLUMN reporting.tenant_usage.rejected IS 'sources rejected';
COMMENT ON COLUMN reporting.tenant_usage.canceled IS 'cancellations';
COMMENT ON COLUMN reporting.tenant_usage.bytes_received IS 'of the registered objects';
COMMENT ON COLUMN reporting.tenant_usage.bytes_in IS 'of the published jobs'' sources';
COMMENT ON COLUMN reporting.tenant_usage.bytes_out IS 'of their renditions'' segments';
COMMENT ON COLUMN reporting.tenant_usage.bytes_stored IS 'of all outputs at the end of the day';
COMMENT ON COLUMN reporting.tenant_usage.minutes_in IS 'of the published jobs'' sources';
COMMENT ON COLUMN reporting.tenant_usage.minutes_out IS 'of their renditions of pictures';
COMMENT ON COLUMN reporting.tenant_usage.cpu_seconds IS 'of the published jobs';
COMMENT ON COLUMN reporting.tenant_usage.cost IS 'US dollars, all kinds of cost_daily';

CREATE TABLE reporting.pipeline_latency (
    day DATE NOT NULL,
    profile TEXT NOT NULL,
    engine TEXT NOT NULL,
    stage TEXT NOT NULL,
    jobs INTEGER NOT NULL,
    p50 DOUBLE PRECISION NOT NULL,
    p90 DOUBLE PRECISION NOT NULL,
    p95 DOUBLE PRECISION NOT NULL,
    p99 DOUBLE PRECISION NOT NULL,
    longest DOUBLE PRECISION NOT NULL,
    total_seconds DOUBLE PRECISION NOT NULL,
    CONSTRAINT pk_pipeline_latency PRIMARY KEY (day, profile, engine, stage),
    CONSTRAINT ck_pipeline_latency_jobs CHECK (jobs > 0),
    CONSTRAINT ck_pipeline_latency_order CHECK (p50 <= p90 AND p90 <= p95 AND p95 <= p99 AND p99 <= longest)
);
COMMENT ON TABLE reporting.pipeline_latency IS 'Seconds that each stage took, of this day alone; over several days: the columns of job_outcome.';
COMMENT ON COLUMN reporting.pipeline_latency.day IS 'UTC day';
COMMENT ON COLUMN reporting.pipeline_latency.engine IS 'local, mediaconvert, kubernetes; none before there was a job';
COMMENT ON COLUMN reporting.pipeline_latency.jobs IS 'published jobs that went through the stage';
COMMENT ON COLUMN reporting.pipeline_latency.total_seconds IS 'of all these jobs';

CREATE TABLE reporting.ladder_efficiency (
    day DATE NOT NULL,
    tenant TEXT NOT NULL,
    profile TEXT NOT NULL,
    engine TEXT NOT NULL,
    codec TEXT NOT NULL,
    rung TEXT NOT NULL,
    renditions INTEGER NOT NULL,
    measured INTEGER NOT NULL,
    wasted INTEGER NOT NULL,
    starving INTEGER NOT NULL,
    too_close INTEGER NOT NULL,
    size_bytes BIGINT NOT NULL,
    saveable_bytes BIGINT NOT NULL,
    bitrate DOUBLE PRECISION,
    vmaf DOUBLE PRECISION,
    vmaf_p5 DOUBLE PRECISION,
    CONSTRAINT pk_ladder_efficiency PRIMARY KEY (day, tenant, profile, engine, codec, rung),
    CONSTRAINT ck_ladder_efficiency_renditions CHECK (renditions >= 0),
    CONSTRAINT ck_ladder_efficiency_measured CHECK (measured >= 0),
    CONSTRAINT ck_ladder_efficiency_wasted CHECK (wasted >= 0),
    CONSTRAINT ck_ladder_efficiency_starving CHECK (starving >= 0),
    CONSTRAINT ck_ladder_efficiency_too_close CHECK (too_close >= 0),
    CONSTRAINT ck_ladder_efficiency_size_bytes CHECK (size_bytes >= 0),
    CONSTRAINT ck_ladder_efficiency_saveable_bytes CHECK (saveable_bytes >= 0),
    CONSTRAINT ck_ladder_efficiency_measured_within_renditions CHECK (measured <= renditions),
    CONSTRAINT ck_ladder_efficiency_saveable_within_size CHECK (saveable_bytes <= size_bytes)
);
COMMENT ON TABLE reporting.ladder_efficiency IS 'Bits against quality for each rung, and what encoding it again would save.';
COMMENT ON COLUMN reporting.ladder_efficiency.day IS 'UTC day';
COMMENT ON COLUMN reporting.ladder_efficiency.engine IS 'local, mediaconvert, kubernetes; none before there was a job';
COMMENT ON COLUMN reporting.ladder_efficiency.codec IS 'RFC 6381 without its parameters: avc1';
COMMENT ON COLUMN reporting.ladder_efficiency.rung IS 'name of the rendition';
COMMENT ON COLUMN reporting.ladder_efficiency.renditions IS 'published';
COMMENT ON COLUMN reporting.ladder_efficiency.measured IS 'of them measured';
COMMENT ON COLUMN reporting.ladder_efficiency.wasted IS 'more bits than eyes can tell';
COMMENT ON COLUMN reporting.ladder_efficiency.starving IS 'too few bits for their size';
COMMENT ON COLUMN reporting.ladder_efficiency.too_close IS 'no better to see than the rung below of the same size';
COMMENT ON COLUMN reporting.ladder_efficiency.size_bytes IS 'of the measured ones';
COMMENT ON COLUMN reporting.ladder_efficiency.saveable_bytes IS 'of them that would not be missed, estimated';
COMMENT ON COLUMN reporting.ladder_efficiency.bitrate IS 'mean of the measured ones, bits a second; over days: weigh by measured';
COMMENT ON COLUMN reporting.ladder_efficiency.vmaf IS 'mean of the measured ones, at their own size; over days: weigh by measured';
COMMENT ON COLUMN reporting.ladder_efficiency.vmaf_p5 IS 'mean of their 5th percentiles';

CREATE TABLE reporting.source_inventory (
    day DATE NOT NULL,
    tenant TEXT NOT NULL,
    container TEXT NOT NULL,
    video_codec TEXT NOT NULL,
    resolution TEXT NOT NULL,
    frame_rate TEXT NOT NULL,
    audio_codec TEXT NOT NULL,
    languages TEXT NOT NULL,
    hdr BOOLEAN NOT NULL,
    interlaced BOOLEAN NOT NULL,
    captions BOOLEAN NOT NULL,
    sources INTEGER NOT NULL,
    size_bytes BIGINT NOT NULL,
    minutes DOUBLE PRECISION NOT NULL,
    CONSTRAINT pk_source_inventory PRIMARY KEY (day, tenant, container, video_codec, resolution, frame_rate, audio_codec, languages, hdr, interlaced, captions),
    CONSTRAINT ck_source_inventory_sources CHECK (sources > 0)
);
COMMENT ON TABLE reporting.source_inventory IS 'What came in, on the day it was probed.';
COMMENT ON COLUMN reporting.source_inventory.day IS 'UTC day';
COMMENT ON COLUMN reporting.source_inventory.resolution IS 'as it is shown, pixels: 1920x1080';
COMMENT ON COLUMN reporting.source_inventory.frame_rate IS 'frames a second: 29.97';
COMMENT ON COLUMN reporting.source_inventory.audio_codec IS 'of all sound tracks; none without one';
COMMENT ON COLUMN reporting.source_inventory.languages IS 'of all sound tracks; und where a track says none; none without one';
COMMENT ON COLUMN reporting.source_inventory.captions IS 'text tracks, or captions within the pictures';

CREATE TABLE reporting.storage_growth (
    day DATE NOT NULL,
    tenant TEXT NOT NULL,
    published_bytes BIGINT NOT NULL,
    replaced_bytes BIGINT NOT NULL,
    restored_bytes BIGINT NOT NULL,
    deleted_bytes BIGINT NOT NULL,
    net_bytes BIGINT NOT NULL,
    play_bytes BIGINT NOT NULL,
    CONSTRAINT pk_storage_growth PRIMARY KEY (day, tenant),
    CONSTRAINT ck_storage_growth_published_bytes CHECK (published_bytes >= 0),
    CONSTRAINT ck_storage_growth_replaced_bytes CHECK (replaced_bytes >= 0),
    CONSTRAINT ck_storage_growth_restored_bytes CHECK (restored_bytes >= 0),
    CONSTRAINT ck_storage_growth_deleted_bytes CHECK (deleted_bytes >= 0),
    CONSTRAINT ck_storage_growth_net CHECK (net_bytes = published_bytes - deleted_bytes)
);
COMMENT ON TABLE reporting.storage_growth IS 'How the stored outputs grow. The sum of net_bytes up to a day is what is stored at its end.';
COMMENT ON COLUMN reporting.storage_growth.day IS 'UTC day';
COMMENT ON COLUMN reporting.storage_growth.published_bytes IS 'of outputs published on the day, renditions and artifacts';
COMMENT ON COLUMN reporting.storage_growth.replaced_bytes IS 'of outputs that a later publication of their video replaced on the day; they stay stored';
COMMENT ON COLUMN reporting.storage_growth.restored_bytes IS 'of outputs that became public once more on the day';
COMMENT ON COLUMN reporting.storage_growth.deleted_bytes IS 'of outputs removed from S3 on the day';
COMMENT ON COLUMN reporting.storage_growth.net_bytes IS 'stored more at the end of the day than at its beginning; negative where it shrank';
COMMENT ON COLUMN reporting.storage_growth.play_bytes IS 'more that one play of each public video takes than the day before, all rungs alike often';

CREATE TABLE reporting.backlog_hourly (
    day DATE NOT NULL,
    hour TIMESTAMP WITH TIME ZONE NOT NULL,
    tenant TEXT NOT NULL,
    engine TEXT NOT NULL,
    waiting INTEGER NOT NULL,
    running INTEGER NOT NULL,
    arrived INTEGER NOT NULL,
    started INTEGER NOT NULL,
    finished INTEGER NOT NULL,
    oldest_seconds DOUBLE PRECISION,
    CONSTRAINT pk_backlog_hourly PRIMARY KEY (day, hour, tenant, engine),
    CONSTRAINT ck_backlog_hourly_waiting CHECK (waiting >= 0),
    CONSTRAINT ck_backlog_hourly_running CHECK (running >= 0),
    CONSTRAINT ck_backlog_hourly_arrived CHECK (arrived >= 0),
    CONSTRAINT ck_backlog_hourly_started CHECK (started >= 0),
    CONSTRAINT ck_backlog_hourly_finished CHECK (finished >= 0),
    CONSTRAINT ck_backlog_hourly_oldest_seconds CHECK (oldest_seconds >= 0)
);
COMMENT ON TABLE reporting.backlog_hourly IS 'How much waited and ran, hour by hour.';
COMMENT ON COLUMN reporting.backlog_hourly.day IS 'UTC day';
COMMENT ON COLUMN reporting.backlog_hourly.hour IS 'its beginning';
COMMENT ON COLUMN reporting.backlog_hourly.engine IS 'local, mediaconvert, kubernetes; none before there was a job';
COMMENT ON COLUMN reporting.backlog_hourly.waiting IS 'sources and jobs that waited when the hour began';
COMMENT ON COLUMN reporting.backlog_hourly.running IS 'jobs that ran then';
COMMENT ON COLUMN reporting.backlog_hourly.arrived IS 'within the hour: sources registered, jobs queued again';
COMMENT ON COLUMN reporting.backlog_hourly.started IS 'within the hour: jobs';
COMMENT ON COLUMN reporting.backlog_hourly.finished IS 'within the hour: jobs';
COMMENT ON COLUMN reporting.backlog_hourly.oldest_seconds IS 'how long the oldest had waited when the hour began';

CREATE TABLE reporting.content_quality (
    day DATE NOT NULL,
    job_id BIGINT NOT NULL,
    video_id BIGINT NOT NULL,
    uri TEXT NOT NULL,
    tenant TEXT NOT NULL,
    profile TEXT NOT NULL,
    engine TEXT NOT NULL,
    state TEXT NOT NULL,
    error_message TEXT,
    seconds DOUBLE PRECISION,
    every INTEGER,
    cpu_seconds DOUBLE PRECISION,
    black_seconds DOUBLE PRECISION,
    frozen_seconds DOUBLE PRECISION,
    silent_seconds DOUBLE PRECISION,
    luma_clipped DOUBLE PRECISION,
    stretches TEXT,
    CONSTRAINT pk_content_quality PRIMARY KEY (day, job_id)
);
COMMENT ON TABLE reporting.content_quality IS 'What measuring found in the pictures and sound of each job, on the day the job was published.';
COMMENT ON COLUMN reporting.content_quality.day IS 'UTC day';
COMMENT ON COLUMN reporting.content_quality.job_id IS 'of the catalog';
COMMENT ON COLUMN reporting.content_quality.video_id IS 'of the catalog';
COMMENT ON COLUMN reporting.content_quality.uri IS 'of the source: s3://bucket/key';
COMMENT ON COLUMN reporting.content_quality.engine IS 'local, mediaconvert, kubernetes; none before there was a job';
COMMENT ON COLUMN reporting.content_quality.state IS 'measured, partial, failed or skipped';
COMMENT ON COLUMN reporting.content_quality.error_message IS 'why it could not be measured';
COMMENT ON COLUMN reporting.content_quality.seconds IS 'of the video that were looked at';
COMMENT ON COLUMN reporting.content_quality.every IS 'one of so many frames was compared';
COMMENT ON COLUMN reporting.content_quality.cpu_seconds IS 'that the measurement took';
COMMENT ON COLUMN reporting.content_quality.silent_seconds IS 'of its first sound track';
COMMENT ON COLUMN reporting.content_quality.luma_clipped IS 'share of the pixels at the ends of the luma range';
COMMENT ON COLUMN reporting.content_quality.stretches IS 'JSON: kind, track, start and end of black, frozen and silent stretches';

CREATE TABLE reporting.partition (
    mart TEXT NOT NULL,
    day DATE NOT NULL,
    rows INTEGER NOT NULL,
    computed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_partition PRIMARY KEY (mart, day),
    CONSTRAINT ck_partition_rows CHECK (rows >= 0)
);
COMMENT ON TABLE reporting.partition IS 'Which days of which table are computed; a day without rows is computed too.';

CREATE TABLE reporting.watermark (
    name TEXT NOT NULL,
    xid BIGINT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_watermark PRIMARY KEY (name)
);
COMMENT ON TABLE reporting.watermark IS 'How far the reports have read what was recorded.';
COMMENT ON COLUMN reporting.watermark.xid IS 'every transaction below it has been seen';
COMMENT ON COLUMN reporting.watermark.at IS 'when that was looked up';

-- What a day needs of the catalog is found by time.
CREATE INDEX ix_job_event_at ON job_event USING brin (at) WITH (autosummarize = on);
CREATE INDEX ix_job_open_at ON job USING gist (tstzrange(LEAST(created_at, finished_at), finished_at, '[]'));
CREATE INDEX ix_job_outputs_deleted_at ON job (outputs_deleted_at) WHERE outputs_deleted_at IS NOT NULL;
CREATE INDEX ix_job_measurement_measured_at ON job_measurement (measured_at);
CREATE INDEX ix_source_waited_at ON source
    USING gist (tstzrange(LEAST(registered_at, dispatched_at, probed_at, rejected_at, unreadable_at),
                          LEAST(dispatched_at, probed_at, rejected_at, unreadable_at)));

-- What is going on now, and in the last hour: of the catalog itself, as of the question.
CREATE VIEW reporting.work_now AS
SELECT tenant.slug AS tenant, job.profile, job.engine, lower(job.status) AS status, count(*)::integer AS jobs,
       extract(epoch FROM now() - min(job.queued_at))::float8 AS oldest_seconds,
       avg(job.progress)::float8 AS progress
  FROM job JOIN video ON video.id = job.video_id JOIN tenant ON tenant.id = video.tenant_id
 WHERE job.status IN ('QUEUED', 'SUBMITTED', 'PROGRESSING', 'VERIFYING')
 GROUP BY tenant.slug, job.profile, job.engine, job.status
UNION ALL
SELECT tenant.slug, coalesce(source.profile, ''), 'none', 'discovered', count(*)::integer,
       extract(epoch FROM now() - min(source.registered_at))::float8, 0
  FROM source JOIN video ON video.id = source.video_id JOIN tenant ON tenant.id = video.tenant_id
 WHERE source.status = 'DISCOVERED'
 GROUP BY tenant.slug, source.profile;
COMMENT ON VIEW reporting.work_now IS 'Jobs that wait or run, and sources that wait for their run, at this moment.';
COMMENT ON COLUMN reporting.work_now.status IS 'of the job; discovered: a source whose run has not been started';
COMMENT ON COLUMN reporting.work_now.oldest_seconds IS 'since the oldest of them was queued, or registered';
COMMENT ON COLUMN reporting.work_now.progress IS 'percent, mean of the jobs';

CREATE VIEW reporting.last_hour AS
SELECT tenant.slug AS tenant, job.profile, job.engine, lower(job_event.new_status) AS status,
       count(*)::integer AS jobs, sum((source.media_info ->> 'duration')::float8) / 60 AS minutes_in,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY job.speed) AS encode_speed_p50,
       max(job_event.at) AS last_at
  FROM job_event JOIN job ON job.id = job_event.job_id JOIN source ON source.id = job.source_id
  JOIN video ON video.id = job.video_id JOIN tenant ON tenant.id = video.tenant_id
 WHERE job_event.new_status IN ('PUBLISHED', 'REJECTED', 'FAILED', 'CANCELED')
   AND job_event.at >= now() - interval '1 hour'
 GROUP BY tenant.slug, job.profile, job.engine, job_event.new_status;
COMMENT ON VIEW reporting.last_hour IS 'Jobs that ended in the last sixty minutes.';
COMMENT ON COLUMN reporting.last_hour.status IS 'published, rejected, failed or canceled';
COMMENT ON COLUMN reporting.last_hour.minutes_in IS 'of their sources';
COMMENT ON COLUMN reporting.last_hour.encode_speed_p50 IS 'media seconds encoded a wall second';

-- The two tables of earlier versions, under their names, for one release more.
DROP TABLE report_transcoding_problem_daily, report_transcoding_daily;
CREATE VIEW report_transcoding_daily AS
SELECT day, tenant, profile, engine,
       (count(DISTINCT video_id) FILTER (WHERE status = 'published'))::integer AS videos,
       (count(*) FILTER (WHERE status = 'published'))::integer AS jobs,
       (count(*) FILTER (WHERE status = 'failed'))::integer AS failed,
       (count(*) FILTER (WHERE status = 'rejected'))::integer AS rejected,
       (count(*) FILTER (WHERE status = 'canceled'))::integer AS canceled,
       coalesce(sum(media_seconds ORDER BY outcome) FILTER (WHERE status = 'published'), 0) / 60 AS minutes_in,
       coalesce(sum(output_seconds ORDER BY outcome) FILTER (WHERE status = 'published'), 0) / 60 AS minutes_out,
       coalesce(sum(bytes_in) FILTER (WHERE status = 'published'), 0)::bigint AS bytes_in,
       coalesce(sum(bytes_out) FILTER (WHERE status = 'published'), 0)::bigint AS bytes_out,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY speed) FILTER (WHERE status = 'published') AS encode_speed_p50,
       percentile_cont(0.95) WITHIN GROUP (ORDER BY speed) FILTER (WHERE status = 'published') AS encode_speed_p95,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY total_seconds) FILTER (WHERE status = 'published')
         AS time_to_publish_p50,
       percentile_cont(0.95) WITHIN GROUP (ORDER BY total_seconds) FILTER (WHERE status = 'published')
         AS time_to_publish_p95
  FROM reporting.job_outcome
 GROUP BY day, tenant, profile, engine;
COMMENT ON VIEW report_transcoding_daily IS 'Earlier name; use reporting.transcoding_daily and reporting.job_outcome.';
CREATE VIEW report_transcoding_problem_daily AS
SELECT day, tenant, profile, engine, status AS kind,
       CASE status WHEN 'failed' THEN coalesce(error_class, error_code) ELSE error_code END AS reason,
       count(*)::integer AS count
  FROM reporting.job_outcome
 WHERE status IN ('failed', 'rejected', 'unreadable')
 GROUP BY 1, 2, 3, 4, 5, 6;
COMMENT ON VIEW report_transcoding_problem_daily IS 'Earlier name; use reporting.failures.';

-- One role for everybody who asks; it can read the schema reporting, and that alone. It has no password until somebody
-- sets one, and so cannot log in.
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'analyst') THEN
    CREATE ROLE analyst LOGIN;
    ALTER ROLE analyst SET default_transaction_read_only = on;
    ALTER ROLE analyst SET statement_timeout = '5min';
    ALTER ROLE analyst SET search_path = reporting;
    ALTER ROLE analyst SET timezone = 'UTC';
  END IF;
EXCEPTION
  WHEN duplicate_object OR unique_violation THEN NULL;  -- another database of the server was migrated at this moment
  WHEN insufficient_privilege THEN
    RAISE WARNING 'This role may not make roles: have an administrator run CREATE ROLE analyst LOGIN, then vodflow report grant.';
END $$;
DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'analyst') THEN
    GRANT USAGE ON SCHEMA reporting TO analyst;
    GRANT SELECT ON ALL TABLES IN SCHEMA reporting TO analyst;
    ALTER DEFAULT PRIVILEGES IN SCHEMA reporting GRANT SELECT ON TABLES TO analyst;
  END IF;
  -- Whoever may connect could fill the disk with temporary tables otherwise; the owner of the database may refuse it.
  IF (SELECT pg_has_role(datdba, 'USAGE') FROM pg_database WHERE datname = current_database()) THEN
    EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
  END IF;
END $$;
COMMENT ON COLUMN rendition.speed IS 'media seconds encoded a wall second, where not all rungs of the job have the same; see job.speed';
