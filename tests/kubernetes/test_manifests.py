"""The manifests of deploy/kubernetes on a real API server."""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Iterator

import pytest
import yaml
from support.fixtures.kubernetes import IMAGE, NAMESPACE, Pods
from support.manifests import FOREIGN, KUBECTL, OVERLAYS, documents, of_kind, overlay, values

pytestmark = pytest.mark.kubernetes

#: In a version that came with Kubernetes 1.21; the cluster of the tests may be older. Schemas are checked anyway.
LATER = {"PodDisruptionBudget"}


@pytest.mark.parametrize("name", OVERLAYS)
def test_a_cluster_takes_it(name: str) -> None:
    """Server-side dry run, which leaves nothing: in a namespace that is there, as ours are only to be."""
    found = [one for one in documents(overlay(name)) if one["kind"] not in FOREIGN | LATER]
    for one in found:
        if "namespace" in one["metadata"]:
            one["metadata"]["namespace"] = "default"
    # Not the client's own check, against schemas that it fetches: the server's.
    command = [KUBECTL, "apply", "--server-side", "--dry-run=server", "--validate=false", "-f", "-"]
    text = yaml.safe_dump_all(found)
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("serverside-applied (server dry run)") == len(found)


@pytest.fixture
def granted() -> Iterator[str]:
    """The rights over encoding pods, really given, in a namespace that is there; afterwards taken back."""
    name, found = f"vodflow-test-{secrets.token_hex(4)}", documents(overlay("eks"))
    role, binding = (of_kind(found, kind)["vodflow-pods"] for kind in ("Role", "RoleBinding"))
    for one in (role, binding):
        one["metadata"] = {"name": name, "namespace": "default"}
    binding["roleRef"]["name"] = name
    text = yaml.safe_dump_all([role, binding])
    try:
        subprocess.run(
            [KUBECTL, "apply", "--validate=false", "-f", "-"], input=text, text=True, check=True, timeout=120
        )
        yield "default"
    finally:
        subprocess.run(
            [KUBECTL, "-n", "default", "delete", f"role/{name}", f"rolebinding/{name}"], check=True, timeout=120
        )


def test_a_cluster_grants_what_pods_need_and_no_more(granted: str) -> None:
    def may(verb: str, what: str, account: str, namespace: str = granted) -> bool:
        whom = f"--as=system:serviceaccount:vodflow:{account}"
        command = [KUBECTL, "auth", "can-i", verb, *what.split(), "-n", namespace, whom]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout.strip() == "yes"

    for account in ("vodflow-worker", "vodflow-triggerer"):
        assert may("create", "pods", account)
        assert may("get", "pods --subresource=log", account)
    assert may("create", "pods --subresource=exec", "vodflow-worker")
    assert may("watch", "events", "vodflow-worker")
    assert not may("get", "secrets", "vodflow-worker")
    assert not may("create", "deployments.apps", "vodflow-worker")
    assert not may("create", "pods", "vodflow-worker", "kube-system")
    assert not may("create", "pods", "vodflow-api-server")


#: Where Airflow and its tasks write, what the chart mounts among it, and what stays closed.
WRITES = """
for folder in /opt/airflow /opt/airflow/logs /var/lib/vodflow/work /tmp; do
  echo here > $folder/file; cat $folder/file
done
cat /opt/airflow/airflow.cfg /opt/vodflow/deploy/kubernetes/ffmpeg-pod.yaml
touch /opt/file || id -u
"""


def test_airflows_parts_can_write_where_they_must(pods: Pods) -> None:
    """Mounts within mounts, for a user who is not root: as the chart makes them of the values, with a shell inside."""
    given, name, files = values("kubernetes"), f"vodflow-test-{secrets.token_hex(4)}", "vodflow-ffmpeg-pod"
    config = {"metadata": {"name": files}, "data": {"ffmpeg-pod.yaml": "kind: Pod\n", "airflow.cfg": "[core]\n"}}
    own = [
        {"name": "logs", "mountPath": "/opt/airflow/logs"},
        {"name": "ffmpeg-pod", "mountPath": "/opt/airflow/airflow.cfg", "subPath": "airflow.cfg", "readOnly": True},
    ]
    container = {
        "name": "part", "image": IMAGE, "command": ["sh", "-c", WRITES], "volumeMounts": [*own, *given["volumeMounts"]],
        "securityContext": given["securityContexts"]["containers"],
    }  # fmt: skip
    spec = {
        "restartPolicy": "Never", "securityContext": given["securityContexts"]["pod"], "containers": [container],
        "volumes": [*given["volumes"], {"name": "logs", "emptyDir": {}}],
    }  # fmt: skip
    pods.core.create_namespaced_config_map(NAMESPACE, config)
    try:
        pods.core.create_namespaced_pod(NAMESPACE, {"metadata": {"name": name}, "spec": spec})
        pods.until(lambda: pods.core.read_namespaced_pod(name, NAMESPACE).status.phase in {"Succeeded", "Failed"})
        wrote = pods.cluster.log_lines(name, "part", 20)
    finally:
        pods.core.delete_namespaced_config_map(files, NAMESPACE)
    assert wrote[:6] == ["here"] * 4 + ["[core]", "kind: Pod"]
    assert "Read-only file system" in wrote[6]
    assert wrote[7] == "50000"
