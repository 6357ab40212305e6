"""Wakes ``deliver_outcomes`` when there is something to deliver."""

from __future__ import annotations

import time
from asyncio import sleep, to_thread
from collections.abc import AsyncIterator
from typing import Any, Final

from airflow.triggers.base import BaseEventTrigger, TriggerEvent
from vodflow.errors import VodflowError

#: Seconds between two looks into the catalog.
LOOK: Final = 15.0
#: Seconds after an event before the next one; doubled while the same is still due, up to the second number.
GAP: Final = (60.0, 600.0)


class OutcomesDueTrigger(BaseEventTrigger):
    """Fires when notifications or metadata updates are due that no step has sent.

    A catalog that does not answer is no event and no error: there will be another look.

    :param look: seconds between two looks
    :param gap: least seconds between two events
    :param longest_gap: seconds to which the gap grows while nothing becomes of the events
    """

    def __init__(self, *, look: float = LOOK, gap: float = GAP[0], longest_gap: float = GAP[1]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.look = look
        self.gap = gap
        self.longest_gap = longest_gap

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments, as the triggerer's database keeps them."""
        arguments = {"look": self.look, "gap": self.gap, "longest_gap": self.longest_gap}
        return "vodflow_airflow.triggers.outcomes_due.OutcomesDueTrigger", arguments

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Fire again and again, as often as something is due."""
        gap = self.gap
        while True:
            due = await self._due_in()
            if due == 0.0:
                yield TriggerEvent({"due_since": time.time()})  # type: ignore[no-untyped-call]
                await sleep(gap)
                gap = min(gap * 2, self.longest_gap)
                continue
            gap = self.gap
            await sleep(self.look if due is None else min(due + 0.1, self.look))

    async def _due_in(self) -> float | None:
        # Imported here: the DAG processor, which only names the trigger, needs no database.
        from vodflow.outcomes.announce import due_in  # noqa: PLC0415

        try:
            return await to_thread(due_in)
        except VodflowError as error:
            self.log.warning("Cannot look for what is due: %s", error)
            return None
