"""How a pod stands, by what the API shows of it."""

from __future__ import annotations

from support.pod_states import done, pod, waits
from vodflow.engines.kubernetes.endings import ending, unschedulable


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


def test_why_no_node_takes_it() -> None:
    pending = {"status": {"conditions": [{"type": "PodScheduled", "status": "False", "message": "Insufficient cpu"}]}}
    assert unschedulable(pending) == "Insufficient cpu"
    assert unschedulable(pod({"running": {}}, phase="Running")) is None
