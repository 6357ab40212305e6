"""What the exceptions of the cncf-kubernetes provider mean to a task with a pod."""

from __future__ import annotations

from typing import Any

from airflow.providers.cncf.kubernetes.utils.pod_manager import PodNotFoundException
from airflow.sdk.exceptions import AirflowException
from vodflow.errors import EngineError, VodflowError


def cluster_failure(error: Exception, namespace: str, *, pod_made: bool) -> VodflowError | None:
    """The meaning of a refusal of the cluster, or of no way to it; none for all else, a pod that is gone for example.

    :param pod_made: whether the task had come so far
    """
    from kubernetes.client import ApiException  # noqa: PLC0415 - takes a second, and DAG files are read often
    from kubernetes.config import ConfigException  # noqa: PLC0415
    from urllib3.exceptions import HTTPError  # noqa: PLC0415
    from vodflow.engines.kubernetes.cluster import no_cluster  # noqa: PLC0415
    from vodflow.engines.kubernetes.refusals import api_failure  # noqa: PLC0415

    if isinstance(error, ApiException):
        body = str(error.body or error.reason)
        return None if _gone(error) else api_failure(error.status, body, "make or read a pod", namespace)
    if isinstance(error, HTTPError):
        return api_failure(None, str(error), "answer", namespace)
    # A connection that is not there, or contradicts itself, is an AirflowException of the provider's hook.
    hooks = isinstance(error, AirflowException) and not isinstance(error, PodNotFoundException) and not pod_made
    return no_cluster(error) if hooks or isinstance(error, ConfigException | OSError) else None


def end_meant(error: Exception) -> bool:
    """Whether an exception that :func:`cluster_failure` does not know tells of the end of the pod."""
    return isinstance(error, AirflowException) or _gone(error)


def pod_end(pod: Any, name: str, said: VodflowError | None, *, more_memory: bool, overdue: bool) -> VodflowError:
    """Why a pod has not done its work.

    :param pod: a ``V1Pod`` as it was last seen; none when it is gone
    :param name: ``namespace/name``
    :param said: the worker's report, where it is one of failure
    :param more_memory: whether the pod had more memory because an earlier one had too little
    :param overdue: whether the task's time was up
    """
    from kubernetes.client import ApiClient  # noqa: PLC0415
    from vodflow.engines.kubernetes.endings import ending  # noqa: PLC0415
    from vodflow.engines.kubernetes.failures import last_words, pod_failure  # noqa: PLC0415

    if pod is None:
        return pod_failure(name, None, said, more_memory=more_memory)
    document = ApiClient().sanitize_for_serialization(pod)
    seen = ending(document)
    if overdue and not seen.over and document["status"].get("phase") == "Running":
        return EngineError(f"Pod {name} was not done within the task's execution_timeout.", code="deadline")
    return pod_failure(name, document, said or last_words(seen.message), more_memory=more_memory)


def _gone(error: Exception) -> bool:
    return getattr(error, "status", None) == 404 and "pods " in str(getattr(error, "body", ""))
