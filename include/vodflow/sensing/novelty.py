"""What "new" means to somebody who keeps no catalog: a marker to compare a listing with. Pure."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self

from vodflow.errors import ConfigurationError
from vodflow.sensing.rules import Places, Watched, judge
from vodflow.settings.watch_rules import WatchRule
from vodflow.storage.objects import ListedObject

#: Bytes that stand for a known object: two of a million clash with a chance of one in 40 million.
_DIGEST: Final = 8

#: A larger snapshot does not belong into the database row of a waiting trigger.
MAX_KNOWN: Final = 100_000


@dataclass(frozen=True, slots=True)
class Marker:
    """Objects are new when they were modified at or after ``since``, or, without it, when they are not ``known``.

    ``since`` needs no memory, but S3 dates an object that was uploaded in parts by the begin of its upload
    (https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html), so one whose upload spans the mark is
    missed. ``known`` misses none and also sees overwritten keys, but remembers every object that was there.
    """

    since: datetime | None = None
    known: frozenset[bytes] = frozenset()

    @classmethod
    def at_sight_of(cls, present: Iterable[ListedObject]) -> Self:
        """The marker for which everything present is old.

        :raises ConfigurationError: for more than :data:`MAX_KNOWN` objects
        """
        known = set()
        for found in present:
            known.add(_digest(found))
            if len(known) > MAX_KNOWN:
                raise ConfigurationError(
                    f"More than {MAX_KNOWN} objects are there already, too many to remember. Give `since`, or a longer "
                    "`prefix`."
                )
        return cls(known=frozenset(known))

    def is_new(self, found: ListedObject) -> bool:
        """Whether the object came after the mark."""
        if self.since is not None:
            return found.last_modified >= self.since
        return _digest(found) not in self.known

    def serialize(self) -> dict[str, Any]:
        """JSON-serialisable; see :meth:`deserialize`."""
        if self.since is not None:
            return {"since": self.since.isoformat()}
        return {"known": base64.b64encode(b"".join(sorted(self.known))).decode()}

    @classmethod
    def deserialize(cls, value: dict[str, Any]) -> Self:
        """The inverse of :meth:`serialize`."""
        if "since" in value:
            return cls(since=datetime.fromisoformat(value["since"]))
        packed = base64.b64decode(value["known"])
        return cls(known=frozenset(packed[at : at + _DIGEST] for at in range(0, len(packed), _DIGEST)))


def new_videos(page: Iterable[ListedObject], rule: WatchRule, marker: Marker, now: datetime) -> list[dict[str, Any]]:
    """Those of a listing that fit the rule and are new, as JSON-serialisable values.

    :param now: what the rule's minimum age is measured from
    """
    places = Places((rule,))
    return [
        {
            "uri": f"s3://{rule.bucket}/{found.key}",
            "bucket": rule.bucket,
            "key": found.key,
            "size": found.size,
            "etag": found.etag,
            "last_modified": found.last_modified.isoformat(),
        }
        for found in page
        if marker.is_new(found)
        and isinstance(
            judge(places, rule.bucket, found.key, size=found.size, last_modified=found.last_modified, now=now), Watched
        )
    ]


def _digest(found: ListedObject) -> bytes:
    identity = f"{found.key}\0{found.etag}".encode(errors="surrogatepass")
    return hashlib.blake2b(identity, digest_size=_DIGEST).digest()
