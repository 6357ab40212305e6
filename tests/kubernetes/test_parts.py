"""Divided jobs on a real cluster: a pod for each part, lost ones, late ones, cancelled ones."""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
import random
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from airflow.sdk import DAG
from support.fixtures.kubernetes import NAMESPACE, Pods, attempt, reread
from vodflow.catalog import parts as part_rows
from vodflow.catalog.database import transaction
from vodflow.catalog.overview import overview
from vodflow.catalog.parts import OVERTAKEN, PartRow
from vodflow.catalog.rows import JobRow
from vodflow.catalog.states import JobStatus, PartState
from vodflow.contract.parts import find_part, parts
from vodflow.engines.chunks.steps import parts_to_make
from vodflow.engines.kubernetes import wait_part
from vodflow.engines.kubernetes.collect import collect_job
from vodflow.engines.kubernetes.parts import collect_part, submit_part
from vodflow.engines.kubernetes.pod import part_pod_name
from vodflow.engines.kubernetes.submit import submit_job
from vodflow.engines.kubernetes.wait import wait_for_pod
from vodflow.errors import EngineError
from vodflow.jobs.control import _set_canceled
from vodflow.pipeline.publish import publish_job, verify_job
from vodflow.storage.objects import list_objects
from vodflow_airflow.operators.kubernetes_transcode import KubernetesTranscodeOperator
from vodflow_airflow.triggers.kubernetes_part import KubernetesPartTrigger

pytestmark = [pytest.mark.kubernetes, pytest.mark.airflow]

RUN = "manual-1"
#: Pods that work side by side: the tests' node is small.
AT_ONCE = 4
#: In the place of the worker's entry point: waits where the arguments match, and works otherwise.
HANG = """trap 'exit 143' TERM; case "$*" in {pattern}) sleep 600 & wait;; esac; exec python -m vodflow "$@\""""


@pytest.fixture
def few(pods: Pods) -> Pods:
    """Pods that ask for little, so that several of them find room on a small node."""
    pods.change(resources={"requests": {"cpu": "50m", "memory": "100Mi"}})
    return pods


def divided(pods: Pods, seconds: int, **values: Any) -> JobRow:
    """Two minutes, in chunks of so many seconds."""
    pods.set_settings(strategy="chunks", chunk_seconds=seconds, max_parallel_chunks=AT_ONCE)
    job = pods.planned("two_minutes", outputs=["hls"], **values)
    assert len(job.plan.strategy.chunks) == 120 // seconds
    return job


def hang(pods: Pods, pattern: str) -> None:
    """Have those pods wait for ever whose arguments match a pattern of the shell."""
    pods.change(command=["sh", "-c", HANG.format(pattern=pattern), "sh"])


def rows(job: JobRow) -> dict[str, PartRow]:
    with transaction("test") as connection:
        return {row.part: row for row in part_rows.parts_of(connection, job.id)}


def pod_of(job: JobRow, name: str, number: int = 1) -> str:
    return part_pod_name(job.plan, find_part(job.plan, name), job.id, number)


async def make(job: JobRow, name: str, room: asyncio.Semaphore) -> None:
    """What the task of a part does, with its retries."""
    for last_try in (False, False, False, True):
        async with room:
            try:
                if await asyncio.to_thread(submit_part, job.id, name, run_id=RUN, last_try=last_try):
                    trigger = KubernetesPartTrigger(job_id=job.id, part=name)
                    async with asyncio.timeout(300):
                        event = (await anext(aiter(trigger.run()))).payload
                    assert event == {"status": "success", "job_id": job.id, "part": name}
                await asyncio.to_thread(collect_part, job.id, name, run_id=RUN, last_try=last_try)
            except EngineError as error:
                if last_try or not error.retryable:
                    raise
            else:
                return


async def make_all(job: JobRow) -> list[str]:
    """All parts that are missing, as a triggerer with its tasks makes them; their names."""
    names = [part["name"] for part in await asyncio.to_thread(parts_to_make, job.id)]
    room = asyncio.Semaphore(AT_ONCE)
    await asyncio.gather(*(make(job, name, room) for name in names))
    return names


