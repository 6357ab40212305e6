"""Operations on queues."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from vodflow.engines.mediaconvert.request.constraints import Problem

from local_mediaconvert.api import templates
from local_mediaconvert.arns import DEFAULT_QUEUE, plain_name
from local_mediaconvert.errors import bad_request, conflict, invalid
from local_mediaconvert.service import Service

_YEAR: Final = 365 * 24 * 3600

Document = dict[str, Any]
Parameters = Mapping[str, Any]

#: Members that a queue takes over as they are given.
_KEPT: Final = ("name", "description", "concurrentJobs", "maximumConcurrentFeeds")


def create_queue(service: Service, given: Parameters) -> Document:
    """Make a queue, ACTIVE and ON_DEMAND unless it says otherwise."""
    plan = given.get("pricingPlan", "ON_DEMAND")
    if plan == "RESERVED" and "reservationPlanSettings" not in given:
        raise invalid([Problem("/reservationPlanSettings", "required", "Is a required property")])
    if plan == "ON_DEMAND" and "reservationPlanSettings" in given:
        raise bad_request("/reservationPlanSettings: Should stand with pricingPlan RESERVED only")
    _check_concurrency(given)
    with service.store.transaction():
        queue = service.queues.create(
            {
                **{name: given[name] for name in _KEPT if name in given},
                "pricingPlan": plan,
                "status": given.get("status", "ACTIVE"),
                **_reservation(given),
            }
        )
        templates.put_tags(service, queue["arn"], given.get("tags", {}))
    return {"queue": _shown(service, queue)}


def update_queue(service: Service, given: Parameters) -> Document:
    """Pause or resume a queue, or change its description, concurrency or reservation."""
    _check_concurrency(given)
    queue = service.queues.get(given["name"])
    if "reservationPlanSettings" in given and queue["pricingPlan"] != "RESERVED":
        raise bad_request(f"The queue {queue['name']} is an on-demand queue and takes no reservation plan.")
    changes = {name: given[name] for name in (*_KEPT, "status") if name in given and name != "name"}
    queue = service.queues.update(given["name"], {**changes, **_reservation(given)})
    service.scheduler.wake()
    return {"queue": _shown(service, queue)}


def delete_queue(service: Service, given: Parameters) -> Document:
    """Remove a queue that is neither the default one nor in use."""
    with service.store.transaction():
        queue = service.queues.get(given["name"])
        if queue["name"] == DEFAULT_QUEUE:
            raise bad_request("The default queue cannot be deleted.")
        if queue.get("reservationPlan", {}).get("status") == "ACTIVE":
            raise conflict(f"The queue {queue['name']} has an active reservation and cannot be deleted.")
        if service.jobs.counts(queue["name"]):
            raise conflict(f"The queue {queue['name']} has jobs that have not ended and cannot be deleted.")
        service.queues.delete(queue["name"])
    return {}


def get_queue(service: Service, given: Parameters) -> Document:
    """One queue."""
    return {"queue": _shown(service, service.queues.get(given["name"]))}


def list_queues(service: Service, given: Parameters) -> Document:
    """Queues, and how many jobs the machine runs at a time."""
    answer = templates.listing(service.queues, given, "queues")
    answer["queues"] = [_shown(service, queue) for queue in answer["queues"]]
    total = service.config.concurrency
    given_away = sum(queue.get("concurrentJobs", 0) for queue in answer["queues"])
    return {**answer, "totalConcurrentJobs": total, "unallocatedConcurrentJobs": max(0, total - given_away)}


def _check_concurrency(given: Parameters) -> None:
    if given.get("concurrentJobs", 1) < 1:
        raise bad_request("/concurrentJobs: Should be greater than or equal to 1")


def _reservation(given: Parameters) -> Document:
    settings = given.get("reservationPlanSettings")
    if settings is None:
        return {}
    if settings["reservedSlots"] < 1:
        raise bad_request("/reservationPlanSettings/reservedSlots: Should be greater than or equal to 1")
    now = int(time.time())
    return {"reservationPlan": {**settings, "purchasedAt": now, "expiresAt": now + _YEAR, "status": "ACTIVE"}}


def _shown(service: Service, queue: Document) -> Document:
    counts = service.jobs.counts(plain_name(queue["name"], "queues"))
    return {
        **queue,
        "submittedJobsCount": counts.get("SUBMITTED", 0),
        "progressingJobsCount": counts.get("PROGRESSING", 0),
    }


HANDLERS: Final[Mapping[str, Callable[[Service, Parameters], Document]]] = {
    "CreateQueue": create_queue,
    "UpdateQueue": update_queue,
    "DeleteQueue": delete_queue,
    "GetQueue": get_queue,
    "ListQueues": list_queues,
}
