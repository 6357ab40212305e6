"""The pod that carries a plan out. Pure: from a plan and an installation's wishes to a manifest.

Ours first, then the template of the installation, then the profile's part: each says only what it wants otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from vodflow.contract.parts import Part, part_digest
from vodflow.contract.plan import TranscodePlan
from vodflow.engines.kubernetes.resources import Resources, estimate
from vodflow.engines.kubernetes.template import merge

#: The container that works; others, a proxy for example, may stand beside it.
CONTAINER: Final = "worker"
WORK_DIR: Final = "/work"
#: The user of the worker image.
USER: Final = 50000
#: Seconds from SIGTERM to SIGKILL; the worker needs two.
GRACE: Final = 10

LABEL_JOB: Final = "vodflow.io/job"
LABEL_ATTEMPT: Final = "vodflow.io/attempt"
LABEL_PLAN: Final = "vodflow.io/plan"
LABEL_VIDEO: Final = "vodflow.io/video"
LABEL_PART: Final = "vodflow.io/part"
LABEL_TENANT: Final = "vodflow.io/tenant"
#: Every pod of ours has it, and the shared watch asks for it.
MANAGED: Final = {"app.kubernetes.io/managed-by": "vodflow", "app.kubernetes.io/name": "vodflow-worker"}
SELECTOR: Final = ",".join(f"{name}={value}" for name, value in MANAGED.items())


@dataclass(frozen=True)
class PodRequest:
    """One pod to make.

    :param name: unique in the namespace, the same for the same attempt
    :param plan_uri: where the worker reads the plan
    :param report: ``s3://`` URI that keeps the worker's last line
    :param bucket: bucket of the outputs
    :param prefix: key prefix of the outputs
    :param command: of ``vodflow worker``
    :param needs: CPUs, memory and disk; none means those of the whole plan
    :param labels: of the video's job, beside ours
    :param environment: variables of the worker
    :param templates: pod templates, later ones win
    :param avoid: nodes that earlier attempts were lost with
    :param memory_factor: see :func:`~vodflow.engines.kubernetes.resources.estimate`
    """

    name: str
    namespace: str
    image: str
    plan_uri: str
    report: str
    bucket: str
    prefix: str
    command: Sequence[str] = ("run",)
    needs: Resources | None = None
    service_account: str | None = None
    priority_class: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    templates: Sequence[Mapping[str, Any]] = ()
    avoid: Sequence[str] = ()
    memory_factor: float = 1.0


def pod_name(plan: TranscodePlan, job_id: int, attempt: int) -> str:
    """The name of an attempt's pod: a person knows the video, and no two attempts have the same.

    The plan's hash keeps catalogs apart that share a namespace.
    """
    return f"vodflow-{label(plan.video)[:30].strip('-.').lower()}-{job_id}-{attempt}-{plan.hash[:8]}"


def part_pod_name(plan: TranscodePlan, part: Part, job_id: int, attempt: int) -> str:
    """The name of the pod of one attempt at a part, as :func:`pod_name`; the digest tells parts cut elsewhere apart."""
    names = f"{label(plan.video)[:18]}-{job_id}-{label(part.name)[:14]}".strip("-._").lower().replace("_", "-")
    return f"vodflow-{names}-{attempt}-{part_digest(plan, part)[:8]}"


def label(text: str) -> str:
    """A label's value (at most 63 of letters, digits, ``-``, ``_`` and ``.``) as near to the text as may be."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", text)[:63].strip("-_.") or "none"


def job_labels(plan: TranscodePlan, job_id: int, attempt: int) -> dict[str, str]:
    """What makes a pod found again, and grouped by people's tools."""
    return {
        LABEL_JOB: str(job_id),
        LABEL_ATTEMPT: str(attempt),
        LABEL_PLAN: plan.hash,
        LABEL_VIDEO: label(plan.video),
        LABEL_TENANT: label(plan.tenant),
    }


def job_selector(plan: TranscodePlan, job_id: int, part: Part | None = None) -> str:
    """By which all pods of a job are found, or those of one part of it."""
    selector = f"{SELECTOR},{LABEL_JOB}={job_id},{LABEL_PLAN}={plan.hash}"
    return f"{selector},{LABEL_PART}={label(part.name)}" if part else selector


def pod_manifest(plan: TranscodePlan, wanted: PodRequest) -> dict[str, Any]:
    """The whole manifest."""
    needs = wanted.needs or estimate(plan, memory_factor=wanted.memory_factor)
    manifest: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": wanted.name,
            "namespace": wanted.namespace,
            "labels": {**wanted.labels, **MANAGED},
            "annotations": {
                "vodflow.io/source": plan.source.uri,
                "vodflow.io/outputs": f"s3://{wanted.bucket}/{wanted.prefix}",
                # The autoscaler moves no pod whose work would begin anew.
                "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
            },
        },
        "spec": _spec(wanted, needs),
    }
    for template in wanted.templates:
        manifest = merge(manifest, template)
    # Who a pod is, is no template's business: by this it is found again.
    manifest["metadata"] |= {"name": wanted.name, "namespace": wanted.namespace}
    manifest["metadata"]["labels"] |= {**wanted.labels, **MANAGED}
    return manifest


def _spec(wanted: PodRequest, needs: Resources) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": GRACE,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(wanted, needs)],
        "volumes": [
            {"name": "work", "emptyDir": {"sizeLimit": str(needs.disk)}},
            {"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}},
        ],
        # Videos side by side on different nodes where that can be had: one lost node then stops few.
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": dict(MANAGED)},
            }
        ],
    }
    if wanted.service_account:
        # IRSA mounts a token of its own.
        spec["serviceAccountName"] = wanted.service_account
    if wanted.priority_class:
        spec["priorityClassName"] = wanted.priority_class
    if wanted.avoid:
        other = {"key": "kubernetes.io/hostname", "operator": "NotIn", "values": sorted(set(wanted.avoid))}
        term = {"weight": 100, "preference": {"matchExpressions": [other]}}
        spec["affinity"] = {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [term]}}
    return spec


def _container(wanted: PodRequest, needs: Resources) -> dict[str, Any]:
    arguments = ["worker", *wanted.command, "--plan", wanted.plan_uri]
    arguments += ["--bucket", wanted.bucket, "--prefix", wanted.prefix]
    environment = {
        "VODFLOW_WORK_DIR": WORK_DIR,
        # A pod sees the CPUs of its whole node, not those it may use.
        "VODFLOW_ENCODER_THREADS": str(needs.cpus),
        # What a node keeps free is Kubernetes' business.
        "VODFLOW_DISK_RESERVE": "0",
        **wanted.environment,
    }
    disk = str(needs.disk)
    return {
        "name": CONTAINER,
        "image": wanted.image,
        "args": [*arguments, "--report", wanted.report],
        "env": [{"name": name, "value": value} for name, value in sorted(environment.items())],
        "resources": {
            "requests": {"cpu": str(needs.cpus), "memory": str(needs.memory), "ephemeral-storage": disk},
            # No limit of CPU: what nobody else wants is used.
            "limits": {"memory": str(needs.memory_limit), "ephemeral-storage": str(needs.disk + 128 * 1024**2)},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [{"name": "work", "mountPath": WORK_DIR}, {"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108
    }
