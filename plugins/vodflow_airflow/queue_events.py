"""The queue messages that woke a run through an ``AssetWatcher``."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any, Final

from airflow.sdk import Asset
from airflow.sdk.exceptions import AirflowRuntimeError
from vodflow.sensing.queue import Message, messages_of_event

log = logging.getLogger(__name__)

#: Asset events read in one request; an event carries up to ten messages.
_EVENTS: Final = 100


class WakingMessages:
    """Messages in the asset events that this run consumed, and in those that came after it was made.

    Airflow keeps one mark "a run is wanted" for an asset and a DAG. An event that arrives while the mark is set
    belongs to no run: the run consumes the events up to the mark's time and clears the mark. Their messages would come
    back after the queue's visibility timeout; reading them here is what keeps them fast.

    The task must list ``asset`` among its inlets. Events of other kinds, without or with an odd payload, give nothing.

    :param context: of the running task
    """

    def __init__(self, context: Mapping[str, Any], asset: Asset) -> None:
        self._asset = asset
        self._consumed = list(context["triggering_asset_events"].get(asset, ()))
        self._inlet_events = context["inlet_events"]
        self._after = context["dag_run"].run_after
        self._seen: set[tuple[str, str | None]] = set()

    def __call__(self) -> list[Message]:
        """The messages that no earlier call returned."""
        events = [*self._consumed, *self._later_events()]
        self._consumed = []
        found = (message for event in events for message in messages_of_event(_payload(event)))
        new = {(message.message_id, message.receipt): message for message in found}
        fresh = [message for identity, message in new.items() if identity not in self._seen]
        self._seen.update(new)
        return fresh

    def _later_events(self) -> Iterable[Any]:
        try:
            events = list(self._inlet_events[self._asset].after(self._after.isoformat()).limit(_EVENTS))
        except AirflowRuntimeError as error:
            log.warning("Could not read later events of %s; their messages come again: %s", self._asset.name, error)
            return []
        if events:
            self._after = max(event.timestamp for event in events)
        return events


def _payload(event: Any) -> object:
    extra = event.extra
    return extra.get("payload") if isinstance(extra, Mapping) else None
