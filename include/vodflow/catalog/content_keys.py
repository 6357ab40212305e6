"""Keys of encrypted videos, sealed: what is stored here opens nothing without ``VODFLOW_SEALING_KEYS``."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.postgresql import insert

from vodflow.catalog.tables import content_key


@dataclasses.dataclass(frozen=True)
class KeyRow:
    """One key.

    :param key_id: KID, 32 hex digits
    :param content_id: the prefix of the outputs that are encrypted with it
    :param sealed_key: see :mod:`vodflow.settings.sealing`
    :param signals: what a DRM provider wants manifests to say, see :class:`vodflow.contract.content_keys.Signal`
    """

    key_id: str
    tenant: str
    content_id: str
    label: str
    period: int
    sealed_key: str
    period_seconds: float | None = None
    signals: list[dict[str, Any]] | None = None


def keep(conn: Connection, rows: Sequence[KeyRow]) -> None:
    """Store keys; of those that are there already the first one stays."""
    if rows:
        conn.execute(insert(content_key).on_conflict_do_nothing(), [dataclasses.asdict(row) for row in rows])


def of_content(conn: Connection, content_id: str) -> list[KeyRow]:
    """All keys of one video's outputs."""
    ordered = content_key.c.label, content_key.c.period
    return [
        _row(found) for found in conn.execute(_SELECT.where(content_key.c.content_id == content_id).order_by(*ordered))
    ]


def forget(conn: Connection, content_id: str) -> None:
    """Remove the keys of outputs that are gone: who has kept a copy of those has no use of it any more."""
    conn.execute(delete(content_key).where(content_key.c.content_id == content_id))


def by_ids(conn: Connection, content_id: str, key_ids: Sequence[str]) -> list[KeyRow]:
    """Those of one video's outputs that have these ids."""
    wanted = (content_key.c.content_id == content_id, content_key.c.key_id.in_(key_ids))
    return [_row(found) for found in conn.execute(_SELECT.where(*wanted))]


_FIELDS = [field.name for field in dataclasses.fields(KeyRow)]
_SELECT = select(*(content_key.c[name] for name in _FIELDS))


def _row(found: Any) -> KeyRow:
    return KeyRow(**{**found._mapping, "key_id": found.key_id.replace("-", "")})  # noqa: SLF001 - SQLAlchemy's name for it
