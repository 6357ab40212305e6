"""What the worker of a pod wrote, kept where it outlives the pod: in the log of the task that removes it."""

from __future__ import annotations

import logging
from typing import Final

from vodflow.engines.kubernetes.cluster import Cluster
from vodflow.engines.kubernetes.pod import CONTAINER
from vodflow.errors import VodflowError

log = logging.getLogger(__name__)

#: Lines that are kept, the last ones.
LINES: Final = 200


def keep_log(cluster: Cluster, name: str) -> None:
    """Write the end of a pod's log into ours, for people: without progress and result, which are in the catalog.

    Whoever waits for a pod hears its log too, but not what it says while nobody waits. Of a log that cannot be read
    nothing is lost but itself.
    """
    try:
        lines = cluster.log_lines(name, CONTAINER, LINES)
    except VodflowError as error:
        log.warning("The log of pod %s is lost: %s", name, error)
        return
    said = [line for line in lines if not line.startswith("{")]
    if said:
        log.info("Pod %s wrote:\n%s", name, "\n".join(said))
