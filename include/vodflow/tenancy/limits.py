"""How much of what a tenant may have: what was assigned to it, and the installation's settings where nothing was."""

from __future__ import annotations

from dataclasses import dataclass

from vodflow.settings import Settings
from vodflow.tenancy.effective import effective


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """What a tenant may bring in.

    :param open_uploads: unfinished uploads and imports at a time
    :param bytes_day: bytes within 24 hours
    :param max_size: bytes of one file
    """

    open_uploads: int
    bytes_day: int
    max_size: int


def requests_a_minute(tenant: str, settings: Settings) -> int | None:
    """How many requests all callers of a tenant may send to the API in a minute together; none means any number.

    :param tenant: slug
    :raises CatalogUnavailable: the catalog does not answer
    """
    return effective(tenant, settings).own.assigned.requests_a_minute


def upload_limits(tenant: str, settings: Settings) -> UploadLimits:
    """The limits of a tenant.

    :param tenant: slug
    :raises CatalogUnavailable: the catalog does not answer
    """
    own = effective(tenant, settings).own.assigned.uploads
    return UploadLimits(
        settings.uploads_open if own.open_uploads is None else own.open_uploads,
        settings.uploads_bytes_day if own.bytes_day is None else own.bytes_day,
        # What no job takes need not be uploaded.
        min(own.max_size or settings.max_size, settings.max_size),
    )
