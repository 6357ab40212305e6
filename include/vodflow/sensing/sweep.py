"""The sweep: list the watched places and register what no event told.

One page of a listing is in memory at a time, and each page is compared with the catalog by one statement in the
database, so neither memory nor round trips grow with the bucket beyond its number of pages.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from vodflow.catalog.database import transaction
from vodflow.catalog.rows import NewSource
from vodflow.catalog.sources import register_sources
from vodflow.catalog.states import DiscoveredBy
from vodflow.sensing.listing import FoundObject, newest_objects
from vodflow.sensing.rules import Ignored, Places, Taken, judge
from vodflow.settings import Settings, get_settings

log = logging.getLogger(__name__)


@dataclass(slots=True)
class SweepResult:
    """What one sweep saw.

    :param objects: objects listed
    :param matched: objects that count as videos
    :param registered: of these, how many the catalog did not know
    :param ignored: objects that do not count, by reason
    """

    pages: int = 0
    objects: int = 0
    matched: int = 0
    registered: int = 0
    ignored: Counter[Ignored] = field(default_factory=Counter)


def sweep(
    *,
    prefix: str = "",
    on_registered: Callable[[list[int]], None] = lambda _: None,
    settings: Settings | None = None,
) -> SweepResult:
    """Register every watched object that the catalog does not know in its newest version.

    Each page is its own transaction: a sweep that breaks off keeps what it found, and the next one goes on from
    there because known objects cost nothing.

    :param prefix: only keys that begin with it, within the watched places
    :param on_registered: called after each page that brought something new, with the new source ids
    :raises SourceNotFound: when a watched bucket does not exist
    :raises ConfigurationError: when S3 refuses access to one
    """
    used = settings or get_settings()
    places = Places.of(used).narrowed(prefix)
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
        "Swept %d objects in %d pages: %d videos, %d new; ignored %s",
        result.objects, result.pages, result.matched, result.registered, dict(result.ignored),
    )  # fmt: skip
    return result


def _pages(places: Places, result: SweepResult, settings: Settings) -> Iterator[list[NewSource]]:
    for bucket, prefix in places.listings():
        for page in newest_objects(bucket, prefix, settings=settings):
            result.pages += 1
            result.objects += len(page)
            yield _matching(places, bucket, page, result)


def _matching(places: Places, bucket: str, page: list[FoundObject], result: SweepResult) -> list[NewSource]:
    now = datetime.now(UTC)
    matching = []
    for found in page:
        verdict = judge(places, bucket, found.key, size=found.size, last_modified=found.last_modified, now=now)
        if isinstance(verdict, Taken):
            matching.append(as_source(verdict, bucket, found, DiscoveredBy.SWEEP))
        else:
            result.ignored[verdict] += 1
    result.matched += len(matching)
    return matching


def as_source(taken: Taken, bucket: str, found: FoundObject, discovered_by: DiscoveredBy) -> NewSource:
    """The catalog's value for an object that counts."""
    return NewSource(
        tenant=taken.tenant,
        bucket=bucket,
        key=found.key,
        version=found.version,
        version_id=found.version_id,
        etag=found.etag,
        size=found.size,
        last_modified=found.last_modified,
        discovered_by=discovered_by,
        profile=taken.rule.profile,
        engine=taken.rule.engine,
    )
