"""Names that are safe in paths and URLs, and still readable."""

from __future__ import annotations

import hashlib
from pathlib import PurePosixPath

import slugify as transliteration

MAX_SLUG = 48
#: 48 bits: even a hundred thousand files of one name hardly ever clash.
_HASH_DIGITS = 12


def slugify(text: str) -> str:
    """ASCII letters, digits and single hyphens that read like the text; at most 48 characters, maybe none.

    Accents and other scripts are transliterated: ``Grüße`` becomes ``grusse``.
    """
    return transliteration.slugify(text, max_length=MAX_SLUG)


def tenant_slug(text: str) -> str:
    """The slug of a tenant; ``default`` where nothing readable remains."""
    return slugify(text) or "default"


def video_slug(bucket: str, key: str) -> str:
    """The slug of the file's name with twelve hex digits that tell it from every other key.

    Every version of one key has the same slug. The digits begin the SHA-256 of ``bucket/key``.

    :param bucket: S3 bucket
    :param key: S3 key, decoded
    """
    digest = hashlib.sha256(f"{bucket}/{key}".encode()).hexdigest()[:_HASH_DIGITS]
    return f"{slugify(PurePosixPath(key).stem) or 'video'}-{digest}"
