"""How much a tenant brings in: by uploads and imports alike."""

from __future__ import annotations

from sqlalchemy import Connection, text

from vodflow.errors import QuotaExceeded

#: One tenant's new uploads and imports come one after the other, so that no two take the same last place.
_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended('vodflow.intake.' || :tenant, 0))")

#: What was sent in one request counts where it was cancelled, too: its address is good for a while yet.
_TAKEN = text(
    """
    WITH taken AS (
      SELECT tenant_id, status, created_at AS at, size_bytes AS size FROM upload
       WHERE status IN ('OPEN', 'COMPLETED') OR (status = 'CANCELED' AND multipart_id IS NULL)
      UNION ALL
      SELECT tenant_id, status, greatest(created_at, begun_at), coalesce(total_bytes, size_bytes, 0) FROM url_import
       WHERE status IN ('QUEUED', 'FETCHING', 'COMPLETED')
    )
    SELECT count(*) FILTER (WHERE taken.status IN ('OPEN', 'QUEUED', 'FETCHING')) AS open,
           coalesce(sum(size) FILTER (WHERE taken.at > now() - interval '1 day'), 0) AS bytes
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
        raise _too_much(tenant, f"has brought {taken.bytes} bytes within 24 hours; {size} more would be", most_bytes)


def check_bytes(conn: Connection, tenant: str, most_bytes: int) -> None:
    """See that what a tenant has under way is no more than it may bring, now that more is known of it.

    :param tenant: slug
    :raises QuotaExceeded: it is more
    """
    taken = conn.execute(_TAKEN, {"tenant": tenant}).one()
    if taken.bytes > most_bytes:
        raise _too_much(tenant, f"would have brought {taken.bytes} bytes within 24 hours, which is", most_bytes)


def _too_much(tenant: str, what: str, most_bytes: int) -> QuotaExceeded:
    return QuotaExceeded(
        f"{tenant} {what} above its limit of {most_bytes}. Try again later, or ask for a higher limit.",
        code="bytes_day",
    )
