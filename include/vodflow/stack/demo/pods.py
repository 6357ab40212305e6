"""What ``make demo ENGINE=kubernetes`` needs beside the stack: a cluster, a namespace, the image, a way to our S3.

The embedded S3 listens on this machine's loopback alone, so the demo's pods share their node's network, and the node
must be this machine. A small pod shows all of that in two seconds, before anything slow starts.
"""

from __future__ import annotations

import hashlib
import os
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import Any, Final

import yaml

from vodflow import contract
from vodflow.engines.kubernetes.cluster import Cluster
from vodflow.engines.kubernetes.endings import Ending, ending
from vodflow.engines.kubernetes.failures import pod_failure
from vodflow.engines.kubernetes.pod import CONTAINER, MANAGED, USER
from vodflow.engines.kubernetes.template import merge, read_template
from vodflow.errors import ConfigurationError, EngineUnavailable, VodflowError
from vodflow.settings import Settings, get_settings
from vodflow.stack.config import prepare_config, write_private
from vodflow.stack.environment import given_settings
from vodflow.stack.ports import HOST
from vodflow.stack.stack import Stack

#: Where nothing else is said.
NAMESPACE: Final = "vodflow-demo"
IMAGE: Final = "vodflow-worker:demo"
#: Seconds that the pod of the check may take: a node may have to pull the image.
PATIENCE: Final = 180.0
_POLL: Final = 0.2
#: Exit statuses of the check: the image has another or no Vodflow, there is no way to this machine's loopback.
_OTHER, _NO_WAY = 64, 65
_CHECK: Final = f"""
import hashlib, importlib.util, pathlib, socket, sys
found = importlib.util.find_spec("vodflow")
files = sorted(pathlib.Path(found.origin).parent.glob("contract/*.py")) if found else ()
if hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest() != sys.argv[3]:
    sys.exit({_OTHER})
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), 5).close()
except OSError:
    sys.exit({_NO_WAY})
"""


def prepare(stack: Stack) -> dict[str, str]:
    """See that pods will work, and write their template; the settings with which the stack must run.

    :raises ConfigurationError: they will not: one sentence says what to do; nothing is left behind
    """
    values = _values(stack)
    settings = get_settings().model_copy(
        update={name.removeprefix("VODFLOW_").lower(): value for name, value in values.items()}
    )
    given = read_template(Path(values["VODFLOW_KUBERNETES_TEMPLATE"])) if _own_template(values, stack) else {}
    check_cluster(settings, given)
    path = _template_path(stack)
    path.parent.mkdir(parents=True, exist_ok=True)
    config = stack.config if stack.home.config_file.exists() else prepare_config(stack.home)
    keys = {
        "AWS_ACCESS_KEY_ID": config.secrets.aws_access_key_id,
        "AWS_SECRET_ACCESS_KEY": config.secrets.aws_secret_access_key,
    }
    write_private(path, yaml.safe_dump(merge(template(keys), given)))
    return {**values, "VODFLOW_KUBERNETES_TEMPLATE": str(path)}


def check_cluster(settings: Settings, given: Mapping[str, Any]) -> None:
    """See that the cluster answers, and that a pod of the image works there and reaches this machine.

    :param given: pod template of the installation
    :raises ConfigurationError: it is not so; a namespace that was made for it is removed again
    """
    cluster, made = _namespace(settings)
    try:
        _check(cluster, str(settings.kubernetes_image), given)
    except BaseException:
        if made:
            with suppress(VodflowError):
                cluster.remove_namespace()
        raise


def _values(stack: Stack) -> dict[str, str]:
    """``VODFLOW_KUBERNETES_*`` of a stack that runs, whose tasks have no others; else of the shell, and ours."""
    running = given_settings(stack.home) if stack.is_healthy() else None
    if running is not None and not running.get("VODFLOW_KUBERNETES_IMAGE"):
        raise ConfigurationError(
            "The stack is up without Kubernetes: stop it with `make down`, then `make demo ENGINE=kubernetes` again."
        )
    found = {
        name: value
        for name, value in (os.environ if running is None else running).items()
        if name.startswith("VODFLOW_KUBERNETES_") and value
    }
    config = os.environ.get("KUBECONFIG", "")
    if running is None and config and os.pathsep not in config:
        # The stack's processes have other working folders, and live longer than this shell.
        found.setdefault("VODFLOW_KUBERNETES_CONFIG", str(Path(config).absolute()))
    return {"VODFLOW_KUBERNETES_NAMESPACE": NAMESPACE, "VODFLOW_KUBERNETES_IMAGE": IMAGE, **found}


