"""Pods as the API shows them, in the states that matter."""

from __future__ import annotations

from typing import Any


def pod(state: dict[str, Any] | None = None, *, phase: str = "Failed", **status: Any) -> dict[str, Any]:
    statuses = [{"name": "proxy", "state": {"running": {}}}, {"name": "worker", "state": state or {}}]
    return {
        "spec": {
            "nodeName": "node-7",
            "containers": [
                {"name": "worker", "image": "reg/worker:9", "resources": {"limits": {"memory": str(512 * 2**20)}}}
            ],
        },
        "status": {"phase": phase, "containerStatuses": statuses, **status},
    }


def done(code: int, reason: str = "Error", message: str = "") -> dict[str, Any]:
    return {"terminated": {"exitCode": code, "reason": reason, "message": message}}


def waits(reason: str, message: str = "") -> dict[str, Any]:
    return {"waiting": {"reason": reason, "message": message}}
