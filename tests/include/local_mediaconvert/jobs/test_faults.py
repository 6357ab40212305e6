from __future__ import annotations

from pathlib import Path

import pytest
from local_mediaconvert.errors import ApiError
from local_mediaconvert.jobs.faults import EventFaults, Failure, FaultPlan, Faults, Refusal, Stall, parse_plan
from vodflow.errors import ConfigurationError


def refusals(faults: Faults, operation: str, calls: int) -> list[bool]:
    found = []
    for _ in range(calls):
        try:
            faults.before(operation)
            found.append(False)
        except ApiError as error:
            found.append(error.status == 429)
    return found


def test_nothing_happens_without_a_plan() -> None:
    faults = Faults()
    faults.before("CreateJob")
    faults.after("CreateJob")
    assert faults.failure({}) is None
    assert faults.stall({}) is None
    assert faults.deliveries("COMPLETE") == [0.0]


def test_the_seed_decides_and_each_operation_counts_for_itself() -> None:
    plan = FaultPlan(seed=5, throttle=(Refusal(percent=50),))
    alone = refusals(Faults(plan), "GetJob", 200)
    assert 70 < sum(alone) < 130
    among_others = Faults(plan)
    mixed = []
    for _ in range(200):
        refusals(among_others, "ListJobs", 3)
        mixed += refusals(among_others, "GetJob", 1)
    assert mixed == alone
    assert refusals(Faults(FaultPlan(seed=6, throttle=(Refusal(percent=50),))), "GetJob", 200) != alone


def test_a_refusal_ends_after_its_times_and_means_its_operations() -> None:
    faults = Faults(FaultPlan(throttle=(Refusal(operations=("GetJob",), times=2),)))
    assert refusals(faults, "ListJobs", 2) == [False, False]
    assert refusals(faults, "GetJob", 4) == [True, True, False, False]


def test_jobs_are_meant_by_their_metadata() -> None:
    plan = FaultPlan(
        fail=(Failure(code=1404, metadata={"a": "1", "b": "2"}, times=1),),
        stall=(Stall(seconds=3, metadata={"a": "1"}),),
    )
    faults = Faults(plan)
    both = {"userMetadata": {"a": "1", "b": "2", "c": "3"}}
    assert faults.failure({"userMetadata": {"a": "1"}}) is None
    assert faults.failure({}) is None
    found = faults.failure(both)
    assert found is not None
    assert found.code == 1404
    assert faults.failure(both) is None
    assert faults.stall(both) == plan.stall[0]


def test_events_are_lost_repeated_and_late() -> None:
    faults = Faults(FaultPlan(events=(EventFaults(statuses=("COMPLETE",), lose=100),)))
    assert faults.deliveries("COMPLETE") == []
    assert faults.deliveries("ERROR") == [0.0]
    faults.replace(FaultPlan(events=(EventFaults(duplicate=100, delay=100, delay_seconds=4),)))
    first, second = faults.deliveries("COMPLETE")
    assert first != second
    assert all(0 < delay < 4 for delay in (first, second))


def test_a_plan_is_read_from_json_and_from_files(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    file.write_text('{"seed": 3, "crash": [{"operation": "CancelJob"}]}')
    assert parse_plan(str(file)) == FaultPlan.model_validate({"seed": 3, "crash": [{"operation": "CancelJob"}]})
    for text, complaint in (
        ('{"throttle": [{"percent": 101}]}', "throttle.0.percent"),
        ('{"throttled": []}', "throttled"),
        ("{", "plan"),
        (str(tmp_path / "none.json"), "cannot be read"),
    ):
        with pytest.raises(ConfigurationError, match=complaint):
            parse_plan(text)


def test_the_plan_in_the_documentation_is_a_plan() -> None:
    page = (Path(__file__).parents[4] / "docs" / "local-mediaconvert-api.md").read_text()
    plan = parse_plan(page.split("```json")[1].split("```")[0])
    assert all(getattr(plan, part) for part in FaultPlan.model_fields)
