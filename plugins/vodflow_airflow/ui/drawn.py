"""What takes seconds of CPU time: made once for a state of the tables, one at a time, beside Airflow's own requests.

One thread works; whoever asks for the same chart waits for the same drawing, and when too many wait the next one is
told so.
"""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final, TypeVar

from fastapi import HTTPException, status

#: Charts and files that are kept; most have less than 200 kB.
KEPT: Final = 64
#: How many may wait to be made.
WAITING: Final = 24
#: Seconds for which somebody waits for one.
PATIENCE: Final = 120.0

T = TypeVar("T")


class Drawings:
    """What was made, and what is being made; safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, Future[Any]] = OrderedDict()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="vodflow-charts")

    async def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """What ``make`` gives, or gave before for this key; an error is not kept.

        :param key: all that the result depends on: also when the days were computed last
        :raises HTTPException: too many wait, or it takes too long
        """
        future = self._future(key, make)
        try:
            return await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(future)), PATIENCE)
        except TimeoutError:
            raise _busy() from None

    def _future(self, key: Hashable, make: Callable[[], T]) -> Future[T]:
        with self._lock:
            found = self._kept.pop(key, None)
            if found is None or (found.done() and found.exception()):
                if sum(not future.done() for future in self._kept.values()) >= WAITING:
                    raise _busy()
                found = self._pool.submit(make)
            self._kept[key] = found  # the last one used is the last to go
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
            return found


def _busy() -> HTTPException:
    return HTTPException(status.HTTP_503_SERVICE_UNAVAILABLE, "Many charts are being drawn: try again in a moment.")


drawings = Drawings()
