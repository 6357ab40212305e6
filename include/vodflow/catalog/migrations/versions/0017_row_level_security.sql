-- What one tenant's caller can see and change, kept by the database: requests of a tenant are carried out as the role
-- vodflow_tenant, with vodflow.tenant_id and vodflow.tenant set for the transaction. Without them it sees nothing. The
-- owner of the tables, for whom the pipelines work, sees everything, and so does any other role that may read a table.
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'vodflow_tenant') THEN
    CREATE ROLE vodflow_tenant NOLOGIN;
  END IF;
EXCEPTION
  WHEN duplicate_object OR unique_violation THEN NULL;  -- another database of the server was migrated at this moment
  WHEN insufficient_privilege THEN
    RAISE WARNING 'This role may not make roles: have an administrator run CREATE ROLE vodflow_tenant NOLOGIN, then vodflow tenants grant.';
END $$;

CREATE FUNCTION current_tenant_id() RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE
  RETURN nullif(current_setting('vodflow.tenant_id', true), '')::bigint;
CREATE FUNCTION current_tenant() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
  RETURN nullif(current_setting('vodflow.tenant', true), '');

ALTER TABLE tenant ENABLE ROW LEVEL SECURITY;
CREATE POLICY everyone ON tenant USING (true);
CREATE POLICY own_tenant ON tenant AS RESTRICTIVE TO vodflow_tenant
  USING (id = (SELECT current_tenant_id()));

ALTER TABLE video ENABLE ROW LEVEL SECURITY;
CREATE POLICY everyone ON video USING (true);
CREATE POLICY own_tenant ON video AS RESTRICTIVE TO vodflow_tenant
  USING (tenant_id = (SELECT current_tenant_id()));

ALTER TABLE listing ENABLE ROW LEVEL SECURITY;
CREATE POLICY everyone ON listing USING (true);
CREATE POLICY own_tenant ON listing AS RESTRICTIVE TO vodflow_tenant
  USING (tenant_id = (SELECT current_tenant_id()));

ALTER TABLE tenant_configuration ENABLE ROW LEVEL SECURITY;
CREATE POLICY everyone ON tenant_configuration USING (true);
CREATE POLICY own_tenant ON tenant_configuration AS RESTRICTIVE TO vodflow_tenant
  USING (tenant_id = (SELECT current_tenant_id()));

ALTER TABLE api_key ENABLE ROW LEVEL SECURITY;
CREATE POLICY everyone ON api_key USING (true);
CREATE POLICY own_tenant ON api_key AS RESTRICTIVE TO vodflow_tenant
  USING (tenant_id = (SELECT current_tenant_id()));

ALTER TABLE upload ENABLE ROW LEVEL SECURITY;
CREATE POLICY everyone ON upload USING (true);
CREATE POLICY own_tenant ON upload AS RESTRICTIVE TO vodflow_tenant
  USING (tenant_id = (SELECT current_tenant_id()));

ALTER TABLE url_import ENABLE ROW LEVEL SECURITY;
CREATE POLICY everyone ON url_import USING (true);
CREATE POLICY own_tenant ON url_import AS RESTRICTIVE TO vodflow_tenant
  USING (tenant_id = (SELECT current_tenant_id()));

ALTER TABLE course ENABLE ROW LEVEL SECURITY;
CREATE POLICY everyone ON course USING (true);
CREATE POLICY own_tenant ON course AS RESTRICTIVE TO vodflow_tenant
  USING (tenant_id = (SELECT current_tenant_id()));

ALTER TABLE playback_revocation ENABLE ROW LEVEL SECURITY;
CREATE POLICY everyone ON playback_revocation USING (true);
CREATE POLICY own_tenant ON playback_revocation AS RESTRICTIVE TO vodflow_tenant
  USING (tenant_id = (SELECT current_tenant_id()));

ALTER TABLE source ENABLE ROW LEVEL SECURITY;
CREATE POLICY everyone ON source USING (true);
CREATE POLICY own_tenant ON source AS RESTRICTIVE TO vodflow_tenant
  USING (EXISTS (SELECT FROM video WHERE video.id = source.video_id));

ALTER TABLE job ENABLE ROW LEVEL SECURITY;
CREATE POLICY everyone ON job USING (true);
CREATE POLICY own_tenant ON job AS RESTRICTIVE TO vodflow_tenant
  USING (EXISTS (SELECT FROM video WHERE video.id = job.video_id));

ALTER TABLE publication ENABLE ROW LEVEL SECURITY;
CREATE POLICY everyone ON publication USING (true);
CREATE POLICY own_tenant ON publication AS RESTRICTIVE TO vodflow_tenant
  USING (EXISTS (SELECT FROM video WHERE video.id = publication.video_id));

ALTER TABLE publication_event ENABLE ROW LEVEL SECURITY;
CREATE POLICY everyone ON publication_event USING (true);
CREATE POLICY own_tenant ON publication_event AS RESTRICTIVE TO vodflow_tenant
  USING (EXISTS (SELECT FROM video WHERE video.id = publication_event.video_id));

