"""What the triggers that wait for work of a catalog's job have in common."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent
from vodflow.errors import VodflowError, to_document


class CatalogJobTrigger(BaseTrigger):
    """Fires once: when the work is over, well or not, or when it is given up.

    A task that is killed while it waits here has its work cancelled; a triggerer that stops or restarts cancels
    nothing, and the next one goes on with it.

    The event: ``status`` (``success`` when the work is over), what the work is known by, and of work that is given up
    the error as :meth:`failure` writes it.

    :param job_id: id of the job in the catalog
    :param known_by: what else the work is known by
    """

    def __init__(self, *, job_id: int, **known_by: Any) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.job_id = job_id
        self.known = {"job_id": job_id, **known_by}

    @abstractmethod
    async def wait(self) -> None:
        """Return when the work is over.

        :raises VodflowError: it is given up
        """

    @abstractmethod
    def cancel(self) -> Any:
        """Stop the work, for its task was killed.

        :raises VodflowError: it cannot be stopped
        """

    def failure(self, error: VodflowError) -> dict[str, Any]:
        """An error as the event has it, for :func:`vodflow.errors.from_document`."""
        return {"error": to_document(error)}

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments, as the triggerer's database keeps them."""
        return f"{type(self).__module__}.{type(self).__qualname__}", dict(self.known)

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Fire once."""
        try:
            await self.wait()
        except VodflowError as error:
            yield TriggerEvent({**self.failure(error), "status": "error", **self.known})  # type: ignore[no-untyped-call]
        else:
            yield TriggerEvent({"status": "success", **self.known})  # type: ignore[no-untyped-call]

    async def on_kill(self) -> None:
        """Cancel the work: somebody marked the waiting task as failed or successful, or cleared it."""
        what = ", ".join(f"{name} {value}" for name, value in self.known.items())
        try:
            await asyncio.to_thread(self.cancel)
        except VodflowError as error:
            self.log.warning("Not cancelled: %s: %s", what, error)
        else:
            self.log.info("Cancelled, for its task was killed: %s", what)
