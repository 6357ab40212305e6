"""What deploy/kubernetes says: against the schemas of Kubernetes, and against what it must agree with."""

from __future__ import annotations

import copy
import functools
import os
import re
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from support.engine_plans import written_plan
from vodflow.engines.kubernetes.pod import PodRequest, job_labels, pod_manifest, pod_name
from vodflow.engines.kubernetes.template import read_template
from vodflow.settings import Settings
from vodflow.stack.environment import TUNED
from vodflow.stack.heartbeats import JOBS
from vodflow.stack.home import REPOSITORY

FOLDER = REPOSITORY / "deploy" / "kubernetes"
README = (FOLDER / "README.md").read_text("utf-8")
KUBECTL = str(Path(sys.executable).with_name("kubectl"))
#: Named in deploy/kubernetes/README.md.
VERSIONS = ("1.33", "1.34", "1.35")
OVERLAYS = ("eks", "kind")
VARIANTS = {
    "kubernetes": ("values.yaml", "kubernetes-executor.yaml"),
    "celery": ("values.yaml", "celery-executor.yaml"),
    "keda": ("values.yaml", "celery-executor.yaml", "celery-keda.yaml"),
}
#: Kinds of operators that a cluster gets beside Kubernetes itself; no schema of theirs is packaged.
FOREIGN = {"ExternalSecret", "SecretStore", "ScaledObject"}


def documents(text: str) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(text) if document]


@functools.lru_cache
def overlay(name: str) -> str:
    """What ``kubectl apply -k`` sends."""
    command = [KUBECTL, "kustomize", str(FOLDER / "overlays" / name)]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


def of_kind(found: list[dict[str, Any]], kind: str) -> dict[str, dict[str, Any]]:
    return {document["metadata"]["name"]: document for document in found if document["kind"] == kind}


@functools.lru_cache
def values(variant: str) -> dict[str, Any]:
    """The values as Helm puts the files together."""
    whole: dict[str, Any] = {}
    for name in VARIANTS[variant]:
        whole = merged(whole, yaml.safe_load((FOLDER / "airflow" / name).read_text("utf-8")))
    return whole


def merged(old: Any, new: Any) -> Any:
    if isinstance(old, dict) and isinstance(new, dict):
        return {**old, **{name: merged(old.get(name), value) for name, value in new.items()}}
    return new


def check(found: list[dict[str, Any]], version: str) -> None:
    for document in found:
        if document["kind"] not in FOREIGN:
            kubernetes_validate.validate(document, version, strict=True)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", OVERLAYS)
def test_overlays_fit_the_schemas(name: str, version: str) -> None:
    found = documents(overlay(name))
    assert len(found) > 10
    check(found, version)


@functools.lru_cache
def encoding_pod() -> dict[str, Any]:
    """What the engine makes with the settings and the template of the EKS overlay."""
    data = of_kind(documents(overlay("eks")), "ConfigMap")["vodflow-settings"]["data"]
    set_up = {name: data[f"VODFLOW_KUBERNETES_{name.upper()}"] for name in (
        "namespace", "image", "service_account", "priority_class")}  # fmt: skip
    plan, template = written_plan(), read_template(FOLDER / "base" / "ffmpeg-pod.yaml")
    uris = {"plan_uri": "s3://media/plan.json", "report": "s3://media/report.json", "bucket": "media", "prefix": "vod"}
    wanted = PodRequest(
        name=pod_name(plan, 7, 1), labels=job_labels(plan, 7, 1), templates=[template], **set_up, **uris
    )
    return pod_manifest(plan, wanted)


@pytest.mark.parametrize("version", VERSIONS)
def test_encoding_pods_fit_the_schemas(version: str) -> None:
    check([encoding_pod()], version)


def test_a_misspelt_field_is_found() -> None:
    """So that the tests above cannot pass because they see nothing."""
    pod = copy.deepcopy(encoding_pod())
    pod["spec"]["priorityClass"] = pod["spec"].pop("priorityClassName")
    with pytest.raises(kubernetes_validate.ValidationError, match="priorityClass"):
        kubernetes_validate.validate(pod, VERSIONS[0], strict=True)


def test_the_readme_names_the_versions() -> None:
    assert f"Kubernetes {VERSIONS[0]} to {VERSIONS[-1]}" in README
    chart = re.findall(r"chart (\d+\.\d+\.\d+)|--version (\d+\.\d+\.\d+)", README)
    assert len({first or second for first, second in chart}) == 1
    assert f"--version {chart[0][0]}" in (FOLDER / "airflow" / "values.yaml").read_text("utf-8")


