-- What the list of videos is read from: each video as it is now, so that one index answers for each filter and order.
CREATE TABLE listing (
    video_id BIGINT NOT NULL,
    tenant_id BIGINT NOT NULL,
    source_id BIGINT NOT NULL,
    job_id BIGINT,
    status TEXT NOT NULL,
    profile TEXT,
    engine TEXT,
    registered_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_listing PRIMARY KEY (video_id),
    CONSTRAINT fk_listing_video_id_video FOREIGN KEY(video_id) REFERENCES video (id)
);
COMMENT ON TABLE listing IS 'Each video as it is now. Written by triggers of source and job alone.';
COMMENT ON COLUMN listing.source_id IS 'the bytes that its key has now';
COMMENT ON COLUMN listing.job_id IS 'newest job for them; none while there is none';
COMMENT ON COLUMN listing.status IS 'of that job; of the source while it has none';
COMMENT ON COLUMN listing.registered_at IS 'when these bytes were registered; orders the list';

CREATE VIEW video_newest AS
SELECT video.id AS video_id, video.tenant_id, source.id AS source_id, job.id AS job_id,
       coalesce(job.status, source.status) AS status, coalesce(job.profile, source.profile) AS profile,
       coalesce(job.engine, source.engine) AS engine, source.registered_at
  FROM video
 CROSS JOIN LATERAL (SELECT * FROM source WHERE source.video_id = video.id
                      ORDER BY current_since DESC, id DESC LIMIT 1) AS source
  LEFT JOIN LATERAL (SELECT id, job.status, job.profile, job.engine FROM job WHERE job.source_id = source.id
                      ORDER BY id DESC LIMIT 1) AS job ON true;
COMMENT ON VIEW video_newest IS 'What listing has to hold.';

INSERT INTO listing SELECT * FROM video_newest;

CREATE INDEX ix_listing_registered_at ON listing (registered_at, video_id);
CREATE INDEX ix_listing_tenant_id ON listing (tenant_id, registered_at, video_id);
CREATE INDEX ix_listing_status ON listing (status, registered_at, video_id);
CREATE INDEX ix_listing_profile ON listing (profile, registered_at, video_id);
CREATE INDEX ix_listing_engine ON listing (engine, registered_at, video_id);
CREATE INDEX ix_video_words ON video
    USING gin (to_tsvector('simple'::regconfig, regexp_replace(key, '[^[:alnum:]]+', ' ', 'g')));

-- Whoever changes a video's source and whoever changes its job wait for each other at the row, and the second of them
-- sees what the first one made: each statement of a function has a snapshot of its own.
CREATE FUNCTION list_video() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM listing WHERE video_id = NEW.video_id FOR UPDATE;
  INSERT INTO listing SELECT * FROM video_newest WHERE video_id = NEW.video_id
  ON CONFLICT (video_id) DO UPDATE SET
    source_id = excluded.source_id, job_id = excluded.job_id, status = excluded.status, profile = excluded.profile,
    engine = excluded.engine, registered_at = excluded.registered_at;
  RETURN NULL;
END $$;
CREATE TRIGGER source_listed AFTER INSERT ON source FOR EACH ROW EXECUTE FUNCTION list_video();
CREATE TRIGGER source_listed_again AFTER UPDATE OF status, current_since ON source FOR EACH ROW
  WHEN (OLD.status <> NEW.status OR OLD.current_since <> NEW.current_since) EXECUTE FUNCTION list_video();
CREATE TRIGGER job_listed AFTER INSERT ON job FOR EACH ROW EXECUTE FUNCTION list_video();
CREATE TRIGGER job_listed_again AFTER UPDATE OF status ON job FOR EACH ROW
  WHEN (OLD.status <> NEW.status) EXECUTE FUNCTION list_video();
