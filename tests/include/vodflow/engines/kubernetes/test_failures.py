"""What ends of pods and refusals of the cluster mean: whose fault, whether another try can help, what to change."""

from __future__ import annotations

import json
from typing import Any

import pytest
from vodflow.contract.result import Failure
from vodflow.engines.kubernetes.failures import (
    OUT_OF_MEMORY,
    api_failure,
    ending,
    last_words,
    pod_failure,
    quantity,
    unschedulable,
)
from vodflow.errors import (
    AccountUnavailable,
    ConfigurationError,
    EngineError,
    EngineUnavailable,
    InputRejected,
    RejectionReason,
    ResourceError,
    VodflowError,
    to_document,
)

PREEMPTED = {"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler"}
TOO_MUCH = "Pod ephemeral local storage usage exceeds the total limit"
QUOTA = (
    'pods "x" is forbidden: exceeded quota: q, requested: requests.cpu={}, used: requests.cpu=1, '
    "limited: requests.cpu=2"
)


def pod(state: dict[str, Any] | None = None, *, phase: str = "Failed", **status: Any) -> dict[str, Any]:
    statuses = [{"name": "proxy", "state": {"running": {}}}, {"name": "worker", "state": state or {}}]
    return {
        "spec": {
            "nodeName": "node-7",
            "containers": [
                {"name": "worker", "image": "reg/worker:9", "resources": {"limits": {"memory": str(512 * 2**20)}}}
            ],
        },
        "status": {"phase": phase, "containerStatuses": statuses, **status},
    }


def done(code: int, reason: str = "Error", message: str = "") -> dict[str, Any]:
    return {"terminated": {"exitCode": code, "reason": reason, "message": message}}


def waits(reason: str, message: str = "") -> dict[str, Any]:
    return {"waiting": {"reason": reason, "message": message}}


def failure(of: dict[str, Any] | None, said: VodflowError | None = None, *, more: bool = False) -> VodflowError:
    return pod_failure("media/pod", of, said, more_memory=more)


def test_where_a_pod_stands() -> None:
    assert ending(pod(done(0, "Completed"), phase="Succeeded")).succeeded
    assert not ending(pod({"running": {}}, phase="Running")).over
    assert not ending(pod(waits("ContainerCreating"), phase="Pending")).over
    assert not ending(pod(waits("ErrImagePull", "i/o timeout"), phase="Pending")).over
    assert ending(pod(waits("ErrImagePull", "manifest not found"), phase="Pending")).over
    assert ending({"spec": {}, "status": {"phase": "Failed", "reason": "Evicted"}}).over
    # Others of the pod may be ill as well.
    init = [{"name": "fetch", "state": waits("ImagePullBackOff")}]
    assert ending(pod({}, phase="Pending", initContainerStatuses=init)).over


@pytest.mark.parametrize(
    ("of", "code", "words"),
    [
        (None, "pod_gone", "is gone"),
        (pod(done(143), reason="Evicted", message="The node was low on memory."), "evicted", "evicted on node node-7"),
        (pod(done(137), reason="Preempting"), "preempted", "higher priority"),
        (pod(done(137), reason="NodeLost"), "node_lost", "was lost on node node-7"),
        (pod(None, reason="OutOfcpu", message="no room"), "evicted", "no room"),
        (
            pod(done(143), conditions=[PREEMPTED]),
            "preempted",
            "higher priority",
        ),
        (pod(done(143)), "stopped", "from outside"),
        (pod(done(1, message="Traceback\nBoom")), "1", "exit status 1 without saying why. Boom"),
        (
            pod({}, phase="Pending", conditions=[{"type": "PodScheduled", "status": "False", "message": "0/1 nodes"}]),
            "unschedulable",
            "0/1 nodes",
        ),
        (pod(waits("ContainerCreating"), phase="Pending"), "ContainerCreating", "did not start in time"),
    ],
)  # fmt: skip
def test_passing_ends(of: dict[str, Any] | None, code: str, words: str) -> None:
    error = failure(of)
    assert (type(error), error.retryable, error.code) == (EngineError, True, code)
    assert words in str(error)


