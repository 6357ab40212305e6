"""Upload a video and have it transcoded: one run, whoever starts it.

What is asked for is written on the object itself (:mod:`vodflow.pipeline.object_request`), so the run that an S3 event
or the sweep starts is the very run that is started here; Airflow refuses its id a second time. When Airflow cannot be
reached from here, or the program dies after the upload, ingest starts it.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from vodflow.catalog.rows import SourceRow
from vodflow.errors import ConfigurationError, VodflowError
from vodflow.jobs.airflow_client import AirflowClient
from vodflow.jobs.job import Job
from vodflow.jobs.queries import get
from vodflow.jobs.requests import check_request, make_request, start
from vodflow.pipeline.object_request import object_metadata
from vodflow.pipeline.request import DEFAULT_PRIORITY, TranscodeRequest
from vodflow.sensing.explain import rule_words
from vodflow.sensing.places import watched
from vodflow.sensing.registration import register_object
from vodflow.sensing.rules import Ignored, Places, Watched, judge
from vodflow.settings import Settings, get_settings
from vodflow.settings.watch_rules import WatchRule
from vodflow.storage.send import send_file

log = logging.getLogger(__name__)

#: Bytes of key that S3 takes.
_KEY_LENGTH = 1024
#: Control characters, those that turn the direction of what is around them, and what neither UTF-8 nor XML can hold.
_IN_NO_NAME = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


def upload(
    path: str | Path,
    *,
    tenant: str | None = None,
    name: str | None = None,
    profile: str | None = None,
    outputs: Iterable[str] | None = None,
    qualities: Iterable[str] | None = None,
    engine: str | None = None,
    priority: int = DEFAULT_PRIORITY,
    on_progress: Callable[[int, int], None] | None = None,
    cancel: threading.Event | None = None,
    airflow: AirflowClient | None = None,
    settings: Settings | None = None,
) -> Job:
    """Put a video file into the watched bucket and start its run; parameters as in :func:`vodflow.jobs.create`.

    The same file for the same tenant and name is sent once. Another file of that name is a new version of the video.

    :param tenant: whose video it is; none means the watch rule's default tenant
    :param name: what the object is called below the tenant's folder; none means the file's own name
    :param on_progress: called with the bytes sent and the bytes of the file, from several threads
    :param cancel: set it to stop the upload
    :return: its job; ``id`` is none until the run has planned it
    :raises ConfigurationError: no file, no place where it would be noticed, or a value that cannot be meant
    :raises EngineError: S3 does not take the file; trying again can help
    """
    used = settings or get_settings()
    path = Path(path)
    bucket, key = place(path, tenant=tenant, name=name, settings=used)
    asked = wanted(
        bucket, key, used, profile=profile, outputs=outputs, qualities=qualities, engine=engine, priority=priority
    )
    size = path.stat().st_size
    sent, new = send_file(
        path,
        bucket,
        key,
        metadata=object_metadata(asked),
        progress=None if on_progress is None else lambda done: on_progress(done, size),
        cancel=cancel,
        settings=used,
    )
    log.info("%s %s", sent.ref.uri, "uploaded" if new else "lay there already")
    return start_or_leave(register_object(sent, "vodflow.jobs", settings=used), asked, airflow, used)


def start_or_leave(
    source: SourceRow, asked: TranscodeRequest, airflow: AirflowClient | None, settings: Settings
) -> Job:
    """Start the run of an object that lies in its place, or leave it to ingest where Airflow cannot be asked.

    :param asked: what the object's own metadata ask for as well
    """
    request = asked.model_copy(update={"source_uri": None, "source_id": source.id})
    try:
        with nullcontext(airflow) if airflow else AirflowClient.of(settings) as client:
            return start(source, request, client, settings=settings)
    except VodflowError as error:
        if not (error.retryable or settings.airflow_url is None):
            raise
        log.warning("Ingest starts the run of %s: %s", source.ref.uri, error)
        return get(f"source-{source.id}", settings=settings)


def wanted(bucket: str, key: str, settings: Settings, **options: Any) -> TranscodeRequest:
    """What is asked for an object that will lie there, checked as far as that can be done without it.

    :raises ConfigurationError: a value cannot be meant, or objects may ask for nothing there
    """
    asked = make_request(f"s3://{bucket}/{key}", **options)
    check_request(asked, settings)
    if object_metadata(asked) and not _rule(bucket, key, settings).object_requests:
        raise ConfigurationError(
            f"The watch rule of s3://{bucket}/{key} lets objects ask for nothing (object_requests): upload without "
            "options, or upload elsewhere and use vodflow.jobs.create."
        )
    return asked


def place(path: Path, *, tenant: str | None, name: str | None, settings: Settings) -> tuple[str, str]:
    """Bucket and key under which a file is noticed as a new video of that tenant.

    :raises ConfigurationError: no watch rule takes it; the message says why for each
    """
    if not path.is_file():
        kind = "is a folder" if path.is_dir() else "does not exist, or is no file"
        raise ConfigurationError(f"{path} {kind}; give a video file.")
    try:
        return place_of(path.name if name is None else name, path.stat().st_size, tenant, watched(settings))
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from error


def place_of(name: str, size: int | None, tenant: str | None, places: Places) -> tuple[str, str]:
    """Bucket and key under which a file of this name is noticed as a video of that tenant.

    :param name: below the tenant's folder
    :param size: bytes; none where nobody knows yet
    :param tenant: slug; none means the watch rule's default tenant
    :raises ConfigurationError: no watch rule takes it; the message says why for each
    """
    check_name(name)
    objections = []
    for rule in places.rules:
        key = _key(rule, tenant, name)
        if (length := len(key.encode())) > _KEY_LENGTH:
            raise ConfigurationError(f"The name is too long: its key would have {length} bytes of {_KEY_LENGTH}.")
        verdict = judge(places, rule.bucket, key, size=size)
        if isinstance(verdict, Watched) and verdict.tenant == (tenant or rule.default_tenant):
            return rule.bucket, key
        if isinstance(verdict, Watched):
            why = f"its tenant would be {verdict.tenant}"
        else:
            words = rule_words(rule, rule.bucket, key, size, None)
            why = verdict.value if verdict is Ignored.OUTPUT else f"{verdict.value}: {words}"
        objections.append(f"s3://{rule.bucket}/{key}: {why}")
    raise ConfigurationError(
        f"{name} would be noticed nowhere ({'; '.join(objections)}). Correct the file's name or the tenant (lower-case "
        "letters, digits and hyphens), or have VODFLOW_WATCH name a place that takes it."
    )


def check_name(name: str) -> None:
    """See that a name cannot lead out of its tenant's folder.

    :raises ConfigurationError: it can, or holds what no key should
    """
    if {"", ".", ".."} & set(name.split("/")) or _IN_NO_NAME.search(name):
        raise ConfigurationError(
            f"{name[:80]!a} cannot be a video's name: give one like holiday.mp4 or summer/holiday.mp4, without empty "
            "parts, . and .. between slashes, and without control characters."
        )


def _key(rule: WatchRule, tenant: str | None, name: str) -> str:
    if "{tenant}" not in rule.tenant_pattern or (tenant is None and "/" not in name):
        return f"{rule.prefix}{name}"
    # Without its tenant's folder the first folder of a name would be taken for one.
    tenant = tenant or rule.default_tenant
    folder = rule.tenant_pattern.replace("{tenant}", tenant)
    return f"{folder if folder.startswith(rule.prefix) else rule.prefix + folder}{name}"


def _rule(bucket: str, key: str, settings: Settings) -> WatchRule:
    verdict = judge(watched(settings), bucket, key)
    if not isinstance(verdict, Watched):
        raise ConfigurationError(f"No watch rule takes s3://{bucket}/{key} ({verdict}).")
    return verdict.rule
