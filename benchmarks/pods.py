"""What a pod costs beside the encode: until its worker runs, and one with nothing to do until its end."""

from __future__ import annotations

import os
import statistics
import time
from dataclasses import dataclass
from math import log
from secrets import token_hex
from typing import Any

from vodflow.engines.kubernetes.cluster import Cluster
from vodflow.engines.kubernetes.endings import ending
from vodflow.engines.kubernetes.pod import CONTAINER, MANAGED, USER
from vodflow.errors import ConfigurationError
from vodflow.settings import Settings, get_settings
from vodflow.stack.demo.pods import IMAGE, NAMESPACE, check_cluster

from benchmarks.context import Context
from benchmarks.results import Row, Section, Unavailable

PODS, QUICK_PODS = 12, 2
PATIENCE = 120.0
POLL = 0.02
#: The node is this machine, so both read one clock.
_WORKER = "date +%s.%N > /dev/termination-log; exec python -m vodflow worker run --help"

METHOD = """{count} pods of the worker image, one after the other, on the cluster that `KUBECONFIG` names, whose
node is this machine, the image on the node. *Asked for → runs*: from the request to the API server
until the container's first command says its time. *Nothing to do*: until the API server says that the pod has ended;
its worker starts Python, loads the command line and ends. The pods ask for a tenth of a CPU and have no limit of it."""


@dataclass(frozen=True)
class _Pod:
    started: float
    ended: float


def pods(context: Context) -> Section:
    """Measure the section.

    :raises Unavailable: no cluster, or not the image
    """
    settings = _settings()
    try:
        check_cluster(settings, {})
    except ConfigurationError as error:
        raise Unavailable(str(error)) from error
    cluster, count = Cluster.of(settings), QUICK_PODS if context.quick else PODS
    found = []
    for number in range(count):
        context.await_quiet()
        found.append(_measured(cluster, str(settings.kubernetes_image)))
        context.say(f"pod {number + 1}: runs after {found[-1].started:.2f} s, has ended after {found[-1].ended:.2f} s")
    section = Section("pods", "Pods", METHOD.format(count=count))
    starts, ends = [pod.started for pod in found], [pod.ended for pod in found]
    section.rows = [
        Row(f"{what}, p50", statistics.median(values), "s", note=f"{min(values):.2f} to {max(values):.2f} s")
        for what, values in {"Asked for → runs": starts, "Pod with nothing to do": ends}.items()
    ]
    section.raw = {"started": starts, "ended": ends, "spread": statistics.stdev(map(log, ends))}
    return section


def _settings() -> Settings:
    given = {
        "kubernetes_namespace": os.environ.get("VODFLOW_KUBERNETES_NAMESPACE") or NAMESPACE,
        "kubernetes_image": os.environ.get("VODFLOW_KUBERNETES_IMAGE") or IMAGE,
    }
    return get_settings().model_copy(update=given)


def _measured(cluster: Cluster, image: str) -> _Pod:
    name, asked = f"vodflow-bench-{token_hex(3)}", time.time()
    try:
        pod = cluster.create(_manifest(cluster.namespace, name, image))
        while not ending(pod).over:
            if time.time() - asked > PATIENCE:
                raise RuntimeError(f"pod {name} has not ended after {PATIENCE:.0f} s")
            time.sleep(POLL)
            pod = cluster.read(name) or {}
        ended = time.time() - asked
        if not ending(pod).succeeded:
            raise RuntimeError(f"pod {name}: {ending(pod)}")
        return _Pod(float(ending(pod).message.split(maxsplit=1)[0]) - asked, ended)
    finally:
        cluster.delete(name, grace=0)


def _manifest(namespace: str, name: str, image: str) -> dict[str, Any]:
    container = {
        "name": CONTAINER,
        "image": image,
        "command": ["sh", "-c", _WORKER],
        "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}},
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": dict(MANAGED)},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "securityContext": {"runAsNonRoot": True, "runAsUser": USER},
            "containers": [container],
        },
    }
