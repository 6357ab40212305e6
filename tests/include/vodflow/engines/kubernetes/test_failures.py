"""What ends of pods mean: whose fault, whether another try can help, what to change."""

from __future__ import annotations

from typing import Any

import pytest
from support.pod_states import done, pod, waits
from vodflow.contract.result import Failure
from vodflow.engines.kubernetes.failures import OUT_OF_MEMORY, last_words, pod_failure
from vodflow.errors import (
    ConfigurationError,
    EngineError,
    InputRejected,
    RejectionReason,
    ResourceError,
    VodflowError,
    to_document,
)

PREEMPTED = {"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler"}
TOO_MUCH = "Pod ephemeral local storage usage exceeds the total limit"


def failure(of: dict[str, Any] | None, said: VodflowError | None = None, *, more: bool = False) -> VodflowError:
    return pod_failure("media/pod", of, said, more_memory=more)


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
        (pod() | {"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}, "stopped", "from outside"),
        (pod(message="Lost."), "no_status", "its node does not say how"),
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
