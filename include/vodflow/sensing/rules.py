"""Which objects count as new videos, and whose they are. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache

from vodflow.contract.slug import slugify
from vodflow.settings import Settings
from vodflow.settings.watch_rules import WatchRule


class Ignored(StrEnum):
    """Why an object is not taken in."""

    UNWATCHED = "unwatched"
    OUTPUT = "output"
    FOLDER = "folder"
    SUFFIX = "suffix"
    TOO_SMALL = "too_small"
    TOO_LARGE = "too_large"
    TOO_YOUNG = "too_young"


def counted(ignored: Mapping[Ignored, int]) -> str:
    """How many objects were ignored why, for people: ``3 suffix, 1 folder``."""
    return ", ".join(f"{count} {reason}" for reason, count in ignored.items()) or "nothing"


@dataclass(frozen=True, slots=True)
class Watched:
    """An object counts: under this rule, for this tenant.

    :param tenant: slug
    """

    rule: WatchRule
    tenant: str


@dataclass(frozen=True, slots=True)
class Places:
    """What is watched, and what below it never counts.

    :param rules: in order; the first that takes an object decides about tenant and profile
    :param outputs: (bucket, prefix) of what Vodflow writes itself, so that outputs never become inputs
    """

    rules: tuple[WatchRule, ...]
    outputs: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, settings: Settings) -> Places:
        """The places that the settings name."""
        prefixes = [prefix for prefix in (settings.output_prefix, settings.report_prefix) if prefix]
        buckets = filter(None, (settings.media_bucket, settings.protected_bucket))
        return cls(settings.watch, tuple((bucket, f"{prefix}/") for bucket in buckets for prefix in prefixes))

    def writes(self, bucket: str, key: str) -> bool:
        """Whether Vodflow itself writes below there."""
        return any(bucket == out_bucket and key.startswith(prefix) for out_bucket, prefix in self.outputs)

    def largest(self, bucket: str, key: str) -> int | None:
        """Bytes of the largest object that counts under this key; none means no bound."""
        rules = [rule for rule in self.rules if rule.bucket == bucket and key.startswith(rule.prefix)]
        bounds = [rule.maximum_size for rule in rules if objection(rule, key) is None]
        return max((bound for bound in bounds if bound), default=None) if None not in bounds else None

    def narrowed(self, prefix: str) -> Places:
        """The same places, but of each only what lies below ``prefix`` as well."""
        rules = (_narrowed(rule, prefix) for rule in self.rules)
        return Places(tuple(rule for rule in rules if rule is not None), self.outputs)

    def listings(self) -> list[tuple[str, str]]:
        """The fewest (bucket, prefix) pairs whose listings cover every rule exactly once."""
        pairs = sorted({(rule.bucket, rule.prefix) for rule in self.rules})
        kept: list[tuple[str, str]] = []
        for bucket, prefix in pairs:
            # Sorted order puts a prefix before everything that it covers.
            if not any(bucket == seen and prefix.startswith(above) for seen, above in kept):
                kept.append((bucket, prefix))
        return kept


def judge(
    places: Places,
    bucket: str,
    key: str,
    *,
    size: int | None = None,
    last_modified: datetime | None = None,
    now: datetime | None = None,
) -> Watched | Ignored:
    """Whether one object counts. What is not known yet (none) is not held against it.

    :param size: bytes
    :param last_modified: with ``now``, gives the age; both timezone-aware
    """
    if places.writes(bucket, key):
        return Ignored.OUTPUT
    verdict: Watched | Ignored = Ignored.UNWATCHED
    for rule in places.rules:
        if rule.bucket != bucket or not key.startswith(rule.prefix):
            continue
        age = (now - last_modified).total_seconds() if now and last_modified else None
        reason = objection(rule, key, size, age)
        if reason is None:
            return Watched(rule, tenant_of(rule, key))
        verdict = reason
    return verdict


def objection(rule: WatchRule, key: str, size: int | None = None, age: float | None = None) -> Ignored | None:
    """Why a rule does not take an object in its place; none when it does.

    :param age: seconds since the last modification
    """
    if key.endswith("/"):
        return Ignored.FOLDER
    if rule.suffixes and not key.lower().endswith(_lower(rule.suffixes)):
        return Ignored.SUFFIX
    if size is not None and size < rule.minimum_size:
        return Ignored.TOO_SMALL
    if size is not None and rule.maximum_size is not None and size > rule.maximum_size:
        return Ignored.TOO_LARGE
    if age is not None and age < rule.minimum_age:
        return Ignored.TOO_YOUNG
    return None


@lru_cache(maxsize=64)
def _lower(suffixes: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(suffix.lower() for suffix in suffixes)


def tenant_of(rule: WatchRule, key: str) -> str:
    """The tenant slug of a key: the segment that stands for ``{tenant}``, or the rule's default tenant."""
    match = _tenant_pattern(rule.tenant_pattern).match(key)
    if match is None or "tenant" not in match.groupdict():
        return rule.default_tenant
    return slugify(match["tenant"]) or rule.default_tenant


@lru_cache(maxsize=64)
def _tenant_pattern(pattern: str) -> re.Pattern[str]:
    before, mark, after = pattern.partition("{tenant}")
    segment = "(?P<tenant>[^/]+)" if mark else ""
    return re.compile(re.escape(before) + segment + re.escape(after))


def _narrowed(rule: WatchRule, prefix: str) -> WatchRule | None:
    if prefix.startswith(rule.prefix):
        return rule.model_copy(update={"prefix": prefix})
    return rule if rule.prefix.startswith(prefix) else None
