"""What the end of a pod, or the cluster's refusal of one, means: whose fault it is, and what to change. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from vodflow.contract.result import Failure
from vodflow.engines.kubernetes.pod import CONTAINER
from vodflow.errors import (
    AccountUnavailable,
    ConfigurationError,
    EngineCanceled,
    EngineError,
    EngineUnavailable,
    ResourceError,
    VodflowError,
    from_document,
)

#: Code of an attempt whose pod had too little memory; the next one gets more.
OUT_OF_MEMORY: Final = "oom_killed"
#: Codes of attempts that were lost with their node, which the next one keeps away from.
LOST: Final = frozenset({"evicted", "preempted", "node_lost"})

#: Reasons for which a container waits and will go on waiting (kubelet, ``pkg/kubelet/images`` and ``container``).
_STUCK: Final = {
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
_TAKEN: Final = {
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
_SIGKILL, _SIGTERM = 137, 143
#: Exit statuses of a container runtime that could not start the program, after Docker's.
_NOT_STARTED: Final = frozenset({126, 127, 128})


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
    if reason in _STUCK or (reason == "ErrImagePull" and _NO_IMAGE.search(message)):
        return Ending(over=True, reason=reason, message=message, node=node)
    return Ending(over=False, reason=reason, message=message, node=node)


def unschedulable(pod: Mapping[str, Any]) -> str | None:
    """Why no node takes the pod now, in the scheduler's words; none when one has taken it."""
    conditions = (pod.get("status") or {}).get("conditions") or ()
    found = [item for item in conditions if item.get("type") == "PodScheduled" and item.get("status") == "False"]
    return str(found[0].get("message") or found[0].get("reason")) if found else None


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
    if (taken := _TAKEN.get(seen.reason)) is not None or seen.reason.startswith("OutOf"):
        return _taken_away(name, seen, taken or "evicted")
    if seen.reason == "OOMKilled" or (said is None and seen.code == _SIGKILL):
        return _out_of_memory(name, pod, more_memory=more_memory)
    if seen.reason in _STUCK or seen.reason == "ErrImagePull":
        what = _STUCK.get(seen.reason, _STUCK["ImagePullBackOff"]).format(image=_image(pod))
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


def api_failure(status: int | None, body: str, doing: str, namespace: str) -> VodflowError:
    """The error for an answer of the API server that is none of success.

    :param status: of HTTP; none when nobody answered
    :param body: the answer's, a ``Status`` document, or why there is none
    :param doing: what was tried, for example ``make a pod``
    """
    reason, message = _status(body)
    said = f"Kubernetes did not {doing} in namespace {namespace}: {message}"
    if status is None:
        return EngineUnavailable(f"{said}. Is the cluster up, and VODFLOW_KUBERNETES_CONFIG right?", code="connection")
    if status == 401:
        return AccountUnavailable(f"{said}. The credentials are not accepted (any more); renew them.", code="401")
    if status == 404 and "namespaces" in message:
        return ConfigurationError(
            f"{said}. Make it (kubectl create namespace {namespace}), or change VODFLOW_KUBERNETES_NAMESPACE.",
            code=reason,
        )
    if status == 403:
        return _forbidden(said, message, reason)
    if status == 429 or status >= 500:
        return EngineUnavailable(f"{said} ({status}).", code=reason or str(status))
    return ConfigurationError(f"{said}. Correct the pod template or the profile's pod.", code=reason or str(status))


def quantity(text: str) -> float:
    """A Kubernetes quantity (``500m``, ``2``, ``1Gi``) as a number.

    :raises ValueError: when it is none
    """
    found = re.fullmatch(r"([0-9.]+(?:[eE][0-9]+)?)([A-Za-z]*)", text.strip())
    if found is None or found[2] not in _UNITS:
        raise ValueError(f"{text!r} is no quantity")
    return float(found[1]) * _UNITS[found[2]]


_UNITS: Final = {
    "": 1.0, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15,
    "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40, "Pi": 2.0**50,
}  # fmt: skip


