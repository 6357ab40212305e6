"""Waiting for what stops every video alike, around one step of one run.

Nothing waits in here. Whoever carries the step out asks whether it may begin, tells how it ended, and is told for how
long to leave it alone; see :mod:`vodflow.catalog.holds` for who tries and when a hold is over.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection

from vodflow.catalog import holds, jobs
from vodflow.catalog.database import transaction
from vodflow.catalog.dead_letters import FAILED_RUN, NewDeadLetter, record_dead_letters
from vodflow.catalog.holds import Admission, Waiter, pause
from vodflow.catalog.work_lookup import source_of_run
from vodflow.errors import CatalogError, CatalogUnavailable, SharedCause, VodflowError
from vodflow.outcomes.announce import announce, announce_holds
from vodflow.settings import get_settings

__all__ = ["HeldStep", "pause", "try_again"]

log = logging.getLogger(__name__)

T = TypeVar("T")


class HeldStep:
    """One step of one run.

    :param step: id of the task
    """

    def __init__(self, run_id: str, step: str) -> None:
        self._settings = get_settings()
        self._waiter = Waiter(run_id, step, socket.gethostname(), self._settings.hold_interval)
        self._actor = f"{step}:{run_id}"
        self._held = False

    def admit(self) -> Admission:
        """Whether the step may begin.

        :raises CatalogUnavailable: a cause of its own
        """
        with transaction(self._actor) as connection:
            admission = holds.admit(connection, self._waiter)
        self._held = admission.held
        if admission.wait is not None:
            announce_holds()  # who waits has the time
        return admission

    def meet(self, error: VodflowError, waited: float) -> float | None:
        """The step has met a shared cause.

        :param waited: seconds since this step was put off first, for when the catalog cannot tell
        :return: seconds until it may ask again; none when it has waited long enough, and its jobs have failed
        """
        limit = self._settings.hold_limit
        try:
            if error.shared_cause is not SharedCause.CATALOG:
                with transaction(self._actor) as connection:
                    seconds = holds.meet(connection, self._waiter, error, limit)
                    failed = [] if seconds is not None else holds.open_jobs(connection, self._waiter.run_id)
                    for row in failed:
                        jobs.fail_job(connection, row.id, error, retryable=True)
                    if seconds is None and not failed:
                        self._keep_failed_run(connection, error)
                announce_holds()
                for row in failed:
                    announce(source_id=row.source_id, video_id=row.video_id, job_id=row.id)
                return seconds
        except CatalogUnavailable as away:
            log.warning("Who waits cannot be kept: %s", away)
        return None if waited >= limit else pause(waited, self._waiter.longest_pause)

    def _keep_failed_run(self, connection: Connection, error: VodflowError) -> None:
        """Without a job, nothing else would tell of a run that has failed."""
        source_id = source_of_run(connection, self._waiter.run_id)
        letter = NewDeadLetter(
            origin=FAILED_RUN,
            identity=self._waiter.run_id,
            code=str(error.shared_cause),
            message=str(error),
            source_id=source_id,
        )
        record_dead_letters(connection, [letter])

    def passed(self, start_again: Callable[[str], object]) -> None:
        """The step got through: whoever waits at it goes on, and so does who was given up.

        :param start_again: starts a run of this id over
        """
        _start(self._tell(holds.passed) or [], start_again)

    def leave(self) -> None:
        """The step ended by a fault of its own."""
        self._tell(holds.leave)

    def _tell(self, change: Callable[[Connection, Waiter], T]) -> T | None:
        try:
            if self._held:
                with transaction(self._actor) as connection:
                    told = change(connection, self._waiter)
                announce_holds()
                return told
        except CatalogError as error:  # the step is over all the same, and the others find out for themselves
            log.warning("Whoever waits at this step is not told: %s", error)
        return None


def try_again(start_again: Callable[[str], object]) -> int:
    """Where everybody was given up, let one run try whether the cause is over; how many were started.

    :param start_again: starts a run of this id over
    :raises CatalogError: the catalog does not answer
    """
    with transaction("holds") as connection:
        found = holds.next_to_try(connection)
    return _start(found, start_again)


def _start(run_ids: list[str], start_again: Callable[[str], object]) -> int:
    started = 0
    for run_id in run_ids:
        try:
            with transaction("holds") as connection:
                if not holds.started_again(connection, run_id):
                    continue  # by somebody else, and another start would stop it
                start_again(run_id)
        except VodflowError as error:  # its row stays, and it is found again
            log.warning("Run %s could not be started again: %s", run_id, error)
        else:
            log.info("Run %s, given up before, goes on", run_id)
            started += 1
    return started