def joined_and_published(pods: Pods, job: JobRow) -> None:
    """The last part of the way, and nothing left behind."""
    submission = submit_job(job.id, run_id=RUN, join=True)
    assert submission.external_id is not None
    asyncio.run(wait_for_pod(job.id, submission.external_id))
    collect_job(job.id, run_id=RUN)
    verify_job(job.id)
    publish_job(job.id)
    assert reread(job).status == JobStatus.PUBLISHED
    pods.nothing_left(job)
    assert list_objects(job.bucket, "work") == {}


def state(job: JobRow, name: str) -> tuple[PartState, int]:
    row = rows(job).get(name)
    return (row.state, row.attempt) if row else (PartState.WAITING, 0)


def kill_in_mid_encode(pods: Pods, job: JobRow, names: list[str]) -> None:
    """Delete the first pod of each of these parts where it stands still."""
    for name in names:
        pod = pod_of(job, name)
        pods.until(lambda pod=pod: pod in pods.names(), 300)
        pods.halted(pod)
        pods.core.delete_namespaced_pod(pod, NAMESPACE)
        pods.until(lambda name=name: state(job, name) != (PartState.RUNNING, 1))


def test_two_pods_of_twelve_chunks_killed_at_random_cost_two_parts(few: Pods, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    seed = random.SystemRandom().randrange(10**6)
    logging.getLogger(__name__).info("seed %d", seed)
    job = divided(few, 10)
    chunks = [part.name for part in parts(job.plan) if part.chunk is not None]
    killed = sorted(random.Random(seed).sample(chunks, 2))

    async def carry_out() -> list[str]:
        with few.halting("|".join(f"*{name}*report-1.json*" for name in killed)):
            names, _ = await asyncio.gather(make_all(job), asyncio.to_thread(kill_in_mid_encode, few, job, killed))
        return names

    names = asyncio.run(carry_out())
    assert names == ["audio", *chunks]
    made = rows(job)
    assert {name: row.attempt for name, row in made.items()} == {
        name: 2 if name in killed else 1 for name in names
    }  # fmt: skip
    for name, row in made.items():
        assert row.state == PartState.DONE
        assert row.worker == f"{NAMESPACE}/{pod_of(job, name, row.attempt)}"
        assert row.cpu_seconds
        assert row.size_bytes
        assert [failure["code"] for failure in row.failures] in (
            [["pod_gone"], ["stopped"]] if row.attempt > 1 else [[]]
        )
    # What the log says of pods, and what the cluster does.
    told = re.findall(r"pod vodflow-test/(\S+) makes (\S+ \d+|audio)\b.*?, attempt (\d)", caplog.text)
    assert sorted(pod for pod, _, _ in told) == sorted(
        pod_of(job, name, number) for name, row in made.items() for number in range(1, row.attempt + 1)
    )
    events = few.core.list_namespaced_event(NAMESPACE).items
    started = {event.involved_object.name for event in events if event.reason == "Started"}
    assert {pod for pod, _, _ in told} <= started
    joined_and_published(few, job)
    assert reread(job).result is not None
    assert attempt(job).outcome == "succeeded"


def test_what_one_pod_makes_of_a_divided_plan_is_known_part_by_part(few: Pods) -> None:
    few.set_settings(strategy="chunks", chunk_seconds=10)
    job = few.planned("moving_twice", outputs=["hls"])
    submission = submit_job(job.id, run_id=RUN)
    assert submission.external_id is not None
    asyncio.run(wait_for_pod(job.id, submission.external_id))
    collect_job(job.id, run_id=RUN)
    assert [(row.part, row.state, row.worker) for row in rows(job).values()] == [
        (part.name, PartState.DONE, submission.external_id) for part in parts(job.plan)
    ]
    assert all(row.size_bytes and row.seconds for row in rows(job).values())
    few.nothing_left(job)


@pytest.mark.parametrize("deferrable", [True, False])
def test_parts_that_are_damaged_or_gone_are_made_by_the_next_try_of_the_join(
    airflow_db: None, few: Pods, deferrable: bool
) -> None:
    from airflow.dag_processing.bundles.manager import DagBundlesManager  # noqa: PLC0415  (slow)
    from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db  # noqa: PLC0415

    few.set_settings(strategy="chunks", chunk_seconds=10)
    job = few.planned("moving_twice", outputs=["hls"])
    asyncio.run(make_all(job))
    audio, first, _ = (f"work/{job.prefix}/{part.name}" for part in parts(job.plan))
    (name,) = (name for name in list_objects(job.bucket, first) if name.endswith("360p.mp4"))
    size = list_objects(job.bucket, first)[name]
    few.s3.put_object(Bucket=job.bucket, Key=f"{first}/{name}", Body=bytes(size))
    with pytest.raises(EngineError, match="is damaged; it is made again"):
        joined_and_published(few, job)
    few.s3.delete_object(Bucket=job.bucket, Key=f"{audio}/part.json")
    with DAG("join", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)) as dag:
        KubernetesTranscodeOperator(task_id="join_parts", job_id=job.id, join=True, deferrable=deferrable)
    DagBundlesManager().sync_bundles_to_db()
    bag = DagBag(os.devnull)
    bag.bag_dag(dag)
    sync_bag_to_db(bag, "dags-folder", None)
    assert str(dag.test().state) == "success"
    assert {name: row.attempt for name, row in rows(job).items()} == {"audio": 2, "chunk-001": 2, "chunk-002": 1}
    assert {row.state for row in rows(job).values()} == {PartState.DONE}
    assert reread(job).status == JobStatus.VERIFYING
    verify_job(job.id)
    few.nothing_left(job)


