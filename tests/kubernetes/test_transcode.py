"""Jobs of the catalog through pods of a real cluster: done, damaged, cancelled, lost, and tried again."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.fixtures.kubernetes import HUNGRY, NAMESPACE, Pods, attempt, reread
from vodflow.catalog.database import transaction
from vodflow.catalog.jobs import open_job
from vodflow.catalog.rows import JobRow
from vodflow.catalog.states import JobStatus
from vodflow.engines.kubernetes.collect import collect_job, interrupt_job
from vodflow.engines.kubernetes.failures import OUT_OF_MEMORY
from vodflow.engines.kubernetes.submit import cancel_job, submit_job
from vodflow.engines.kubernetes.wait import wait_for_pod
from vodflow.errors import (
    ConfigurationError,
    EngineError,
    EngineUnavailable,
    InputRejected,
    RejectionReason,
    ResourceError,
    SharedCause,
    VodflowError,
)
from vodflow.jobs.control import _set_canceled
from vodflow.jobs.health import health
from vodflow.pipeline.publish import publish_job, verify_job
from vodflow.storage.objects import list_objects, parse_s3_uri, resolve_source

pytestmark = pytest.mark.kubernetes


def submitted(job: JobRow) -> str:
    submission = submit_job(job.id, run_id="manual-1")
    assert submission.external_id is not None
    return submission.external_id


def carried_out(job: JobRow) -> None:
    """What a task does."""
    submission = submit_job(job.id, run_id="manual-1")
    if not submission.ended and submission.external_id is not None:
        asyncio.run(wait_for_pod(job.id, submission.external_id))
    collect_job(job.id, run_id="manual-1")


def carried_out_with_a_halt(pods: Pods, job: JobRow, seen: Callable[[], bool]) -> None:
    """The same, by a pod that stands still in mid-encode until something is seen."""
    with pods.halting():
        external_id = submitted(job)

    async def wait() -> None:
        waiting = asyncio.create_task(wait_for_pod(job.id, external_id))
        await asyncio.to_thread(pods.until, seen)
        await asyncio.to_thread(pods.halted, name_of(external_id))
        await asyncio.to_thread(pods.go_on, name_of(external_id))
        await waiting

    asyncio.run(wait())
    collect_job(job.id, run_id="manual-1")


def name_of(external_id: str) -> str:
    return external_id.partition("/")[2]


def failing(job: JobRow) -> VodflowError:
    with pytest.raises(VodflowError) as caught:
        carried_out(job)
    return caught.value


def test_a_pod_encodes_and_what_it_made_is_published(pods: Pods, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    job = pods.planned("small")
    carried_out_with_a_halt(pods, job, lambda: "encode:" in caplog.text)
    row = reread(job)
    assert (row.status, row.engine) == (JobStatus.VERIFYING, "kubernetes")
    assert row.result is not None
    assert {item.name for item in row.result.objects} <= set(list_objects(job.bucket, job.prefix))
    assert row.result.cpu_seconds > 0
    made = attempt(job)
    assert (made.number, made.outcome, made.external_id) == (1, "succeeded", row.external_id)
    verify_job(job.id)
    publish_job(job.id)
    assert reread(job).status == JobStatus.PUBLISHED
    pods.nothing_left(job)
    told = caplog.text
    assert f"pod {NAMESPACE}/vodflow-clip" in told
    assert "is running on node" in told
    # Once more: found done.
    assert submit_job(job.id, run_id="manual-1").ended
    collect_job(job.id)


def test_progress_reaches_the_catalog_while_the_pod_works(pods: Pods) -> None:
    job = pods.planned("small")
    seen: list[tuple[str, str | None, float]] = []

    def encodes() -> bool:
        row = reread(job)
        seen.append((row.status, row.stage, row.progress))
        return (row.status, row.stage) == (JobStatus.PROGRESSING, "encode")

    carried_out_with_a_halt(pods, job, encodes)
    assert [progress for _, _, progress in seen] == sorted(progress for _, _, progress in seen)
    pods.nothing_left(job)


def test_a_damaged_source_is_the_sources_fault(pods: Pods) -> None:
    whole = pods.planned("plain")
    # Damage that the probe has missed.
    ref = resolve_source(*parse_s3_uri(pods.upload("undecodable"))).ref
    plan = whole.plan.model_copy(update={"source": ref, "renditions": whole.plan.renditions[-1:]})
    made = {"engine": "kubernetes", "priority": 50, "run_id": "manual-1", "bucket": whole.bucket, "prefix": "vod/bad"}
    with transaction("test") as connection:
        job = open_job(connection, whole.source_id, plan, **made)
    error = failing(job)
    assert isinstance(error, InputRejected)
    assert error.reason is RejectionReason.UNDECODABLE
    assert reread(job).status == JobStatus.REJECTED
    pods.nothing_left(job)


def test_a_pod_deleted_in_mid_encode_is_made_again(pods: Pods) -> None:
    job = pods.planned("small")
    with pods.halting():
        external_id = submitted(job)

    async def delete_it() -> None:
        waiting = asyncio.create_task(wait_for_pod(job.id, external_id))
        await asyncio.to_thread(pods.halted, name_of(external_id))
        await asyncio.to_thread(pods.core.delete_namespaced_pod, name_of(external_id), NAMESPACE)
        await waiting

    asyncio.run(delete_it())
    with pytest.raises(EngineError) as caught:
        collect_job(job.id)
    assert caught.value.retryable
    assert caught.value.code in {"pod_gone", "stopped"}
    assert reread(job).status == JobStatus.FAILED
    pods.nothing_left(job)
    carried_out(job)
    assert (reread(job).status, attempt(job).number) == (JobStatus.VERIFYING, 2)
    pods.nothing_left(job)


def test_too_little_memory_gets_more_once(pods: Pods) -> None:
    pods.change(resources={"requests": {"memory": "40Mi"}, "limits": {"memory": "40Mi"}})
    job = pods.planned("small")
    error = failing(job)
    assert isinstance(error, ResourceError)
    assert error.code == OUT_OF_MEMORY
    assert "40 MiB" in str(error)
    assert (attempt(job).request or {})["code"] == OUT_OF_MEMORY
    pods.nothing_left(job)
    # The template wins over the estimate, so this one has no more.
    again = failing(job)
    assert (again.code, again.retryable) == (OUT_OF_MEMORY, False)
    assert (attempt(job).request or {})["memory_factor"] == 2
    pods.nothing_left(job)


def test_more_memory_is_enough(pods: Pods) -> None:
    pods.change(command=["python", "-c", HUNGRY], variables={"HUNGRY_BYTES": str(450 * 2**20)})
    job = pods.planned("small")
    made = pods.made_from_now()
    error = failing(job)
    assert (error.code, error.retryable) == (OUT_OF_MEMORY, True)
    carried_out(job)
    assert (reread(job).status, attempt(job).number) == (JobStatus.VERIFYING, 2)
    first, second = (int(pod.spec.containers[0].resources.limits["memory"]) for pod in made())
    assert first < 450 * 2**20
    assert second == pytest.approx(2 * first, abs=4 * 2**20)  # each is rounded to MiB
    pods.nothing_left(job)


def test_an_image_that_is_not_there_is_named(pods: Pods) -> None:
    pods.set_settings(kubernetes_image="localhost/no-such-image:1")
    job = pods.planned("small")
    error = failing(job)
    assert isinstance(error, ConfigurationError)
    assert "localhost/no-such-image:1" in str(error)
    assert "VODFLOW_KUBERNETES_IMAGE" in str(error)
    assert reread(job).status == JobStatus.FAILED
    pods.nothing_left(job)


def test_an_image_without_the_worker(pods: Pods) -> None:
    pods.set_settings(kubernetes_image="localhost/busybox:1")
    job = pods.planned("small")
    error = failing(job)
    assert not error.retryable
    assert "busybox" in str(error)
    pods.nothing_left(job)


def test_a_node_that_is_too_small(pods: Pods) -> None:
    pods.change(resources={"requests": {"cpu": "500"}})
    pods.set_settings(kubernetes_start_timeout=3)
    job = pods.planned("small")
    error = failing(job)
    assert isinstance(error, ConfigurationError)
    assert "asks for 500 of cpu, and the largest node has" in str(error)
    pods.nothing_left(job)


def test_a_quota_is_waited_for(pods: Pods) -> None:
    job = pods.planned("small")

    with pods.full_quota():
        with pytest.raises(EngineUnavailable, match="exceeded quota") as caught:
            submit_job(job.id, run_id="manual-1")
        assert caught.value.shared_cause is SharedCause.ENGINE
        assert reread(job).status == JobStatus.SUBMITTED  # it waits, and this was no try
        assert pods.names() == []
    carried_out(job)
    assert (reread(job).status, attempt(job).number) == (JobStatus.VERIFYING, 1)


def test_a_namespace_that_is_not_there(pods: Pods) -> None:
    pods.set_settings(kubernetes_namespace="nowhere")
    job = pods.planned("small")
    error = failing(job)
    assert isinstance(error, ConfigurationError)
    assert "kubectl create namespace nowhere" in str(error)


def may(*verbs: str, of: str = "pods") -> dict[str, Any]:
    return {"apiGroups": [""], "resources": [of], "verbs": list(verbs)}


def test_who_may_nothing_is_told_what_he_needs(pods: Pods) -> None:
    pods.set_settings(kubernetes_config=pods.account([]))
    job = pods.planned("small")
    error = failing(job)
    assert isinstance(error, ConfigurationError)
    assert 'cannot create resource "pods"' in str(error)
    assert "Give that user or service account the role of docs/kubernetes-engine.md" in str(error)
    check = next(item for item in health().checks if item.name == "engine kubernetes")
    assert check.ok is False
    assert "forbidden" in check.detail
    pods.nothing_left(job)


def test_who_may_not_watch_leaves_no_pod(pods: Pods) -> None:
    pods.set_settings(kubernetes_config=pods.account([may("create", "get", "delete")]))
    job = pods.planned("small")
    external_id = submitted(job)
    with pytest.raises(ConfigurationError, match='cannot list resource "pods"') as caught:
        asyncio.run(wait_for_pod(job.id, external_id))
    with pytest.raises(ConfigurationError):  # as the task does with the trigger's event
        collect_job(job.id, given_up=caught.value)
    assert reread(job).status == JobStatus.FAILED
    pods.nothing_left(job)


def test_the_documented_rights_are_enough(pods: Pods) -> None:
    rights = [may("create", "get", "list", "watch", "delete"), may("get", of="pods/log"), may("get", of="namespaces")]
    pods.set_settings(kubernetes_config=pods.account(rights))
    job = pods.planned("small")
    carried_out(job)
    assert reread(job).status == JobStatus.VERIFYING
    assert next(item for item in health().checks if item.name == "engine kubernetes").ok
    pods.nothing_left(job)


def test_a_cluster_that_is_away_is_waited_for(pods: Pods, tmp_path: Path) -> None:
    document = yaml.safe_load(Path(os.environ["KUBECONFIG"]).read_text())
    for cluster in document["clusters"]:
        cluster["cluster"]["server"] = "https://127.0.0.1:9"
    away = tmp_path / "away.yaml"
    away.write_text(yaml.safe_dump(document))
    pods.set_settings(kubernetes_config=away)
    job = pods.planned("small")
    error = failing(job)
    assert isinstance(error, EngineUnavailable)
    assert "Is the cluster up" in str(error)
    assert reread(job).status == JobStatus.SUBMITTED  # it waits, and this was no try
    pods.set_settings(kubernetes_config=os.environ["KUBECONFIG"])
    carried_out(job)
    assert (reread(job).status, attempt(job).number) == (JobStatus.VERIFYING, 1)


def test_no_cluster(pods: Pods, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    pods.set_settings(kubernetes_config=tmp_path / "none")
    job = pods.planned("small")
    error = failing(job)
    assert isinstance(error, ConfigurationError)
    assert "VODFLOW_KUBERNETES_CONFIG" in str(error)


def test_a_later_try_goes_on_with_the_pod_that_is_there(pods: Pods) -> None:
    job = pods.planned("small")
    with pods.halting():
        first = submitted(job)
    assert submitted(job) == first
    assert pods.names() == [name_of(first)]
    pods.halted(name_of(first))
    assert submitted(job) == first
    pods.go_on(name_of(first))
    asyncio.run(wait_for_pod(job.id, first))
    # A task that was stopped while it collected leaves the work where it is.
    interrupt_job(job.id)
    assert reread(job).status == JobStatus.FAILED
    carried_out(job)
    assert (reread(job).status, attempt(job).number) == (JobStatus.VERIFYING, 1)
    pods.nothing_left(job)


@pytest.mark.parametrize("how", ["task", "library"])
def test_cancelling_leaves_no_pod(pods: Pods, how: str) -> None:
    job = pods.planned("small")
    with pods.halting():
        external_id = submitted(job)
    pods.halted(name_of(external_id))
    if how == "task":
        assert cancel_job(job.id)
    else:
        _set_canceled(job.id, "kubernetes", pods.settings)
    pods.gone(name_of(external_id))
    assert reread(job).status == JobStatus.CANCELED
    pods.nothing_left(job)
    assert not cancel_job(job.id)


def test_the_health_says_whether_the_cluster_answers(pods: Pods) -> None:
    def check() -> Any:
        return next(item for item in health().checks if item.name == "engine kubernetes")

    assert (check().ok, check().detail) == (True, f"namespace {NAMESPACE} answers")
    pods.set_settings(kubernetes_namespace="nowhere")
    assert check().ok is False
    assert "nowhere" in check().detail
