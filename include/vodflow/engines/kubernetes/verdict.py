"""Why a pod has made nothing, as the cluster tells now: it failed, never started, or works still."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from vodflow.engines.kubernetes.cluster import Cluster
from vodflow.engines.kubernetes.endings import ending, unschedulable
from vodflow.engines.kubernetes.failures import last_words, pod_failure
from vodflow.engines.kubernetes.pod import CONTAINER
from vodflow.engines.kubernetes.refusals import quantity
from vodflow.errors import ConfigurationError, EngineError, VodflowError
from vodflow.settings import get_settings


class StillRunning(EngineError):
    """The pod is not over; nothing failed."""


def made_nothing(
    cluster: Cluster, name: str, pod: Mapping[str, Any] | None, said: VodflowError | None, *, more_memory: bool
) -> VodflowError:
    """Why a pod has made nothing.

    :param pod: as it is now; none when it is gone
    :param said: what the worker itself said
    :param more_memory: whether it had more memory already because an earlier one had too little
    :return: one of :class:`StillRunning` where it is not over
    """
    if pod is not None:
        seen = ending(pod)
        if not seen.over and not _late(pod):
            return StillRunning(f"Pod {name} works still; there is nothing to collect yet.", code="still_running")
        said = said or last_words(seen.message)
        if not seen.over and (too_large := _too_large(cluster, name, pod)) is not None:
            return too_large
    return pod_failure(f"{cluster.namespace}/{name}", pod, said, more_memory=more_memory)


def idle_grace(pod: Mapping[str, Any] | None) -> int | None:
    """Seconds that a pod needs to end, none where it says so itself.

    Where nothing runs nothing needs time; a node that pulls an image in vain would take a minute.
    """
    return 0 if pod is not None and (ending(pod).over or is_pending(pod)) else None


def is_pending(pod: Mapping[str, Any]) -> bool:
    """Whether nothing of a pod has run yet."""
    return (pod.get("status") or {}).get("phase") == "Pending"


def _late(pod: Mapping[str, Any]) -> bool:
    """Whether the pod waits for its start longer than it may."""
    if not is_pending(pod):
        return False
    made = datetime.fromisoformat(pod["metadata"]["creationTimestamp"]).timestamp()
    return time.time() - made > get_settings().kubernetes_start_timeout


def _too_large(cluster: Cluster, name: str, pod: Mapping[str, Any]) -> ConfigurationError | None:
    """A pod that is larger than every node waits for ever: say so, where the nodes may be looked at."""
    if unschedulable(pod) is None:
        return None
    worker = next(item for item in pod["spec"]["containers"] if item["name"] == CONTAINER)
    for resource, asked in worker["resources"]["requests"].items():
        largest = cluster.largest_node(resource)
        if largest is not None and quantity(asked) > quantity(largest):
            return ConfigurationError(
                f"Pod {name} asks for {asked} of {resource}, and the largest node has {largest}: add larger nodes, or "
                "ask for less in the pod template or the profile's pod.",
                code="too_large",
            )
    return None
