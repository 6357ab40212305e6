"""Keys of programs: ``vf_<prefix>_<secret>``. The prefix finds the row; of the whole key only its hash is kept.

Two keys of one program hold at the same time while it changes from one to the other: see :func:`rotate`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Connection, Select, func, insert, or_, select, update

from vodflow.catalog.rows import Record
from vodflow.catalog.states import TenantStatus
from vodflow.catalog.tables import api_key, tenant
from vodflow.errors import CatalogError, ConfigurationError

#: What a key looks like, and nothing else does.
KEY_PATTERN: Final = re.compile(r"vf_([A-Za-z0-9]{8,32})_([A-Za-z0-9]{32,128})", re.ASCII)
MARK: Final = "vf_"

#: How long the old key holds after a rotation where nobody says.
GRACE: Final = timedelta(days=7)

#: Its use is noted at most once in this time: a row is not written for every request.
_NOTED_EVERY: Final = timedelta(minutes=1)

_PREFIX_BYTES: Final = 6
_SECRET_BYTES: Final = 32


@dataclasses.dataclass(frozen=True, kw_only=True)
class ApiKey(Record):
    """A key, without what is secret of it.

    :param tenant: slug of whose it is; none means the installation's
    :param used_at: about when it was used last
    :param replaced_by: id of its successor, once it is rotated
    """

    id: int
    prefix: str
    tenant: str | None
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None
    used_at: datetime | None
    replaced_by: int | None

    def holds(self, now: datetime) -> bool:
        """Whether it may be used."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


@dataclasses.dataclass(frozen=True)
class NewApiKey:
    """A key that was just made: ``text`` is shown to whoever asked for it, and cannot be read again."""

    key: ApiKey
    text: str = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True)
class Presented:
    """A key that somebody brought, and what became of its tenant (none for keys of the installation)."""

    key: ApiKey
    tenant_status: TenantStatus | None


def create(
    conn: Connection,
    name: str,
    scopes: Iterable[str],
    *,
    created_by: str,
    tenant_slug: str | None = None,
    expires_at: datetime | None = None,
) -> NewApiKey:
    """Make a key.

    :param name: for people: which program has it
    :param tenant_slug: none means a key of the installation, which sees everything
    :raises ConfigurationError: no name, no scopes, or a time that is over
    :raises CatalogError: there is no such tenant
    """
    if not name.strip() or not (wanted := sorted(set(scopes))):
        raise ConfigurationError("A key takes a name and at least one scope.")
    if expires_at is not None and expires_at <= datetime.now(UTC):
        raise ConfigurationError(f"{expires_at.isoformat()} is over: a key takes a time to come, or none.")
    tenant_id = None
    if tenant_slug is not None:
        tenant_id = conn.scalar(select(tenant.c.id).where(tenant.c.slug == tenant_slug))
        if tenant_id is None:
            raise CatalogError(f"There is no tenant {tenant_slug}; `vodflow tenants create` makes one.")
    return _insert(conn, name, wanted, tenant_id, created_by, expires_at)


def rotate(conn: Connection, key_id: int, *, created_by: str, grace: timedelta = GRACE) -> NewApiKey:
    """Make a successor with the same name, scopes and lifetime; the old key holds for a while yet.

    :param grace: how long; zero ends it at once
    :raises CatalogError: there is no such key, or it does not hold any more, or has a successor already
    """
    now = datetime.now(UTC)
    row = conn.execute(select(api_key).where(api_key.c.id == key_id).with_for_update()).one_or_none()
    old = get(conn, key_id)
    if row is None or old is None or not old.holds(now):
        raise CatalogError(f"API key {key_id} cannot be rotated: there is no such key, or it does not hold any more.")
    if old.replaced_by is not None:
        raise CatalogError(f"API key {key_id} has a successor already: key {old.replaced_by}.")
    until = None if old.expires_at is None else now + (old.expires_at - old.created_at)
    new = _insert(conn, old.name, old.scopes, row.tenant_id, created_by, until)
    ends = now + grace if old.expires_at is None else min(old.expires_at, now + grace)
    conn.execute(update(api_key).where(api_key.c.id == key_id).values(expires_at=ends, replaced_by=new.key.id))
    return new


