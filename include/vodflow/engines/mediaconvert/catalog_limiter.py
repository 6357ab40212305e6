"""The rate of submissions to MediaConvert, shared by several machines through the catalog.

``MEDIACONVERT_SUBMISSION_LIMITER=vodflow.engines.mediaconvert.catalog_limiter:CatalogRateLimiter`` switches it on.
"""

from __future__ import annotations

from vodflow.catalog.database import transaction
from vodflow.catalog.submission_slots import take_slot
from vodflow.engines.mediaconvert.submission_rate import ReservingLimiter
from vodflow.errors import CatalogError


class CatalogRateLimiter(ReservingLimiter):
    """Slots in rows of the catalog (``VODFLOW_CATALOG_URL``), by the database's clock."""

    unusable = (CatalogError,)

    def _reserve(self, key: str) -> float:
        with transaction("submission rate") as connection:
            return take_slot(connection, key, self._next)
