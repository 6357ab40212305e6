"""What the end of a pod means: whose fault it is, and what to change. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

from vodflow.contract.result import Failure
from vodflow.engines.kubernetes.endings import STUCK, TAKEN, Ending, ending, unschedulable
from vodflow.engines.kubernetes.pod import CONTAINER
from vodflow.engines.kubernetes.refusals import quantity
from vodflow.errors import ConfigurationError, EngineCanceled, EngineError, ResourceError, VodflowError, from_document

#: Code of an attempt whose pod had too little memory; the next one gets more.
OUT_OF_MEMORY: Final = "oom_killed"
#: Codes of attempts that were lost with their node, which the next one keeps away from.
LOST: Final = frozenset({"evicted", "preempted", "node_lost"})
_SIGKILL, _SIGTERM = 137, 143
#: Exit statuses of a container runtime that could not start the program, after Docker's.
_NOT_STARTED: Final = frozenset({126, 127, 128})


def pod_failure(
    name: str, pod: Mapping[str, Any] | None, said: VodflowError | None, *, more_memory: bool
) -> VodflowError:
    """Why a pod did not do its work.

    :param name: ``namespace/name``, for the message
    :param pod: as it was last seen; none when it is gone
    :param said: what the worker itself said, if it came to that
    :param more_memory: whether this pod had more memory already because an earlier one had too little
    """
    if pod is None:
        return said or EngineError(
            f"Pod {name} is gone: somebody deleted it, or its node was lost. Another pod begins anew.", code="pod_gone"
        )
    seen = ending(pod)
    if (known := _of_kubernetes(name, pod, seen, said, more_memory=more_memory)) is not None:
        return known
    if said is not None and not isinstance(said, EngineCanceled):
        return said
    return _ended_badly(name, seen, pod) if seen.over else _not_started(name, pod)


def _of_kubernetes(
    name: str, pod: Mapping[str, Any], seen: Ending, said: VodflowError | None, *, more_memory: bool
) -> VodflowError | None:
    """The error where Kubernetes itself knows the cause, whatever the worker said of its effects."""
    if (taken := TAKEN.get(seen.reason)) is not None or seen.reason.startswith("OutOf"):
        return _taken_away(name, seen, taken or "evicted")
    if seen.reason == "OOMKilled" or (said is None and seen.code == _SIGKILL):
        return _out_of_memory(name, pod, more_memory=more_memory)
    if seen.reason in STUCK or seen.reason == "ErrImagePull":
        what = STUCK.get(seen.reason, STUCK["ImagePullBackOff"]).format(image=_image(pod))
        return ConfigurationError(f"Pod {name} does not start: {what}. {seen.message}".rstrip(), code=seen.reason)
    return None


def last_words(message: str) -> VodflowError | None:
    """The failure among the last lines of a worker's log, if there is one."""
    for line in reversed(message.splitlines()):
        if line.startswith('{"event":"failure"'):
            try:
                return from_document(Failure.model_validate_json(line).model_dump(exclude={"event"}))
            except (ValidationError, ValueError, KeyError):
                return None  # cut off
    return None


def _taken_away(name: str, seen: Ending, code: str) -> VodflowError:
    where = f" on node {seen.node}" if seen.node else ""
    if code == "evicted" and re.search(r"exceeds the (total )?limit|exceeded.*limit", seen.message):
        return EngineError(
            f"Pod {name} wrote more than planned: {seen.message} Raise ephemeral-storage and the sizeLimit of its "
            "volume `work` in the pod template or the profile's pod.",
            code="disk_exceeded",
            retryable=False,
        )
    words = {"evicted": "was evicted", "preempted": "made room for a pod of higher priority", "node_lost": "was lost"}
    return EngineError(f"Pod {name} {words[code]}{where}. {seen.message}".rstrip(), code=code)


def _out_of_memory(name: str, pod: Mapping[str, Any], *, more_memory: bool) -> VodflowError:
    limit = (_container(pod).get("resources") or {}).get("limits", {}).get("memory")
    had = f" at its limit of {quantity(limit) / 2**20:.0f} MiB" if limit else ""
    if more_memory:
        error: EngineError = EngineError(
            f"Pod {name} was killed for want of memory{had}, and had been given more already; raise the memory of the "
            "profile's pod, or take rungs away.",
            code=OUT_OF_MEMORY,
            retryable=False,
        )
        return error
    return ResourceError(f"Pod {name} was killed for want of memory{had}. The next one gets more.", code=OUT_OF_MEMORY)


def _ended_badly(name: str, seen: Ending, pod: Mapping[str, Any]) -> VodflowError:
    last = seen.message.strip().splitlines()[-1:] or [""]
    # Of a pod that is being deleted a node may tell that it is over, and nothing of its container.
    deleted = "deletionTimestamp" in (pod.get("metadata") or {})
    if seen.code == _SIGTERM or (seen.code is None and not seen.reason and deleted):
        return EngineError(f"Pod {name} was stopped from outside. Another pod begins anew.", code="stopped")
    if seen.code in _NOT_STARTED or seen.reason in {"StartError", "ContainerCannotRun"}:
        return ConfigurationError(
            f"Pod {name} could not start the worker in image {_image(pod)}: {last[0]} Is it the worker image?",
            code=seen.reason,
        )
    if seen.reason == "DeadlineExceeded":
        return EngineError(f"Pod {name} was not done at its deadline. {seen.message}", code="deadline", retryable=False)
    if seen.code is None:
        what = f"{seen.reason} {seen.message}".strip()
        return EngineError(f"Pod {name} ended, and its node does not say how. {what}".rstrip(), code="no_status")
    # 2 and 5 are the worker's words for what another try cannot help.
    return EngineError(
        f"Pod {name} ended with exit status {seen.code} without saying why. {last[0]}".rstrip(),
        code=str(seen.code),
        retryable=seen.code not in {2, 5},
    )


def _not_started(name: str, pod: Mapping[str, Any]) -> VodflowError:
    if (why := unschedulable(pod)) is not None:
        return EngineError(
            f"No node took pod {name} in time: {why.rstrip('.')}. Add nodes, or have the pod template ask for less.",
            code="unschedulable",
        )
    seen = ending(pod)
    return EngineError(
        f"Pod {name} did not start in time: {seen.reason or 'no reason is given'}. {seen.message}".rstrip(),
        code=seen.reason or "not_started",
    )


def _container(pod: Mapping[str, Any]) -> Mapping[str, Any]:
    return next((item for item in (pod.get("spec") or {}).get("containers") or () if item.get("name") == CONTAINER), {})


def _image(pod: Mapping[str, Any]) -> str:
    return str(_container(pod).get("image") or "(none)")
