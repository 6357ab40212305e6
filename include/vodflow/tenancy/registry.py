"""Tenants come, change and stop: what commands and the API do, each in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection

from vodflow.catalog import tenants
from vodflow.catalog.database import acting_for, transaction
from vodflow.catalog.states import TenantStatus
from vodflow.catalog.tenants import ConfigurationRow, TenantRow
from vodflow.contract.slug import MAX_SLUG, tenant_slug
from vodflow.errors import CatalogError, ConfigurationError
from vodflow.planning.profiles import load_profile
from vodflow.settings import Settings
from vodflow.settings.sealing import seal
from vodflow.tenancy.channels import check_addresses
from vodflow.tenancy.configuration import Place, TenantConfiguration, differences, read, write
from vodflow.tenancy.effective import forget, openable_secrets

_ACTOR: Final = "tenancy"


@dataclass(frozen=True)
class Configured:
    """What a tenant has of its own.

    :param document: with masks for secrets
    :param changed: fields that a change has changed, each with ``old`` and ``new``, without secrets
    """

    version: int
    document: dict[str, Any]
    changed: dict[str, Any]
    updated_by: str | None = None


def create(slug: str, name: str, settings: Settings) -> TenantRow:
    """Make a tenant.

    :raises ConfigurationError: it is no slug
    :raises CatalogError: there is one of that name
    """
    if tenant_slug(slug) != slug:
        raise ConfigurationError(
            f"{slug!r} cannot be a tenant's slug: take lower-case letters, digits and hyphens, {MAX_SLUG} at most."
        )
    with acting_for(None), transaction(_ACTOR, settings) as connection:
        made = tenants.add_tenant(connection, slug, name)
    if made is None:
        raise CatalogError(f"There is a tenant {slug} already.")
    forget()
    return made


def rename(slug: str, name: str, settings: Settings) -> TenantRow:
    """Give a tenant another name for people; its slug stays.

    :raises CatalogError: there is no such tenant
    """
    with acting_for(None), transaction(_ACTOR, settings) as connection:
        tenants.require_tenant(connection, slug, locked=True)
        return _changed(connection, slug, name=name)


def suspend(slug: str, reason: str, settings: Settings) -> TenantRow:
    """Let nothing new of a tenant start, and refuse its callers; what runs goes on. Safe to run twice.

    :raises CatalogError: there is no such tenant, or it is being deleted
    """
    return _turn(slug, TenantStatus.SUSPENDED, reason, settings)


def resume(slug: str, settings: Settings) -> TenantRow:
    """Let a tenant go on; the sources that waited start with the next round of sensing. Safe to run twice.

    :raises CatalogError: there is no such tenant, or it is being deleted
    """
    return _turn(slug, TenantStatus.ACTIVE, "", settings)


def configuration(slug: str, settings: Settings) -> Configured:
    """What a tenant has of its own, in full, with masks for secrets.

    :raises CatalogError: there is no such tenant
    """
    with acting_for(None), transaction(_ACTOR, settings) as connection:
        tenants.require_tenant(connection, slug)
        row = tenants.find_configuration(connection, slug)
    return Configured(row.version if row else 0, _document(row), {}, row.updated_by if row else None)


def configure(
    slug: str,
    document: Mapping[str, Any],
    settings: Settings,
    *,
    by: str,
    version: int | None = None,
    assigned_too: bool,
) -> Configured:
    """Replace what a tenant has of its own.

    :param document: of a :class:`TenantConfiguration`; a mask stands for a secret that is stored already, and without
        ``assigned`` that stays as it is
    :param by: who asks
    :param version: that the document was made from; none means whichever there is
    :param assigned_too: whether who asks may change what the installation assigns
    :raises ConfigurationError: the document is wrong, naming each field; or it changes what may not be changed, with
        the code ``assigned``
    :raises CatalogError: there is no such tenant, or another version of its configuration
    """
    with acting_for(None), transaction(_ACTOR, settings) as connection:
        row = tenants.require_tenant(connection, slug, locked=True)
        old = tenants.find_configuration(connection, slug, locked=True)
        before = _document(old)
        known = openable_secrets(old, settings)
        new = read({"assigned": before["assigned"], **document}, known)
        shown, secrets = write(new)
        if shown["assigned"] != before["assigned"] and not assigned_too:
            raise ConfigurationError(
                "What is `assigned` to a tenant is the installation's to change: leave it out, or send it as it is.",
                code="assigned",
            )
        _check(new, settings)
        if _places(new) != _places(read({"assigned": before["assigned"]}, {})):
            _check_places(connection, row, _places(new), settings)
        stored = old.version if old else 0
        if version is not None and version != stored:
            raise CatalogError(f"The configuration of tenant {slug} is at version {stored}, not {version}.")
        stored_names = old.secrets if old and old.secrets else {}
        changed = differences(before, shown) | {
            f"channels.{name}": "changed"
            for name, value in secrets.items()
            if name in stored_names and known.get(name) != value
        }
        if not changed:
            return Configured(stored, before, {}, old.updated_by if old else None)
        sealed = {name: seal(value, settings) for name, value in secrets.items()}
        made = tenants.store_configuration(connection, row.id, shown, sealed, version=stored, by=by)
    forget()
    return Configured(made or 0, shown, changed, by)


def _document(row: ConfigurationRow | None) -> dict[str, Any]:
    """With fields of later versions as they are where nothing is said."""
    return write(TenantConfiguration())[0] | (row.document if row else {})


def _check(new: TenantConfiguration, settings: Settings) -> None:
    """What the document alone cannot tell: whether there are such profiles, and where channels lead."""
    named = {*(new.assigned.profiles or ()), new.profile, *(rule.profile for rule in new.watch)}
    for profile in sorted(filter(None, named)):
        load_profile(profile, settings.profiles_dir)
    check_addresses(new.channels, settings)


def _check_places(connection: Connection, row: TenantRow, mine: list[Place], settings: Settings) -> None:
    """See that places are nobody else's: they are the tenant's alone, and are cleared when it goes."""
    tenants.lock_places(connection)
    taken = [(place, "the installation's outputs and reports are there") for place in common_places(settings)]
    for one in tenants.all_configurations(connection):
        if one.slug != row.slug:
            theirs = _places(read({"assigned": one.document["assigned"]}, {}))
            taken += [(place, f"it is assigned to tenant {one.slug}") for place in theirs]
    for own in mine:
        for place, why in taken:
            if own.meets(place):
                raise ConfigurationError(
                    f"s3://{own.bucket}/{own.prefix} is not free: s3://{place.bucket}/{place.prefix} meets it, and "
                    f"{why}."
                )
        if other := tenants.others_in(connection, row.id, own.bucket, own.prefix):
            raise ConfigurationError(f"s3://{own.bucket}/{own.prefix} is not free: things of tenant {other} lie there.")


def common_places(settings: Settings) -> list[Place]:
    """Where the installation writes what it makes for all tenants; without a prefix that is a bucket as a whole."""
    written = [(bucket, settings.output_prefix) for bucket in (settings.media_bucket, settings.protected_bucket)]
    written.append((settings.media_bucket, settings.report_prefix))
    return [Place(bucket=bucket, prefix=f"{prefix}/" if prefix else "") for bucket, prefix in written if bucket]


def _places(configured: TenantConfiguration) -> list[Place]:
    assigned = configured.assigned
    return [*assigned.places, *((assigned.output,) if assigned.output else ())]


def _turn(slug: str, status: TenantStatus, reason: str, settings: Settings) -> TenantRow:
    with acting_for(None), transaction(_ACTOR, settings) as connection:
        row = tenants.require_tenant(connection, slug, locked=True)
        if row.status is TenantStatus.DELETING:
            raise CatalogError(
                f"Tenant {slug} is being deleted: run `vodflow tenants delete {slug}` again to end that."
            )
        if row.status is status and (row.status_reason or "") == reason:
            return row
        return _changed(connection, slug, status=status, status_reason=reason)


def _changed(connection: Connection, slug: str, **values: Any) -> TenantRow:
    found = tenants.change_tenant(connection, slug, **values)
    if found is None:
        raise CatalogError(f"There is no tenant {slug}.")
    forget()
    return found
