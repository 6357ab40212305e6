"""One namespace of one cluster, as the steps use it; every call has a timeout and speaks in this package's errors."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from vodflow.engines.kubernetes.pod import GRACE
from vodflow.engines.kubernetes.refusals import api_failure
from vodflow.errors import ConfigurationError
from vodflow.settings import Settings, get_settings

log = logging.getLogger(__name__)

#: Seconds to connect, and to wait for an answer.
TIMEOUT: Final = (5.0, 30.0)
#: Seconds beyond a pod's own grace for which its end is waited for.
_PATIENCE: Final = 20.0


@dataclass(frozen=True)
class ClusterAddress:
    """Where a cluster is.

    :param config: kubeconfig file; none means the usual places
    :param context: of that file; none means its current one
    :param in_cluster: this process runs in a pod of it, and has its service account
    """

    config: str | None = None
    context: str | None = None
    in_cluster: bool = False

    @classmethod
    def of(cls, settings: Settings) -> ClusterAddress:
        """As the settings say: a file, the pod this runs in, or ``KUBECONFIG`` and ``~/.kube/config``."""
        config = settings.kubernetes_config
        inside = config is None and "KUBECONFIG" not in os.environ and "KUBERNETES_SERVICE_HOST" in os.environ
        return cls(str(config) if config else None, settings.kubernetes_context, inside)


class Cluster:
    """Pods of one namespace.

    :param core: a ``kubernetes.client.CoreV1Api``
    """

    def __init__(self, core: Any, namespace: str) -> None:
        self._core = core
        self.namespace = namespace

    @classmethod
    def of(cls, settings: Settings | None = None) -> Cluster:
        """The settings' one.

        :raises ConfigurationError: when the settings lead to no cluster
        """
        used = settings or get_settings()
        return cls(_connect(ClusterAddress.of(used)), required_namespace(used))

    def create(self, manifest: Mapping[str, Any]) -> dict[str, Any]:
        """Make a pod, or find it made before.

        :raises VodflowError: see :func:`~vodflow.engines.kubernetes.refusals.api_failure`
        """
        import kubernetes.client  # noqa: PLC0415

        try:
            return self._json("make a pod", self._core.create_namespaced_pod, self.namespace, dict(manifest))
        except kubernetes.client.ApiException as error:
            if error.status == 409 and (found := self.read(manifest["metadata"]["name"])) is not None:
                return found
            raise self._failure(error, "make a pod") from error

    def read(self, name: str) -> dict[str, Any] | None:
        """A pod as it is now; none when there is none."""
        import kubernetes.client  # noqa: PLC0415

        try:
            return self._json("read a pod", self._core.read_namespaced_pod, name, self.namespace)
        except kubernetes.client.ApiException as error:
            if error.status == 404:
                return None
            raise self._failure(error, "read a pod") from error

    def log_lines(self, name: str, container: str, lines: int) -> list[str]:
        """The last lines of a container's log; none when it has none (any more)."""
        import kubernetes.client  # noqa: PLC0415

        call, options = self._core.read_namespaced_pod_log, {"container": container, "tail_lines": lines}
        try:
            answer = self._answer("read a log", call, name, self.namespace, **options)
        except kubernetes.client.ApiException as error:
            if error.status in {400, 404}:  # its container has not begun, or its node is gone
                return []
            raise self._failure(error, "read a log") from error
        return answer.decode(errors="replace").splitlines()

    def delete(self, name: str, *, grace: int | None = None) -> bool:
        """Have a pod stopped and removed; false when there is none.

        :param grace: seconds until it is killed; none means what the pod says
        """
        import kubernetes.client  # noqa: PLC0415

        seconds = {} if grace is None else {"grace_period_seconds": grace}
        try:
            self._json("delete a pod", self._core.delete_namespaced_pod, name, self.namespace, **seconds)
        except kubernetes.client.ApiException as error:
            if error.status == 404:
                return False
            raise self._failure(error, "delete a pod") from error
        return True

    def wait_until_gone(self, *, selector: str | None = None, name: str = "") -> None:
        """Return when none of these pods works any more: what is cleared away next, none may write again.

        Pods that do not end within their grace and 20 s are told of in the log, and waited for no longer.

        :param selector: of their labels; none means the one pod of that name, which asks for no right to list pods
        :raises VodflowError: the cluster does not answer
        """
        until = time.monotonic() + GRACE + _PATIENCE
        while left := self.names(selector) if selector else [name] * (self.read(name) is not None):
            if time.monotonic() > until:
                log.warning("Pods do not end: %s", ", ".join(left))
                return
            time.sleep(0.5)

    def make_namespace(self) -> bool:
        """Make the namespace unless it is there; whether it was made.

        :raises VodflowError: it is not there and may not be made, or the cluster does not answer
        """
        import kubernetes.client  # noqa: PLC0415

        try:
            self._json("find the namespace", self._core.read_namespace, self.namespace)
        except kubernetes.client.ApiException as error:
            if error.status == 403:
                return False  # who may not look at namespaces may make pods in his own all the same
            if error.status != 404:
                raise self._failure(error, "find the namespace") from error
        else:
            return False
        try:
            self._json("make the namespace", self._core.create_namespace, {"metadata": {"name": self.namespace}})
        except kubernetes.client.ApiException as error:
            if error.status == 409:
                return False
            if error.status == 403:
                raise ConfigurationError(
                    f"There is no namespace {self.namespace}, and this user may not make one: have it made with "
                    f"`kubectl create namespace {self.namespace}`, or name another in VODFLOW_KUBERNETES_NAMESPACE."
                ) from error
            raise self._failure(error, "make the namespace") from error
        return True

    def remove_namespace(self) -> None:
        """Have the namespace and all that is in it removed.

        :raises VodflowError: when that may not be, or the cluster does not answer
        """
        import kubernetes.client  # noqa: PLC0415

        try:
            self._json("remove the namespace", self._core.delete_namespace, self.namespace)
        except kubernetes.client.ApiException as error:
            raise self._failure(error, "remove the namespace") from error

    def names(self, selector: str) -> list[str]:
        """Names of the pods that have these labels."""
        import kubernetes.client  # noqa: PLC0415

        try:
            found = self._json("list pods", self._core.list_namespaced_pod, self.namespace, label_selector=selector)
        except kubernetes.client.ApiException as error:
            raise self._failure(error, "list pods") from error
        return [pod["metadata"]["name"] for pod in found["items"]]

    def largest_node(self, resource: str) -> str | None:
        """How much of a resource the largest node has for pods; none when nodes may not be listed."""
        import kubernetes.client  # noqa: PLC0415

        from vodflow.engines.kubernetes.refusals import quantity  # noqa: PLC0415

        try:
            nodes = self._json("list nodes", self._core.list_node)["items"]
        except kubernetes.client.ApiException:
            return None
        sizes = [node["status"]["allocatable"].get(resource, "0") for node in nodes]
        return max(sizes, key=quantity, default=None)

    def check(self) -> str:
        """One line on the cluster, when it answers and pods may be looked at there.

        :raises VodflowError: when it does not
        """
        import kubernetes.client  # noqa: PLC0415

        try:
            self._json("find the namespace", self._core.read_namespace, self.namespace)
            pods = self._json("list pods", self._core.list_namespaced_pod, self.namespace, limit=1)
        except kubernetes.client.ApiException as error:
            raise self._failure(error, "list pods") from error
        return f"namespace {self.namespace} answers{', and has pods' if pods['items'] else ''}"

    def _json(self, doing: str, call: Callable[..., Any], *arguments: Any, **options: Any) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self._answer(doing, call, *arguments, **options))
        return document

    def _answer(self, doing: str, call: Callable[..., Any], *arguments: Any, **options: Any) -> bytes:
        from urllib3.exceptions import HTTPError  # noqa: PLC0415

        try:
            answer = call(*arguments, **options, _preload_content=False, _request_timeout=TIMEOUT)
        except (HTTPError, OSError) as error:
            raise api_failure(None, str(error), doing, self.namespace) from error
        data: bytes = answer.data
        return data

    def _failure(self, error: Any, doing: str) -> Exception:
        return api_failure(error.status, str(error.body or error.reason), doing, self.namespace)