def test_a_part_that_is_late_is_made_by_a_second_pod(
    few: Pods, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(wait_part, "LOOK", 1.0)
    job = divided(few, 20)
    late = pod_of(job, "chunk-003"), pod_of(job, "chunk-003", 2)
    hang(few, "*chunk-003*report-1.json*")
    asyncio.run(make_all(job))
    row = rows(job)["chunk-003"]
    assert (row.state, row.attempt, row.worker) == (PartState.DONE, 2, f"{NAMESPACE}/{late[1]}")
    assert [(failure["attempt"], failure["code"]) for failure in row.failures] == [(1, OVERTAKEN)]
    title = find_part(job.plan, "chunk-003").title
    assert re.search(rf"{re.escape(title)} takes \d+ s, .*: it is started a second time", caplog.text)
    assert f"pod {NAMESPACE}/{late[0]} is stopped: {NAMESPACE}/{late[1]} was done first" in caplog.text
    assert few.names() == []
    joined_and_published(few, job)


def test_a_part_killed_twice_for_want_of_memory_ends_its_job(few: Pods) -> None:
    few.change(resources={"requests": {"cpu": "50m", "memory": "40Mi"}, "limits": {"memory": "40Mi"}})
    job = divided(few, 20)
    with pytest.raises(EngineError) as caught:
        asyncio.run(make(job, "chunk-002", asyncio.Semaphore(1)))
    assert (caught.value.code, caught.value.retryable) == ("oom_killed", False)
    row = rows(job)["chunk-002"]
    assert (row.state, row.attempt) == (PartState.FAILED, 2)
    assert [failure["code"] for failure in row.failures] == ["oom_killed"] * 2
    assert reread(job).status == JobStatus.FAILED
    few.nothing_left(job)
    # Cleared and tried again, the part begins its job again, and the others do not.
    few.change(resources={"requests": {"cpu": "50m", "memory": "100Mi"}, "limits": {"memory": "600Mi"}})
    asyncio.run(make(job, "chunk-001", asyncio.Semaphore(1)))
    assert reread(job).status == JobStatus.FAILED
    asyncio.run(make(job, "chunk-002", asyncio.Semaphore(1)))
    assert reread(job).status == JobStatus.PROGRESSING
    assert [part["name"] for part in parts_to_make(job.id)] == [
        "audio", "chunk-003", "chunk-004", "chunk-005", "chunk-006",
    ]  # fmt: skip


async def waited_and_stopped(trigger: KubernetesPartTrigger) -> None:
    """What becomes of a trigger whose triggerer is stopped."""
    waiting = asyncio.create_task(anext(aiter(trigger.run())))  # type: ignore[arg-type]
    done, _ = await asyncio.wait({waiting}, timeout=2)
    assert not done
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


@pytest.mark.parametrize("how", ["task", "library"])
def test_cancelling_in_the_middle_leaves_no_pod(few: Pods, how: str) -> None:
    job = divided(few, 20)
    hang(few, "*chunk-00*")
    at_work = ["chunk-001", "chunk-002", "chunk-003"]
    for name in at_work:
        assert submit_part(job.id, name, run_id=RUN)
    few.until(
        lambda: all(
            few.core.read_namespaced_pod(pod_of(job, name), NAMESPACE).status.phase == "Running" for name in at_work
        )
    )
    # A later try of the same task goes on with what is there.
    assert submit_part(job.id, at_work[0], run_id=RUN)
    assert len(few.names()) == len(at_work)
    asyncio.run(waited_and_stopped(KubernetesPartTrigger(job_id=job.id, part=at_work[0])))
    assert len(few.names()) == len(at_work)
    with pytest.raises(EngineError, match="works still"):
        collect_part(job.id, at_work[0], run_id=RUN)
    if how == "task":
        for name in at_work:
            asyncio.run(KubernetesPartTrigger(job_id=job.id, part=name).on_kill())
    else:
        _set_canceled(job.id, "kubernetes", few.settings)
    assert reread(job).status == JobStatus.CANCELED
    few.nothing_left(job)
    canceled = rows(job)
    assert {row.state for row in canceled.values()} == {PartState.FAILED}
    assert {failure["code"] for row in canceled.values() for failure in row.failures} == {"canceled"}


@pytest.fixture
def run(
    airflow_db: None, few: Pods, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[str, dict[tuple[str, int], tuple[str, str | None]]]]:
    """The DAG as it is where the engine is configured, with chunks short enough for a test."""
    for name in ("VODFLOW_MEDIACONVERT_ROLE", "AWS_MEDIACONVERT_ROLE_ARN", "MEDIACONVERT_ROLE_ARN"):
        monkeypatch.delenv(name, raising=False)
    few.set_settings(chunk_seconds=10, chunks_from=20)
    module = importlib.reload(importlib.import_module("vodflow_dags.transcode.transcode_video_dag"))

    def start(**conf: Any) -> tuple[str, dict[tuple[str, int], tuple[str, str | None]]]:
        result = module.transcode_video().test(run_conf={"engine": "kubernetes", "profile": "sd", **conf})
        tasks = result.get_task_instances()
        return str(result.state), {(ti.task_id, ti.map_index): (str(ti.state), ti.rendered_map_index) for ti in tasks}

    return start


def test_a_long_video_goes_through_the_dag_part_by_part_without_being_asked_to(run: Any, few: Pods) -> None:
    state, tasks = run(source_uri=few.upload("moving_twice"), outputs=["hls"])
    assert state == "success"
    assert tasks == {
        ("prepare", -1): ("success", None),
        ("transcode_local", -1): ("skipped", None),
        ("transcode_kubernetes", -1): ("skipped", None),
        ("list_parts", -1): ("success", None),
        ("make_part", 0): ("success", "audio"),
        ("make_part", 1): ("success", "chunk 001 (00:00:00–00:00:12)"),
        ("make_part", 2): ("success", "chunk 002 (00:00:12–00:00:24)"),
        ("join_parts", -1): ("success", None),
        ("publish", -1): ("success", None),
    }
    with transaction("test") as connection:
        (row,) = overview(connection)
        made = part_rows.parts_of(connection, row.job_id)
    assert (row.verdict, row.engine) == ("PUBLISHED", "kubernetes")
    assert [(part.part, part.state, part.attempt) for part in made] == [
        ("audio", PartState.DONE, 1), ("chunk-001", PartState.DONE, 1), ("chunk-002", PartState.DONE, 1),
    ]  # fmt: skip
    assert all(str(part.worker).startswith(f"{NAMESPACE}/vodflow-clip") for part in made)
    few.until(lambda: not few.names())
