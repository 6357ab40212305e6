-- When a fact was recorded: the transaction, which no clock and no late commit can hide.
ALTER TABLE job_event ADD COLUMN recorded_xid BIGINT DEFAULT (pg_current_xact_id())::text::bigint NOT NULL;
COMMENT ON COLUMN job_event.recorded_xid IS 'transaction that wrote it; reports find late facts by it';
CREATE INDEX ix_job_event_recorded_xid ON job_event (recorded_xid);

ALTER TABLE source ADD COLUMN recorded_xid BIGINT DEFAULT (pg_current_xact_id())::text::bigint NOT NULL;
COMMENT ON COLUMN source.recorded_xid IS 'transaction that wrote it; reports find late facts by it';
CREATE INDEX ix_source_recorded_xid ON source (recorded_xid);
CREATE INDEX ix_source_registered_at ON source (registered_at);
CREATE INDEX ix_source_probed_at ON source (probed_at) WHERE probed_at IS NOT NULL;

CREATE FUNCTION recorded_now() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.recorded_xid := (pg_current_xact_id())::text::bigint;
  RETURN NEW;
END $$;
CREATE TRIGGER source_recorded
  BEFORE UPDATE OF status, probed_at, rejected_at, unreadable_at, dispatched_at ON source
  FOR EACH ROW EXECUTE FUNCTION recorded_now();

-- What engines of our own are expected to take, and what is stored no longer.
ALTER TABLE job ADD COLUMN estimated_cpu_seconds DOUBLE PRECISION,
    ADD COLUMN outputs_deleted_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN cancel_request JSONB,
    ADD CONSTRAINT ck_job_estimated_cpu_seconds CHECK (estimated_cpu_seconds >= 0);
COMMENT ON COLUMN job.estimated_cpu_seconds IS 'foreseen for an engine of our own when the job was opened';
COMMENT ON COLUMN job.outputs_deleted_at IS 'when its outputs were removed from S3';
COMMENT ON COLUMN job.cancel_request IS 'who asked for its cancellation, and why: by, reason';

-- Whoever records a cancellation, often the worker that was stopped, the event says who asked for it and why.
CREATE OR REPLACE FUNCTION job_journal() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  before text := CASE WHEN TG_OP = 'UPDATE' THEN OLD.status END;
  asked jsonb := CASE NEW.status WHEN 'CANCELED' THEN NEW.cancel_request END;
BEGIN
  IF before IS DISTINCT FROM NEW.status THEN
    INSERT INTO job_event (job_id, at, actor, old_status, new_status, detail)
    VALUES (NEW.id, clock_timestamp(), coalesce(nullif(current_setting('vodflow.actor', true), ''), current_user),
            before, NEW.status,
            nullif(jsonb_strip_nulls(jsonb_build_object(
              'run_id', NEW.run_id, 'error_class', NEW.error_class, 'error_code', NEW.error_code,
              'error_message', NEW.error_message,
              'canceled_by', asked -> 'by', 'reason', asked -> 'reason')), '{}'));
  END IF;
  RETURN NULL;
END $$;
CREATE FUNCTION cancel_request_over() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.cancel_request := NULL;
  RETURN NEW;
END $$;
CREATE TRIGGER cancel_request_over BEFORE UPDATE OF status ON job
  FOR EACH ROW WHEN (NEW.status = 'QUEUED' AND OLD.status <> 'QUEUED') EXECUTE FUNCTION cancel_request_over();

-- Quality is measured after the publication, and kept apart from what is published. These were never filled.
ALTER TABLE rendition DROP COLUMN vmaf, DROP COLUMN psnr, DROP COLUMN ssim;

CREATE TABLE publication_event (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    video_id BIGINT NOT NULL,
    at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    old_job_id BIGINT,
    new_job_id BIGINT,
    recorded_xid BIGINT DEFAULT (pg_current_xact_id())::text::bigint NOT NULL,
    CONSTRAINT pk_publication_event PRIMARY KEY (id),
    CONSTRAINT fk_publication_event_video_id_video FOREIGN KEY(video_id) REFERENCES video (id),
    CONSTRAINT fk_publication_event_old_job_id_job FOREIGN KEY(old_job_id) REFERENCES job (id),
    CONSTRAINT fk_publication_event_new_job_id_job FOREIGN KEY(new_job_id) REFERENCES job (id)
);
CREATE INDEX ix_publication_event_at ON publication_event (at);
CREATE INDEX ix_publication_event_recorded_xid ON publication_event (recorded_xid);
CREATE INDEX ix_publication_event_video_id ON publication_event (video_id, id);
COMMENT ON TABLE publication_event IS 'Every change of what is public of a video. Written by a trigger, never changed or deleted.';
COMMENT ON COLUMN publication_event.old_job_id IS 'public until then; none where nothing was';
COMMENT ON COLUMN publication_event.new_job_id IS 'public since then; none where it was taken down';
COMMENT ON COLUMN publication_event.recorded_xid IS 'transaction that wrote it; reports find late facts by it';

