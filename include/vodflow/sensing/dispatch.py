"""Start one run for each registered source, exactly once in effect.

The run's id is made from the source's id, and how often it was reopened, so starting it a second time is refused by
whoever keeps the runs. A crash after the start and before the note in the catalog therefore costs one refused start,
and a crash before the start leaves the source to the next dispatch.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from vodflow.catalog.database import transaction
from vodflow.catalog.rows import SourceRow
from vodflow.catalog.sources import mark_dispatched, undispatched_sources
from vodflow.settings import Settings, get_settings

log = logging.getLogger(__name__)

#: Runs started before they are noted in the catalog: what a crash can make us try to start again.
PAGE = 50

#: Starters at a time: one asks S3 what its object wants while another one's run is being queued.
_AT_A_TIME: Final = 4

#: Starts the run of one source, in any thread; returns normally as well when that run exists already.
Starter = Callable[[SourceRow], None]


def dispatch(starter: Starter, *, ids: Sequence[int] | None = None, settings: Settings | None = None) -> int:
    """Start the runs of undispatched sources, oldest first; returns how many.

    :param ids: only of these; none means all
    :raises Exception: whatever the starter raises first; sources started before are noted
    """
    used = settings or get_settings()
    started, after = 0, 0
    while True:
        with transaction("dispatch", used) as connection:
            page = undispatched_sources(connection, min(PAGE, used.dispatch_batch), after_id=after, ids=ids)
        if not page:
            break
        started += _start(page, starter, used)
        after = page[-1].id
    if started:
        log.info("Started the runs of %d sources", started)
    return started


def _start(sources: list[SourceRow], starter: Starter, settings: Settings) -> int:
    started: list[int] = []
    pool = ThreadPoolExecutor(_AT_A_TIME, thread_name_prefix="vodflow-dispatch")
    try:
        starts = [(source.id, pool.submit(starter, source)) for source in sources]
        for source_id, start in starts:
            start.result()
            started.append(source_id)
    finally:
        pool.shutdown(cancel_futures=True)
        if started:
            with transaction("dispatch", settings) as connection:
                mark_dispatched(connection, started)
    return len(started)