def required_namespace(settings: Settings) -> str:
    """The namespace of the pods.

    :raises ConfigurationError: when there is none: the engine is not set up here
    """
    if settings.kubernetes_namespace is None or settings.kubernetes_image is None:
        raise ConfigurationError(
            "Kubernetes is not set up here: set VODFLOW_KUBERNETES_NAMESPACE and VODFLOW_KUBERNETES_IMAGE."
        )
    return settings.kubernetes_namespace


def _connect(address: ClusterAddress) -> Any:
    try:
        import kubernetes.client  # noqa: PLC0415 - takes a second, and only this engine needs it
        import kubernetes.config  # noqa: PLC0415
    except ImportError as error:
        raise ConfigurationError("The Kubernetes engine needs the package `kubernetes`; install it.") from error
    from urllib3 import Retry  # noqa: PLC0415

    configuration = kubernetes.client.Configuration()
    try:
        if address.in_cluster:
            kubernetes.config.load_incluster_config(client_configuration=configuration)
        else:
            kubernetes.config.load_kube_config(
                config_file=address.config, context=address.context, client_configuration=configuration
            )
    except (kubernetes.config.ConfigException, OSError, ValueError) as error:
        raise no_cluster(error) from error
    configuration.retries = Retry(total=2, connect=2, read=0, backoff_factor=0.2)
    return kubernetes.client.CoreV1Api(kubernetes.client.ApiClient(configuration))


def no_cluster(error: Exception) -> ConfigurationError:
    """The error for settings that lead to no cluster."""
    return ConfigurationError(
        f"There is no Kubernetes cluster to be found: {str(error).rstrip('.')}. Set VODFLOW_KUBERNETES_CONFIG (or "
        "KUBECONFIG) to a kubeconfig file, and VODFLOW_KUBERNETES_CONTEXT if its current context is not the one."
    )
