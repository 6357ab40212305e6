"""The catalog's tables, as SQLAlchemy Core. ``docs/catalog.md`` describes them; a test keeps the two together.

The migrations create them; another test fails when the migrated database differs from this metadata.
"""

from vodflow.catalog.tables import facts, marts
from vodflow.catalog.tables.assets import listing, source, tenant, video
from vodflow.catalog.tables.base import metadata, reporting
from vodflow.catalog.tables.measurements import job_measurement, rendition_measurement
from vodflow.catalog.tables.outbox import metadata_sync, notification_delivery
from vodflow.catalog.tables.outputs import artifact, publication, publication_event, rendition
from vodflow.catalog.tables.playback import content_key, course, course_video, enrolment, playback_revocation
from vodflow.catalog.tables.prices import price
from vodflow.catalog.tables.tenancy import (
    api_key,
    audit_event,
    idempotency_record,
    rate_counter,
    tenant_configuration,
)
from vodflow.catalog.tables.uploads import upload, url_import
from vodflow.catalog.tables.work import (
    dead_letter,
    engine_event,
    hold,
    job,
    job_attempt,
    job_event,
    job_part,
    mediaconvert_submission_rate,
    outage,
)

__all__ = [
    "api_key",
    "artifact",
    "audit_event",
    "content_key",
    "course",
    "course_video",
    "dead_letter",
    "engine_event",
    "enrolment",
    "facts",
    "hold",
    "idempotency_record",
    "job",
    "job_attempt",
    "job_event",
    "job_measurement",
    "job_part",
    "listing",
    "marts",
    "mediaconvert_submission_rate",
    "metadata",
    "metadata_sync",
    "notification_delivery",
    "outage",
    "playback_revocation",
    "price",
    "publication",
    "publication_event",
    "rate_counter",
    "rendition",
    "rendition_measurement",
    "reporting",
    "source",
    "tenant",
    "tenant_configuration",
    "upload",
    "url_import",
    "video",
]
