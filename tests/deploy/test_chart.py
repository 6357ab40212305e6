"""What Airflow's chart makes of the values in deploy/kubernetes/airflow; ``HELM_AIRFLOW_CHART`` names it, unpacked."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from typing import Any

import pytest
from support.manifests import FOLDER, VARIANTS, VERSIONS, check, documents, of_kind, values

CHART = os.environ.get("HELM_AIRFLOW_CHART", "")
pytestmark = pytest.mark.skipif(
    not (CHART and shutil.which("helm")), reason="HELM_AIRFLOW_CHART names no unpacked chart"
)


@functools.lru_cache
def charted(variant: str) -> list[dict[str, Any]]:
    """What the chart makes of the values; of the KubernetesExecutor also the pod of a task, which it has as a file."""
    files = [word for name in VARIANTS[variant] for word in ("-f", str(FOLDER / "airflow" / name))]
    command = ["helm", "template", "airflow", CHART, "--namespace", "vodflow", *files]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    found = documents(done.stdout)
    if variant == "kubernetes":
        found += documents(of_kind(found, "ConfigMap")["airflow-config"]["data"]["pod_template_file.yaml"])
    return found


def pod_specs(found: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Of everything that makes pods."""
    specs = {}
    for one in found:
        spec = one.get("spec", {})
        spec = spec.get("jobTemplate", {}).get("spec", spec)
        spec = spec.get("template", {}).get("spec", spec)
        if "containers" in spec:
            specs[f"{one['kind']} {one['metadata']['name']}"] = spec
    return specs


@pytest.mark.parametrize("variant", VARIANTS)
def test_what_the_chart_makes_of_the_values(variant: str) -> None:
    found = charted(variant)
    for version in VERSIONS:
        check(found, version)
    accounts = set(of_kind(found, "ServiceAccount"))
    assert {spec["serviceAccountName"] for spec in pod_specs(found).values()} <= accounts
    assert "vodflow-worker" in accounts
    for name, spec in pod_specs(found).items():
        for container in spec["containers"]:
            assert "/entrypoint" not in str(container), "our image has none"
            assert container["image"].startswith("redis:" if "redis" in name else "ghcr.io/vodflow/vodflow-team:")


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_charts_pods_are_bounded(variant: str) -> None:
    for name, spec in pod_specs(charted(variant)).items():
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        for container in [*(spec.get("initContainers") or ()), *spec["containers"]]:
            bounds = container["securityContext"]
            assert (bounds["readOnlyRootFilesystem"], bounds["allowPrivilegeEscalation"]) == (True, False), name
            assert bounds["capabilities"] == {"drop": ["ALL"]}
            assert set(container["resources"]) == {"requests", "limits"}, name
            assert not [one for one in container.get("env", ()) if "SECRET" in one["name"] and "value" in one]
        if "redis" not in name:
            written = {mount["mountPath"] for mount in spec["containers"][0]["volumeMounts"]}
            assert {"/opt/airflow", "/tmp", "/var/lib/vodflow/work"} <= written  # noqa: S108
        long_lived = name.startswith(("Deployment", "StatefulSet")) and "redis" not in name
        assert not long_lived or spec["containers"][0]["livenessProbe"], name


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_chart_gives_rights_that_are_there_and_makes_nobody_pods(variant: str) -> None:
    found = charted(variant)
    roles = of_kind(found, "Role")
    bound = {one["roleRef"]["name"]: one["subjects"][0]["name"] for one in of_kind(found, "RoleBinding").values()}
    assert set(bound) == set(roles)
    assert bound == (
        {"airflow-pod-log-reader-role": "vodflow-api-server", "airflow-cleanup-role": "vodflow-cleanup"}
        if variant == "kubernetes"
        else {}
    )
    assert not [name for name, role in roles.items() if "create" in str(role["rules"])]


def test_workers_are_scaled_by_one_of_the_two() -> None:
    (hpa,) = (one for one in charted("celery") if one["kind"] == "HorizontalPodAutoscaler" and "worker" in str(one))
    (keda,) = (one for one in charted("keda") if one["kind"] == "ScaledObject")
    assert not [one for one in charted("keda") if one["kind"] == "HorizontalPodAutoscaler" and "worker" in str(one)]
    for variant, target in (("celery", hpa), ("keda", keda)):
        of = target["spec"]["scaleTargetRef"]
        worker = of_kind(charted(variant), of["kind"])[of["name"]]["spec"]
        assert "replicas" not in worker, "each deployment would undo what was scaled"
        assert [part["name"] for part in worker["template"]["spec"]["containers"]] == ["worker"]
    (trigger,) = keda["spec"]["triggers"]
    variables = {one["name"]: one for one in worker["template"]["spec"]["containers"][0]["env"]}
    asked = variables[trigger["metadata"]["connectionFromEnv"]]["valueFrom"]["secretKeyRef"]
    assert asked == {"name": "vodflow-database", "key": "kedaConnection"}
    concurrency = values("keda")["config"]["celery"]["worker_concurrency"]
    assert f"/ {concurrency})" in trigger["metadata"]["query"]
