"""How long to wait before something that failed is tried again."""

from __future__ import annotations

import random

from tenacity import RetryCallState, Retrying, wait_exponential


def backoff(failures: int, *, first: float, longest: float, spread: float = 0.25) -> float:
    """Seconds to wait after so many failures in a row: ``first``, doubled by each further one, up to ``longest``.

    :param failures: 0 means that nothing failed, and no wait
    :param spread: share by which the wait is longer or shorter, so that many that failed together part
    """
    if failures < 1:
        return 0.0
    state = RetryCallState(Retrying(), None, (), {})
    state.attempt_number = failures
    return wait_exponential(multiplier=first, max=longest)(state) * random.uniform(1 - spread, 1 + spread)  # noqa: S311