def revoke(conn: Connection, key_id: int) -> ApiKey | None:
    """End a key at once; none when there is no such key. Safe to run twice."""
    conn.execute(
        update(api_key).where(api_key.c.id == key_id, api_key.c.revoked_at.is_(None)).values(revoked_at=func.now())
    )
    return get(conn, key_id)


def get(conn: Connection, key_id: int) -> ApiKey | None:
    """A key; none when there is no such key."""
    row = conn.execute(_keys().where(api_key.c.id == key_id)).one_or_none()
    return None if row is None else _key(row)


def list_keys(
    conn: Connection, *, tenant_slug: str | None = None, after: int | None = None, limit: int = 50
) -> list[ApiKey]:
    """Keys, newest first, also those that do not hold any more.

    :param tenant_slug: of this tenant alone; none means all
    :param after: id of the last one of the page before
    """
    query = _keys().order_by(api_key.c.id.desc()).limit(limit)
    if tenant_slug is not None:
        query = query.where(tenant.c.slug == tenant_slug)
    if after is not None:
        query = query.where(api_key.c.id < after)
    return [_key(row) for row in conn.execute(query)]


def identify(conn: Connection, text: str) -> Presented | None:
    """Whose key this is, if it is one that holds; its use is noted.

    Hashes are compared in constant time; what is found by its prefix alone is nothing yet.
    """
    match = KEY_PATTERN.fullmatch(text)
    if match is None:
        return None
    found = _keys().add_columns(api_key.c.hash, tenant.c.status).where(api_key.c.prefix == match[1])
    row = conn.execute(found).one_or_none()
    given, expected = _hash(text), "" if row is None else row.hash
    if not hmac.compare_digest(given, expected) or row is None:
        return None
    key, now = _key(row), datetime.now(UTC)
    if not key.holds(now):
        return None
    if key.used_at is None or now - key.used_at >= _NOTED_EVERY:
        _note_use(conn, key.id, now)
    return Presented(key, None if row.status is None else TenantStatus(row.status))


def _note_use(conn: Connection, key_id: int, now: datetime) -> None:
    due = or_(api_key.c.used_at.is_(None), api_key.c.used_at <= now - _NOTED_EVERY)
    free = select(api_key.c.id).where(api_key.c.id == key_id, due).with_for_update(skip_locked=True)
    conn.execute(update(api_key).where(api_key.c.id.in_(free)).values(used_at=now))


def _insert(
    conn: Connection,
    name: str,
    scopes: Iterable[str],
    tenant_id: int | None,
    created_by: str,
    expires_at: datetime | None,
) -> NewApiKey:
    prefix = secrets.token_hex(_PREFIX_BYTES)
    text = f"{MARK}{prefix}_{secrets.token_hex(_SECRET_BYTES)}"
    values = {
        "prefix": prefix, "hash": _hash(text), "tenant_id": tenant_id, "name": name, "scopes": list(scopes),
        "created_by": created_by, "expires_at": expires_at,
    }  # fmt: skip
    made = get(conn, conn.execute(insert(api_key).values(values).returning(api_key.c.id)).scalar_one())
    if made is None:
        raise CatalogError("The key that was made cannot be seen: it is another tenant's.")
    return NewApiKey(made, text)


def _keys() -> Select[tuple[object, ...]]:
    """Each key with its tenant's slug."""
    columns = ApiKey.columns(api_key, tenant=tenant.c.slug)
    return select(*columns).select_from(api_key.outerjoin(tenant, tenant.c.id == api_key.c.tenant_id))


def _key(row: object) -> ApiKey:
    found = ApiKey.of(row)  # type: ignore[arg-type]
    return dataclasses.replace(found, scopes=tuple(found.scopes))


def _hash(text: str) -> str:
    """The key has 256 random bits, so a fast hash without salt is enough: nothing can be guessed or looked up."""
    return hashlib.sha256(text.encode()).hexdigest()
