"""What deploy/kubernetes says: against the schemas of Kubernetes, and against what it must agree with."""

from __future__ import annotations

import copy
import functools
import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
from support.engine_plans import LADDER, written_plan
from support.manifests import FOLDER, OVERLAYS, README, VARIANTS, VERSIONS, check, documents, of_kind, overlay, values
from vodflow.engines.kubernetes.pod import PodRequest, job_labels, pod_manifest, pod_name
from vodflow.engines.kubernetes.refusals import quantity
from vodflow.engines.kubernetes.resources import MOST_CPUS, estimate
from vodflow.engines.kubernetes.template import read_template
from vodflow.settings import Settings
from vodflow.stack.environment import TUNED
from vodflow.stack.heartbeats import JOBS
from vodflow.stack.home import REPOSITORY


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
    accounts.update({worker["serviceAccount"]["name"], "vodflow-api"})
    bindings = of_kind(documents(overlay("eks")), "RoleBinding")
    subjects = {name: {subject["name"] for subject in one["subjects"]} for name, one in bindings.items()}
    assert subjects == {
        "vodflow-pods": {"vodflow-worker", "vodflow-triggerer"},
        "vodflow-stop-pods": {"vodflow-api", "vodflow-api-server"},
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
    assert [rule["verbs"] for rule in roles["vodflow-stop-pods"]["rules"]] == [["get", "list", "delete"], ["get"]]
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


def test_the_engine_calls_nothing_that_is_not_allowed() -> None:
    """Beside what is of use and not needed (nodes), and what the demo does as whoever runs it (namespaces)."""
    folder = REPOSITORY / "include" / "vodflow" / "engines" / "kubernetes"
    text = "".join(path.read_text("utf-8") for path in folder.glob("*.py"))
    calls = set(re.findall(r"\.((?:create|read|list|patch|delete|replace|connect)_(?:name|node)\w+)", text))
    assert calls - {"list_node", "create_namespace", "delete_namespace"} == {
        "create_namespaced_pod", "read_namespaced_pod", "list_namespaced_pod", "delete_namespaced_pod",
        "read_namespaced_pod_log", "read_namespace",
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
def test_a_large_pod_fits_into_the_bounds(name: str) -> None:
    """Of a film in UHD; a pod over the quota alone would be refused for good."""
    ladder = (("2160p", 3840, 2160, 16_000_000), *LADDER)
    needs = estimate(written_plan(ladder=ladder, rate="60/1", duration=7200.0, width=3840, height=2160))
    asked = {"cpu": float(MOST_CPUS), "memory": float(needs.memory_limit), "ephemeral-storage": float(needs.disk)}
    found = documents(overlay(name))
    (limits,) = of_kind(found, "LimitRange")["vodflow-encode"]["spec"]["limits"]
    quota = of_kind(found, "ResourceQuota")["vodflow-encode"]["spec"]["hard"]
    for what, amount in asked.items():
        assert amount <= quantity(limits["max"][what]), what
        assert name == "kind" or 10 * amount <= quantity(quota[f"requests.{what}"]), "ten of them at a time"


@pytest.mark.parametrize("name", OVERLAYS)
def test_settings_are_known_and_not_secret(name: str) -> None:
    data = of_kind(documents(overlay(name)), "ConfigMap")["vodflow-settings"]["data"]
    ours = {key for key in data if key.startswith("VODFLOW_")}
    assert ours <= {f"VODFLOW_{field.upper()}" for field in Settings.model_fields}
    assert not [key for key in data if re.search("PASSWORD|SECRET|TOKEN|FERNET|_URL$", key) and "QUEUE" not in key
                and key not in {"VODFLOW_PUBLIC_BASE_URL", "AIRFLOW__API__BASE_URL"}]  # fmt: skip
    assert data["VODFLOW_KUBERNETES_NAMESPACE"] in of_kind(documents(overlay(name)), "Namespace")


def test_videos_are_encoded_by_pods(monkeypatch: pytest.MonkeyPatch) -> None:
    data = of_kind(documents(overlay("eks")), "ConfigMap")["vodflow-settings"]["data"]
    for name, value in data.items():
        monkeypatch.setenv(name, value)
    read = Settings()
    assert [rule.engine for rule in read.watch] == ["kubernetes"], "the profile's is local, in Airflow's own workers"
    assert (read.kubernetes_namespace, read.kubernetes_config) == ("vodflow-encode", None)


def test_the_template_is_where_the_setting_says() -> None:
    given = values("kubernetes")
    (volume,) = (one for one in given["volumes"] if "configMap" in one)
    (mount,) = (one for one in given["volumeMounts"] if one["name"] == volume["name"])
    (own,) = of_kind(documents(overlay("eks")), "Deployment")["vodflow-api"]["spec"]["template"]["spec"]["containers"]
    assert mount in own["volumeMounts"]
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
    text = "".join(path.read_text("utf-8") for folder in ("airflow", "base") for path in (FOLDER / folder).iterdir())
    pattern = r"(?:Secret(?:Name)?|secretRef|secretKeyRef|secretName)\W+(?:name: )?(vodflow-[\w-]+)"
    named = set(re.findall(pattern, text))
    assert {"vodflow-database", "vodflow-airflow", "vodflow-secrets", "vodflow-broker", "vodflow-redis"} <= named
    external = documents(overlay("eks")) + documents((FOLDER / "overlays/eks/celery-secrets.yaml").read_text("utf-8"))
    assert named == set(of_kind(external, "ExternalSecret"))
    for name in named:
        assert f"`{name}`" in README