CREATE TABLE job_measurement (
    job_id BIGINT NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER DEFAULT '0' NOT NULL,
    run_id TEXT,
    every INTEGER,
    seconds DOUBLE PRECISION,
    cpu_seconds DOUBLE PRECISION,
    wall_seconds DOUBLE PRECISION,
    tool TEXT,
    black_seconds DOUBLE PRECISION,
    frozen_seconds DOUBLE PRECISION,
    luma_clipped DOUBLE PRECISION,
    stretches JSONB,
    error_code TEXT,
    error_message TEXT,
    measured_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    recorded_xid BIGINT DEFAULT (pg_current_xact_id())::text::bigint NOT NULL,
    CONSTRAINT pk_job_measurement PRIMARY KEY (job_id),
    CONSTRAINT ck_job_measurement_state CHECK (state IN ('measured', 'partial', 'failed', 'skipped')),
    CONSTRAINT ck_job_measurement_attempts CHECK (attempts >= 0),
    CONSTRAINT ck_job_measurement_seconds CHECK (seconds >= 0),
    CONSTRAINT ck_job_measurement_cpu_seconds CHECK (cpu_seconds >= 0),
    CONSTRAINT ck_job_measurement_wall_seconds CHECK (wall_seconds >= 0),
    CONSTRAINT ck_job_measurement_black_seconds CHECK (black_seconds >= 0),
    CONSTRAINT ck_job_measurement_frozen_seconds CHECK (frozen_seconds >= 0),
    CONSTRAINT ck_job_measurement_every CHECK (every > 0),
    CONSTRAINT ck_job_measurement_luma_clipped CHECK (luma_clipped BETWEEN 0 AND 1),
    CONSTRAINT ck_job_measurement_failed_has_message CHECK ((state = 'failed') = (error_message IS NOT NULL)),
    CONSTRAINT fk_job_measurement_job_id_job FOREIGN KEY(job_id) REFERENCES job (id)
);
CREATE INDEX ix_job_measurement_recorded_xid ON job_measurement (recorded_xid);
COMMENT ON TABLE job_measurement IS 'One measurement of a published job''s quality: how it was done, at what cost, and what its pictures show.';
COMMENT ON COLUMN job_measurement.attempts IS 'how often it was begun';
COMMENT ON COLUMN job_measurement.run_id IS 'run of measure_quality';
COMMENT ON COLUMN job_measurement.every IS 'one of so many frames was compared';
COMMENT ON COLUMN job_measurement.seconds IS 'of the video that were looked at';
COMMENT ON COLUMN job_measurement.cpu_seconds IS 'of all processes that measured';
COMMENT ON COLUMN job_measurement.tool IS 'FFmpeg''s version, and libvmaf''s where it says it';
COMMENT ON COLUMN job_measurement.black_seconds IS 'of black pictures';
COMMENT ON COLUMN job_measurement.frozen_seconds IS 'of pictures that stand still';
COMMENT ON COLUMN job_measurement.luma_clipped IS 'share of the pixels at or beyond the ends of the luma range, 0 to 1';
COMMENT ON COLUMN job_measurement.stretches IS 'list of kind (black, frozen, silent), track, start and end in seconds';
COMMENT ON COLUMN job_measurement.recorded_xid IS 'transaction that wrote it; reports find late facts by it';

