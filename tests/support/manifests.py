"""What deploy/kubernetes says, as those read it who apply it."""

from __future__ import annotations

import functools
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml
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
