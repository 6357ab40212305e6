-- Tenants with a state of their own; ways in; who may call; who may watch.
ALTER TABLE tenant
    ADD COLUMN name TEXT DEFAULT '' NOT NULL,
    ADD COLUMN status TEXT DEFAULT 'ACTIVE' NOT NULL,
    ADD COLUMN status_reason TEXT,
    ADD COLUMN status_at TIMESTAMP WITH TIME ZONE,
    ADD CONSTRAINT ck_tenant_status CHECK (status IN ('ACTIVE', 'SUSPENDED', 'DELETING'));
COMMENT ON COLUMN tenant.name IS 'for people';
COMMENT ON COLUMN tenant.status_reason IS 'why it is suspended';
COMMENT ON COLUMN tenant.status_at IS 'since when it has this status';

CREATE TABLE tenant_configuration (
    tenant_id BIGINT NOT NULL,
    document JSONB NOT NULL,
    secrets JSONB,
    version INTEGER DEFAULT 1 NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_by TEXT NOT NULL,
    CONSTRAINT pk_tenant_configuration PRIMARY KEY (tenant_id),
    CONSTRAINT ck_tenant_configuration_version CHECK (version > 0),
    CONSTRAINT fk_tenant_configuration_tenant_id_tenant FOREIGN KEY(tenant_id) REFERENCES tenant (id)
);
COMMENT ON TABLE tenant_configuration IS 'What a tenant has otherwise than the installation: profiles, places, limits, channels.';
COMMENT ON COLUMN tenant_configuration.document IS 'vodflow.tenancy.configuration.TenantConfiguration';
COMMENT ON COLUMN tenant_configuration.secrets IS 'its secrets by name, each encrypted';
COMMENT ON COLUMN tenant_configuration.version IS 'grows with each change';

CREATE TABLE api_key (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    prefix TEXT NOT NULL,
    hash TEXT NOT NULL,
    tenant_id BIGINT,
    name TEXT NOT NULL,
    scopes TEXT[] NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    created_by TEXT NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE,
    revoked_at TIMESTAMP WITH TIME ZONE,
    used_at TIMESTAMP WITH TIME ZONE,
    replaced_by BIGINT,
    CONSTRAINT pk_api_key PRIMARY KEY (id),
    CONSTRAINT ck_api_key_hash CHECK (hash ~ '^[0-9a-f]{64}$'),
    CONSTRAINT ck_api_key_prefix CHECK (prefix ~ '^[A-Za-z0-9]{8,32}$'),
    CONSTRAINT ck_api_key_name CHECK (name <> ''),
    CONSTRAINT uq_api_key_prefix UNIQUE (prefix),
    CONSTRAINT fk_api_key_tenant_id_tenant FOREIGN KEY(tenant_id) REFERENCES tenant (id),
    CONSTRAINT fk_api_key_replaced_by_api_key FOREIGN KEY(replaced_by) REFERENCES api_key (id)
);
CREATE INDEX ix_api_key_tenant_id ON api_key (tenant_id);
COMMENT ON TABLE api_key IS 'Keys of programs that call the API. The key itself is shown once and kept nowhere.';
COMMENT ON COLUMN api_key.prefix IS 'the key''s public part, by which it is found';
COMMENT ON COLUMN api_key.hash IS 'hex of the SHA-256 of the whole key';
COMMENT ON COLUMN api_key.tenant_id IS 'whose; none means the installation''s';
COMMENT ON COLUMN api_key.used_at IS 'about when it was used last';
COMMENT ON COLUMN api_key.replaced_by IS 'its successor, once it is rotated';

CREATE TABLE audit_event (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    actor TEXT NOT NULL,
    actor_kind TEXT NOT NULL,
    tenant TEXT DEFAULT '' NOT NULL,
    action TEXT NOT NULL,
    object TEXT NOT NULL,
    request_id TEXT,
    address TEXT,
    detail JSONB,
    CONSTRAINT pk_audit_event PRIMARY KEY (id),
    CONSTRAINT ck_audit_event_actor_kind CHECK (actor_kind IN ('service', 'user', 'api_key', 'command', 'sender')),
    CONSTRAINT ck_audit_event_named CHECK (action <> '' AND actor <> '')
);
CREATE INDEX ix_audit_event_at ON audit_event (at);
CREATE INDEX ix_audit_event_tenant ON audit_event (tenant, id);
COMMENT ON TABLE audit_event IS 'Every change that was made through the API or its commands. Never changed or deleted.';
COMMENT ON COLUMN audit_event.actor IS 'who: a user, an API key, a service';
COMMENT ON COLUMN audit_event.tenant IS 'slug; empty for what is not one tenant''s';
COMMENT ON COLUMN audit_event.action IS 'for example jobs.cancel';
COMMENT ON COLUMN audit_event.object IS 'what was changed, for example job 12';
COMMENT ON COLUMN audit_event.request_id IS 'of the HTTP request';
COMMENT ON COLUMN audit_event.address IS 'network address that it came from';
COMMENT ON COLUMN audit_event.detail IS 'what changed, without secrets';