CREATE TABLE rendition_measurement (
    rendition_id BIGINT NOT NULL,
    vmaf_model TEXT,
    frames INTEGER,
    vmaf DOUBLE PRECISION,
    vmaf_harmonic DOUBLE PRECISION,
    vmaf_p5 DOUBLE PRECISION,
    vmaf_worst_second DOUBLE PRECISION,
    vmaf_worst_at DOUBLE PRECISION,
    psnr DOUBLE PRECISION,
    ssim DOUBLE PRECISION,
    qvbr_avg DOUBLE PRECISION,
    qvbr_min DOUBLE PRECISION,
    loudness DOUBLE PRECISION,
    loudness_range DOUBLE PRECISION,
    true_peak DOUBLE PRECISION,
    silent_seconds DOUBLE PRECISION,
    clipped DOUBLE PRECISION,
    measured_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    recorded_xid BIGINT DEFAULT (pg_current_xact_id())::text::bigint NOT NULL,
    CONSTRAINT pk_rendition_measurement PRIMARY KEY (rendition_id),
    CONSTRAINT ck_rendition_measurement_frames CHECK (frames >= 0),
    CONSTRAINT ck_rendition_measurement_psnr CHECK (psnr >= 0),
    CONSTRAINT ck_rendition_measurement_silent_seconds CHECK (silent_seconds >= 0),
    CONSTRAINT ck_rendition_measurement_vmaf_worst_at CHECK (vmaf_worst_at >= 0),
    CONSTRAINT ck_rendition_measurement_loudness_range CHECK (loudness_range >= 0),
    CONSTRAINT ck_rendition_measurement_vmaf CHECK (vmaf BETWEEN 0 AND 100),
    CONSTRAINT ck_rendition_measurement_vmaf_harmonic CHECK (vmaf_harmonic BETWEEN 0 AND 100),
    CONSTRAINT ck_rendition_measurement_vmaf_p5 CHECK (vmaf_p5 BETWEEN 0 AND 100),
    CONSTRAINT ck_rendition_measurement_vmaf_worst_second CHECK (vmaf_worst_second BETWEEN 0 AND 100),
    CONSTRAINT ck_rendition_measurement_ssim CHECK (ssim BETWEEN -1 AND 1),
    CONSTRAINT ck_rendition_measurement_clipped CHECK (clipped BETWEEN 0 AND 1),
    CONSTRAINT fk_rendition_measurement_rendition_id_rendition FOREIGN KEY(rendition_id) REFERENCES rendition (id)
);
CREATE INDEX ix_rendition_measurement_recorded_xid ON rendition_measurement (recorded_xid);
COMMENT ON TABLE rendition_measurement IS 'How good one rendition is: of pictures against the source, of sound by itself.';
COMMENT ON COLUMN rendition_measurement.vmaf_model IS 'model of libvmaf, by the size it is shown at';
COMMENT ON COLUMN rendition_measurement.frames IS 'that were compared';
COMMENT ON COLUMN rendition_measurement.vmaf IS 'arithmetic mean of the frames, 0 to 100';
COMMENT ON COLUMN rendition_measurement.vmaf_harmonic IS 'harmonic mean of the frames';
COMMENT ON COLUMN rendition_measurement.vmaf_p5 IS '5th percentile of the frames';
COMMENT ON COLUMN rendition_measurement.vmaf_worst_second IS 'mean of the worst second';
COMMENT ON COLUMN rendition_measurement.vmaf_worst_at IS 'where that second begins, seconds';
COMMENT ON COLUMN rendition_measurement.psnr IS 'of luma, decibels, mean of the frames';
COMMENT ON COLUMN rendition_measurement.ssim IS 'mean of the frames';
COMMENT ON COLUMN rendition_measurement.qvbr_avg IS 'MediaConvert''s own average quality level, 1 to 10';
COMMENT ON COLUMN rendition_measurement.qvbr_min IS 'MediaConvert''s own lowest quality level, 1 to 10';
COMMENT ON COLUMN rendition_measurement.loudness IS 'integrated (EBU R 128), LUFS; none of silence';
COMMENT ON COLUMN rendition_measurement.loudness_range IS 'LU';
COMMENT ON COLUMN rendition_measurement.true_peak IS 'dBTP; none of digital silence';
COMMENT ON COLUMN rendition_measurement.clipped IS 'share of the samples at full scale, 0 to 1';
COMMENT ON COLUMN rendition_measurement.recorded_xid IS 'transaction that wrote it; reports find late facts by it';

CREATE TABLE price (
    name TEXT NOT NULL,
    valid_from DATE NOT NULL,
    amount NUMERIC(20, 12) NOT NULL,
    unit TEXT NOT NULL,
    note TEXT,
    CONSTRAINT pk_price PRIMARY KEY (name, valid_from),
    CONSTRAINT ck_price_amount CHECK (amount >= 0),
    CONSTRAINT ck_price_name CHECK (name ~ '^[a-z0-9_]+[.][a-z0-9_]+$')
);
COMMENT ON TABLE price IS 'Dated prices. A row is never changed or deleted, and none is added for days that are over.';
COMMENT ON COLUMN price.name IS 'cpu_second.local, storage.gb_month, egress.gb, …';
COMMENT ON COLUMN price.valid_from IS 'first UTC day it holds for';
COMMENT ON COLUMN price.unit IS 'for people: US dollars a CPU second';
COMMENT ON COLUMN price.note IS 'where it is from';

