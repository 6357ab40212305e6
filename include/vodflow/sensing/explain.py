"""Why an object is or is not taken: the same rules as for all, in words."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from vodflow.catalog.database import transaction
from vodflow.catalog.overview import overview
from vodflow.catalog.source_rows import find_source
from vodflow.catalog.work_lookup import newest_source_id
from vodflow.errors import ConfigurationError, SourceNotFound, VodflowError
from vodflow.sensing.places import watched
from vodflow.sensing.rules import Ignored, Places, Watched, judge, objection
from vodflow.settings import Settings, get_settings
from vodflow.settings.watch_rules import WatchRule
from vodflow.storage.objects import SourceObject, parse_s3_uri, resolve_source
from vodflow.tenancy import effective

_ACTOR = "vodflow.sensing"


@dataclass(frozen=True)
class Explanation:
    """What sensing makes of one object.

    :param taken: whether it is taken as a video
    :param why: one sentence
    :param rules: one sentence for each watch rule, in their order
    :param object: how the object is now, in S3; or why that cannot be told
    :param source: what the catalog knows of its bytes, or of others under its key
    """

    uri: str
    taken: bool
    why: str
    rules: list[str]
    object: str
    source: dict[str, Any] | None = field(default=None)


def explain(name: str, settings: Settings | None = None) -> list[Explanation]:
    """What becomes of an object, which need not exist.

    :param name: ``s3://bucket/key``; or a key, which is explained for each watched bucket
    :raises ConfigurationError: nothing is watched, or it names no object
    :raises CatalogError: the catalog does not answer
    """
    used = settings or get_settings()
    if "://" in name:
        return [_explain(*parse_s3_uri(name), used)]
    buckets = list(dict.fromkeys(rule.bucket for rule in watched(used).rules))
    if not buckets:
        raise ConfigurationError("Nothing is watched: VODFLOW_WATCH has no rule. Name an object: s3://bucket/key.")
    return [_explain(bucket, name, used) for bucket in buckets]


def _explain(bucket: str, key: str, settings: Settings) -> Explanation:
    uri, places, now = f"s3://{bucket}/{key}", watched(settings), datetime.now(UTC)
    found: SourceObject | None = None
    try:
        found = resolve_source(bucket, key, settings=settings)
        told = f"{found.ref.size} bytes, last modified {found.last_modified.isoformat()}"
        told = f"{told}. {found.archived}" if found.archived else told
    except SourceNotFound:
        told = "there is no such object"
    except VodflowError as error:
        told = str(error)
    size, modified = (found.ref.size, found.last_modified) if found else (None, None)
    verdict = judge(places, bucket, key, size=size, last_modified=modified, now=now)
    age = (now - modified).total_seconds() if modified else None
    return Explanation(
        uri=uri,
        taken=isinstance(verdict, Watched),
        why=_verdict(verdict, places, settings),
        rules=[rule_words(rule, bucket, key, size, age) for rule in places.rules],
        object=told,
        source=_known(bucket, key, found, settings),
    )


def _verdict(verdict: Watched | Ignored, places: Places, settings: Settings) -> str:
    if isinstance(verdict, Watched):
        rule = verdict.rule
        profile = rule.profile or effective(verdict.tenant, settings).default_profile
        return f"taken by rule {places.rules.index(rule) + 1} for tenant {verdict.tenant}, profile {profile}"
    if verdict is Ignored.OUTPUT:
        return "not taken: Vodflow itself writes there, and what it made is never an input"
    return f"not taken ({verdict.value})"


def rule_words(rule: WatchRule, bucket: str, key: str, size: int | None, age: float | None) -> str:
    """What a watch rule says to an object, as the end of a sentence."""
    if rule.bucket != bucket:
        return f"watches another bucket, {rule.bucket}"
    if not key.startswith(rule.prefix):
        return f"takes only keys that begin with {rule.prefix}"
    reason = objection(rule, key, size, age)
    words = {
        None: "takes it",
        Ignored.FOLDER: "takes no folder, and the key ends with a slash",
        Ignored.SUFFIX: f"takes only keys that end with {' '.join(rule.suffixes)}",
        Ignored.TOO_SMALL: f"takes nothing below {rule.minimum_size} bytes (minimum_size)",
        Ignored.TOO_LARGE: f"takes nothing above {rule.maximum_size} bytes (maximum_size)",
        Ignored.TOO_YOUNG: f"takes it in a sweep after {rule.minimum_age:.0f} s without a change (minimum_age)",
    }
    return words[reason]


def _known(bucket: str, key: str, found: SourceObject | None, settings: Settings) -> dict[str, Any] | None:
    with transaction(_ACTOR, settings) as connection:
        row = None
        if found is not None:
            ref = found.ref
            row = find_source(connection, bucket, key, ref.version, etag=found.etag, size=ref.size)
        source_id = row.id if row else newest_source_id(connection, bucket, key)
        if source_id is None:
            return None
        (seen,) = overview(connection, source_ids=[source_id])
    return {
        "id": source_id,
        "current": row is not None,
        "status": seen.source_status,
        "verdict": seen.verdict,
        "reason": seen.reason,
        "job": seen.job_id,
        "registered_at": seen.registered_at,
        "public": seen.manifest_uri is not None,
    }