def _template_path(stack: Stack) -> Path:
    return stack.home.root / "demo" / "pod.yaml"


def _own_template(values: Mapping[str, str], stack: Stack) -> bool:
    """Whether a person gave a template of his own, which wins over the demo's."""
    return values.get("VODFLOW_KUBERNETES_TEMPLATE", str(_template_path(stack))) != str(_template_path(stack))


def template(keys: Mapping[str, str]) -> dict[str, Any]:
    """The part of a pod's template with which pods reach this machine's S3, and may use it."""
    variables = [{"name": name, "value": value} for name, value in keys.items()]
    worker = {"name": CONTAINER, "env": variables}
    return {"apiVersion": "v1", "kind": "Pod", "spec": {"hostNetwork": True, "containers": [worker]}}


def _namespace(settings: Settings) -> tuple[Cluster, bool]:
    """The cluster, and whether its namespace was made just now."""
    try:
        cluster = Cluster.of(settings)
    except ConfigurationError as error:
        raise _no_cluster(error) from error
    try:
        return cluster, cluster.make_namespace()
    except EngineUnavailable as error:
        raise _no_cluster(error) from error


def _no_cluster(error: VodflowError) -> ConfigurationError:
    cause = getattr(error.__cause__, "reason", error.__cause__)
    return ConfigurationError(
        f"No Kubernetes cluster can be reached ({str(cause).rstrip('.')}): start one whose node is this machine (k3s, "
        "for example), have KUBECONFIG name its kubeconfig file, and run `make demo ENGINE=kubernetes` again; plain "
        "`make demo` needs none."
    )


@contextmanager
def _listening() -> Iterator[int]:
    """A port of this machine's loopback to which the check connects, as pods will connect to the S3."""
    with socket.create_server((HOST, 0)) as server:
        yield int(server.getsockname()[1])


def _check(cluster: Cluster, image: str, given: Mapping[str, Any]) -> None:
    name = f"vodflow-demo-check-{token_hex(3)}"
    with _listening() as port:
        try:
            pod = cluster.create(_check_pod(cluster.namespace, name, image, port, given))
            deadline = time.monotonic() + PATIENCE
            while not ending(pod).over and time.monotonic() < deadline:
                time.sleep(_POLL)
                pod = cluster.read(name) or {}
        finally:
            cluster.delete(name, grace=0)
    seen = ending(pod)
    if not seen.succeeded:
        raise _advice(pod_failure(f"{cluster.namespace}/{name}", pod, None, more_memory=False), seen, image)


def _check_pod(namespace: str, name: str, image: str, port: int, given: Mapping[str, Any]) -> dict[str, Any]:
    container = {
        "name": CONTAINER,
        "image": image,
        "command": ["python", "-c", _CHECK, HOST, str(port), _contract()],
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "64Mi"}},
    }
    pod = {
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
    merged: dict[str, Any] = merge(merge(pod, template({})), given)
    return merged


def _contract() -> str:
    """A digest of what this checkout and the image must have in common: what a plan is."""
    files = sorted(Path(contract.__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def _advice(failure: VodflowError, seen: Ending, image: str) -> ConfigurationError:
    build = f"`docker build --target worker -t {image} .`"
    load = (
        f"`docker save {image} | sudo k3s ctr images import -` (k3s), `kind load docker-image {image}` (kind), or "
        "`docker push` to a registry that its nodes reach"
    )
    if seen.reason in {"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull"}:
        return ConfigurationError(
            f"The worker image {image} is not in the cluster: build it with {build} and load it with {load}; another "
            f"name goes into VODFLOW_KUBERNETES_IMAGE."
        )
    if seen.code == _NO_WAY:
        return ConfigurationError(
            f"The cluster's pods do not reach {HOST} of this machine, where the demo's S3 is: use a cluster whose node "
            "is this machine itself (k3s, for example; kind's nodes are containers); for any other, set Vodflow up "
            "with an S3 that the pods reach (docs/kubernetes-engine.md)."
        )
    if seen.code == _OTHER or "Is it the worker image?" in str(failure):
        return ConfigurationError(
            f"The image {image} is not the worker of this checkout: build it anew with {build} and load it with {load}."
        )
    return ConfigurationError(f"A pod of the image {image} does not work in this cluster. {failure}")
