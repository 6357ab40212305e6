"""The pods of a divided plan's parts, and which of them are late."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from support.engine_plans import written_plan
from vodflow.catalog.parts import PartRow
from vodflow.catalog.rows import JobRow
from vodflow.catalog.states import PartState
from vodflow.contract.parts import AUDIO, find_part, part_digest, parts
from vodflow.contract.strategy import Chunk, Strategy, StrategyKind
from vodflow.engines.kubernetes.pod import (
    LABEL_PART,
    PodRequest,
    job_labels,
    job_selector,
    part_pod_name,
    pod_manifest,
)
from vodflow.engines.kubernetes.resources import BASE_MEMORY, MIB, estimate, estimate_join, estimate_part
from vodflow.engines.kubernetes.wait_part import late_parts, room_for_more
from vodflow.engines.local.workspace import needed_bytes, part_bytes

UHD = (("2160p", 3840, 2160, 16_000_000), ("1080p", 1920, 1080, 5_000_000), ("360p", 640, 360, 800_000))
RATE, LENGTH, COUNT = 24, 60, 12


def chunked(ladder: Any = UHD) -> Any:
    """Twelve minutes in twelve chunks."""
    firsts = [number * RATE * LENGTH for number in range(COUNT)]
    chunks = tuple(Chunk(first=first, end=end) for first, end in zip(firsts, [*firsts[1:], None], strict=True))
    strategy = Strategy(kind=StrategyKind.CHUNKS, reason="for a test", chunks=chunks)
    plan = written_plan(ladder=ladder, duration=float(COUNT * LENGTH))
    return plan.model_copy(update={"strategy": strategy})


PLAN = chunked()


def test_a_part_asks_for_what_it_needs_itself() -> None:
    whole, chunk, sound = estimate(PLAN), estimate_part(PLAN, find_part(PLAN, "chunk-003")), find_part(PLAN, AUDIO)
    # All rungs at once, as the whole: 255 million pixels a second; but a twelfth of the disk, and not the source.
    assert (chunk.cpus, chunk.memory) == (whole.cpus, whole.memory) == (5, whole.memory)
    assert part_bytes(PLAN, find_part(PLAN, "chunk-003")) <= chunk.disk < whole.disk / 10
    # The sound has no pictures, and needs the whole source.
    assert (estimate_part(PLAN, sound).cpus, estimate_part(PLAN, sound).memory) == (1, BASE_MEMORY)
    assert estimate_part(PLAN, sound, memory_factor=2).memory == 2 * BASE_MEMORY
    joins = estimate_join(PLAN)
    # Three rungs and two bit rates of sound, of which the packager holds 64 MiB each.
    assert (joins.cpus, joins.memory, joins.disk >= needed_bytes(PLAN)) == (1, BASE_MEMORY + 5 * 24 * MIB, True)
    # What takes one CPU less than a minute gets one.
    small = chunked((("360p", 640, 360, 800_000),))
    assert estimate_part(small, find_part(small, "chunk-001")).cpus == 1


def test_a_group_of_rungs_asks_for_its_own() -> None:
    strategy = Strategy(kind=StrategyKind.RENDITIONS, reason="for a test", groups=(("2160p",), ("1080p", "360p")))
    plan = written_plan(ladder=UHD, duration=200.0).model_copy(update={"strategy": strategy})
    large, others = (estimate_part(plan, find_part(plan, name)) for name in ("rungs-2160p", "rungs-1080p-360p"))
    assert (large.cpus, others.cpus, estimate(plan).cpus) == (4, 1, 5)
    assert others.memory < large.memory < estimate(plan).memory


def test_a_parts_pod_is_found_by_name_and_labels() -> None:
    part = find_part(PLAN, "chunk-003")
    name = part_pod_name(PLAN, part, 123456, 2)
    assert name == f"vodflow-a-film-123456-chunk-003-2-{part_digest(PLAN, part)[:8]}"
    names = {part_pod_name(PLAN, one, 7, number) for one in parts(PLAN) for number in (1, 2)}
    assert len(names) == 2 * len(parts(PLAN))
    assert max(len(one) for one in names) <= 63
    manifest = pod_manifest(
        PLAN,
        PodRequest(
            name=name,
            namespace="media",
            image="registry/vodflow-worker:1",
            plan_uri="s3://media/work/vod/x/plan.json",
            report="s3://media/work/vod/x/chunk-003/report-2.json",
            bucket="media",
            prefix="vod/x",
            command=("part", part.name),
            needs=estimate_part(PLAN, part),
            labels={**job_labels(PLAN, 123456, 2), LABEL_PART: part.name},
        ),
    )
    (worker,) = manifest["spec"]["containers"]
    assert worker["args"] == [
        "worker", "part", "chunk-003", "--plan", "s3://media/work/vod/x/plan.json", "--bucket", "media",
        "--prefix", "vod/x", "--report", "s3://media/work/vod/x/chunk-003/report-2.json",
    ]  # fmt: skip
    assert worker["resources"]["requests"]["cpu"] == "5"
    labels = manifest["metadata"]["labels"]
    assert set(job_selector(PLAN, 123456, part).split(",")) <= {f"{key}={value}" for key, value in labels.items()}
    assert labels["vodflow.io/part"] == "chunk-003"


def row(name: str, seconds: float | None, *, attempt: int = 1) -> PartRow:
    """A part that runs for so many seconds; or that is done in a minute."""
    state = PartState.DONE if seconds is None else PartState.RUNNING
    now = datetime.now(UTC)
    return PartRow(
        name, name, "", state, attempt, None, None, None, [], now, None, 60.0 if seconds is None else seconds
    )


class Job:
    """As much of a job as the rule reads."""

    plan = PLAN


def late(seconds: dict[str, float], *, room: int = 1, without: str | None = None) -> list[str]:
    known = [row(part.name, seconds.get(part.name)) for part in parts(PLAN) if part.name != without]
    job: JobRow = Job()  # type: ignore[assignment]
    return late_parts(job, known, room)


def test_only_a_chunk_far_slower_than_the_done_ones_is_late() -> None:
    assert late({"chunk-003": 71.0, "chunk-004": 80.0, "chunk-005": 90.0}) == ["chunk-005"]
    assert late({"chunk-003": 71.0, "chunk-004": 80.0, "chunk-005": 90.0}, room=3) == ["chunk-005", "chunk-004"]
    # The sound has no equal to be compared with, and what has not begun needs the room more.
    assert late({"audio": 900.0}) == []
    assert late({"chunk-004": 90.0}, without="chunk-009") == []
    assert late({"chunk-004": 90.0}, room=0) == []


def test_two_attempts_at_a_part_take_two_places(set_settings: Any) -> None:
    settings = set_settings(max_parallel_chunks=4, kubernetes_parts=10)
    rows = [row("chunk-001", None), row("chunk-002", 3.0), row("chunk-003", 3.0, attempt=2)]
    assert room_for_more(rows, 3, settings) == 1
    assert room_for_more(rows, 10, settings) == 0


@pytest.mark.parametrize(
    ("strategy", "pods", "expected"),
    [
        ("auto", True, "kubernetes"),
        ("chunks", True, "kubernetes"),
        ("single", True, None),
        ("auto", False, None),
        ("renditions", False, "local"),
    ],
)
def test_whose_parts_have_tasks(set_settings: Any, strategy: str, *, pods: bool, expected: str | None) -> None:
    from vodflow.settings.engines import dividing_engine  # noqa: PLC0415

    set_settings(strategy=strategy, **({"kubernetes_namespace": "video", "kubernetes_image": "x:1"} if pods else {}))
    assert dividing_engine() == expected
