"""What refusals of the cluster mean: whether another try can help, what to change."""

from __future__ import annotations

import json

import pytest
from vodflow.engines.kubernetes.refusals import api_failure, quantity
from vodflow.errors import AccountUnavailable, ConfigurationError, EngineUnavailable, VodflowError

QUOTA = (
    'pods "x" is forbidden: exceeded quota: q, requested: requests.cpu={}, used: requests.cpu=1, '
    "limited: requests.cpu=2"
)


def refused(status: int | None, message: str, reason: str = "Forbidden") -> VodflowError:
    return api_failure(status, json.dumps({"reason": reason, "message": message}), "make a pod", "media")


def test_a_quota_passes_unless_one_pod_is_too_much() -> None:
    assert isinstance(refused(403, QUOTA.format("1500m")), EngineUnavailable)
    never = refused(403, QUOTA.format("4"))
    assert isinstance(never, ConfigurationError)
    assert "One pod alone" in str(never)


@pytest.mark.parametrize(
    ("status", "message", "kind", "words"),
    [
        (None, "connection refused", EngineUnavailable, "Is the cluster up"),
        (401, "Unauthorized", AccountUnavailable, "renew"),
        (403, 'User "x" cannot create resource "pods"', ConfigurationError, "role"),
        (403, 'pods "x" is forbidden: no PriorityClass with name p was found', ConfigurationError, "names"),
        (404, 'namespaces "media" not found', ConfigurationError, "kubectl create namespace media"),
        (422, 'Pod "x" is invalid: spec.containers[0].env', ConfigurationError, "template"),
        (429, "too many", EngineUnavailable, "429"),
        (503, "etcd", EngineUnavailable, "503"),
    ],
)
def test_refusals(status: int | None, message: str, kind: type[VodflowError], words: str) -> None:
    error = refused(status, message)
    assert type(error) is kind
    assert words in str(error)
    assert message in str(error)
    assert "namespace media" in str(error)


@pytest.mark.parametrize(("text", "value"), [("500m", 0.5), ("2", 2), ("1Gi", 2**30), ("1e3", 1000), ("10k", 10_000)])
def test_quantities(text: str, value: float) -> None:
    assert quantity(text) == value


def test_no_quantity() -> None:
    with pytest.raises(ValueError, match="no quantity"):
        quantity("much")
