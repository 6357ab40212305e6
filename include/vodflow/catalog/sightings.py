"""Objects that somebody saw: a row for what is new, and what follows when known bytes come back.

The same bytes under one key are one source, however often they are put there and whatever version S3 calls them: they
are never transcoded twice. What changes is which bytes the key has now, and whether they can be read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from sqlalchemy import ARRAY, BigInteger, Boolean, Connection, DateTime, Text, TextClause, bindparam, select, text

from vodflow.catalog import publications
from vodflow.catalog.rows import NewSource
from vodflow.catalog.tables import video
from vodflow.catalog.tenant_rows import ensure_tenants

#: Rows a statement: keeps one statement's text in the low megabytes.
_BATCH: Final = 15_000

_TIME: Final = DateTime(timezone=True)
_TYPES: Final[dict[str, Any]] = {"size": BigInteger(), "last_modified": _TIME, "seen_at": _TIME, "asks": Boolean()}


def _over(fields: str, statement: str) -> TextClause:
    """A statement over ``{new}``: these fields of any number of new sources, as rows with a position from 1."""
    names = fields.split()
    new = f"unnest({', '.join(f':{name}' for name in names)}) WITH ORDINALITY AS new ({', '.join(names)}, position)"
    parameters = (bindparam(name, type_=ARRAY(_TYPES.get(name, Text()))) for name in names)
    return text(statement.format(new=new, same=_SAME)).bindparams(*parameters)


#: Also where the bucket calls the same bytes another version.
_SAME: Final = """
    (source.bucket, source.key) = (new.bucket, new.key)
    AND (source.version = new.version OR (source.etag, source.size_bytes) = (new.etag, new.size))
"""

_INSERT_VIDEOS = _over(
    "tenant bucket key",
    """
    INSERT INTO video (tenant_id, bucket, key)
    SELECT tenant.id, new.bucket, new.key
      FROM {new}
      JOIN tenant ON tenant.slug = new.tenant AND tenant.status <> 'DELETING'
     WHERE NOT EXISTS (SELECT FROM video WHERE (video.bucket, video.key) = (new.bucket, new.key))
     ORDER BY new.bucket COLLATE "C", new.key COLLATE "C"
    ON CONFLICT (bucket, key) DO NOTHING
    """,
)

_INSERT_SOURCES = _over(
    "bucket key version version_id etag size last_modified discovered_by profile engine unreadable unreadable_detail",
    """
    INSERT INTO source
           (video_id, bucket, key, version, version_id, etag, size_bytes, last_modified, current_since, discovered_by,
            profile, engine, status, unreadable_reason, unreadable_detail, unreadable_at)
    SELECT video.id, new.bucket, new.key, new.version, new.version_id, new.etag, new.size, new.last_modified,
           new.last_modified, new.discovered_by, new.profile, new.engine,
           CASE WHEN new.unreadable IS NULL THEN 'DISCOVERED' ELSE 'UNREADABLE' END,
           new.unreadable, new.unreadable_detail, CASE WHEN new.unreadable IS NOT NULL THEN now() END
      FROM {new}
      JOIN video ON (video.bucket, video.key) = (new.bucket, new.key)
      JOIN tenant ON tenant.id = video.tenant_id AND tenant.status <> 'DELETING'
     WHERE NOT EXISTS (SELECT FROM source WHERE {same})
     ORDER BY new.bucket COLLATE "C", new.key COLLATE "C", new.version COLLATE "C"
    ON CONFLICT (bucket, key, version) DO NOTHING
    RETURNING id, status = 'DISCOVERED' AS wanted
    """,
)

# What is no news is left out, which is nearly everything: known bytes that can be read, dated no later than we know
# them, while no other bytes of the key are newer. S3's listings may be finer than a second, its HeadObject never is.
_NEWS = _over(
    "bucket key version version_id etag size last_modified seen_at unreadable asks",
    """
    SELECT new.position, source.id, source.video_id, new.version, new.version_id, moved.moved, done.published,
           CASE WHEN rival.since >= new.last_modified THEN new.seen_at ELSE new.last_modified END AS since,
           (source.status = 'UNREADABLE' AND new.unreadable IS NULL) AS readable,
           moved.moved AND source.status <> 'REJECTED' AND NOT done.published AND last.failed AS failed,
           moved.moved AND new.asks AND new.unreadable IS NULL AND done.published AS asked
      FROM {new}
 LEFT JOIN LATERAL (SELECT * FROM source WHERE {same} ORDER BY source.version = new.version DESC, id DESC LIMIT 1)
           source ON true
 LEFT JOIN LATERAL (SELECT max(current_since) AS since FROM source other
                     WHERE other.video_id = source.video_id AND other.id <> source.id) rival ON true
CROSS JOIN LATERAL (SELECT date_trunc('second', new.last_modified) > source.current_since OR
                           (new.seen_at > rival.since AND rival.since >= source.current_since) IS TRUE AS moved) moved
CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM job WHERE source_id = source.id AND status = 'PUBLISHED'
                                          AND outputs_deleted_at IS NULL)
                           AS published) done
 LEFT JOIN LATERAL (SELECT status IN ('FAILED', 'CANCELED') OR outputs_deleted_at IS NOT NULL AS failed FROM job
                     WHERE source_id = source.id ORDER BY id DESC LIMIT 1) last ON true
     WHERE source.id IS NULL OR moved.moved OR (source.status = 'UNREADABLE' AND new.unreadable IS NULL)
    """,
)

_DOUBTFUL = text(
    """
    SELECT key FROM source JOIN unnest(:keys, :etags) AS listed (key, etag) USING (key, etag)
     WHERE status = 'UNREADABLE' AND bucket = :bucket
     UNION
    SELECT key FROM unnest(:archived) AS listed (key)
     WHERE NOT EXISTS (SELECT FROM source WHERE bucket = :bucket AND source.key = listed.key)
    """
).bindparams(*(bindparam(name, type_=ARRAY(Text)) for name in ("keys", "etags", "archived")))

_REOPEN = text(
    """
    UPDATE source
       SET current_since = greatest(source.current_since, seen.since),
           version = CASE WHEN seen.readable THEN seen.version ELSE source.version END,
           version_id = CASE WHEN seen.readable THEN seen.version_id ELSE source.version_id END,
           status = CASE WHEN seen.wanted THEN 'DISCOVERED' ELSE source.status END,
           reopened = source.reopened + seen.wanted::int
      FROM unnest(:id, :since, :version, :version_id, :readable, :wanted)
           AS seen (id, since, version, version_id, readable, wanted)
     WHERE source.id = seen.id
    """
).bindparams(
    bindparam("id", type_=ARRAY(BigInteger)),
    bindparam("since", type_=ARRAY(_TIME)),
    *(bindparam(name, type_=ARRAY(Text)) for name in ("version", "version_id")),
    *(bindparam(name, type_=ARRAY(Boolean)) for name in ("readable", "wanted")),
)


def register_sources(conn: Connection, sources: Sequence[NewSource]) -> list[int]:
    """Note what was seen; ids of the sources for which a run is to be started, ascending.

    Those are the new ones, each with its video and tenant, those that can be read again (UNREADABLE before), and those
    put again whose last job failed, or that now ask for something of their own. Any number, in any order, with
    duplicates, from any number of processes at once: each row is made exactly once. A key seen before keeps its tenant;
    other bytes under it are a new source of the same video. Where bytes came back that are published already, the video
    shows them again. Of a tenant that is being deleted nothing is noted.
    Use one transaction a call: locks are taken in one global order within it.
    """
    unknown, back, videos = [], [], set()
    for batch in _batches(_distinct(sources)):
        for row in conn.execute(_NEWS, _arrays(batch)):
            if row.id is None:
                unknown.append(batch[row.position - 1])
            else:
                back.append(batch[row.position - 1])
                videos.add(row.video_id)
    return sorted(_insert(conn, unknown) | _reopen(conn, back, videos))


def doubtful_keys(conn: Connection, bucket: str, listed: Iterable[NewSource], archived: Sequence[str]) -> set[str]:
    """Which keys of a listing S3 must be asked about before they count as seen.

    :param listed: of them, those with bytes that could not be read when that was tried last
    :param archived: of them, those that the catalog does not know at all
    """
    pairs = [(new.key, new.etag) for new in listed]
    keys, etags = [key for key, _ in pairs], [etag for _, etag in pairs]
    return set(conn.scalars(_DOUBTFUL, {"bucket": bucket, "keys": keys, "etags": etags, "archived": list(archived)}))


def _insert(conn: Connection, new: Sequence[NewSource]) -> set[int]:
    if not new:
        return set()
    batches = [_arrays(batch) for batch in _batches(new)]
    ensure_tenants(conn, (one.tenant for one in new))
    # All videos before all sources, each in key order: two registrations wait for each other, never in a circle.
    for arrays in batches:
        conn.execute(_INSERT_VIDEOS, arrays)
    return {row.id for arrays in batches for row in conn.execute(_INSERT_SOURCES, arrays) if row.wanted}


def _reopen(conn: Connection, back: Sequence[NewSource], videos: Iterable[int]) -> set[int]:
    if not back:
        return set()
    # As publishing does: the videos first, then what belongs to them. Another process may have noted the same by now.
    ordered = select(video.c.id).where(video.c.id.in_(sorted(videos))).order_by(video.c.id)
    conn.execute(ordered.with_for_update(key_share=True))
    seen = [row for batch in _batches(back) for row in conn.execute(_NEWS, _arrays(batch)) if row.id is not None]
    wanted = [bool(row.readable or row.failed or row.asked) for row in seen]
    names = ("id", "since", "version", "version_id", "readable")
    columns = {name: [getattr(row, name) for row in seen] for name in names}
    conn.execute(_REOPEN, columns | {"wanted": wanted})
    for row in seen:
        if row.moved and row.published:
            publications.show_again(conn, row.id)
    return {row.id for row, is_wanted in zip(seen, wanted, strict=True) if is_wanted}


def _batches(items: Sequence[NewSource]) -> Iterator[Sequence[NewSource]]:
    for start in range(0, len(items), _BATCH):
        yield items[start : start + _BATCH]


def _distinct(sources: Sequence[NewSource]) -> list[NewSource]:
    """Each once, in the order of the keys; of the same bytes under one key, those that were put last."""
    newest = sorted(sources, key=lambda new: (new.last_modified, new.unreadable is None))
    unique = {(new.bucket, new.key, new.etag, new.size): new for new in newest}
    return sorted(unique.values(), key=lambda new: (new.bucket, new.key, new.version))


def _arrays(batch: Sequence[NewSource]) -> dict[str, list[Any]]:
    return {name: [getattr(new, name) for new in batch] for name in NewSource.model_fields}
