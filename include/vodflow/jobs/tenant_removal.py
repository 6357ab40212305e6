"""A tenant goes: its objects, its items in DynamoDB, its rows, and last itself. What it did stays on record."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import Final

from sqlalchemy import Table

from vodflow.catalog import tenant_removal as rows
from vodflow.catalog import tenants
from vodflow.catalog.database import acting_for, transaction
from vodflow.catalog.states import TenantStatus
from vodflow.catalog.tables import metadata_sync, tenant
from vodflow.catalog.tenants import TenantRow
from vodflow.errors import CatalogError, SourceNotFound
from vodflow.settings import Settings
from vodflow.storage.clearing import clear_keys, clear_place, keys_below
from vodflow.storage.multipart import abort
from vodflow.tenancy.configuration import Place
from vodflow.tenancy.effective import effective, forget

log = logging.getLogger(__name__)

_ACTOR: Final = "tenants.delete"

#: SQLSTATE of a row that others name (foreign_key_violation), and how often its table is gone over again.
_NAMED: Final = "23503"
_PASSES: Final = 3

#: What pages of reports are called: by their first and last day.
_PAGE: Final = re.compile(r"(\d{4}-\d\d-\d\d)_(\d{4}-\d\d-\d\d)\.html")


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
    shared = {settings.media_bucket, settings.protected_bucket, *(rule.bucket for rule in settings.watch)}
    buckets = [settings.media_bucket, *filter(None, (settings.protected_bucket,))]
    prefix = f"{settings.output_prefix}/" if settings.output_prefix else ""
    reports = f"{settings.report_prefix}/" if settings.report_prefix else ""
    places = [Place(bucket=bucket, prefix=f"{prefix}{slug}/") for bucket in buckets]
    places += [Place(bucket=settings.media_bucket, prefix=f"{reports}{kind}/{slug}/") for kind in ("tenants", "html")]
    if own.output:
        places.append(Place(bucket=own.output.bucket, prefix=f"{own.output.prefix}{slug}/"))
    places += own.places
    # A bucket that others use is never cleared as a whole, whoever assigned it; nor are all tenants' reports.
    return [
        one
        for one in places
        if (one.prefix or one.bucket not in shared) and not one.holds(settings.media_bucket, reports or "/")
    ]


def days_reported(slug: str, settings: Settings) -> list[date]:
    """Days whose reports name a tenant, or did when a removal that broke off began and noted them."""
    with acting_for(None), transaction(_ACTOR, settings) as connection:
        return rows.reported_days(connection, tenants.require_tenant(connection, slug))


def remove_tenant(
    slug: str,
    settings: Settings,
    say: Callable[[str], None] = log.info,
    *,
    before_the_end: Callable[[list[date]], None] = lambda _: None,
) -> Removed:
    """Remove a tenant and everything of it. Safe to break off and to run again: what is gone stays gone.

    :param say: told of each step
    :param before_the_end: called with the days whose reports named it when nothing is left but its own row
    :raises CatalogError: there is no such tenant, or jobs of it are not over
    :raises VodflowError: S3, DynamoDB or the catalog does not answer or refuses; run it again
    """
    removed = Removed()
    with acting_for(None):
        row = _begin(slug, settings)
        forget()
        removed.days = days_reported(slug, settings)
        removed.rows += _rows(row, metadata_sync, settings)  # first, or its items would be brought up to date again
        _objects(row, settings, removed, say)
        _items(row, settings, removed)
        for attempt in range(_PASSES):
            try:
                _tables(row, settings, removed, say)
                before_the_end(removed.days)
                removed.rows += _rows(row, tenant, settings)
                break
            except CatalogError as error:
                # What was begun before came meanwhile, and names what is to go.
                if error.code != _NAMED or attempt + 1 == _PASSES:
                    raise
        forget()
    return removed


def _tables(row: TenantRow, settings: Settings, removed: Removed, say: Callable[[str], None]) -> None:
    for table in rows.tables_of():
        if table is not tenant:
            count = _rows(row, table, settings)
            removed.rows += count
            if count:
                say(f"{count} rows of {table.fullname}")


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
    with transaction(_ACTOR, settings) as connection:
        places = []
        for place in places_of(row.slug, settings):
            if other := tenants.others_in(connection, row.id, place.bucket, place.prefix):
                say(f"things of {other} lie below s3://{place.bucket}/{place.prefix}: only what is known goes there")
            else:
                places.append(place)
        elsewhere = [
            Place(bucket=bucket, prefix=f"{prefix}/")
            for bucket, prefix in rows.output_prefixes(connection, row)
            if not any(place.holds(bucket, f"{prefix}/") for place in places)
        ]
        sent, parts = rows.stored_keys(connection, row), rows.open_multiparts(connection, row)
    for place in [*places, *elsewhere]:
        count = _unless_gone(partial(clear_place, place.bucket, place.prefix, settings, whole=not place.prefix))
        removed.objects += count
        if count:
            say(f"{count} objects below s3://{place.bucket}/{place.prefix}")
    sent.append((settings.media_bucket, list(_pages(removed.days, settings))))
    for bucket, key, multipart_id in parts:
        with suppress(SourceNotFound):
            abort(bucket, key, multipart_id, settings)
    for bucket, keys in sent:
        if count := _unless_gone(partial(clear_keys, bucket, keys, settings)):
            removed.objects += count
            say(f"{count} videos as they came, or pages of reports, in s3://{bucket}")


def _pages(days: list[date], settings: Settings) -> Iterator[str]:
    """Keys of the pages of all tenants' reports that name this one; `vodflow report html` draws them anew."""
    folder = f"{settings.report_prefix}/html/" if settings.report_prefix else "html/"
    with suppress(SourceNotFound):
        for key in sorted(keys_below(settings.media_bucket, folder, settings)):
            found = _PAGE.fullmatch(key.removeprefix(folder))
            if found and any(found[1] <= str(day) <= found[2] for day in days):
                yield key


def _unless_gone(clear: Callable[[], int]) -> int:
    """A bucket that is gone holds nothing."""
    try:
        return clear()
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
