"""How much one caller may ask in a while. Counters stand in Redis or PostgreSQL, so that all processes share them.

Where these do not answer, each process counts for itself until they do: nobody is refused because a counter is away.
"""

from __future__ import annotations

import dataclasses
import logging
import math
import time
from enum import StrEnum
from typing import Final

from limits import RateLimitItem, RateLimitItemPerMinute, parse
from limits.errors import StorageError
from limits.storage import MemoryStorage, Storage, storage_from_string
from limits.strategies import FixedWindowRateLimiter

from vodflow.api.problems import Problem
from vodflow.api.rate_storage import PostgresStorage
from vodflow.settings import Settings

log = logging.getLogger(__name__)

#: Seconds for an answer of Redis, and for which it is left alone after it gave none.
_TIMEOUT: Final = 0.25
_PAUSE: Final = 10.0


class RateClass(StrEnum):
    """What is counted by itself."""

    READ = "read"
    WRITE = "write"
    REFUSED = "refused"
    TENANT = "tenant"


@dataclasses.dataclass(frozen=True)
class Standing:
    """Where a caller stands.

    :param window: seconds of the limit
    :param reset: seconds until the counter begins anew
    """

    allowed: bool
    limit: int
    window: int
    remaining: int
    reset: int

    @property
    def headers(self) -> dict[str, str]:
        """As ``draft-ietf-httpapi-ratelimit-headers-06`` has them."""
        told = {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset),
            "RateLimit-Policy": f"{self.limit};w={self.window}",
        }
        return told if self.allowed else told | {"Retry-After": str(self.reset)}

    def problem(self) -> Problem:
        """Too many requests: 429."""
        detail = f"More than {self.limit} requests in {self.window} s: go on in {self.reset} s."
        return Problem(429, "too_many_requests", detail, headers=self.headers, retryable=True)


class Rates:
    """The limits of one application. Thread-safe; a call may wait for Redis or PostgreSQL."""

    def __init__(self, settings: Settings) -> None:
        given = {
            RateClass.READ: settings.api_rate_read,
            RateClass.WRITE: settings.api_rate_write,
            RateClass.REFUSED: settings.api_rate_refused,
        }
        self._items: dict[RateClass, RateLimitItem] = {kind: parse(text) for kind, text in given.items() if text}
        self._shared = FixedWindowRateLimiter(_storage(settings))
        self._own = FixedWindowRateLimiter(MemoryStorage())
        self._away_until = 0.0

    def hit(self, kind: RateClass, who: str) -> Standing | None:
        """Count one request; none where there is no limit.

        :param who: the caller, or an address
        """
        item = self._items.get(kind)
        return None if item is None else self._hit(item, kind, who)

    def refused(self, address: str, *, again: bool = True) -> None:
        """Count a wrong credential of an address.

        :param again: false asks alone whether it has sent too many, for who looks at none then
        :raises Problem: it has (429)
        """
        item = self._items.get(RateClass.REFUSED)
        if item is None:
            return
        if again:
            standing = self._hit(item, RateClass.REFUSED, address)
        else:
            standing = _standing(self._own, item, RateClass.REFUSED, address, cost=0)
            standing = dataclasses.replace(standing, allowed=standing.remaining > 0)
        if not standing.allowed:
            raise standing.problem()

    def hit_together(self, tenant: str, most: int) -> Standing:
        """Count one request of any caller of a tenant.

        :param most: requests in a minute
        """
        return self._hit(RateLimitItemPerMinute(most), RateClass.TENANT, tenant)

    def _hit(self, item: RateLimitItem, kind: RateClass, who: str) -> Standing:
        if kind is not RateClass.REFUSED and time.monotonic() >= self._away_until:
            try:
                return _standing(self._shared, item, kind, who)
            except StorageError as error:
                self._away_until = time.monotonic() + _PAUSE
                log.warning("Rate limits are counted by each process alone for %g s: %s", _PAUSE, error)
        return _standing(self._own, item, kind, who)


def _standing(
    limiter: FixedWindowRateLimiter, item: RateLimitItem, kind: RateClass, who: str, cost: int = 1
) -> Standing:
    allowed = cost == 0 or limiter.hit(item, kind.value, who, cost=cost)
    reset, remaining = limiter.get_window_stats(item, kind.value, who)
    seconds = min(max(1, math.ceil(reset - time.time())), item.get_expiry())
    return Standing(allowed, item.amount, item.get_expiry(), max(0, remaining), seconds)


def _storage(settings: Settings) -> Storage:
    if settings.redis_url is None:
        return PostgresStorage(settings)
    made = storage_from_string(
        settings.redis_url, wrap_exceptions=True, socket_timeout=_TIMEOUT, socket_connect_timeout=_TIMEOUT
    )
    assert isinstance(made, Storage)  # noqa: S101 - for mypy: no asynchronous one is asked for
    return made
