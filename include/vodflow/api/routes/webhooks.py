"""What others are told: the channels, each delivery, another try, a test event."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Request, Response

from vodflow.api.access import WebhooksManager
from vodflow.api.app_state import services
from vodflow.api.audit import record
from vodflow.api.callers import Caller
from vodflow.api.models.operations import (
    ChannelDocument,
    DeliveryDetails,
    DeliveryDocument,
    DeliveryQuery,
    TestResult,
)
from vodflow.api.paging import Page, page_of
from vodflow.api.parameters import ObjectId, ShortText
from vodflow.api.problems import Problem, not_found
from vodflow.catalog import deliveries
from vodflow.catalog.database import transaction
from vodflow.catalog.deliveries import DeliveryFilter, DeliveryRow
from vodflow.catalog.event_document import invented
from vodflow.settings import Settings
from vodflow.settings.channels import Channel, SnsChannel
from vodflow.tenancy.channels import own_channels

router = APIRouter(prefix="/api/v1/webhooks", tags=["webhooks"])

#: Seconds that a test event may take, whatever the channel allows.
_TEST_LIMIT: Final = 15.0


@router.get("/channels")
def channels(request: Request, caller: WebhooksManager) -> list[ChannelDocument]:
    """Where notifications go; a tenant's caller sees the tenant's own channels."""
    return [_channel(one, caller) for one in _own(caller, services(request).settings)]


@router.post("/channels/{channel:path}/test")
def test(
    request: Request,
    caller: WebhooksManager,
    channel: Annotated[ShortText, Path(description="its name; a tenant's own are called `tenant/name`")],
) -> TestResult:
    """Send an event of an invented video to one channel, once. It says `test`, and nothing is recorded."""
    from vodflow.outcomes.notifications.senders import send  # noqa: PLC0415 - slow to import

    settings = services(request).settings
    found = next((one for one in _own(caller, settings) if one.name == channel), None)
    if found is None:
        raise not_found(f"channel {channel}; /api/v1/webhooks/channels lists them")
    document = invented(datetime.now(UTC), caller.tenant or "test")
    attempt = asyncio.run(send(found, document, limit=min(found.timeout, _TEST_LIMIT), settings=settings))
    record(request, "webhooks.test", f"channel {channel}", detail={"error": attempt.error} if attempt.error else None)
    return TestResult(
        delivered=attempt.error is None, response_code=attempt.code, error=attempt.error, retryable=attempt.retryable
    )


@router.get("/deliveries")
def list_deliveries(
    request: Request,
    response: Response,
    caller: WebhooksManager,
    asked: Annotated[DeliveryQuery, Query()],
) -> Page[DeliveryDocument]:
    """What was sent, or is to be sent, in the order in which it happened."""
    order = f"deliveries {asked.sort}"
    (after,) = asked.page.after(order, int) or (None,)
    wanted = DeliveryFilter(**asked.model_dump(exclude={"sort", "limit", "cursor"}), channels=_prefix(caller))
    with transaction(caller.actor, services(request).settings) as connection:
        found = deliveries.recent(
            connection, wanted, limit=asked.limit + 1, after=after, oldest_first=asked.oldest_first
        )
    return page_of(request, response, found, asked.limit, order, DeliveryDocument.model_validate)


@router.get("/deliveries/{delivery_id}")
def delivery(request: Request, caller: WebhooksManager, delivery_id: ObjectId) -> DeliveryDetails:
    """One delivery, with what was sent."""
    return DeliveryDetails.model_validate(_delivery(request, caller, delivery_id))


@router.post("/deliveries/{delivery_id}/redeliver", status_code=202)
def redeliver(request: Request, caller: WebhooksManager, delivery_id: ObjectId) -> DeliveryDetails:
    """Send one again that was given up, or that its receiver has lost; it is sent with the next round."""
    row = _delivery(request, caller, delivery_id)
    with transaction(caller.actor, services(request).settings) as connection:
        if not deliveries.retry(connection, delivery_id=delivery_id, delivered=True):
            raise Problem(
                409, "not_delivered_yet", f"Delivery {delivery_id} is {row.status}: only DELIVERED and FAILED ones can "
                "be sent again.",
            )  # fmt: skip
    record(request, "webhooks.redeliver", f"delivery {delivery_id}", tenant=row.tenant or None)
    return DeliveryDetails.model_validate(_delivery(request, caller, delivery_id))


def _own(caller: Caller, settings: Settings) -> Sequence[Channel]:
    return settings.notifications if caller.tenant is None else own_channels(caller.tenant, settings)


def _prefix(caller: Caller) -> str | None:
    """How the names of the channels begin whose deliveries a caller may see: those of others are not its business."""
    return None if caller.tenant is None else f"{caller.tenant}/"


def _delivery(request: Request, caller: Caller, delivery_id: int) -> DeliveryRow:
    with transaction(caller.actor, services(request).settings) as connection:
        row = deliveries.get(connection, delivery_id)
    if row is None or not row.channel.startswith(_prefix(caller) or ""):
        raise not_found(f"delivery {delivery_id}")
    return row


def _channel(one: Channel, caller: Caller) -> ChannelDocument:
    shared = {name: getattr(one, name) for name in ("name", "type", "events", "tenants", "attempts", "timeout")}
    return ChannelDocument(
        **shared, tenant=caller.tenant, topic_arn=one.topic_arn if isinstance(one, SnsChannel) else None
    )
