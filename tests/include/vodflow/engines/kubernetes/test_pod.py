"""The pod of a plan, and what templates change of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.engine_plans import written_plan
from vodflow.engines.kubernetes.pod import CONTAINER, MANAGED, PodRequest, job_labels, label, pod_manifest, pod_name
from vodflow.engines.kubernetes.resources import MIB, estimate
from vodflow.engines.kubernetes.template import merge, read_template
from vodflow.engines.local.workspace import needed_bytes
from vodflow.errors import ConfigurationError

PLAN = written_plan()


def request(**values: Any) -> PodRequest:
    known: dict[str, Any] = {
        "name": pod_name(PLAN, 7, 2),
        "namespace": "media",
        "image": "registry/vodflow-worker:1",
        "plan_uri": "s3://media/vod/x/_work/2/plan.json",
        "report": "s3://media/vod/x/_work/2/report.json",
        "bucket": "media",
        "prefix": "vod/x",
        "labels": job_labels(PLAN, 7, 2),
    }
    return PodRequest(**known | values)


def worker(manifest: dict[str, Any]) -> dict[str, Any]:
    (found,) = [item for item in manifest["spec"]["containers"] if item["name"] == CONTAINER]
    return dict(found)


def test_the_worker_gets_its_plan_and_may_change_nothing_but_its_work_folder() -> None:
    manifest = pod_manifest(PLAN, request())
    made = worker(manifest)
    assert made["args"] == [
        "worker", "run", "--plan", "s3://media/vod/x/_work/2/plan.json", "--bucket", "media", "--prefix", "vod/x",
        "--report", "s3://media/vod/x/_work/2/report.json",
    ]  # fmt: skip
    assert made["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert manifest["spec"]["securityContext"]["runAsNonRoot"] is True
    assert [item["mountPath"] for item in made["volumeMounts"]] == ["/work", "/tmp"]  # noqa: S108
    assert manifest["spec"]["restartPolicy"] == "Never"
    assert manifest["spec"]["automountServiceAccountToken"] is False


def test_it_is_found_again_by_name_and_labels() -> None:
    manifest = pod_manifest(PLAN, request())
    assert manifest["metadata"]["name"] == pod_name(PLAN, 7, 2) != pod_name(PLAN, 7, 3)
    assert len(manifest["metadata"]["name"]) <= 63
    labels = manifest["metadata"]["labels"]
    assert {
        "vodflow.io/job": "7",
        "vodflow.io/attempt": "2",
        "vodflow.io/plan": PLAN.hash,
        **MANAGED,
    }.items() <= labels.items()
    # No template takes that from it.
    other = {"metadata": {"name": "mine", "labels": {"vodflow.io/job": "1", "team": "video"}}}
    changed = pod_manifest(PLAN, request(templates=[other]))
    assert changed["metadata"]["name"] == manifest["metadata"]["name"]
    assert changed["metadata"]["labels"] == {**labels, "team": "video"}


@pytest.mark.parametrize(("text", "expected"), [("a b/ü", "a-b"), ("-x_", "x"), ("ü", "none"), ("a" * 70, "a" * 63)])
def test_labels_are_as_near_as_may_be(text: str, expected: str) -> None:
    assert label(text) == expected


def test_requests_follow_the_ladder_and_the_length() -> None:
    short, film = estimate(written_plan(duration=10)), estimate(written_plan(duration=7200))
    small = estimate(written_plan(ladder=(("360p", 640, 360, 800_000),), duration=7200))
    # 1080p, 720p and 360p with 24 pictures a second are 77 million pixels a second.
    assert (short.cpus, film.cpus, small.cpus) == (1, 2, 1)
    assert film.memory == short.memory > small.memory
    assert film.disk >= needed_bytes(written_plan(duration=7200))
    assert film.disk % MIB == film.memory % MIB == 0
    assert estimate(PLAN, memory_factor=2).memory == pytest.approx(2 * short.memory, abs=MIB)
    made = worker(pod_manifest(PLAN, request()))
    assert made["resources"]["requests"] == {
        "cpu": "1",
        "memory": str(short.memory),
        "ephemeral-storage": str(short.disk),
    }
    assert made["resources"]["limits"]["memory"] == str(short.memory_limit)


def test_a_lost_node_is_kept_away_from() -> None:
    affinity = pod_manifest(PLAN, request(avoid=["b", "a", "b"]))["spec"]["affinity"]["nodeAffinity"]
    (term,) = affinity["preferredDuringSchedulingIgnoredDuringExecution"]
    assert term["preference"]["matchExpressions"] == [
        {"key": "kubernetes.io/hostname", "operator": "NotIn", "values": ["a", "b"]}
    ]
    assert "affinity" not in pod_manifest(PLAN, request())["spec"]


def test_templates_say_what_is_wanted_otherwise() -> None:
    installation = {
        "spec": {
            "hostNetwork": True,
            "nodeSelector": {"pool": "video"},
            "tolerations": [{"key": "spot"}],
            "containers": [
                {"name": CONTAINER, "env": [{"name": "A", "value": "1"}], "resources": {"limits": {"cpu": "4"}}}
            ],
        }
    }
    profile = {
        "spec": {
            "tolerations": [{"key": "gpu"}],
            "topologySpreadConstraints": None,
            "containers": [{"name": CONTAINER, "resources": {"requests": {"cpu": "4"}}}, {"name": "proxy"}],
        }
    }
    plain = pod_manifest(PLAN, request())
    manifest = pod_manifest(PLAN, request(templates=[installation, profile]))
    spec, made = manifest["spec"], worker(manifest)
    assert spec["hostNetwork"] is True
    assert spec["nodeSelector"] == {"pool": "video"}
    assert spec["tolerations"] == [{"key": "spot"}, {"key": "gpu"}]
    assert "topologySpreadConstraints" not in spec
    assert [item["name"] for item in spec["containers"]] == [CONTAINER, "proxy"]
    assert made["env"] == [*worker(plain)["env"], {"name": "A", "value": "1"}]
    assert made["resources"]["requests"] == worker(plain)["resources"]["requests"] | {"cpu": "4"}
    assert made["resources"]["limits"] == worker(plain)["resources"]["limits"] | {"cpu": "4"}
    assert made["args"] == worker(plain)["args"]


def test_merging_replaces_what_has_no_names() -> None:
    assert merge({"a": [1], "b": 2, "c": {"d": 1}}, {"a": [3], "b": None, "c": {"e": 2}}) == {
        "a": [3],
        "c": {"d": 1, "e": 2},
    }


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("kind: Deployment\n", "is no Pod"),
        ("- a\n", "is no Pod"),
        ("a: [\n", "cannot be read"),
        (None, "cannot be read"),
    ],
)
def test_a_template_that_is_none(tmp_path: Path, text: str | None, problem: str) -> None:
    path = tmp_path / "pod.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigurationError, match=problem):
        read_template(path)
    assert read_template(None) == {}
