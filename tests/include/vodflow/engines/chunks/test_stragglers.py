"""Which parts are started a second time."""

from __future__ import annotations

from vodflow.engines.chunks.stragglers import percentile, stragglers

DONE = [1.0, 1.0, 1.1, 1.2, 1.3, 1.4]


def test_what_is_far_slower_than_nearly_all_is_started_again_as_far_as_there_is_room() -> None:
    running = {"chunk-007": 1.5, "chunk-008": 2.0, "chunk-009": 3.0}
    assert stragglers(DONE, running, 5) == ["chunk-009", "chunk-008"]
    assert stragglers(DONE, running, 1) == ["chunk-009"]
    assert stragglers(DONE, running, 0) == []


def test_nobody_is_late_before_it_is_known_what_is_usual() -> None:
    assert stragglers(DONE[:4], {"chunk-007": 9.0}, 1) == []
    assert stragglers(DONE, {"chunk-007": 9.0}, 1, whole=20) == []
    assert stragglers(DONE, {"chunk-007": 9.0}, 1, whole=12) == ["chunk-007"]


def test_percentiles_lie_between_values() -> None:
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert percentile([0.0, 10.0], 0.95) == 9.5
    assert percentile([4.0], 0.95) == 4.0
