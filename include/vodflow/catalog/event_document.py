"""What a notification says: one JSON document for an event, the same for every channel. Pure.

The document is described in ``docs/notifications.md``.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from vodflow.settings.channels import EventKind

if TYPE_CHECKING:
    from vodflow.catalog.outages import OutageRow
    from vodflow.catalog.rows import JobRow, SourceRow

#: Raised when the meaning of an existing field changes; new fields do not raise it.
PAYLOAD_VERSION: Final = 1

#: Characters of an error message that a notification carries; the whole one is in the catalog.
_MESSAGE_LENGTH: Final = 1000


def payload(
    kind: EventKind,
    key: str,
    at: datetime,
    source: SourceRow,
    job: JobRow | None = None,
    **details: dict[str, Any] | None,
) -> dict[str, Any]:
    """The document of one event.

    :param key: the event's unique key; a receiver that has seen it can ignore the document
    :param at: when it happened; with a time zone
    :param details: further sections: ``publication``, ``rejection``, ``unreadable``
    """
    document: dict[str, Any] = {
        "id": key,
        "type": f"video.{kind.value}",
        "schema_version": PAYLOAD_VERSION,
        "occurred_at": at.astimezone(UTC).isoformat(timespec="milliseconds"),
        "tenant": source.tenant,
        "video": {"id": source.video_id, "name": source.video_slug, "bucket": source.bucket, "key": source.key},
        "source": {
            "id": source.id,
            "uri": f"s3://{source.bucket}/{source.key}",
            "version": source.version,
            "size_bytes": source.size_bytes,
        },
        "job": None if job is None else _job(job),
    }
    if kind is EventKind.FAILED and job is not None:
        document["error"] = _error(job)
    return document | {name: section for name, section in details.items() if section is not None}


def invented(at: datetime, tenant: str = "test") -> dict[str, Any]:
    """The document of an event that never was, for trying a channel: it says ``test``.

    :param at: with a time zone
    """
    return {
        "id": f"test-{at:%Y%m%dT%H%M%S%f}",
        "type": "video.published",
        "schema_version": PAYLOAD_VERSION,
        "occurred_at": at.astimezone(UTC).isoformat(timespec="milliseconds"),
        "test": True,
        "tenant": tenant,
        "video": {"id": 0, "name": "test", "bucket": "test", "key": "test/test.mp4"},
        "source": {"id": 0, "uri": "s3://test/test/test.mp4", "version": "test", "size_bytes": 0},
        "job": None,
    }


def hold_payload(kind: EventKind, key: str, outage: OutageRow) -> dict[str, Any]:
    """The document that tells of what stops every video alike, when it begins and when it is over."""
    at = outage.ended_at or outage.began_at
    hold = {
        "id": outage.id,
        "cause": outage.cause,
        "machine": outage.scope or None,
        "step": outage.step,
        "code": outage.code,
        "message": shortened(outage.message),
        "since": outage.began_at.astimezone(UTC).isoformat(timespec="milliseconds"),
        "seconds": round((at - outage.began_at).total_seconds(), 3),
    }
    return _of_no_video(f"hold.{kind.value}", key, at) | {"hold": hold}


def report_payload(key: str, at: datetime, report: dict[str, Any]) -> dict[str, Any]:
    """The document that says what mattered of some days.

    :param report: ``first`` and ``last`` day, ``sentences``, ``uri`` of the whole report
    """
    return _of_no_video(f"report.{EventKind.REPORTED.value}", key, at) | {"report": report}


def _of_no_video(kind: str, key: str, at: datetime) -> dict[str, Any]:
    """What documents have that concern no video alone."""
    return {
        "id": key,
        "type": kind,
        "schema_version": PAYLOAD_VERSION,
        "occurred_at": at.astimezone(UTC).isoformat(timespec="milliseconds"),
        "tenant": None,
        "video": None,
        "source": None,
        "job": None,
    }


def _job(job: JobRow) -> dict[str, Any]:
    return {
        "id": job.id,
        "profile": job.profile,
        "engine": str(job.engine),
        "run_id": job.run_id,
        "output_uri": f"s3://{job.bucket}/{job.prefix}",
    }


def _error(job: JobRow) -> dict[str, Any]:
    return {
        "class": None if job.error_class is None else str(job.error_class),
        "code": job.error_code,
        "message": shortened(job.error_message or ""),
        "retryable": bool(job.retryable),
    }


def shortened(message: str) -> str:
    """A message of bounded length, its end kept: that is where tools say what went wrong."""
    return message if len(message) <= _MESSAGE_LENGTH else "…" + message[-_MESSAGE_LENGTH + 1 :]
