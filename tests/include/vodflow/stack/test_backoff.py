from __future__ import annotations

from vodflow.stack.backoff import LONGEST_DELAY, SOUND_AFTER, Backoff


def test_delays_double_up_to_a_bound() -> None:
    backoff, delays = Backoff(), []
    for _ in range(9):
        backoff = backoff.after_run(1.0)
        delays.append(backoff.delay)
    assert delays == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]


def test_a_part_that_never_failed_starts_at_once() -> None:
    assert Backoff().delay == 0.0


def test_a_long_sound_run_forgets_earlier_failures() -> None:
    assert Backoff(7).after_run(SOUND_AFTER).delay == 0.5


def test_thousands_of_failures_stay_at_the_bound() -> None:
    assert Backoff(10_000).delay == LONGEST_DELAY
