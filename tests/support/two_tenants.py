"""Two tenants with everything that a tenant may have; what is the second one's can be told by its words and ids."""

from __future__ import annotations

from sqlalchemy import Connection, text
from support.fixtures.values import artifact, engine_result, probed_source, queued_job, rendition
from vodflow.catalog import jobs
from vodflow.catalog.database import transaction
from vodflow.catalog.publications import publish
from vodflow.catalog.rows import JobRow, SourceRow
from vodflow.settings import get_settings
from vodflow.tenancy import api_keys, registry

#: Who asks, and whom nothing may be known of.
ASKS, OTHER = "acme", "globex"

#: Stands in every name of the other tenant's that a request may hold, and so an answer to it.
NAMED = "quagga"
#: Stands in everything else of the other tenant's.
SECRET = "okapi"

#: Ids of the other tenant's rows begin here: no id of whoever asks is one of them.
FIRST_ID = 700_001

_ROWS = """
INSERT INTO upload (public_id, tenant_id, bucket, key, filename, content_type, size_bytes, created_by)
SELECT gen_random_uuid(), id, 'bucket-WORD', 'SECRET.mp4', 'SECRET.mp4', 'video/mp4', 1, 'SECRET' FROM own;
INSERT INTO url_import (tenant_id, url, sealed_url, identity, bucket, key, created_by)
SELECT id, 'https://SECRET.example.com/', 'SECRET', repeat('a', 64), 'bucket-WORD', 'SECRET.mp4', 'SECRET' FROM own;
INSERT INTO course (tenant_id, code, title) SELECT id, 'WORD', 'SECRET' FROM own;
INSERT INTO course_video (course_id, video_id) SELECT course.id, :video FROM course JOIN own ON own.id = tenant_id;
INSERT INTO enrolment (course_id, user_id) SELECT course.id, 'user-WORD' FROM course JOIN own ON own.id = tenant_id;
INSERT INTO playback_revocation (tenant_id, video_id, user_id, expires_at, created_by)
SELECT id, :video, 'user-WORD', now() + interval '1 hour', 'SECRET' FROM own;
INSERT INTO content_key (key_id, tenant, content_id, label, sealed_key)
VALUES (gen_random_uuid(), :slug, 'SECRET', 'all', 'SECRET');
INSERT INTO dead_letter (origin, identity, code, message, job_id, source_id)
VALUES ('SECRET', :slug, 'SECRET', 'SECRET', :job, :source);
INSERT INTO engine_event (engine, event_id, job_id, external_id, kind, at, detail)
VALUES ('mediaconvert', :slug, :job, 'SECRET', 'COMPLETE', now(), '{"SECRET": 1}');
INSERT INTO audit_event (actor, actor_kind, tenant, action, object)
VALUES ('SECRET', 'user', :slug, 'SECRET', 'SECRET');
INSERT INTO notification_delivery (event_key, channel, event, tenant, source_id, job_id, payload, due_at)
VALUES ('WORD', :slug || '/crm-WORD', 'failed', :slug, :source, :job, '{"SECRET": 1}', now() + interval '1 day');
INSERT INTO metadata_sync (video_id, version, due_at, error) VALUES (:video, 1, now() + interval '1 day', 'SECRET');
INSERT INTO job_measurement (job_id, state, error_code, error_message)
SELECT id, 'failed', 'SECRET', 'SECRET' FROM job WHERE run_id = 'run-WORD-a';
INSERT INTO rendition_measurement (rendition_id, vmaf_model)
SELECT rendition.id, 'SECRET' FROM rendition JOIN job ON job.id = job_id WHERE run_id = 'run-WORD-a';
INSERT INTO job_part (job_id, part, title, digest, worker) VALUES (:job, 'SECRET', 'SECRET', 'd', 'SECRET');
INSERT INTO hold (run_id, step, cause, scope, code, message)
VALUES ('run-WORD-b', 'transcode', 'engine', '', 'c', 'SECRET')
"""


def fill(slug: str, named: str, secret: str) -> JobRow:
    """A tenant with a published video, a failed job, and rows in every table that may hold a tenant's."""
    settings = get_settings()
    registry.create(slug, f"{secret} Ltd", settings)
    hook = {"type": "webhook", "name": f"crm-{named}", "url": f"https://93.184.215.14/{secret}", "secret": secret}
    registry.configure(slug, {"channels": [hook]}, settings, by=secret, assigned_too=True)
    with transaction("test") as connection:
        row = _source(connection, slug, named, "a")
        done = queued_job(connection, row, run_id=f"run-{named}-a", profile=f"profile-{secret}")
        jobs.begin(connection, done.id, engine="local", worker=f"worker-{secret}")
        jobs.store_result(connection, done.id, engine_result(done))
        publish(
            connection,
            done.id,
            [rendition(name=f"rung-{secret}")],
            [artifact(f"hls/{secret}.m3u8")],
            f"s3://media/{secret}",
        )
        other = _source(connection, slug, named, "b")
        job = queued_job(connection, other, run_id=f"run-{named}-b", profile=f"profile-{secret}")
        jobs.fail_job(connection, job.id, RuntimeError(f"failed: {secret}"))
        _rows(connection, slug, job, named, secret)
        api_keys.create(connection, f"key of {secret}", ["videos:read"], created_by=secret, tenant_slug=slug)
    return job


def _source(connection: Connection, slug: str, named: str, letter: str) -> SourceRow:
    return probed_source(
        connection, tenant=slug, bucket=f"bucket-{named}", key=f"{slug}/{named}-{letter}.mp4", version=f"v-{named}"
    )


def _rows(connection: Connection, slug: str, job: JobRow, named: str, secret: str) -> None:
    values = {"slug": slug, "job": job.id, "video": job.video_id, "source": job.source_id}
    for statement in _ROWS.strip().split(";\n"):
        said = statement.replace("WORD", named).replace("SECRET", secret)
        with_own = f"WITH own AS (SELECT id FROM tenant WHERE slug = :slug) {said}"  # noqa: S608 - words of our own
        connection.execute(text(with_own), values)


def far_ids() -> None:
    """Rows made from now on have ids that none had before."""
    with transaction("test") as connection:
        columns = connection.execute(
            text(
                "SELECT table_name, column_name FROM information_schema.columns"
                " WHERE table_schema = 'public' AND is_identity = 'YES'"
            )
        ).all()
        for table, column in columns:
            connection.execute(text(f"ALTER TABLE {table} ALTER {column} RESTART WITH {FIRST_ID}"))