def _forbidden(said: str, message: str, reason: str) -> VodflowError:
    if "exceeded quota" in message:
        if _never_fits(message):
            return ConfigurationError(
                f"{said}. One pod alone asks for more than the quota has; raise it, or have the template ask for less.",
                code="quota",
            )
        return EngineUnavailable(f"{said}. It goes on when other pods have ended.", code="quota")
    if " cannot " in message:
        return ConfigurationError(
            f"{said}. Give that user or service account the role of docs/kubernetes-engine.md.", code=reason
        )
    return ConfigurationError(
        f"{said}. Change what the message names: the pod template, or the namespace's limits.", code=reason
    )


def _never_fits(message: str) -> bool:
    """Whether a quota is smaller than the request alone: ``requested: cpu=2, used: cpu=0, limited: cpu=1``."""
    parts = {
        name: dict(re.findall(r"([\w./-]+)=([\w.]+)", text))
        for name, text in re.findall(r"(requested|limited): ((?:[\w./-]+=[\w.]+,?)+)", message)
    }
    limited = parts.get("limited", {})
    try:
        return any(
            quantity(value) > quantity(limited[name])
            for name, value in parts.get("requested", {}).items()
            if name in limited
        )
    except ValueError:
        return False


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
    if seen.code == _SIGTERM:
        return EngineError(f"Pod {name} was stopped from outside. Another pod begins anew.", code="stopped")
    if seen.code in _NOT_STARTED or seen.reason in {"StartError", "ContainerCannotRun"}:
        return ConfigurationError(
            f"Pod {name} could not start the worker in image {_image(pod)}: {last[0]} Is it the worker image?",
            code=seen.reason,
        )
    if seen.reason == "DeadlineExceeded":
        return EngineError(f"Pod {name} was not done at its deadline. {seen.message}", code="deadline", retryable=False)
    # 2 and 5 are the worker's words for what another try cannot help.
    return EngineError(
        f"Pod {name} ended with exit status {seen.code} without saying why. {last[0]}".rstrip(),
        code=str(seen.code),
        retryable=seen.code not in {2, 5},
    )


def _not_started(name: str, pod: Mapping[str, Any]) -> VodflowError:
    if (why := unschedulable(pod)) is not None:
        return EngineError(f"No node took pod {name} in time: {why}", code="unschedulable")
    seen = ending(pod)
    return EngineError(
        f"Pod {name} did not start in time: {seen.reason or 'no reason is given'}. {seen.message}".rstrip(),
        code=seen.reason or "not_started",
    )


def _worker(status: Mapping[str, Any]) -> Mapping[str, Any]:
    return next((item for item in status.get("containerStatuses") or () if item.get("name") == CONTAINER), {})


def _waiting_beside(status: Mapping[str, Any]) -> Mapping[str, Any]:
    """Why another container of the pod waits, an init container for example."""
    beside = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    found = [state["waiting"] for item in beside if (state := item.get("state") or {}).get("waiting")]
    return next((item for item in found if item.get("reason") in _STUCK), {})


def _taken(status: Mapping[str, Any]) -> str | None:
    """Why the whole pod was taken away, whatever its container's exit status was then."""
    if (reason := status.get("reason")) in _TAKEN or str(reason).startswith("OutOf"):
        return str(reason)
    conditions = status.get("conditions") or ()
    found = (
        item.get("reason")
        for item in conditions
        if item.get("type") == "DisruptionTarget" and item.get("status") == "True"
    )
    return next((str(reason) for reason in found if reason in _TAKEN), None)


def _container(pod: Mapping[str, Any]) -> Mapping[str, Any]:
    return next((item for item in (pod.get("spec") or {}).get("containers") or () if item.get("name") == CONTAINER), {})


def _image(pod: Mapping[str, Any]) -> str:
    return str(_container(pod).get("image") or "(none)")


def _status(body: str) -> tuple[str, str]:
    try:
        document = json.loads(body)
        return str(document.get("reason") or ""), str(document.get("message") or body).rstrip(".")
    except (ValueError, AttributeError):
        return "", body.strip()[:500].rstrip(".")
