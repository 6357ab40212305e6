"""How fast the watcher asks."""

from __future__ import annotations

import asyncio
import random
from typing import Final

#: Calls a second for one account, region and process. The service's own quota is shared with everything else.
POLL_RATE: Final = 1.0


class Pace:
    """Keeps calls at least ``1/rate`` seconds apart; slows down when the service throttles, and recovers.

    Halving and small additive steps, as TCP does: half of all calls throttled leaves about a fifth of the rate.

    :param rate: calls a second
    """

    def __init__(self, rate: float = POLL_RATE) -> None:
        self._top = rate
        self._rate = rate
        self._next = 0.0

    async def turn(self) -> None:
        """Wait until the next call may be made."""
        now = asyncio.get_running_loop().time()
        due = max(now, self._next)
        self._next = due + 1 / self._rate
        if due > now:
            await asyncio.sleep(due - now)

    def throttled(self) -> None:
        """The last call was refused or did not get through."""
        self._rate = max(self._top / 16, self._rate / 2)
        self._next += random.uniform(0, 1 / self._rate)  # noqa: S311  (jitter)

    def succeeded(self) -> None:
        """The last call was answered."""
        self._rate = min(self._top, self._rate + self._top / 10)
