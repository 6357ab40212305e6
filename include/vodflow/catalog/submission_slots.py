"""When the next MediaConvert job may be submitted: one row for each quota, by the database's clock."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, extract, func, select, update
from sqlalchemy.dialects.postgresql import insert as insert_new

from vodflow.catalog.tables import mediaconvert_submission_rate as _TABLE  # noqa: N812


def take_slot(conn: Connection, key: str, reserve: Callable[[float, float], tuple[float, float | None]]) -> float:
    """Take the next slot under the lock of the quota's row; seconds until it comes.

    :param reserve: from the stored time of the next free slot and the time now to the seconds to wait, and what to
        store instead; none to store nothing
    """
    conn.execute(insert_new(_TABLE).values(key=key, free_at=0).on_conflict_do_nothing())
    free_at = conn.execute(select(_TABLE.c.free_at).where(_TABLE.c.key == key).with_for_update()).scalar_one()
    # Asked after the lock was had: the transaction began before others took their slots.
    now = conn.execute(select(extract("epoch", func.clock_timestamp()))).scalar_one()
    wait, later = reserve(float(free_at), float(now))
    if later is not None:
        conn.execute(update(_TABLE).where(_TABLE.c.key == key).values(free_at=later))
    return wait
