"""Holds: who waits, who tries, when it is over for all."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, update
from vodflow.catalog import holds
from vodflow.catalog.database import transaction
from vodflow.catalog.holds import Admission, Waiter
from vodflow.catalog.tables import hold
from vodflow.errors import DiskSpaceError, EngineUnavailable, StartError, StorageUnavailable, VodflowError
from vodflow.settings import Settings

pytestmark = pytest.mark.integration

AWAY = StorageUnavailable("S3 does not answer", code="connection")
LONG = 3600.0


@pytest.fixture(autouse=True)
def _catalog(catalog: Settings) -> None:
    pass


def waiter(number: int, step: str = "publish", machine: str = "a") -> Waiter:
    return Waiter(f"source-{number}", step, machine, 30.0)


def meet(who: Waiter, error: VodflowError = AWAY, limit: float = LONG) -> float | None:
    with transaction("test") as connection:
        return holds.meet(connection, who, error, limit)


def admit(who: Waiter) -> Admission:
    with transaction("test") as connection:
        return holds.admit(connection, who)


def passed(who: Waiter) -> list[str]:
    with transaction("test") as connection:
        return holds.passed(connection, who)


def seen() -> list[tuple[str, str, str, int, int]]:
    with transaction("test") as connection:
        return [(row.step, row.cause, row.scope, row.waiting, row.given_up) for row in holds.holds(connection)]


def grow_older(seconds: float) -> None:
    """Move the past away, rather than wait."""
    back = timedelta(seconds=seconds)
    with transaction("test") as connection:
        connection.execute(
            update(hold).values({name: hold.c[name] - back for name in ("since", "seen_at", "tried_at")})
        )


def test_nobody_waits_without_a_hold() -> None:
    assert admit(waiter(1)) == Admission(None, held=False)
    assert passed(waiter(1)) == []


def test_one_tries_for_all_and_its_success_frees_all() -> None:
    assert meet(waiter(1)) == 5.0
    for number in (2, 3):
        admission = admit(waiter(number))
        assert admission.wait is not None
        assert admission.wait > 0
        assert admission.message == "S3 does not answer"
    assert seen() == [("publish", "storage", "", 3, 0)]
    grow_older(6)
    assert admit(waiter(2)).wait is None, "the first who comes when it is time tries"
    assert admit(waiter(1)).wait is not None, "and the others wait for what becomes of it"
    assert meet(waiter(2)) == 5.0
    grow_older(100)
    assert admit(waiter(3)) == Admission(None, held=True)
    assert passed(waiter(3)) == []
    assert seen() == []
    assert admit(waiter(1)) == Admission(None, held=False)


def test_people_read_one_sentence() -> None:
    meet(waiter(1), StartError("This machine could not start ffmpeg now: no more processes.", code="EAGAIN"), limit=0)
    meet(waiter(2), StartError("This machine could not start ffmpeg now: no more processes.", code="EAGAIN"))
    with transaction("test") as connection:
        (row,) = holds.holds(connection)
        (own,) = holds.holds(connection, "source-2")
    assert row.sentence.startswith("2 runs (1 have failed meanwhile) wait at publish for machine of a since 2")
    assert row.sentence.endswith(" UTC: This machine could not start ffmpeg now: no more processes.")
    assert (own.waiting, own.given_up) == (1, 0)


def test_looks_become_rarer_up_to_the_setting() -> None:
    assert [holds.pause(age, 30.0) for age in (0, 40, 100, 1000)] == [5.0, 10.0, 25.0, 30.0]
    meet(waiter(1))
    grow_older(80)
    seconds = meet(waiter(1))
    assert seconds is not None
    assert 20 <= seconds <= 30


def test_a_machine_s_trouble_is_its_own_and_a_step_s_hold_is_no_other_step_s() -> None:
    meet(waiter(1), StartError("no process", code="EAGAIN"))
    meet(waiter(2, "transcode_mediaconvert"), EngineUnavailable("throttled", code="Throttling"))
    assert admit(waiter(3)).wait is not None
    assert admit(waiter(3, machine="b")).wait is None
    assert admit(waiter(3, "prepare")).wait is None
    assert passed(waiter(4, machine="b")) == []
    assert len(seen()) == 2, "what works on another machine says nothing of this one"


@pytest.mark.parametrize("limit", [LONG, 0])
def test_a_run_that_goes_on_at_another_machine_waits_nowhere(limit: float) -> None:
    meet(waiter(1), StartError("no process", code="EAGAIN"), limit)
    assert admit(waiter(1, machine="b")) == Admission(None, held=True)
    assert passed(waiter(1, machine="b")) == []
    assert seen() == []


def test_a_full_disk_is_seen_by_each_for_itself() -> None:
    meet(waiter(1), DiskSpaceError("full", code="ENOSPC"))
    assert admit(waiter(2)) == Admission(None, held=True)
    assert passed(waiter(2)) == []
    assert seen() == [("publish", "disk", "a", 1, 0)], "a small job that fits says nothing of a large one"
    assert passed(waiter(1)) == []
    assert seen() == []


def test_who_was_given_up_goes_on_when_another_gets_through() -> None:
    meet(waiter(1), limit=10)
    meet(waiter(2), limit=10)
    grow_older(20)
    assert meet(waiter(1), limit=10) is None
    assert meet(waiter(2), limit=LONG) is not None
    assert seen() == [("publish", "storage", "", 1, 1)]
    with transaction("test") as connection:
        assert holds.next_to_try(connection) == [], "somebody still tries"
    assert passed(waiter(2)) == ["source-1"]
    assert passed(waiter(2)) == ["source-1"], "until it was started"
    with transaction("test") as connection:
        assert holds.started_again(connection, "source-1")
        assert not holds.started_again(connection, "source-1"), "once alone"
    assert seen() == []


def test_where_all_were_given_up_one_tries_again() -> None:
    for number in (1, 2):
        meet(waiter(number), limit=0)
    with transaction("test") as connection:
        assert holds.next_to_try(connection) == ["source-1"]
    assert admit(waiter(1)) == Admission(None, held=True), "and begins anew"
    assert seen() == [("publish", "storage", "", 0, 1)]


def test_a_run_that_was_stopped_holds_nobody() -> None:
    meet(waiter(1))
    with transaction("test") as connection:
        connection.execute(update(hold).values(seen_at=func.now() - timedelta(hours=1)))
    assert admit(waiter(2)).wait is None
    assert seen() == []


def test_nobody_is_forgotten_between_two_looks() -> None:
    with pytest.raises(ValueError, match="less than or equal to 300"):
        Settings(hold_interval=1000)
