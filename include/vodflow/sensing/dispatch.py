"""Start one run for each registered source, exactly once in effect.

The run's id is made from the source's id, and how often it was reopened, so starting it a second time is refused by
whoever keeps the runs. A crash after the start and before the note in the catalog therefore costs one refused start,
and a crash before the start leaves the source to the next dispatch. Whoever keeps the runs may answer before it writes
(Airflow commits behind its answer), and be killed in between: what was started is looked for before it is noted.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from vodflow.catalog.database import transaction
from vodflow.catalog.rows import SourceRow
from vodflow.catalog.sources import mark_dispatched, undispatched_sources
from vodflow.errors import EngineError
from vodflow.settings import Settings, get_settings

log = logging.getLogger(__name__)

#: Runs started before they are noted in the catalog: what a crash can make us try to start again.
PAGE = 50

#: Starters at a time: one asks S3 what its object wants while another one's run is being queued.
_AT_A_TIME: Final = 4

#: Starts the run of one source, in any thread; returns normally as well when that run exists already.
Starter = Callable[[SourceRow], None]

#: Says whether the runs of all these sources are there.
Finder = Callable[[Sequence[SourceRow]], bool]

#: Seconds before each look for started runs: the first one may be quicker than the commit.
_LOOKS: Final = (0.0, 0.2, 0.5, 1.0, 2.0)


def dispatch(
    starter: Starter,
    *,
    finder: Finder | None = None,
    ids: Sequence[int] | None = None,
    settings: Settings | None = None,
) -> int:
    """Start the runs of undispatched sources, oldest first; returns how many.

    :param finder: none means that a run is there when its starter returns
    :param ids: only of these; none means all
    :raises EngineError: runs were started and are not there (retryable); their sources stay undispatched
    :raises Exception: whatever the starter raises first; sources started before are noted
    """
    used = settings or get_settings()
    started, after = 0, 0
    while True:
        with transaction("dispatch", used) as connection:
            page = undispatched_sources(connection, min(PAGE, used.dispatch_batch), after_id=after, ids=ids)
        if not page:
            break
        started += _start(page, starter, finder, used)
        after = page[-1].id
    if started:
        log.info("Started the runs of %d sources", started)
    return started


def _start(sources: list[SourceRow], starter: Starter, finder: Finder | None, settings: Settings) -> int:
    started: list[SourceRow] = []
    pool = ThreadPoolExecutor(_AT_A_TIME, thread_name_prefix="vodflow-dispatch")
    try:
        starts = [(source, pool.submit(starter, source)) for source in sources]
        for source, start in starts:
            start.result()
            started.append(source)
    finally:
        pool.shutdown(cancel_futures=True)
        if started:
            if finder is not None:
                _look_for(started, starter, finder)
            with transaction("dispatch", settings) as connection:
                mark_dispatched(connection, [source.id for source in started])
    return len(started)


def _look_for(started: list[SourceRow], starter: Starter, finder: Finder) -> None:
    """Start runs once more that are not there; nothing when all are."""
    for look, pause in enumerate(_LOOKS):
        time.sleep(pause)
        if finder(started):
            return
        if look:
            log.warning("Not all runs of %d sources are there that were started; each is asked for again", len(started))
            for source in started:
                starter(source)
    raise EngineError(
        f"Of the runs of {len(started)} sources some are not there although they were started; the next round starts "
        "them again.",
        code="runs_lost",
        retryable=True,
    )
