"""Whether it lives, and whether everything it needs answers."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel
from starlette.responses import JSONResponse, Response

from vodflow import jobs
from vodflow.api.access import JobsReader, Public
from vodflow.api.app_state import services

router = APIRouter(tags=["health"])


class Alive(BaseModel):
    """It answers."""

    status: str = "ok"


@router.get("/health", dependencies=[Depends(Public("load balancers ask it"))])
def alive() -> Alive:
    """The process answers; it says nothing of what it needs."""
    return Alive()


class Check(BaseModel):
    """One thing that is needed.

    `ok` is null where it is not set up here, and so not needed. `detail` is for callers of the installation.
    """

    name: str
    ok: bool | None
    detail: str
    seconds: float


class HealthReport(BaseModel):
    """All of them; `ok` when none is wrong."""

    ok: bool
    checks: list[Check]


@router.get(
    "/api/v1/health",
    response_model=HealthReport,
    responses={503: {"description": "Something that is needed does not answer.", "model": HealthReport}},
)
def health(request: Request, caller: JobsReader) -> Response:
    """Ask the catalog, S3, Airflow and each engine."""
    found = jobs.health(services(request).settings)
    told = found.to_json()
    if caller.tenant is not None:
        told["checks"] = _without_names(told["checks"])
    return JSONResponse(told, 200 if found.ok else 503)


def _without_names(checks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The checks as a tenant sees them: addresses, and buckets that may be others', are not its business."""
    told: dict[str, dict[str, Any]] = {}
    for check in checks:
        name = "s3" if check["name"].startswith("s3://") else check["name"]
        if name not in told or check["ok"] is False:
            told[name] = {**check, "name": name, "detail": ""}
    return list(told.values())
