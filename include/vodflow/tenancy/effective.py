"""What holds for a tenant: its own configuration over the installation's settings.

Read from the catalog and kept for some seconds, because each request and each video asks; a change is seen by other
processes that late, and by this one at once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, TypeVar, cast

from vodflow.catalog import tenants
from vodflow.catalog.database import acting_for, transaction
from vodflow.catalog.states import TenantStatus
from vodflow.catalog.tenants import ConfigurationRow, TenantRow
from vodflow.errors import ConfigurationError, TenantSuspended
from vodflow.settings import Settings, get_settings
from vodflow.settings.sealing import unseal
from vodflow.tenancy.configuration import MASK, TenantConfiguration, read

_T = TypeVar("_T")

#: Seconds for which an answer of the catalog is good.
KEPT: Final = 5.0
#: Answers that one process keeps.
_MOST: Final = 10_000
#: What a secret is read as where nobody needs it: every one of them takes a URL.
_STAND_IN: Final = "https://secret.invalid"

_lock = threading.Lock()
_kept: dict[Hashable, tuple[float, Any]] = {}


@dataclass(frozen=True)
class Effective:
    """What holds for one tenant.

    :param row: none when there is no such tenant: everything is as the installation says
    :param own: without its channels' secrets
    """

    tenant: str
    settings: Settings = field(repr=False)
    row: TenantRow | None = None
    own: TenantConfiguration = field(default_factory=TenantConfiguration)

    @property
    def default_profile(self) -> str:
        """The profile where neither a request nor a watch rule names one."""
        allowed = self.own.assigned.profiles
        if self.own.profile or not allowed or self.settings.default_profile in allowed:
            return self.own.profile or self.settings.default_profile
        return allowed[0]

    @property
    def budget_day(self) -> Decimal | None:
        """US dollars its MediaConvert jobs of one day (UTC) may be estimated at; none means no limit."""
        own = self.own.assigned.budget_day
        return self.settings.mediaconvert_budget_tenant_day if own is None else own

    def require_profile(self, name: str) -> None:
        """See that the tenant may use a profile.

        :raises ConfigurationError: it may not
        """
        allowed = self.own.assigned.profiles
        if allowed is not None and name not in allowed:
            raise ConfigurationError(
                f"Tenant {self.tenant} may not use the profile {name}; it may use {', '.join(allowed)}."
            )

    def require_active(self) -> None:
        """See that the tenant may start something new; one that nobody has made yet may.

        :raises TenantSuspended: it is suspended or being deleted
        """
        if self.row is not None and self.row.status is not TenantStatus.ACTIVE:
            raise suspended(self.row)

    def output_place(self, bucket: str, prefix: str) -> tuple[str, str]:
        """Bucket and prefix of its outputs.

        :param bucket: the installation's, and ``prefix`` likewise
        """
        own = self.own.assigned.output
        return (bucket, prefix) if own is None else (own.bucket, own.prefix.rstrip("/"))


def suspended(row: TenantRow) -> TenantSuspended:
    """Why nothing of this tenant starts."""
    since = f" since {row.status_at:%Y-%m-%d %H:%M} UTC" if row.status_at else ""
    why = f": {row.status_reason}" if row.status_reason else ""
    return TenantSuspended(
        f"Tenant {row.slug} is {row.status.lower()}{since}{why}. `vodflow tenants resume {row.slug}` lets it go on."
        if row.status is TenantStatus.SUSPENDED
        else f"Tenant {row.slug} is being deleted{since}.",
        code=f"tenant_{row.status.lower()}",
    )


def effective(tenant: str, settings: Settings | None = None) -> Effective:
    """What holds for a tenant.

    :param tenant: slug
    :raises CatalogUnavailable: the catalog does not answer
    """
    used = settings or get_settings()
    return _remembered(("effective", used, tenant), lambda: _look(tenant, used))


def state(tenant: str, settings: Settings | None = None) -> TenantStatus | None:
    """Whether a tenant may use the installation; none when there is no such tenant.

    :param tenant: slug
    :raises CatalogUnavailable: the catalog does not answer
    """
    row = effective(tenant, settings).row
    return None if row is None else row.status


def everybody(settings: Settings | None = None) -> list[Effective]:
    """What holds for each tenant that has anything of its own.

    :raises CatalogUnavailable: the catalog does not answer
    """
    used = settings or get_settings()
    return _remembered(("everybody", used), lambda: _look_at_all(used))


def own_secrets(row: ConfigurationRow | None, settings: Settings) -> dict[str, str]:
    """A tenant's secrets by name, opened.

    :raises ConfigurationError: none of the sealing keys opens one
    """
    sealed = (row.secrets if row else None) or {}
    return {name: unseal(value, settings) for name, value in sealed.items()}


def openable_secrets(row: ConfigurationRow | None, settings: Settings) -> dict[str, str]:
    """Those of a tenant's secrets that can be opened; the others must be sent anew."""
    found = {}
    for name, value in ((row.secrets if row else None) or {}).items():
        with suppress(ConfigurationError):
            found[name] = unseal(value, settings)
    return found


def forget() -> None:
    """Have the catalog asked again at the next question, after a change."""
    with _lock:
        _kept.clear()


def _remembered(key: Hashable, look: Callable[[], _T]) -> _T:
    now = time.monotonic()
    with _lock:
        until, kept = _kept.get(key, (0.0, None))
    if now < until:
        return cast("_T", kept)
    found = look()
    with _lock:
        if len(_kept) > _MOST:
            _kept.clear()
        _kept[key] = (now + KEPT, found)
    return found


def _look(tenant: str, settings: Settings) -> Effective:
    with acting_for(None), transaction("tenancy", settings) as connection:
        row = tenants.find_tenant(connection, tenant)
        own = tenants.find_configuration(connection, tenant)
    return Effective(tenant, settings, row, _parsed(own))


def _look_at_all(settings: Settings) -> list[Effective]:
    with acting_for(None), transaction("tenancy", settings) as connection:
        rows = tenants.all_configurations(connection)
    return [Effective(row.slug, settings, None, _parsed(row)) for row in rows]


def _parsed(row: ConfigurationRow | None) -> TenantConfiguration:
    """As it was written, with masks for secrets: few need them, and then from the catalog itself."""
    if row is None:
        return TenantConfiguration()
    masked = {
        f"{one['name']}.{name}": _STAND_IN for one in row.document["channels"] for name in one if one[name] == MASK
    }
    try:
        return read(row.document, masked)
    except ConfigurationError as error:
        raise ConfigurationError(f"What is stored of tenant {row.slug} cannot be used. {error}") from error
