"""From an object in S3 to a source: the one way, whoever noticed it."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from vodflow.catalog.database import transaction
from vodflow.catalog.rows import NewSource, SourceRow
from vodflow.catalog.sightings import register_sources
from vodflow.catalog.sources import find_source, mark_dispatched
from vodflow.catalog.states import DiscoveredBy
from vodflow.errors import CatalogError, UnreadableReason
from vodflow.sensing.places import watched
from vodflow.sensing.rules import Ignored, Places, Watched, judge
from vodflow.settings import Settings, get_settings
from vodflow.storage.objects import ListedObject, SourceObject

#: How the names of user metadata begin by which an object asks for something; S3 stores them below ``x-amz-meta-``.
METADATA_PREFIX: Final = "vodflow-"

#: The tenant of objects that no watch rule covers.
DEFAULT_TENANT: Final = "default"


def as_source(
    verdict: Watched | Ignored,
    bucket: str,
    found: ListedObject,
    discovered_by: DiscoveredBy,
    *,
    seen_at: datetime | None,
    archived: str | None = None,
) -> NewSource:
    """The catalog's value for an object: its watch rule says whose it is and what it is made with.

    :param seen_at: when this was the current version of its key; none when another one may have been
    :param archived: one sentence on where it lies, when nobody can read it there
    """
    taken = verdict if isinstance(verdict, Watched) else None
    return NewSource(
        tenant=taken.tenant if taken else DEFAULT_TENANT,
        bucket=bucket,
        key=found.key,
        version=found.version,
        version_id=found.version_id,
        etag=found.etag,
        size=found.size,
        last_modified=found.last_modified,
        seen_at=seen_at,
        discovered_by=discovered_by,
        profile=taken.rule.profile if taken else None,
        engine=taken.rule.engine if taken else None,
        unreadable=UnreadableReason.ARCHIVED if archived else None,
        unreadable_detail=archived,
    )


def source_of(found: SourceObject, places: Places, discovered_by: DiscoveredBy) -> NewSource:
    """:func:`as_source` of an object that was looked up by itself. It need not be watched: a person may name any."""
    bucket, listed = found.ref.bucket, found.listed
    verdict = judge(places, bucket, listed.key, size=listed.size)
    if not isinstance(verdict, Watched):  # whatever its size, it is whose place it lies in
        verdict = judge(places, bucket, listed.key)
    new = as_source(verdict, bucket, listed, discovered_by, seen_at=found.seen_at, archived=found.archived)
    return new.model_copy(update={"asks": any(name.startswith(METADATA_PREFIX) for name in found.metadata)})


def register_object(
    found: SourceObject, actor: str, *, run_id: str | None = None, settings: Settings | None = None
) -> SourceRow:
    """The source of an object that a person or a program names: made now if nobody has noticed it yet.

    :param run_id: the run that transcodes it, where there is one already: sensing then starts no other
    """
    used = settings or get_settings()
    ref = found.ref
    new = source_of(found, watched(used), DiscoveredBy.MANUAL)
    with transaction(actor, used) as connection:
        wanted = register_sources(connection, [new])
        if run_id is not None:
            mark_dispatched(connection, wanted, run_id)
        row = find_source(connection, ref.bucket, ref.key, ref.version, etag=found.etag, size=ref.size)
    if row is None:
        raise CatalogError(f"{ref.uri} cannot be registered: its tenant is being deleted, or was; try again.")
    return row