CREATE TABLE idempotency_record (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    caller TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    locked_until TIMESTAMP WITH TIME ZONE,
    status INTEGER,
    headers JSONB,
    body TEXT,
    CONSTRAINT pk_idempotency_record PRIMARY KEY (id),
    CONSTRAINT uq_idempotency_record_caller_key UNIQUE (caller, key),
    CONSTRAINT ck_idempotency_record_answered CHECK ((status IS NULL) = (body IS NULL))
);
CREATE INDEX ix_idempotency_record_created_at ON idempotency_record (created_at);
COMMENT ON TABLE idempotency_record IS 'Answers to requests that may be repeated, kept for a day.';
COMMENT ON COLUMN idempotency_record.caller IS 'who sent it: keys of others mean nothing to each other';
COMMENT ON COLUMN idempotency_record.key IS 'hash of Idempotency-Key, with which the answer is encrypted';
COMMENT ON COLUMN idempotency_record.fingerprint IS 'hex of the SHA-256 of method, path and body';
COMMENT ON COLUMN idempotency_record.locked_until IS 'while the first request is carried out';
COMMENT ON COLUMN idempotency_record.status IS 'HTTP status of its answer; none while there is none';

CREATE UNLOGGED TABLE rate_counter (
    key TEXT NOT NULL,
    amount BIGINT NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_rate_counter PRIMARY KEY (key)
);
CREATE INDEX ix_rate_counter_expires_at ON rate_counter (expires_at);
COMMENT ON TABLE rate_counter IS 'Counters of rate limits where there is no Redis. Not logged: a crash empties it.';
COMMENT ON COLUMN rate_counter.key IS 'limit, caller and route';

CREATE TABLE upload (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    public_id UUID NOT NULL,
    tenant_id BIGINT NOT NULL,
    bucket TEXT NOT NULL,
    key TEXT NOT NULL,
    filename TEXT NOT NULL,
    content_type TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    multipart_id TEXT,
    part_size BIGINT,
    part_checksums BOOLEAN DEFAULT false NOT NULL,
    crc32 TEXT,
    request JSONB,
    status TEXT DEFAULT 'OPEN' NOT NULL,
    source_id BIGINT,
    error TEXT,
    created_by TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    finished_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_upload PRIMARY KEY (id),
    CONSTRAINT ck_upload_status CHECK (status IN ('OPEN', 'COMPLETED', 'REFUSED', 'CANCELED', 'ABANDONED')),
    CONSTRAINT ck_upload_multipart CHECK ((multipart_id IS NULL) = (part_size IS NULL)),
    CONSTRAINT ck_upload_finished_has_time CHECK ((status = 'OPEN') = (finished_at IS NULL)),
    CONSTRAINT ck_upload_size_bytes CHECK (size_bytes >= 0),
    CONSTRAINT ck_upload_part_size CHECK (part_size > 0),
    CONSTRAINT uq_upload_public_id UNIQUE (public_id),
    CONSTRAINT fk_upload_tenant_id_tenant FOREIGN KEY(tenant_id) REFERENCES tenant (id),
    CONSTRAINT fk_upload_source_id_source FOREIGN KEY(source_id) REFERENCES source (id)
);
CREATE INDEX ix_upload_expires_at ON upload (expires_at) WHERE status = 'OPEN';
CREATE INDEX ix_upload_tenant_id ON upload (tenant_id, id);
CREATE UNIQUE INDEX uq_upload_open ON upload (bucket, key) WHERE status = 'OPEN';
COMMENT ON TABLE upload IS 'A file that somebody sends to S3 with addresses that were signed for it.';
COMMENT ON COLUMN upload.public_id IS 'what the outside calls it';
COMMENT ON COLUMN upload.filename IS 'as its sender calls it';
COMMENT ON COLUMN upload.size_bytes IS 'promised, and checked at the end';
COMMENT ON COLUMN upload.multipart_id IS 'S3''s UploadId; none of what is sent in one request';
COMMENT ON COLUMN upload.part_size IS 'bytes of each part but the last';
COMMENT ON COLUMN upload.part_checksums IS 'whether each part carries a CRC-32, which S3 checks';
COMMENT ON COLUMN upload.crc32 IS 'base64 of the promised CRC-32 of what is sent in one request';
COMMENT ON COLUMN upload.request IS 'what is asked to be made of it';
COMMENT ON COLUMN upload.source_id IS 'what became of it';
COMMENT ON COLUMN upload.error IS 'why it was refused';
COMMENT ON COLUMN upload.expires_at IS 'when it counts as abandoned';