CREATE TRIGGER job_measurement_recorded BEFORE UPDATE ON job_measurement
  FOR EACH ROW EXECUTE FUNCTION recorded_now();
CREATE TRIGGER rendition_measurement_recorded BEFORE UPDATE ON rendition_measurement
  FOR EACH ROW EXECUTE FUNCTION recorded_now();

-- What was public before is known from when each job was published: then its video's publication turned to it,
-- unless bytes that are older than the public ones came late, of which nothing is known any more.
INSERT INTO publication_event (video_id, at, old_job_id, new_job_id)
SELECT job.video_id, job_event.at,
       lag(job.id) OVER (PARTITION BY job.video_id ORDER BY job_event.at, job_event.id), job.id
  FROM job_event
  JOIN job ON job.id = job_event.job_id
 WHERE job_event.new_status = 'PUBLISHED'
 ORDER BY job_event.at, job_event.id;
INSERT INTO publication_event (video_id, at, old_job_id, new_job_id)
SELECT publication.video_id, publication.published_at, last.new_job_id, publication.job_id
  FROM publication
  JOIN LATERAL (SELECT new_job_id FROM publication_event WHERE video_id = publication.video_id
                 ORDER BY id DESC LIMIT 1) AS last ON last.new_job_id <> publication.job_id;

CREATE FUNCTION publication_journal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    INSERT INTO publication_event (video_id, at, old_job_id) VALUES (OLD.video_id, clock_timestamp(), OLD.job_id);
  ELSIF TG_OP = 'INSERT' THEN
    INSERT INTO publication_event (video_id, at, new_job_id) VALUES (NEW.video_id, clock_timestamp(), NEW.job_id);
  ELSIF OLD.job_id <> NEW.job_id THEN
    INSERT INTO publication_event (video_id, at, old_job_id, new_job_id)
    VALUES (NEW.video_id, clock_timestamp(), OLD.job_id, NEW.job_id);
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER publication_journal AFTER INSERT OR UPDATE OF job_id OR DELETE ON publication
  FOR EACH ROW EXECUTE FUNCTION publication_journal();
CREATE FUNCTION publication_event_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'publication_event is append-only: % is refused.', TG_OP USING ERRCODE = 'VF002';
END $$;
CREATE TRIGGER publication_event_guard BEFORE UPDATE OR DELETE OR TRUNCATE ON publication_event
  FOR EACH STATEMENT EXECUTE FUNCTION publication_event_guard();

-- Prices of days that are over are fixed: what was reported stays true.
INSERT INTO price (name, valid_from, amount, unit, note) VALUES
  ('cpu_second.local', '2000-01-01', 0.000012396, 'US dollars a CPU second', 'EC2 c7i.large on demand, us-east-1: 0.08925 an hour for 2 vCPUs'),
  ('cpu_second.kubernetes', '2000-01-01', 0.000012396, 'US dollars a CPU second', 'EC2 c7i.large on demand, us-east-1: 0.08925 an hour for 2 vCPUs'),
  ('storage.gb_month', '2000-01-01', 0.023, 'US dollars a GB (10^9 bytes) and month', 'S3 Standard, us-east-1, first 50 TB'),
  ('egress.gb', '2000-01-01', 0.085, 'US dollars a GB (10^9 bytes)', 'CloudFront to North America and Europe, first 10 TB a month'),
  ('viewing.plays_a_month', '2000-01-01', 0, 'plays of a published video a month', 'set it to what your videos get; 0: no egress is reported'),
  ('viewing.watched_share', '2000-01-01', 0.6, 'share of a video that a play watches, 0 to 1', NULL);
CREATE FUNCTION price_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP <> 'INSERT' THEN
    RAISE EXCEPTION 'Prices are dated and stay: % is refused. Add one that holds from a day on.', TG_OP
      USING ERRCODE = 'VF002';
  END IF;
  IF NEW.valid_from < (now() AT TIME ZONE 'UTC')::date AND EXISTS (SELECT FROM price WHERE name = NEW.name) THEN
    RAISE EXCEPTION 'The price % cannot hold from % on: days before today (UTC) are reported already.',
      NEW.name, NEW.valid_from USING ERRCODE = 'VF002';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER price_guard BEFORE INSERT OR UPDATE OR DELETE ON price FOR EACH ROW EXECUTE FUNCTION price_guard();
