"""A tenant goes: its objects, its items in DynamoDB, its rows, and last itself. What it did stays on record."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from sqlalchemy import Table

from vodflow.catalog import tenant_removal as rows
from vodflow.catalog import tenants
from vodflow.catalog.database import acting_for, transaction
from vodflow.catalog.states import TenantStatus
from vodflow.catalog.tenants import TenantRow
from vodflow.errors import CatalogError, SourceNotFound
from vodflow.settings import Settings
from vodflow.storage.clearing import clear_keys, clear_place
from vodflow.storage.multipart import abort
from vodflow.tenancy.configuration import Place
from vodflow.tenancy.effective import effective, forget

log = logging.getLogger(__name__)

_ACTOR: Final = "tenants.delete"


@dataclass
class Removed:
    """What was removed by one run.

    :param items: of DynamoDB
    :param days: whose reports named the tenant; what was exported of them to S3 does until it is exported again
    """

    objects: int = 0
    items: int = 0
    rows: int = 0
    days: list[date] = field(default_factory=list)


def places_of(slug: str, settings: Settings) -> list[Place]:
    """Places in S3 that are the tenant's alone and are cleared with it, beside its videos wherever they lie.

    :raises CatalogUnavailable: the catalog does not answer
    """
    own = effective(slug, settings).own.assigned
    shared = {settings.media_bucket, *(rule.bucket for rule in settings.watch)}
    buckets = [settings.media_bucket, *filter(None, (settings.protected_bucket,))]
    prefix = f"{settings.output_prefix}/" if settings.output_prefix else ""
    reports = f"{settings.report_prefix}/" if settings.report_prefix else ""
    places = [Place(bucket=bucket, prefix=f"{prefix}{slug}/") for bucket in buckets]
    places.append(Place(bucket=settings.media_bucket, prefix=f"{reports}tenants/{slug}/"))
    if own.output:
        places.append(Place(bucket=own.output.bucket, prefix=f"{own.output.prefix}{slug}/"))
    # A bucket that others use is never cleared as a whole, whoever assigned it.
    return places + [one for one in own.places if one.prefix or one.bucket not in shared]


def remove_tenant(slug: str, settings: Settings, say: Callable[[str], None] = log.info) -> Removed:
    """Remove a tenant and everything of it. Safe to break off and to run again: what is gone stays gone.

    :param say: told of each step
    :raises CatalogError: there is no such tenant, or jobs of it are not over
    :raises VodflowError: S3, DynamoDB or the catalog does not answer or refuses; run it again
    """
    removed = Removed()
    with acting_for(None):
        row = _begin(slug, settings)
        forget()
        _objects(row, settings, removed, say)
        _items(row, settings, removed)
        with transaction(_ACTOR, settings) as connection:
            removed.days = rows.reported_days(connection, row)
        for table in rows.tables_of():
            count = _rows(row, table, settings)
            removed.rows += count
            if count:
                say(f"{count} rows of {table.fullname}")
        forget()
    return removed


def _begin(slug: str, settings: Settings) -> TenantRow:
    with transaction(_ACTOR, settings) as connection:
        row = tenants.require_tenant(connection, slug, locked=True)
        if row.status is not TenantStatus.DELETING:
            tenants.change_tenant(connection, slug, status=TenantStatus.DELETING, status_reason="")
        if count := tenants.open_jobs(connection, slug):
            raise CatalogError(
                f"Tenant {slug} has {count} jobs that are not over: wait for them, or cancel them with `vodflow jobs "
                "cancel`; `vodflow tenants suspend` lets no others begin."
            )
    return row


def _objects(row: TenantRow, settings: Settings, removed: Removed, say: Callable[[str], None]) -> None:
    places = places_of(row.slug, settings)
    with transaction(_ACTOR, settings) as connection:
        elsewhere = [
            Place(bucket=bucket, prefix=f"{prefix}/")
            for bucket, prefix in rows.output_prefixes(connection, row)
            if not any(place.holds(bucket, f"{prefix}/") for place in places)
        ]
        sent, parts = rows.stored_keys(connection, row), rows.open_multiparts(connection, row)
    for place in [*places, *elsewhere]:
        count = _unless_gone(clear_place, place.bucket, place.prefix, settings)
        removed.objects += count
        if count:
            say(f"{count} objects below s3://{place.bucket}/{place.prefix}")
    for bucket, key, multipart_id in parts:
        with suppress(SourceNotFound):
            abort(bucket, key, multipart_id, settings)
    for bucket, keys in sent:
        removed.objects += _unless_gone(clear_keys, bucket, keys, settings)
        say(f"{len(keys)} videos as they came, in s3://{bucket}")


def _unless_gone(clear: Callable[..., int], *arguments: object) -> int:
    """A bucket that is gone holds nothing."""
    try:
        return clear(*arguments)
    except SourceNotFound:
        return 0


def _items(row: TenantRow, settings: Settings, removed: Removed) -> None:
    if not settings.dynamodb_table:
        return
    from vodflow.outcomes.dynamodb.removal import remove_items  # noqa: PLC0415 - only where a table is configured

    removed.items = remove_items(row.id, settings=settings)


def _rows(row: TenantRow, table: Table, settings: Settings) -> int:
    total = 0
    while True:
        with transaction(_ACTOR, settings) as connection:
            count = rows.remove_some(connection, row, table)
        total += count
        if count < rows.BATCH:
            return total
