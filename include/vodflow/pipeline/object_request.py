"""What an uploader asks for, written on the object itself as S3 user metadata.

The metadata travels with the bytes, so whoever notices the object first, an event, the sweep or the uploader, starts
the same run: the request can neither come too late nor be carried out twice.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from vodflow.catalog.database import transaction
from vodflow.catalog.dead_letters import NewDeadLetter, record_dead_letters
from vodflow.catalog.rows import SourceRow
from vodflow.errors import ConfigurationError, SourceNotFound, VodflowError
from vodflow.pipeline.request import TranscodeRequest
from vodflow.sensing.places import watched
from vodflow.sensing.registration import METADATA_PREFIX
from vodflow.sensing.rules import Watched, judge
from vodflow.settings import Settings, get_settings
from vodflow.storage.objects import SourceObject, resolve_source

log = logging.getLogger(__name__)

#: What an object may ask for.
FIELDS: Final = ("profile", "outputs", "qualities", "engine", "priority")

_LISTS: Final = frozenset({"outputs", "qualities"})
_SEPARATOR = re.compile(r"[\s,;]+")


def run_conf(request: TranscodeRequest) -> dict[str, Any]:
    """The conf of a run that carries the request out: only what differs from a request for the defaults."""
    conf = request.model_dump(mode="json", exclude_defaults=True)
    return {name: list(dict.fromkeys(value)) if name in _LISTS else value for name, value in conf.items()}


def object_metadata(request: TranscodeRequest) -> dict[str, str]:
    """The user metadata that ask for the same as ``request``; see :func:`read_metadata`."""
    asked = run_conf(request)
    return {
        f"{METADATA_PREFIX}{name}": " ".join(asked[name]) if name in _LISTS else str(asked[name])
        for name in FIELDS
        if name in asked
    }


def read_metadata(metadata: Mapping[str, str], source_id: int) -> TranscodeRequest:
    """The request in an object's user metadata; for the defaults where they say nothing.

    ``vodflow-outputs: hls dash``, ``vodflow-qualities: 1080p,720p``, ``vodflow-priority: 80``, and so on; lists are
    separated by spaces or commas.

    :raises ConfigurationError: naming the metadata that nobody understands
    """
    named = {
        name.lower().removeprefix(METADATA_PREFIX): value
        for name, value in metadata.items()
        if name.lower().startswith(METADATA_PREFIX)
    }
    if unknown := sorted(set(named) - set(FIELDS)):
        raise ConfigurationError(
            f"The object's metadata {', '.join(METADATA_PREFIX + name for name in unknown)} mean nothing here; "
            f"there are {', '.join(METADATA_PREFIX + name for name in FIELDS)}."
        )
    values = {
        name: [part for part in _SEPARATOR.split(value) if part] if name in _LISTS else value.strip()
        for name, value in named.items()
        if value.strip()
    }
    return TranscodeRequest.from_params({**values, "source_id": source_id})


def _current(source: SourceRow, settings: Settings) -> SourceObject:
    """The object as it is now, if it has the source's bytes: they may have been put again with other wishes."""
    with suppress(SourceNotFound):
        found = resolve_source(source.bucket, source.key, settings=settings)
        if (found.etag, found.ref.size) == (source.etag, source.size_bytes):
            return found
    return resolve_source(source.bucket, source.key, source.version_id, settings=settings)


def source_request(source: SourceRow, settings: Settings | None = None) -> TranscodeRequest:
    """What the run of a sensed source must make: what its object asks for, or the defaults.

    Metadata that cannot be carried out become a dead letter, and the defaults are made; so does an object that is gone
    or may not be read, for which the run itself finds the right words.

    :raises VodflowError: S3 or the catalog does not answer (retryable)
    """
    used = settings or get_settings()
    plain = TranscodeRequest(source_id=source.id)
    verdict = judge(watched(used), source.bucket, source.key)
    if not (isinstance(verdict, Watched) and verdict.rule.object_requests):
        return plain
    try:
        metadata = _current(source, used).metadata
    except VodflowError as error:
        if error.retryable:
            raise
        return plain
    try:
        return read_metadata(metadata, source.id)
    except ConfigurationError as error:
        log.warning("Source %d, %s: %s", source.id, source.ref.uri, error)
        letter = NewDeadLetter(
            origin="ingest_videos.request",
            code="bad_request",
            message=str(error),
            identity=f"source-{source.id}",
            payload={"uri": source.ref.uri, "metadata": dict(metadata)},
            source_id=source.id,
        )
        with transaction("dispatch", used) as connection:
            record_dead_letters(connection, [letter])
        return plain
