"""The sweep: list the watched places and register what no event told.

One page of a listing is in memory at a time, and each page is compared with the catalog by one statement in the
database, so neither memory nor round trips grow with the bucket beyond its number of pages.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from vodflow.catalog.database import transaction
from vodflow.catalog.rows import NewSource
from vodflow.catalog.sightings import doubtful_keys, register_sources
from vodflow.catalog.states import DiscoveredBy
from vodflow.contract.plan import SourceRef
from vodflow.errors import ConfigurationError, SourceNotFound, SourceUnreadable, UnreadableReason, VodflowError
from vodflow.sensing.listing import newest_objects
from vodflow.sensing.places import watched
from vodflow.sensing.registration import as_source
from vodflow.sensing.rules import Ignored, Places, Watched, counted, judge
from vodflow.settings import Settings, get_settings
from vodflow.storage.objects import ARCHIVES, ListedObject
from vodflow.storage.readability import check_readable

log = logging.getLogger(__name__)

#: Objects at a time of which a byte is read.
_LOOKUPS: Final = 8


@dataclass(slots=True)
class SweepResult:
    """What one sweep saw.

    :param objects: objects listed
    :param matched: objects that count as videos
    :param registered: of these, how many get a run: the catalog did not know them, or they can be read again
    :param unreadable: of these, how many S3 does not let anybody read: archived, or refused
    :param ignored: objects that do not count, by reason
    """

    pages: int = 0
    objects: int = 0
    matched: int = 0
    registered: int = 0
    unreadable: int = 0
    ignored: Counter[Ignored] = field(default_factory=Counter)


def sweep(
    *,
    prefix: str = "",
    on_registered: Callable[[list[int]], None] = lambda _: None,
    settings: Settings | None = None,
) -> SweepResult:
    """Register every watched object that the catalog does not know in its newest version, or that can be read again.

    Each page is its own transaction: a sweep that breaks off keeps what it found, and the next one goes on from
    there because known objects cost nothing.

    :param prefix: only keys that begin with it, within the watched places
    :param on_registered: called after each page that brought something new, with the new source ids
    :raises SourceNotFound: when a bucket of the settings' watch rules does not exist
    :raises ConfigurationError: when S3 refuses access to one
    """
    used = settings or get_settings()
    places = watched(used).narrowed(prefix)
    result = SweepResult()
    for page in _pages(places, result, used):
        if not page:
            continue
        with transaction("sweep", used) as connection:
            new = register_sources(connection, page)
        if new:
            result.registered += len(new)
            on_registered(new)
    log.info(
        "Swept %d objects in %d pages: %d videos, %d new, %d cannot be read; ignored %s",
        result.objects, result.pages, result.matched, result.registered, result.unreadable,
        counted(result.ignored),
    )  # fmt: skip
    return result


def _pages(places: Places, result: SweepResult, settings: Settings) -> Iterator[list[NewSource]]:
    with ThreadPoolExecutor(_LOOKUPS, thread_name_prefix="vodflow-read") as pool:
        for bucket, prefix in places.listings():
            looked = datetime.now(UTC)
            for page in _listed(bucket, prefix, settings):
                result.pages += 1
                result.objects += len(page)
                matching = _matching(places, bucket, page, looked, result)
                yield _seen(bucket, page, matching, pool, result, settings)
                looked = datetime.now(UTC)


def _listed(bucket: str, prefix: str, settings: Settings) -> Iterator[list[ListedObject]]:
    """A place's pages. One that only tenants watch is left out where it cannot be listed: others' go on."""
    try:
        yield from newest_objects(bucket, prefix, settings=settings)
    except (SourceNotFound, ConfigurationError) as error:
        if bucket in {rule.bucket for rule in settings.watch}:
            raise
        log.error("The place s3://%s/%s of a tenant is left out: %s", bucket, prefix, error)  # noqa: TRY400


def _matching(
    places: Places, bucket: str, page: list[ListedObject], looked: datetime, result: SweepResult
) -> dict[str, NewSource]:
    now = datetime.now(UTC)
    matching = {}
    for found in page:
        verdict = judge(places, bucket, found.key, size=found.size, last_modified=found.last_modified, now=now)
        if isinstance(verdict, Watched):
            matching[found.key] = as_source(verdict, bucket, found, DiscoveredBy.SWEEP, seen_at=looked)
        else:
            result.ignored[verdict] += 1
    result.matched += len(matching)
    return matching


def _seen(
    bucket: str,
    page: list[ListedObject],
    matching: dict[str, NewSource],
    pool: Executor,
    result: SweepResult,
    settings: Settings,
) -> list[NewSource]:
    """A listing also names what nobody can read: S3 is asked about those that may be such."""
    archived = [found.key for found in page if found.key in matching and found.storage_class in ARCHIVES]
    with transaction("sweep", settings) as connection:
        doubtful = sorted(doubtful_keys(connection, bucket, matching.values(), archived))
    for new in pool.map(lambda key: _asked_about(matching[key], settings), doubtful):
        if isinstance(new, NewSource):
            matching[new.key] = new
            result.unreadable += new.unreadable is not None
        else:
            del matching[new]
    return list(matching.values())


def _asked_about(new: NewSource, settings: Settings) -> NewSource | str:
    """The same with why it cannot be read; its key alone when it is gone or S3 gives no answer: not seen."""
    ref = SourceRef(bucket=new.bucket, key=new.key, version=new.version, version_id=new.version_id, size=new.size)
    try:
        check_readable(ref, settings=settings)
    except SourceUnreadable as error:
        if error.reason is UnreadableReason.GONE:
            return new.key
        return new.model_copy(update={"unreadable": error.reason, "unreadable_detail": error.detail})
    except VodflowError as error:
        log.warning("%s is left to the next sweep: %s", ref.uri, error)
        return new.key
    return new