ALTER TABLE metadata_sync ENABLE ROW LEVEL SECURITY;
CREATE POLICY everyone ON metadata_sync USING (true);
CREATE POLICY own_tenant ON metadata_sync AS RESTRICTIVE TO vodflow_tenant
  USING (EXISTS (SELECT FROM video WHERE video.id = metadata_sync.video_id));

ALTER TABLE job_attempt ENABLE ROW LEVEL SECURITY;
CREATE POLICY everyone ON job_attempt USING (true);
CREATE POLICY own_tenant ON job_attempt AS RESTRICTIVE TO vodflow_tenant
  USING (EXISTS (SELECT FROM job WHERE job.id = job_attempt.job_id));

ALTER TABLE job_part ENABLE ROW LEVEL SECURITY;
CREATE POLICY everyone ON job_part USING (true);
CREATE POLICY own_tenant ON job_part AS RESTRICTIVE TO vodflow_tenant
  USING (EXISTS (SELECT FROM job WHERE job.id = job_part.job_id));

ALTER TABLE job_event ENABLE ROW LEVEL SECURITY;
CREATE POLICY everyone ON job_event USING (true);
CREATE POLICY own_tenant ON job_event AS RESTRICTIVE TO vodflow_tenant
  USING (EXISTS (SELECT FROM job WHERE job.id = job_event.job_id));

ALTER TABLE rendition ENABLE ROW LEVEL SECURITY;
CREATE POLICY everyone ON rendition USING (true);
CREATE POLICY own_tenant ON rendition AS RESTRICTIVE TO vodflow_tenant
  USING (EXISTS (SELECT FROM job WHERE job.id = rendition.job_id));

ALTER TABLE artifact ENABLE ROW LEVEL SECURITY;
CREATE POLICY everyone ON artifact USING (true);
CREATE POLICY own_tenant ON artifact AS RESTRICTIVE TO vodflow_tenant
  USING (EXISTS (SELECT FROM job WHERE job.id = artifact.job_id));

ALTER TABLE job_measurement ENABLE ROW LEVEL SECURITY;
CREATE POLICY everyone ON job_measurement USING (true);
CREATE POLICY own_tenant ON job_measurement AS RESTRICTIVE TO vodflow_tenant
  USING (EXISTS (SELECT FROM job WHERE job.id = job_measurement.job_id));

ALTER TABLE rendition_measurement ENABLE ROW LEVEL SECURITY;
CREATE POLICY everyone ON rendition_measurement USING (true);
CREATE POLICY own_tenant ON rendition_measurement AS RESTRICTIVE TO vodflow_tenant
  USING (EXISTS (SELECT FROM rendition WHERE rendition.id = rendition_measurement.rendition_id));

ALTER TABLE course_video ENABLE ROW LEVEL SECURITY;
CREATE POLICY everyone ON course_video USING (true);
CREATE POLICY own_tenant ON course_video AS RESTRICTIVE TO vodflow_tenant
  USING (EXISTS (SELECT FROM course WHERE course.id = course_video.course_id));

ALTER TABLE enrolment ENABLE ROW LEVEL SECURITY;
CREATE POLICY everyone ON enrolment USING (true);
CREATE POLICY own_tenant ON enrolment AS RESTRICTIVE TO vodflow_tenant
  USING (EXISTS (SELECT FROM course WHERE course.id = enrolment.course_id));

ALTER TABLE notification_delivery ENABLE ROW LEVEL SECURITY;
CREATE POLICY everyone ON notification_delivery USING (true);
CREATE POLICY own_tenant ON notification_delivery AS RESTRICTIVE TO vodflow_tenant
  USING (tenant = (SELECT current_tenant()));

ALTER TABLE audit_event ENABLE ROW LEVEL SECURITY;
CREATE POLICY everyone ON audit_event USING (true);
CREATE POLICY own_tenant ON audit_event AS RESTRICTIVE TO vodflow_tenant
  USING (tenant = (SELECT current_tenant()));

ALTER TABLE content_key ENABLE ROW LEVEL SECURITY;
CREATE POLICY everyone ON content_key USING (true);
CREATE POLICY own_tenant ON content_key AS RESTRICTIVE TO vodflow_tenant
  USING (tenant = (SELECT current_tenant()));

ALTER TABLE dead_letter ENABLE ROW LEVEL SECURITY;
CREATE POLICY everyone ON dead_letter USING (true);
CREATE POLICY own_tenant ON dead_letter AS RESTRICTIVE TO vodflow_tenant
  USING (EXISTS (SELECT FROM job WHERE job.id = dead_letter.job_id)
    OR EXISTS (SELECT FROM source WHERE source.id = dead_letter.source_id));

ALTER TABLE reporting.job_outcome ENABLE ROW LEVEL SECURITY;
CREATE POLICY everyone ON reporting.job_outcome USING (true);
CREATE POLICY own_tenant ON reporting.job_outcome AS RESTRICTIVE TO vodflow_tenant
  USING (tenant = (SELECT current_tenant()));

