-- What one tenant's caller can see and change, kept by the database: requests of a tenant are carried out as the role
-- vodflow_tenant, with vodflow.tenant_id and vodflow.tenant set for the transaction. Without them it sees nothing. The
-- owner of the tables, for whom the pipelines work, sees everything, and so does any other role that may read a table.
CREATE FUNCTION current_tenant_id() RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE
  RETURN nullif(current_setting('vodflow.tenant_id', true), '')::bigint;
CREATE FUNCTION current_tenant() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
  RETURN nullif(current_setting('vodflow.tenant', true), '');

-- Sources and jobs say themselves whose they are, so that an index finds those of a small tenant among many.
ALTER TABLE source ADD COLUMN tenant_id BIGINT;
ALTER TABLE job ADD COLUMN tenant_id BIGINT;
UPDATE source SET tenant_id = video.tenant_id FROM video WHERE video.id = source.video_id;
UPDATE job SET tenant_id = video.tenant_id FROM video WHERE video.id = job.video_id;
ALTER TABLE source ALTER COLUMN tenant_id SET NOT NULL;
ALTER TABLE job ALTER COLUMN tenant_id SET NOT NULL;
COMMENT ON COLUMN source.tenant_id IS 'its video''s, by a trigger';
COMMENT ON COLUMN job.tenant_id IS 'its video''s, by a trigger';
CREATE INDEX ix_source_tenant_id ON source (tenant_id, id);
CREATE INDEX ix_job_tenant_id ON job (tenant_id, id);
CREATE INDEX ix_notification_delivery_tenant ON notification_delivery (tenant, id);
COMMENT ON COLUMN notification_delivery.channel IS 'in VODFLOW_NOTIFICATIONS; tenant/name is a tenant''s own';
CREATE FUNCTION tenant_of_video() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.tenant_id := (SELECT tenant_id FROM video WHERE id = NEW.video_id);
  RETURN NEW;
END $$;
CREATE TRIGGER source_tenant BEFORE INSERT ON source FOR EACH ROW EXECUTE FUNCTION tenant_of_video();
CREATE TRIGGER job_tenant BEFORE INSERT ON job FOR EACH ROW EXECUTE FUNCTION tenant_of_video();

-- It writes what nobody else does, and reads a view that says nothing of tenants: whoever caused it.
ALTER FUNCTION list_video() SECURITY DEFINER SET search_path = public, pg_temp;

-- Every row of a report has its tenant. What was computed is computed again from the facts.
DROP TABLE reporting.pipeline_latency;
CREATE TABLE reporting.pipeline_latency (
    day DATE NOT NULL,
    tenant TEXT NOT NULL,
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
    CONSTRAINT pk_pipeline_latency PRIMARY KEY (day, tenant, profile, engine, stage),
    CONSTRAINT ck_pipeline_latency_jobs CHECK (jobs > 0),
    CONSTRAINT ck_pipeline_latency_order CHECK (p50 <= p90 AND p90 <= p95 AND p95 <= p99 AND p99 <= longest)
);
COMMENT ON TABLE reporting.pipeline_latency IS 'Seconds that each stage took, of this day and tenant alone; over several: the columns of job_outcome.';
COMMENT ON COLUMN reporting.pipeline_latency.day IS 'UTC day';
COMMENT ON COLUMN reporting.pipeline_latency.engine IS 'local, mediaconvert, kubernetes; none before there was a job';
COMMENT ON COLUMN reporting.pipeline_latency.jobs IS 'published jobs that went through the stage';
COMMENT ON COLUMN reporting.pipeline_latency.total_seconds IS 'of all these jobs';
INSERT INTO reporting.pipeline_latency
SELECT day, tenant, profile, engine, stage, jobs, shares[1], shares[2], shares[3], shares[4], longest, total_seconds
  FROM (
    SELECT day, tenant, profile, engine, stage, count(*)::integer AS jobs, max(seconds) AS longest,
           sum(seconds ORDER BY outcome) AS total_seconds,
           percentile_cont(ARRAY[0.5, 0.9, 0.95, 0.99]) WITHIN GROUP (ORDER BY seconds) AS shares
      FROM reporting.job_outcome
     CROSS JOIN LATERAL (VALUES
       ('notice', notice_seconds), ('dispatch', dispatch_seconds), ('prepare', prepare_seconds), ('queue', queue_seconds), ('service', service_seconds), ('download', download_seconds), ('encode', encode_seconds), ('package', package_seconds), ('upload', upload_seconds), ('verify', verify_seconds), ('publish', publish_seconds), ('total', total_seconds)
     ) AS way(stage, seconds)
     WHERE status = 'published' AND seconds IS NOT NULL
     GROUP BY day, tenant, profile, engine, stage
  ) AS added;

