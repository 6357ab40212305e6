"""What is watched: the installation's places, and those that tenants have of their own."""

from __future__ import annotations

from vodflow.sensing.rules import Places
from vodflow.settings import Settings
from vodflow.tenancy.effective import everybody


def watched(settings: Settings) -> Places:
    """All places, tenants' own first: they are theirs alone. A change of a tenant's is seen some seconds later.

    :raises CatalogUnavailable: the catalog does not answer
    """
    places, tenants = Places.of(settings), everybody(settings)
    rules = tuple(rule.rule(one.tenant) for one in tenants for rule in one.own.watch)
    written = tuple((place.bucket, place.prefix) for one in tenants if (place := one.own.assigned.output))
    return Places(rules + places.rules, places.outputs + written)