ALTER TABLE reporting.rendition_quality ENABLE ROW LEVEL SECURITY;
CREATE POLICY everyone ON reporting.rendition_quality USING (true);
CREATE POLICY own_tenant ON reporting.rendition_quality AS RESTRICTIVE TO vodflow_tenant
  USING (tenant = (SELECT current_tenant()));

ALTER TABLE reporting.transcoding_daily ENABLE ROW LEVEL SECURITY;
CREATE POLICY everyone ON reporting.transcoding_daily USING (true);
CREATE POLICY own_tenant ON reporting.transcoding_daily AS RESTRICTIVE TO vodflow_tenant
  USING (tenant = (SELECT current_tenant()));

ALTER TABLE reporting.failures ENABLE ROW LEVEL SECURITY;
CREATE POLICY everyone ON reporting.failures USING (true);
CREATE POLICY own_tenant ON reporting.failures AS RESTRICTIVE TO vodflow_tenant
  USING (tenant = (SELECT current_tenant()));

ALTER TABLE reporting.cost_daily ENABLE ROW LEVEL SECURITY;
CREATE POLICY everyone ON reporting.cost_daily USING (true);
CREATE POLICY own_tenant ON reporting.cost_daily AS RESTRICTIVE TO vodflow_tenant
  USING (tenant = (SELECT current_tenant()));

ALTER TABLE reporting.tenant_usage ENABLE ROW LEVEL SECURITY;
CREATE POLICY everyone ON reporting.tenant_usage USING (true);
CREATE POLICY own_tenant ON reporting.tenant_usage AS RESTRICTIVE TO vodflow_tenant
  USING (tenant = (SELECT current_tenant()));

ALTER TABLE reporting.ladder_efficiency ENABLE ROW LEVEL SECURITY;
CREATE POLICY everyone ON reporting.ladder_efficiency USING (true);
CREATE POLICY own_tenant ON reporting.ladder_efficiency AS RESTRICTIVE TO vodflow_tenant
  USING (tenant = (SELECT current_tenant()));

ALTER TABLE reporting.source_inventory ENABLE ROW LEVEL SECURITY;
CREATE POLICY everyone ON reporting.source_inventory USING (true);
CREATE POLICY own_tenant ON reporting.source_inventory AS RESTRICTIVE TO vodflow_tenant
  USING (tenant = (SELECT current_tenant()));

ALTER TABLE reporting.storage_growth ENABLE ROW LEVEL SECURITY;
CREATE POLICY everyone ON reporting.storage_growth USING (true);
CREATE POLICY own_tenant ON reporting.storage_growth AS RESTRICTIVE TO vodflow_tenant
  USING (tenant = (SELECT current_tenant()));

ALTER TABLE reporting.backlog_hourly ENABLE ROW LEVEL SECURITY;
CREATE POLICY everyone ON reporting.backlog_hourly USING (true);
CREATE POLICY own_tenant ON reporting.backlog_hourly AS RESTRICTIVE TO vodflow_tenant
  USING (tenant = (SELECT current_tenant()));

ALTER TABLE reporting.content_quality ENABLE ROW LEVEL SECURITY;
CREATE POLICY everyone ON reporting.content_quality USING (true);
CREATE POLICY own_tenant ON reporting.content_quality AS RESTRICTIVE TO vodflow_tenant
  USING (tenant = (SELECT current_tenant()));

DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'vodflow_tenant') THEN
    GRANT USAGE ON SCHEMA public, reporting TO vodflow_tenant;
    GRANT SELECT ON tenant, hold, outage, price, alembic_version, reporting.partition, reporting.watermark TO vodflow_tenant;
    GRANT SELECT, INSERT ON audit_event, job_event, publication_event TO vodflow_tenant;
    GRANT SELECT, INSERT, UPDATE ON
      video, listing, source, job, job_attempt, job_part, rendition, artifact, publication, metadata_sync, dead_letter,
      notification_delivery, job_measurement, rendition_measurement, tenant_configuration, api_key, upload, url_import,
      content_key
      TO vodflow_tenant;
    GRANT SELECT, INSERT, UPDATE, DELETE ON course, course_video, enrolment, playback_revocation TO vodflow_tenant;
    GRANT SELECT ON
      reporting.job_outcome, reporting.rendition_quality, reporting.transcoding_daily, reporting.failures,
      reporting.cost_daily, reporting.tenant_usage, reporting.ladder_efficiency,
      reporting.source_inventory, reporting.storage_growth, reporting.backlog_hourly, reporting.content_quality
      TO vodflow_tenant;
    -- A superuser may take on every role; anybody else whom it was granted to.
    IF NOT pg_has_role('vodflow_tenant', 'MEMBER') THEN
      EXECUTE format('GRANT vodflow_tenant TO %I', current_user);
    END IF;
  END IF;
EXCEPTION
  WHEN insufficient_privilege THEN
    RAISE WARNING 'This role may not grant vodflow_tenant: have an administrator run GRANT vodflow_tenant TO it, then vodflow tenants grant.';
END $$;
