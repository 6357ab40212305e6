"""How much of what a tenant may have."""

from __future__ import annotations

from dataclasses import dataclass

from vodflow.settings import Settings


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


def upload_limits(tenant: str, settings: Settings) -> UploadLimits:  # noqa: ARG001 - each tenant may have its own
    """The limits of a tenant.

    :param tenant: slug
    """
    return UploadLimits(settings.uploads_open, settings.uploads_bytes_day, settings.max_size)
