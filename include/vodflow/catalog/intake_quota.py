"""How much a tenant brings in: by uploads and imports alike."""

from __future__ import annotations

from sqlalchemy import Connection, text

from vodflow.errors import QuotaExceeded

#: One tenant's new uploads and imports come one after the other, so that no two take the same last place.
_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended('vodflow.intake.' || :tenant, 0))")

_TAKEN = text(
    """
    WITH taken AS (
      SELECT tenant_id, status, created_at, size_bytes AS size FROM upload
      UNION ALL
      SELECT tenant_id, status, created_at, coalesce(total_bytes, size_bytes, 0) FROM url_import
    )
    SELECT count(*) FILTER (WHERE taken.status IN ('OPEN', 'QUEUED', 'FETCHING')) AS open,
           coalesce(sum(size) FILTER (WHERE taken.created_at > now() - interval '1 day'
                                        AND taken.status IN ('OPEN', 'QUEUED', 'FETCHING', 'COMPLETED')), 0) AS bytes
      FROM taken
      JOIN tenant ON tenant.id = taken.tenant_id
     WHERE tenant.slug = :tenant
    """
)


def one_at_a_time(conn: Connection, tenant: str) -> None:
    """Until the transaction ends nobody else begins an upload or import of that tenant.

    :param tenant: slug
    """
    conn.execute(_ONE_AT_A_TIME, {"tenant": tenant})


def check_quota(conn: Connection, tenant: str, size: int, *, most_open: int, most_bytes: int) -> None:
    """See that one more may begin; call :func:`one_at_a_time` first.

    :param tenant: slug
    :param size: bytes that it brings, 0 where nobody knows
    :param most_open: unfinished uploads and imports that the tenant may have
    :param most_bytes: that it may bring within 24 hours
    :raises QuotaExceeded: it has that already
    """
    taken = conn.execute(_TAKEN, {"tenant": tenant}).one()
    if taken.open >= most_open:
        raise QuotaExceeded(
            f"{tenant} has {taken.open} unfinished uploads and imports of {most_open}: complete or cancel one.",
            code="open_uploads",
        )
    if taken.bytes + size > most_bytes:
        raise QuotaExceeded(
            f"{tenant} has brought {taken.bytes} bytes within 24 hours; {size} more would be above its limit of "
            f"{most_bytes}. Try again later, or ask for a higher limit.",
            code="bytes_day",
        )
