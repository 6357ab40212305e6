"""How long a notification waits for its next try."""

from __future__ import annotations

import itertools

from vodflow.outcomes.dynamodb import sync
from vodflow.outcomes.notifications.delivery import FIRST_DELAY, LONGEST_DELAY, delay


def test_it_doubles_to_an_hour_and_never_leaves_its_spread() -> None:
    for attempt in (*range(1, 60), 10_000):
        expected = min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** min(attempt - 1, 60))
        found = [delay(attempt).total_seconds() for _ in range(50)]
        assert all(0.75 * expected <= seconds <= 1.25 * expected for seconds in found), attempt
        assert len(set(found)) > 10, "many that failed together do not come back together"


def test_metadata_waits_ten_minutes_at_most() -> None:
    assert all(sync._delay(attempts).total_seconds() <= 750 for attempts in range(2000))
    pairs = itertools.pairwise([sync._delay(attempts).total_seconds() / 1.25 for attempts in range(0, 6, 2)])
    assert all(later > earlier for earlier, later in pairs)
