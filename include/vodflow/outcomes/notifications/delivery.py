"""Take notifications from the outbox and send them: at least once, each attempt on record.

A row is claimed before it is sent, so two processes never send it at once; one whose process died comes back after
its lease. The receiver may see an event twice and knows it by its id.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from operator import attrgetter
from typing import Final

from vodflow.catalog import deliveries
from vodflow.catalog.database import transaction
from vodflow.catalog.dead_letters import NewDeadLetter, record_dead_letters
from vodflow.catalog.deliveries import DeliveryRow
from vodflow.contract.backoff import backoff
from vodflow.errors import ConfigurationError
from vodflow.outcomes.notifications.senders import Attempt, send
from vodflow.settings import Settings, get_settings
from vodflow.settings.channels import Channel
from vodflow.tenancy.channels import own_channels
from vodflow.tenancy.configuration import LONGEST_TIMEOUT

log = logging.getLogger(__name__)

_ACTOR: Final = "notifications"

#: Seconds a claim lasts beyond the time that its attempts may take.
_LEASE: Final = 60.0

#: Rows that are claimed at a time.
_BATCH: Final = 50

#: Seconds before the second and between the last tries of one notification.
FIRST_DELAY: Final = 10.0
LONGEST_DELAY: Final = 3600.0

#: Tries in a row that meet no willing receiver before the channel's other notifications wait.
_PATIENCE: Final = 3


@dataclass(slots=True)
class DeliveryResult:
    """What became of the claimed notifications."""

    delivered: int = 0
    postponed: int = 0
    given_up: int = 0

    def add(self, other: DeliveryResult) -> None:
        """Count the other's as well."""
        self.delivered += other.delivered
        self.postponed += other.postponed
        self.given_up += other.given_up


def deliver_due(limit: int = 1000, *, settings: Settings | None = None) -> DeliveryResult:
    """Send what is due, channel beside channel, until nothing is left or ``limit`` are done.

    :raises CatalogError: the catalog does not answer; what was claimed comes back after its lease
    """
    used = settings or get_settings()
    result = DeliveryResult()
    slowest = max([LONGEST_TIMEOUT, *(channel.timeout for channel in used.notifications)])
    lease = timedelta(seconds=_LEASE + slowest * _BATCH)
    done = 0
    while done < limit:
        with transaction(_ACTOR, used) as connection:
            rows = deliveries.claim(connection, limit=min(_BATCH, limit - done), lease=lease)
        if not rows:
            break
        done += len(rows)
        result.add(asyncio.run(_deliver(rows, used, None)))
    return result


def deliver_now(
    *,
    source_id: int | None = None,
    job_id: int | None = None,
    common: bool = False,
    limit: float,
    settings: Settings | None = None,
) -> DeliveryResult:
    """Send what is due for one source or job, at the end of the step that made it so.

    :param common: send what concerns no video alone
    :param limit: seconds one try may take at most, whatever the channel allows
    :raises CatalogError: the catalog does not answer; what was claimed comes back after its lease
    """
    used = settings or get_settings()
    with transaction(_ACTOR, used) as connection:
        rows = deliveries.claim(
            connection,
            limit=_BATCH,
            lease=timedelta(seconds=_LEASE),
            source_id=source_id,
            job_id=job_id,
            common=common,
        )
    return asyncio.run(_deliver(rows, used, limit)) if rows else DeliveryResult()


async def _deliver(rows: Sequence[DeliveryRow], settings: Settings, limit: float | None) -> DeliveryResult:
    channels = _channels(rows, settings)
    by_channel = groupby(sorted(rows, key=attrgetter("channel", "id")), key=attrgetter("channel"))
    total = DeliveryResult()
    for result in await asyncio.gather(
        *(_serve(channels.get(name), list(group), settings, limit) for name, group in by_channel)
    ):
        total.add(result)
    return total


def _channels(rows: Sequence[DeliveryRow], settings: Settings) -> dict[str, Channel]:
    """Those of the installation, and the own ones of the tenants that rows are for."""
    found: dict[str, Channel] = {channel.name: channel for channel in settings.notifications}
    for tenant in {row.tenant for row in rows if "/" in row.channel}:
        try:
            found |= {channel.name: channel for channel in own_channels(tenant, settings)}
        except ConfigurationError as error:  # theirs are given up, and say so; others are served
            log.error("The channels of tenant %s cannot be used: %s", tenant, error)  # noqa: TRY400
    return found


async def _serve(
    channel: Channel | None, rows: list[DeliveryRow], settings: Settings, limit: float | None
) -> DeliveryResult:
    """One channel's notifications, one after the other; when nobody answers the rest is left to a later round."""
    result = DeliveryResult()
    silent = 0
    for row in rows:
        if channel is None:
            attempt = Attempt(error=f"There is no channel {row.channel} any more, or its secrets cannot be opened")
        elif silent >= _PATIENCE:
            _put_back(row, settings)
            result.postponed += 1
            continue
        else:
            attempt = await send(
                channel, row.payload, limit=min(channel.timeout, limit or channel.timeout), settings=settings
            )
        silent = silent + 1 if attempt.retryable else 0
        _settle(row, channel, attempt, settings, result)
    return result


def _put_back(row: DeliveryRow, settings: Settings) -> None:
    with transaction(_ACTOR, settings) as connection:
        deliveries.postpone(
            connection, row.id, delay(1), row.error or "waits: the channel did not answer others", attempted=False
        )


def _settle(
    row: DeliveryRow, channel: Channel | None, attempt: Attempt, settings: Settings, result: DeliveryResult
) -> None:
    with transaction(_ACTOR, settings) as connection:
        if attempt.error is None:
            deliveries.delivered(connection, row.id, attempt.code)
            result.delivered += 1
            return
        if channel is not None and attempt.retryable and row.attempts < channel.attempts:
            log.warning("%s to %s, attempt %d: %s", row.event_key, row.channel, row.attempts, attempt.error)
            wait = max(delay(row.attempts), timedelta(seconds=attempt.wait or 0.0))
            deliveries.postpone(connection, row.id, wait, attempt.error, attempt.code)
            result.postponed += 1
            return
        log.error("%s to %s is given up after attempt %d: %s", row.event_key, row.channel, row.attempts, attempt.error)
        deliveries.failed(connection, row.id, attempt.error, attempt.code)
        record_dead_letters(connection, [_letter(row, attempt)])
        result.given_up += 1


def delay(attempt: int) -> timedelta:
    """How long to wait after this failed attempt: exponential from 10 s to an hour, spread by a quarter each way.

    :param attempt: 1 for the first
    """
    return timedelta(seconds=backoff(attempt, first=FIRST_DELAY, longest=LONGEST_DELAY))


def _letter(row: DeliveryRow, attempt: Attempt) -> NewDeadLetter:
    # One letter a channel and problem, counted: a receiver that is gone for a night is one thing to look at.
    code = str(attempt.code or "no_answer") if attempt.retryable or attempt.code else "configuration"
    return NewDeadLetter(
        origin="notifications",
        identity=f"{row.channel}:{code}",
        code=code,
        message=f"Channel {row.channel} did not take {row.event_key}: {attempt.error}",
        payload={"delivery_id": row.id, "event_key": row.event_key},
        source_id=row.source_id,
        job_id=row.job_id,
    )
