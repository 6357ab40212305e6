"""How a pod stands: at work, over, or waiting for what will not come. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from vodflow.engines.kubernetes.pod import CONTAINER

#: Reasons for which a container waits and will go on waiting (kubelet, ``pkg/kubelet/images`` and ``container``).
STUCK: Final = {
    "ImagePullBackOff": "its image {image} cannot be pulled; check the name, that the registry can be reached from the "
    "nodes, and imagePullSecrets (VODFLOW_KUBERNETES_IMAGE, VODFLOW_KUBERNETES_TEMPLATE)",
    "ErrImageNeverPull": "its image {image} is not on the node and may not be pulled; change imagePullPolicy",
    "InvalidImageName": "{image} is no image name; correct VODFLOW_KUBERNETES_IMAGE",
    "CreateContainerConfigError": "its container cannot be set up; make the Secret or ConfigMap that it names, or "
    "correct the pod template",
    "CreateContainerError": "its container cannot be made; correct the pod template",
    "RunContainerError": "its container cannot be started; correct the pod template or the image",
}
#: What a registry says of an image that will not be there a minute later either.
_NO_IMAGE: Final = re.compile(r"not found|denied|unauthorized|authentication required|no such host|invalid reference")
#: Reasons of a whole pod that was taken away (kubelet's eviction and shutdown managers, the scheduler, node lifecycle).
TAKEN: Final = {
    "Evicted": "evicted",
    "Preempting": "preempted",
    "Preempted": "preempted",
    "PreemptionByScheduler": "preempted",
    "PreemptionByKubeScheduler": "preempted",
    "EvictionByEvictionAPI": "evicted",
    "DeletionByTaintManager": "node_lost",
    "DeletionByPodGC": "node_lost",
    "TerminationByKubelet": "evicted",
    "NodeLost": "node_lost",
    "NodeShutdown": "node_lost",
    "Shutdown": "node_lost",
    "Terminated": "node_lost",
    "NodeAffinity": "node_lost",
    "UnexpectedAdmissionError": "node_lost",
}


@dataclass(frozen=True)
class Ending:
    """How a pod stands.

    :param over: nothing more will happen
    :param code: exit status of the worker; none where it has none
    :param reason: Kubernetes' own word
    :param message: Kubernetes' own sentence, or the end of the log
    """

    over: bool
    code: int | None = None
    reason: str = ""
    message: str = ""
    node: str | None = None

    @property
    def succeeded(self) -> bool:
        """Whether the worker said that all is done."""
        return self.over and self.code == 0


def ending(pod: Mapping[str, Any]) -> Ending:
    """How a pod stands, from its manifest as the API gives it."""
    status = pod.get("status") or {}
    node = (pod.get("spec") or {}).get("nodeName")
    state = _worker(status).get("state") or {}
    if done := state.get("terminated"):
        reason = _taken(status) or done.get("reason") or ""
        message = done.get("message") or status.get("message") or ""
        return Ending(over=True, code=done.get("exitCode"), reason=reason, message=message, node=node)
    if status.get("phase") in {"Failed", "Succeeded"}:
        reason = _taken(status) or status.get("reason") or ""
        return Ending(over=True, reason=reason, message=status.get("message") or "", node=node)
    waiting = state.get("waiting") or _waiting_beside(status)
    reason, message = waiting.get("reason") or "", waiting.get("message") or ""
    if reason in STUCK or (reason == "ErrImagePull" and _NO_IMAGE.search(message)):
        return Ending(over=True, reason=reason, message=message, node=node)
    return Ending(over=False, reason=reason, message=message, node=node)


def unschedulable(pod: Mapping[str, Any]) -> str | None:
    """Why no node takes the pod now, in the scheduler's words; none when one has taken it."""
    conditions = (pod.get("status") or {}).get("conditions") or ()
    found = [item for item in conditions if item.get("type") == "PodScheduled" and item.get("status") == "False"]
    return str(found[0].get("message") or found[0].get("reason")) if found else None


def _worker(status: Mapping[str, Any]) -> Mapping[str, Any]:
    return next((item for item in status.get("containerStatuses") or () if item.get("name") == CONTAINER), {})


def _waiting_beside(status: Mapping[str, Any]) -> Mapping[str, Any]:
    """Why another container of the pod waits, an init container for example."""
    beside = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    found = [state["waiting"] for item in beside if (state := item.get("state") or {}).get("waiting")]
    return next((item for item in found if item.get("reason") in STUCK), {})


def _taken(status: Mapping[str, Any]) -> str | None:
    """Why the whole pod was taken away, whatever its container's exit status was then."""
    if (reason := status.get("reason")) in TAKEN or str(reason).startswith("OutOf"):
        return str(reason)
    conditions = status.get("conditions") or ()
    found = (
        item.get("reason")
        for item in conditions
        if item.get("type") == "DisruptionTarget" and item.get("status") == "True"
    )
    return next((str(reason) for reason in found if reason in TAKEN), None)
