"""What a pod's worker wrote is in the task's log when the pod is not there any more."""

from __future__ import annotations

import logging

import pytest
from support.fixtures.kubernetes import Pods
from vodflow.engines.kubernetes.collect import collect_job
from vodflow.engines.kubernetes.endings import ending
from vodflow.engines.kubernetes.submit import submit_job
from vodflow.errors import VodflowError

pytestmark = pytest.mark.kubernetes

#: A worker that says something to people, something to programs, and ends badly.
WORKER = (
    'echo "[warning] a strange source" >&2; echo \'{"event": "progress"}\'; echo "Traceback: all is lost" >&2; exit 7'
)


def test_a_log_that_nobody_heard_outlives_its_pod(pods: Pods, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    pods.change(command=["sh", "-c", WORKER])
    job = pods.planned("small")
    name = str(submit_job(job.id, run_id="manual-1").external_id).partition("/")[2]

    def over() -> bool:
        pod = pods.cluster.read(name)
        return pod is not None and ending(pod).over

    pods.until(over)
    assert "a strange source" not in caplog.text, "nobody has waited for it"
    with pytest.raises(VodflowError, match="exit status 7"):
        collect_job(job.id, run_id="manual-1")
    pods.nothing_left(job)
    assert f"Pod {name} wrote:\n[warning] a strange source\nTraceback: all is lost" in caplog.text
    assert '{"event": "progress"}' not in caplog.text


def test_a_pod_that_is_gone_has_no_log(pods: Pods) -> None:
    assert pods.cluster.log_lines("not-there", "worker", 10) == []
