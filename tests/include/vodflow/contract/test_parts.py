"""Names and places of a divided plan's parts."""

from __future__ import annotations

import pytest
from support.engine_plans import written_plan
from vodflow.contract.parts import AUDIO, find_part, part_digest, parts, plan_key, work_folder
from vodflow.contract.plan import TranscodePlan
from vodflow.contract.strategy import Chunk, Strategy, StrategyKind


def divided(*chunks: Chunk) -> TranscodePlan:
    strategy = Strategy(kind=StrategyKind.CHUNKS, reason="for a test", chunks=chunks)
    return written_plan(duration=3700.0).model_copy(update={"strategy": strategy})


TWO = Chunk(first=0, end=1440), Chunk(first=1440, seek=60.01, weight=1.2)


def test_an_undivided_plan_has_no_parts() -> None:
    assert parts(written_plan()) == ()


def test_chunks_are_named_by_their_time_after_the_sound() -> None:
    found = parts(divided(*TWO))
    assert [part.name for part in found] == [AUDIO, "chunk-001", "chunk-002"]
    assert [part.title for part in found] == [
        "audio", "chunk 001 (00:00:00–00:01:00)", "chunk 002 (00:01:00–01:01:40)",
    ]  # fmt: skip
    assert [part.number for part in found] == [0, 1, 2]
    assert found[1].rungs == ("1080p", "720p", "360p")


def test_groups_are_named_by_their_rungs() -> None:
    strategy = Strategy(kind=StrategyKind.RENDITIONS, reason="for a test", groups=(("1080p",), ("720p", "360p")))
    plan = written_plan(sound=None).model_copy(update={"strategy": strategy})
    assert [(part.name, part.title) for part in parts(plan)] == [
        ("rungs-1080p", "rungs 1080p"), ("rungs-720p-360p", "rungs 720p, 360p"),
    ]  # fmt: skip


def test_a_part_cut_elsewhere_is_another_one_of_the_same_name() -> None:
    first, second = TWO
    elsewhere = divided(first, second.model_copy(update={"weight": 1.1}))
    before, after = (find_part(plan, "chunk-002") for plan in (divided(*TWO), elsewhere))
    assert part_digest(divided(*TWO), before) != part_digest(elsewhere, after)
    assert part_digest(divided(*TWO), before) == part_digest(divided(*TWO), before)


def test_parts_lie_beside_the_outputs() -> None:
    assert work_folder("vod/a/b/c", parts(divided(*TWO))[1]) == "work/vod/a/b/c/chunk-001"
    assert plan_key("vod/a/b/c") == "work/vod/a/b/c/plan.json"


@pytest.mark.parametrize(
    "chunks",
    [
        (Chunk(first=0, end=100), Chunk(first=150)),
        (Chunk(first=50, end=100), Chunk(first=100)),
        (Chunk(first=0, end=100), Chunk(first=100, end=200)),
        (),
    ],
    ids=["gap", "late", "no end", "none"],
)
def test_chunks_cover_the_whole(chunks: tuple[Chunk, ...]) -> None:
    with pytest.raises(ValueError, match=r"chunks (must follow one another|and only chunks)"):
        Strategy(kind=StrategyKind.CHUNKS, reason="for a test", chunks=chunks)
