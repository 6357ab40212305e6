from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from integration.sensing.conftest import Place, Runs
from vodflow.catalog.locks import try_lock
from vodflow.catalog.rows import SourceRow
from vodflow.errors import EngineError
from vodflow.sensing.dispatch import PAGE, dispatch
from vodflow.sensing.ingest import ingest
from vodflow.sensing.queue import Message
from vodflow.sensing.sweep import sweep

pytestmark = pytest.mark.integration


def test_an_event_starts_one_run(place: Place, runs: Runs) -> None:
    place.put("acme/a.mp4")
    messages = place.wait_for_events(1)
    result = ingest(runs, messages=lambda: [messages.pop()] if messages else [])
    assert result.summary() == {
        "messages": 1,
        "registered_by_events": 1,
        "problems": 0,
        "postponed": 0,
        "objects_swept": 0,
        "registered_by_sweep": 0,
        "started": 1,
    }
    assert list(runs.started.values()) == [1]
    assert place.rows("status, run_id = 'source-' || id") == [("DISPATCHED", True)]


def test_a_lost_event_is_found_by_the_sweep(place: Place, runs: Runs) -> None:
    place.lose_events()
    place.put("acme/a.mp4")
    assert ingest(runs).started == 0
    assert ingest(runs, sweeping=True).started == 1


def test_events_and_sweeps_at_once_start_each_video_once(place: Place, runs: Runs) -> None:
    for number in range(60):
        place.put(f"acme/{number}.mp4", b"x")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: ingest(runs, sweeping=number % 2 == 0), range(4)))
    ids = {row[0] for row in place.rows("id")}
    assert len(ids) == 60
    # Started twice is refused by whoever keeps the runs; what must not happen is never.
    assert set(runs.started) == ids
    assert {row[0] for row in place.rows("status")} == {"DISPATCHED"}


def test_a_crash_between_start_and_note_starts_again_and_loses_none(place: Place, runs: Runs) -> None:
    place.put("acme/a.mp4")
    place.put("acme/b.mp4")
    sweep()

    class Crash(BaseException):
        pass

    def crash_on_second(source: SourceRow) -> None:
        runs(source)
        if len(runs.started) == 2:
            raise Crash

    with pytest.raises(Crash):
        dispatch(crash_on_second)
    assert [row[0] for row in place.rows("status")] == ["DISPATCHED", "DISCOVERED"]
    assert ingest(runs).started == 1
    assert sorted(runs.started.values()) == [1, 2]


def test_a_run_that_was_lost_behind_the_answer_is_started_again(place: Place, runs: Runs) -> None:
    place.put("acme/a.mp4")
    place.put("acme/b.mp4")
    sweep()
    first = place.rows("id")[0][0]

    def find(sources: Sequence[SourceRow]) -> bool:
        assert {row[0] for row in place.rows("status")} == {"DISCOVERED"}, "nothing is noted before it is found"
        return all(runs.started[source.id] > (source.id == first) for source in sources)

    assert ingest(runs, finder=find).started == 2
    assert runs.started[first] == 2
    assert {row[0] for row in place.rows("status")} == {"DISPATCHED"}


def test_runs_that_are_not_there_in_the_end_are_left_to_the_next_round(
    place: Place, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vodflow.sensing.dispatch._LOOKS", (0.0, 0.0))
    place.put("acme/a.mp4")
    sweep()
    with pytest.raises(EngineError, match="Of the runs of 1 sources some are not there") as caught:
        ingest(runs, finder=lambda _: False)
    assert caught.value.retryable
    assert place.rows("status") == [("DISCOVERED",)]
    assert ingest(runs, finder=lambda _: True).started == 1


def test_dispatch_pages_through_any_number(place: Place, runs: Runs) -> None:
    for number in range(PAGE + 5):
        place.put(f"acme/{number:03}.mp4", b"x")
    sweep()
    ids = [row[0] for row in place.rows("id")]
    assert dispatch(runs, ids=ids[1:4]) == 3  # type: ignore[arg-type]
    assert dispatch(runs) == PAGE + 2
    assert list(runs.started.values()) == [1] * (PAGE + 5)
    assert dispatch(runs) == 0


def test_a_second_sweep_leaves_it_to_the_first(place: Place, runs: Runs) -> None:
    place.lose_events()
    place.put("acme/a.mp4")
    with try_lock("vodflow.sweep") as mine:
        assert mine
        assert ingest(runs, sweeping=True).swept is None
    assert ingest(runs, sweeping=True).started == 1


def test_messages_are_asked_for_until_none_is_new(place: Place, runs: Runs) -> None:
    place.put("acme/a.mp4")
    place.put("acme/b.mp4")
    rounds = [[message] for message in place.wait_for_events(2)]
    asked: list[int] = []

    def next_messages() -> list[Message]:
        asked.append(len(rounds))
        return rounds.pop() if rounds else []

    assert ingest(runs, messages=next_messages).started == 2
    assert asked == [2, 1, 0]