-- What happened is never removed, but with the tenant whom it happened to.
CREATE FUNCTION removes_a_tenant() RETURNS boolean LANGUAGE sql STABLE
  RETURN EXISTS (SELECT FROM tenant WHERE status = 'DELETING' AND slug = current_setting('vodflow.removed_tenant', true));
CREATE OR REPLACE FUNCTION job_event_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' AND removes_a_tenant() THEN
    RETURN NULL;
  END IF;
  RAISE EXCEPTION 'job_event is append-only: % is refused.', TG_OP USING ERRCODE = 'VF002';
END $$;
CREATE OR REPLACE FUNCTION publication_event_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' AND removes_a_tenant() THEN
    RETURN NULL;
  END IF;
  RAISE EXCEPTION 'publication_event is append-only: % is refused.', TG_OP USING ERRCODE = 'VF002';
END $$;

-- The role, whose rows are whose, and what the role may do with them. `vodflow tenants grant` calls it again where this
-- role may not make others; whatever is there already stays as it is.
CREATE FUNCTION protect_tenants() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  place text;
  own text;
  named text;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'vodflow_tenant') THEN
    CREATE ROLE vodflow_tenant NOLOGIN;
  END IF;
  FOR place, own IN SELECT * FROM (VALUES
      ('tenant', 'id = (SELECT current_tenant_id())'),
      ('video', 'tenant_id = (SELECT current_tenant_id())'),
      ('listing', 'tenant_id = (SELECT current_tenant_id())'),
      ('source', 'tenant_id = (SELECT current_tenant_id())'),
      ('job', 'tenant_id = (SELECT current_tenant_id())'),
      ('tenant_configuration', 'tenant_id = (SELECT current_tenant_id())'),
      ('api_key', 'tenant_id = (SELECT current_tenant_id())'),
      ('upload', 'tenant_id = (SELECT current_tenant_id())'),
      ('url_import', 'tenant_id = (SELECT current_tenant_id())'),
      ('course', 'tenant_id = (SELECT current_tenant_id())'),
      ('playback_revocation', 'tenant_id = (SELECT current_tenant_id())'),
      ('notification_delivery', 'tenant = (SELECT current_tenant())'),
      -- What was noted of an earlier tenant of that name stays, and is not the later one's to read.
      ('audit_event', 'tenant = (SELECT current_tenant()) AND at >= (SELECT created_at FROM tenant)'),
      ('content_key', 'tenant = (SELECT current_tenant())'),
      ('reporting.job_outcome', 'tenant = (SELECT current_tenant())'),
      ('reporting.rendition_quality', 'tenant = (SELECT current_tenant())'),
      ('reporting.transcoding_daily', 'tenant = (SELECT current_tenant())'),
      ('reporting.failures', 'tenant = (SELECT current_tenant())'),
      ('reporting.pipeline_latency', 'tenant = (SELECT current_tenant())'),
      ('reporting.cost_daily', 'tenant = (SELECT current_tenant())'),
      ('reporting.tenant_usage', 'tenant = (SELECT current_tenant())'),
      ('reporting.ladder_efficiency', 'tenant = (SELECT current_tenant())'),
      ('reporting.source_inventory', 'tenant = (SELECT current_tenant())'),
      ('reporting.storage_growth', 'tenant = (SELECT current_tenant())'),
      ('reporting.backlog_hourly', 'tenant = (SELECT current_tenant())'),
      ('reporting.content_quality', 'tenant = (SELECT current_tenant())'),
      ('publication', 'EXISTS (SELECT FROM video WHERE video.id = publication.video_id)'),
      ('publication_event', 'EXISTS (SELECT FROM video WHERE video.id = publication_event.video_id)'),
      ('metadata_sync', 'EXISTS (SELECT FROM video WHERE video.id = metadata_sync.video_id)'),
      ('job_attempt', 'EXISTS (SELECT FROM job WHERE job.id = job_attempt.job_id)'),
      ('job_part', 'EXISTS (SELECT FROM job WHERE job.id = job_part.job_id)'),
      ('job_event', 'EXISTS (SELECT FROM job WHERE job.id = job_event.job_id)'),
      ('engine_event', 'EXISTS (SELECT FROM job WHERE job.id = engine_event.job_id)'),
      ('rendition', 'EXISTS (SELECT FROM job WHERE job.id = rendition.job_id)'),
      ('artifact', 'EXISTS (SELECT FROM job WHERE job.id = artifact.job_id)'),
      ('job_measurement', 'EXISTS (SELECT FROM job WHERE job.id = job_measurement.job_id)'),
      ('rendition_measurement', 'EXISTS (SELECT FROM rendition WHERE rendition.id = rendition_measurement.rendition_id)'),
      ('course_video', 'EXISTS (SELECT FROM course WHERE course.id = course_video.course_id)'),
      ('enrolment', 'EXISTS (SELECT FROM course WHERE course.id = enrolment.course_id)'),
      ('dead_letter', 'EXISTS (SELECT FROM job WHERE job.id = dead_letter.job_id) OR EXISTS (SELECT FROM source WHERE source.id = dead_letter.source_id)'),
      ('hold', 'EXISTS (SELECT FROM job WHERE job.run_id = hold.run_id) OR EXISTS (SELECT FROM source WHERE source.run_id = hold.run_id)')
  ) AS rules LOOP
    CONTINUE WHEN EXISTS (SELECT FROM pg_policy WHERE polrelid = place::regclass AND polname = 'own_tenant');
    -- Foreign keys are looked up without policies: what a new row names must be the tenant's as well, and an id of
    -- another's is refused like one that nobody has.
    SELECT coalesce(string_agg(format(
             ' AND (%1$I IS NULL OR EXISTS (SELECT FROM %2$s AS named WHERE named.%3$I = %4$s.%1$I))',
             mine.attname, confrelid::regclass, theirs.attname, place), '' ORDER BY conname), '')
      INTO named
      FROM pg_constraint
      JOIN pg_attribute AS mine ON mine.attrelid = conrelid AND mine.attnum = conkey[1]
      JOIN pg_attribute AS theirs ON theirs.attrelid = confrelid AND theirs.attnum = confkey[1]
     WHERE contype = 'f' AND conrelid = place::regclass AND confrelid NOT IN (conrelid, 'tenant'::regclass);
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', place);
    EXECUTE format('CREATE POLICY everyone ON %s USING (true)', place);
    EXECUTE format('CREATE POLICY own_tenant ON %s AS RESTRICTIVE TO vodflow_tenant USING (%s) WITH CHECK ((%s)%s)',
                   place, own, own, named);
  END LOOP;
  GRANT USAGE ON SCHEMA public, reporting TO vodflow_tenant;
  GRANT SELECT ON tenant, listing, hold, price, engine_event, alembic_version TO vodflow_tenant;
  GRANT SELECT ON ALL TABLES IN SCHEMA reporting TO vodflow_tenant;
  GRANT SELECT, INSERT ON audit_event, job_event, publication_event TO vodflow_tenant;
  GRANT SELECT, INSERT, UPDATE ON
    video, source, job, job_attempt, job_part, rendition, artifact, publication, metadata_sync, dead_letter,
    notification_delivery, job_measurement, rendition_measurement, tenant_configuration, api_key, upload, url_import,
    content_key
    TO vodflow_tenant;
  GRANT SELECT, INSERT, UPDATE, DELETE ON course, course_video, enrolment, playback_revocation TO vodflow_tenant;
  -- A superuser may take on every role; anybody else whom it was granted to.
  IF NOT pg_has_role('vodflow_tenant', CASE WHEN current_setting('server_version_num')::int < 160000 THEN 'MEMBER'
                                            ELSE 'SET' END) THEN
    EXECUTE format('GRANT vodflow_tenant TO %I', current_user);
  END IF;
END $$;
REVOKE EXECUTE ON FUNCTION protect_tenants() FROM PUBLIC;
COMMENT ON FUNCTION protect_tenants() IS 'Row-level security by tenant. Safe to run twice.';
DO $$
BEGIN
  PERFORM protect_tenants();
EXCEPTION
  WHEN duplicate_object OR unique_violation THEN
    PERFORM protect_tenants();  -- another database of the server was migrated at this moment
  WHEN insufficient_privilege THEN
    RAISE WARNING 'This role may not make vodflow_tenant, or not take it on: have an administrator run CREATE ROLE vodflow_tenant NOLOGIN and GRANT vodflow_tenant TO it, then run vodflow tenants grant.';
END $$;