@pytest.mark.parametrize("variant", ["kubernetes", "celery"])
def test_the_charts_accounts_are_those_that_have_rights(variant: str) -> None:
    given = values(variant)
    worker = given["workers"]["kubernetes" if variant == "kubernetes" else "celery"]
    accounts = {
        given[part]["serviceAccount"]["name"] for part in ("scheduler", "triggerer", "dagProcessor", "apiServer")
    }
    accounts.add(worker["serviceAccount"]["name"])
    bindings = of_kind(documents(overlay("eks")), "RoleBinding")
    subjects = {name: {subject["name"] for subject in one["subjects"]} for name, one in bindings.items()}
    assert subjects == {
        "vodflow-pods": {"vodflow-worker", "vodflow-triggerer"},
        "vodflow-task-pods": {"vodflow-scheduler"},
    }
    assert set().union(*subjects.values()) <= accounts
    assert given["allowPodLaunching"] is False, "the chart would let every task make pods beside Airflow"
    for account in accounts:
        assert f"`{account}`" in README


def test_pods_are_made_in_a_namespace_of_their_own_and_nothing_else_is_allowed() -> None:
    roles = of_kind(documents(overlay("eks")), "Role")
    allowed = {
        (group, resource, verb)
        for rule in roles["vodflow-pods"]["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    assert roles["vodflow-pods"]["metadata"]["namespace"] == "vodflow-encode"
    assert allowed == {
        *(("", "pods", verb) for verb in ("create", "get", "list", "watch", "patch", "delete")),
        ("", "pods/log", "get"), ("", "pods/exec", "create"), ("", "pods/exec", "get"),
        ("", "events", "list"), ("", "events", "watch"), ("", "namespaces", "get"),
    }  # fmt: skip
    assert not of_kind(documents(overlay("eks")), "ClusterRole")


def test_the_provider_calls_nothing_that_is_not_allowed() -> None:
    """Of the KubernetesPodOperator's code: hook, pod manager, operator and trigger."""
    import airflow.providers.cncf.kubernetes as provider  # noqa: PLC0415

    folder = Path(provider.__path__[0])
    text = "".join(
        (folder / name).read_text("utf-8")
        for name in ("hooks/kubernetes.py", "utils/pod_manager.py", "operators/pod.py", "triggers/pod.py")
    )
    calls = set(
        re.findall(r"\.((?:create|read|list|patch|delete|replace|connect_get)_namespaced_(?:pod|event)\w*)", text)
    )
    assert calls == {
        "create_namespaced_pod", "read_namespaced_pod", "list_namespaced_pod", "patch_namespaced_pod",
        "delete_namespaced_pod", "read_namespaced_pod_log", "connect_get_namespaced_pod_exec", "list_namespaced_event",
    }  # fmt: skip


def test_encoding_pods_pass_the_restricted_standard() -> None:
    spec, (container,) = encoding_pod()["spec"], encoding_pod()["spec"]["containers"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
    }  # fmt: skip
    assert spec["automountServiceAccountToken"] is False
    assert {"hostNetwork", "hostPID", "hostIPC"}.isdisjoint(spec)
    found = documents(overlay("eks"))
    encode = of_kind(found, "Namespace")["vodflow-encode"]
    assert encode["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert spec["priorityClassName"] in of_kind(found, "PriorityClass")
    assert spec["serviceAccountName"] in of_kind(found, "ServiceAccount")


@pytest.mark.parametrize("name", OVERLAYS)
def test_settings_are_known_and_not_secret(name: str) -> None:
    data = of_kind(documents(overlay(name)), "ConfigMap")["vodflow-settings"]["data"]
    ours = {key for key in data if key.startswith("VODFLOW_")}
    assert ours <= {f"VODFLOW_{field.upper()}" for field in Settings.model_fields}
    assert not [key for key in data if re.search("PASSWORD|SECRET|TOKEN|FERNET|_URL$", key) and "QUEUE" not in key
                and key not in {"VODFLOW_PUBLIC_BASE_URL", "AIRFLOW__API__BASE_URL"}]  # fmt: skip
    assert data["VODFLOW_KUBERNETES_NAMESPACE"] in of_kind(documents(overlay(name)), "Namespace")


def test_the_template_is_where_the_setting_says() -> None:
    given = values("kubernetes")
    (mount,), (volume,) = given["volumeMounts"], given["volumes"]
    maps = of_kind(documents(overlay("eks")), "ConfigMap")
    (file,) = maps[volume["configMap"]["name"]]["data"]
    assert maps["vodflow-settings"]["data"]["VODFLOW_KUBERNETES_TEMPLATE"] == f"{mount['mountPath']}/{file}"


@pytest.mark.parametrize("variant", VARIANTS)
def test_airflow_is_tuned_as_in_the_embedded_stack(variant: str) -> None:
    config = values(variant)["config"]
    # Of one machine: how much at once, its log-in, processes that a cluster has pods for. The chart has no examples.
    elsewhere = {"executor", "parallelism", "max_active_tasks_per_dag", "simple_auth_manager_users", "load_examples",
                 "workers", "parsing_processes"}  # fmt: skip
    wanted = {
        (section, name): str(value) for section, options in TUNED.items() for name, value in options.items()
        if name not in elsewhere
    }  # fmt: skip
    assert {(section, name): config[section].get(name) for section, name in wanted} == wanted


@pytest.mark.parametrize("variant", VARIANTS)
def test_airflow_knows_every_option(variant: str) -> None:
    from airflow.configuration import conf  # noqa: PLC0415

    known = conf.configuration_description
    for section, options in values(variant)["config"].items():
        assert set(options) <= set(known[section]["options"]), section


def test_parts_are_watched_by_what_the_image_has() -> None:
    given = values("kubernetes")
    for name, part in {"scheduler": "scheduler", "dag-processor": "dagProcessor", "triggerer": "triggerer"}.items():
        assert name in JOBS
        assert given[part]["livenessProbe"]["command"] == ["python", "-m", "vodflow.stack.heartbeats", name]
        assert given[part]["logGroomerSidecar"]["enabled"] is False, "its script is in another image"
    assert given["createUserJob"]["enabled"] is False


def test_every_secret_is_explained() -> None:
    named = set(re.findall(r"(?:Secret(?:Name)?|secretRef|secretKeyRef|secretName)\W+(?:name: )?(vodflow-[\w-]+)",
                           "".join(path.read_text("utf-8") for path in (FOLDER / "airflow").iterdir())))  # fmt: skip
    assert {"vodflow-database", "vodflow-airflow", "vodflow-secrets", "vodflow-broker", "vodflow-redis"} <= named
    external = documents(overlay("eks")) + documents((FOLDER / "overlays/eks/celery-secrets.yaml").read_text("utf-8"))
    assert named == set(of_kind(external, "ExternalSecret"))
    for name in named:
        assert f"`{name}`" in README


CHART = os.environ.get("HELM_AIRFLOW_CHART", "")


@pytest.mark.skipif(not (CHART and shutil.which("helm")), reason="HELM_AIRFLOW_CHART names no unpacked chart")
@pytest.mark.parametrize("variant", VARIANTS)
def test_what_the_chart_makes_of_the_values(variant: str) -> None:
    files = [word for name in VARIANTS[variant] for word in ("-f", str(FOLDER / "airflow" / name))]
    command = ["helm", "template", "airflow", CHART, "--namespace", "vodflow", *files]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    found = documents(done.stdout)
    for version in VERSIONS:
        check(found, version)
    assert not [one["metadata"]["name"] for one in found if "pods" in str(one.get("rules")) and "create" in str(one)]
    accounts = set(of_kind(found, "ServiceAccount"))
    used = {one["spec"]["template"]["spec"]["serviceAccountName"] for kind in ("Deployment", "StatefulSet", "Job")
            for one in of_kind(found, kind).values()}  # fmt: skip
    assert used <= accounts
    assert "vodflow-worker" in accounts
    for one in [*of_kind(found, "Deployment").values(), *of_kind(found, "Job").values()]:
        for container in one["spec"]["template"]["spec"]["containers"]:
            assert "/entrypoint" not in str(container), "our image has none"
            assert container["image"].startswith("ghcr.io/vodflow/")


@pytest.mark.kubernetes
@pytest.mark.skipif("KUBECONFIG" not in os.environ, reason="KUBECONFIG names no cluster")
@pytest.mark.parametrize("name", OVERLAYS)
def test_a_cluster_takes_it(name: str) -> None:
    """Server-side dry run, which leaves nothing: in a namespace that is there, as ours are only to be."""
    found = [one for one in documents(overlay(name)) if one["kind"] not in FOREIGN]
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


@pytest.mark.kubernetes
@pytest.mark.skipif("KUBECONFIG" not in os.environ, reason="KUBECONFIG names no cluster")
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
