"""An asyncio event loop whose clock jumps over every wait, for code that only waits on timers."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


class _JumpingSelector(selectors.SelectSelector):
    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            raise RuntimeError("nothing would ever wake this loop")
        self.now += max(0.0, timeout)
        return super().select(0)


class FastLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


def run_fast(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """``asyncio.run`` in no time."""
    with asyncio.Runner(loop_factory=FastLoop) as runner:
        return runner.run(coroutine)