def test_too_little_memory_is_mended_once() -> None:
    for end in (pod(done(137, "OOMKilled")), pod(done(4, "OOMKilled")), pod(done(137))):
        error = failure(end)
        assert isinstance(error, ResourceError)
        assert (error.retryable, error.code) == (True, OUT_OF_MEMORY)
        assert "512 MiB" in str(error)
        again = failure(end, more=True)
        assert (again.retryable, again.code) == (False, OUT_OF_MEMORY)


@pytest.mark.parametrize("reason", ["ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull"])
def test_an_image_that_is_not_there(reason: str) -> None:
    error = failure(pod(waits(reason, "not found"), phase="Pending"))
    assert isinstance(error, ConfigurationError)
    assert not error.retryable
    assert "reg/worker:9" in str(error)


@pytest.mark.parametrize(
    ("of", "words"),
    [
        (pod(waits("CreateContainerConfigError", 'secret "x" not found'), phase="Pending"), 'secret "x" not found'),
        (pod(done(128, "StartError", "exec: no such file")), "Is it the worker image"),
        (pod(done(2)), "exit status 2"),
        (pod(done(5)), "exit status 5"),
        (pod(done(143), reason="Evicted", message=TOO_MUCH), "sizeLimit"),
    ],
)  # fmt: skip
def test_ends_for_good(of: dict[str, Any], words: str) -> None:
    error = failure(of)
    assert not error.retryable
    assert words in str(error)


def test_the_worker_knows_better() -> None:
    said = InputRejected(RejectionReason.TRUNCATED, "cut off")
    assert failure(pod(done(3)), said) is said
    assert failure(None, said) is said
    # But not why Kubernetes took it away.
    assert failure(pod(done(143), reason="Evicted"), EngineError("cancelled")).code == "evicted"


def test_last_words_are_read_from_the_log() -> None:
    error = InputRejected(RejectionReason.TRUNCATED, "x")
    line = Failure(**to_document(error)).model_dump_json()
    found = last_words(f"INFO x\n{line}\nmore")
    assert isinstance(found, InputRejected)
    assert found.reason is RejectionReason.TRUNCATED
    assert last_words(line[:-9]) is None
    assert last_words("") is None


def refused(status: int | None, message: str, reason: str = "Forbidden") -> VodflowError:
    return api_failure(status, json.dumps({"reason": reason, "message": message}), "make a pod", "media")


def test_a_quota_passes_unless_one_pod_is_too_much() -> None:
    assert isinstance(refused(403, QUOTA.format("1500m")), EngineUnavailable)
    never = refused(403, QUOTA.format("4"))
    assert isinstance(never, ConfigurationError)
    assert "One pod alone" in str(never)


@pytest.mark.parametrize(
    ("status", "message", "kind", "words"),
    [
        (None, "connection refused", EngineUnavailable, "Is the cluster up"),
        (401, "Unauthorized", AccountUnavailable, "renew"),
        (403, 'User "x" cannot create resource "pods"', ConfigurationError, "role"),
        (403, 'pods "x" is forbidden: no PriorityClass with name p was found', ConfigurationError, "names"),
        (404, 'namespaces "media" not found', ConfigurationError, "kubectl create namespace media"),
        (422, 'Pod "x" is invalid: spec.containers[0].env', ConfigurationError, "template"),
        (429, "too many", EngineUnavailable, "429"),
        (503, "etcd", EngineUnavailable, "503"),
    ],
)
def test_refusals(status: int | None, message: str, kind: type[VodflowError], words: str) -> None:
    error = refused(status, message)
    assert type(error) is kind
    assert words in str(error)
    assert message in str(error)
    assert "namespace media" in str(error)


def test_why_no_node_takes_it() -> None:
    pending = {"status": {"conditions": [{"type": "PodScheduled", "status": "False", "message": "Insufficient cpu"}]}}
    assert unschedulable(pending) == "Insufficient cpu"
    assert unschedulable(pod({"running": {}}, phase="Running")) is None


@pytest.mark.parametrize(("text", "value"), [("500m", 0.5), ("2", 2), ("1Gi", 2**30), ("1e3", 1000), ("10k", 10_000)])
def test_quantities(text: str, value: float) -> None:
    assert quantity(text) == value


def test_no_quantity() -> None:
    with pytest.raises(ValueError, match="no quantity"):
        quantity("much")