CREATE TABLE url_import (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    tenant_id BIGINT NOT NULL,
    url TEXT NOT NULL,
    sealed_url TEXT NOT NULL,
    identity TEXT NOT NULL,
    bucket TEXT NOT NULL,
    key TEXT NOT NULL,
    request JSONB,
    status TEXT DEFAULT 'QUEUED' NOT NULL,
    size_bytes BIGINT,
    total_bytes BIGINT,
    validator TEXT,
    multipart_id TEXT,
    attempts INTEGER DEFAULT 0 NOT NULL,
    run_id TEXT,
    source_id BIGINT,
    error TEXT,
    created_by TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    begun_at TIMESTAMP WITH TIME ZONE,
    finished_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_url_import PRIMARY KEY (id),
    CONSTRAINT uq_url_import_tenant_id_identity UNIQUE (tenant_id, identity),
    CONSTRAINT ck_url_import_status CHECK (status IN ('QUEUED', 'FETCHING', 'COMPLETED', 'REFUSED', 'FAILED', 'CANCELED')),
    CONSTRAINT ck_url_import_size_bytes CHECK (size_bytes >= 0),
    CONSTRAINT ck_url_import_total_bytes CHECK (total_bytes >= 0),
    CONSTRAINT ck_url_import_attempts CHECK (attempts >= 0),
    CONSTRAINT ck_url_import_finished_has_time CHECK ((status IN ('QUEUED', 'FETCHING')) = (finished_at IS NULL)),
    CONSTRAINT fk_url_import_tenant_id_tenant FOREIGN KEY(tenant_id) REFERENCES tenant (id),
    CONSTRAINT fk_url_import_source_id_source FOREIGN KEY(source_id) REFERENCES source (id)
);
CREATE INDEX ix_url_import_tenant_id ON url_import (tenant_id, id);
CREATE INDEX ix_url_import_unfinished ON url_import (id) WHERE status IN ('QUEUED', 'FETCHING');
COMMENT ON TABLE url_import IS 'A video that is fetched from somebody else''s address.';
COMMENT ON COLUMN url_import.url IS 'without user, password and query';
COMMENT ON COLUMN url_import.sealed_url IS 'the whole URL, encrypted: it may hold a signature';
COMMENT ON COLUMN url_import.identity IS 'hex of the SHA-256 of URL and place: the same is fetched once';
COMMENT ON COLUMN url_import.bucket IS 'where it is put';
COMMENT ON COLUMN url_import.request IS 'what is asked to be made of it';
COMMENT ON COLUMN url_import.size_bytes IS 'of what was fetched, so far or in all';
COMMENT ON COLUMN url_import.total_bytes IS 'as its server says; none means that it does not';
COMMENT ON COLUMN url_import.validator IS 'ETag or time by which its server tells these bytes from later ones';
COMMENT ON COLUMN url_import.multipart_id IS 'S3''s UploadId while it is fetched';
COMMENT ON COLUMN url_import.run_id IS 'run of import_video';
COMMENT ON COLUMN url_import.source_id IS 'what became of it';
COMMENT ON COLUMN url_import.begun_at IS 'when its last try began';

CREATE TABLE course (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    tenant_id BIGINT NOT NULL,
    code TEXT NOT NULL,
    title TEXT DEFAULT '' NOT NULL,
    active BOOLEAN DEFAULT true NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_course PRIMARY KEY (id),
    CONSTRAINT uq_course_tenant_id_code UNIQUE (tenant_id, code),
    CONSTRAINT ck_course_code CHECK (code <> ''),
    CONSTRAINT fk_course_tenant_id_tenant FOREIGN KEY(tenant_id) REFERENCES tenant (id)
);
COMMENT ON TABLE course IS 'Videos that the same people may watch.';
COMMENT ON COLUMN course.code IS 'what the learning platform calls it';
COMMENT ON COLUMN course.active IS 'whether its videos may be watched';

