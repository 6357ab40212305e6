"""What the cluster's refusal of a request means: whether another try can help, and what to change. Pure."""

from __future__ import annotations

import json
import re
from typing import Final

from vodflow.errors import AccountUnavailable, ConfigurationError, EngineUnavailable, VodflowError


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


def _status(body: str) -> tuple[str, str]:
    try:
        document = json.loads(body)
        return str(document.get("reason") or ""), str(document.get("message") or body).rstrip(".")
    except (ValueError, AttributeError):
        return "", body.strip()[:500].rstrip(".")