CREATE TABLE course_video (
    course_id BIGINT NOT NULL,
    video_id BIGINT NOT NULL,
    added_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_course_video PRIMARY KEY (course_id, video_id),
    CONSTRAINT fk_course_video_course_id_course FOREIGN KEY(course_id) REFERENCES course (id) ON DELETE CASCADE,
    CONSTRAINT fk_course_video_video_id_video FOREIGN KEY(video_id) REFERENCES video (id)
);
CREATE INDEX ix_course_video_video_id ON course_video (video_id);
COMMENT ON TABLE course_video IS 'Which videos belong to a course.';

CREATE TABLE enrolment (
    course_id BIGINT NOT NULL,
    user_id TEXT NOT NULL,
    role TEXT DEFAULT 'learner' NOT NULL,
    starts_at TIMESTAMP WITH TIME ZONE,
    ends_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_enrolment PRIMARY KEY (course_id, user_id),
    CONSTRAINT ck_enrolment_role CHECK (role IN ('learner', 'teacher')),
    CONSTRAINT ck_enrolment_user_id CHECK (user_id <> ''),
    CONSTRAINT ck_enrolment_ends_after_start CHECK (ends_at > starts_at),
    CONSTRAINT fk_enrolment_course_id_course FOREIGN KEY(course_id) REFERENCES course (id) ON DELETE CASCADE
);
CREATE INDEX ix_enrolment_user_id ON enrolment (user_id);
COMMENT ON TABLE enrolment IS 'Who takes part in a course.';
COMMENT ON COLUMN enrolment.user_id IS 'as the learning platform calls the person';
COMMENT ON COLUMN enrolment.starts_at IS 'none means at once';
COMMENT ON COLUMN enrolment.ends_at IS 'none means never';

CREATE TABLE playback_revocation (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    tenant_id BIGINT NOT NULL,
    video_id BIGINT,
    user_id TEXT,
    issued_before TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    created_by TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_playback_revocation PRIMARY KEY (id),
    CONSTRAINT fk_playback_revocation_tenant_id_tenant FOREIGN KEY(tenant_id) REFERENCES tenant (id),
    CONSTRAINT fk_playback_revocation_video_id_video FOREIGN KEY(video_id) REFERENCES video (id)
);
CREATE INDEX ix_playback_revocation_expires_at ON playback_revocation (expires_at);
CREATE INDEX ix_playback_revocation_tenant_id ON playback_revocation (tenant_id);
COMMENT ON TABLE playback_revocation IS 'Playback tokens that are void before their time.';
COMMENT ON COLUMN playback_revocation.video_id IS 'none means every video of the tenant';
COMMENT ON COLUMN playback_revocation.user_id IS 'none means everybody';
COMMENT ON COLUMN playback_revocation.issued_before IS 'tokens that were issued until then are void';
COMMENT ON COLUMN playback_revocation.expires_at IS 'when the last of them has run out by itself';

CREATE TABLE content_key (
    key_id UUID NOT NULL,
    tenant TEXT NOT NULL,
    content_id TEXT NOT NULL,
    label TEXT NOT NULL,
    period INTEGER DEFAULT 0 NOT NULL,
    sealed_key TEXT NOT NULL,
    period_seconds DOUBLE PRECISION,
    signals JSONB,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_content_key PRIMARY KEY (key_id),
    CONSTRAINT uq_content_key_content_id_label_period UNIQUE (content_id, label, period),
    CONSTRAINT ck_content_key_period CHECK (period >= 0),
    CONSTRAINT ck_content_key_period_seconds CHECK (period_seconds > 0)
);
CREATE INDEX ix_content_key_tenant ON content_key (tenant);
COMMENT ON TABLE content_key IS 'Content keys that the key service of this installation gave out.';
COMMENT ON COLUMN content_key.key_id IS 'KID, as in the manifests';
COMMENT ON COLUMN content_key.tenant IS 'slug';
COMMENT ON COLUMN content_key.content_id IS 'what is encrypted with it: a job''s output prefix';
COMMENT ON COLUMN content_key.label IS 'which tracks: audio, sd, hd, uhd, or all';
COMMENT ON COLUMN content_key.period IS '0, 1, … where keys are rotated';
COMMENT ON COLUMN content_key.sealed_key IS 'the key, encrypted; see VODFLOW_SEALING_KEYS';
COMMENT ON COLUMN content_key.period_seconds IS 'seconds for which a key holds where keys are rotated';
COMMENT ON COLUMN content_key.signals IS 'what a DRM provider wants manifests to say of it; no secrets';

CREATE FUNCTION audit_event_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'audit_event is append-only: % is refused', TG_OP USING ERRCODE = 'VF001';
END $$;
CREATE TRIGGER audit_event_guard BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_event
  FOR EACH STATEMENT EXECUTE FUNCTION audit_event_guard();
