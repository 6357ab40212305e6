"""From a run of ``transcode_video`` to the page of its video."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final

from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session
from fastapi import APIRouter, HTTPException, Path, Request
from sqlalchemy import Connection, select
from starlette.responses import RedirectResponse, Response
from vodflow.catalog.database import transaction
from vodflow.catalog.tables import source, video
from vodflow.errors import ConfigurationError
from vodflow.storage.objects import parse_s3_uri

from vodflow_airflow.ui import DAG_ID
from vodflow_airflow.ui.access import Viewer
from vodflow_airflow.ui.rendering import base_of

router = APIRouter()

#: Runs that sensing starts name their source.
_OF_SOURCE: Final = re.compile(r"^source-(\d{1,18})(?:-|$)")

RunId = Annotated[str, Path(max_length=250, pattern=r"^[^\x00]+$")]


@router.get("/runs/{run_id}")
def run(request: Request, visitor: Viewer, run_id: RunId) -> Response:  # noqa: ARG001 - viewers only
    """Go on to the video that a run works on."""
    found = _OF_SOURCE.match(run_id)
    asked = {"source_id": int(found[1])} if found else _conf_of(run_id)
    with transaction("vodflow.pages") as conn:
        video_id = _video_of(conn, asked)
    if video_id is None:
        raise HTTPException(404, f"The catalog knows no video of run {run_id} yet: its first task registers it.")
    return RedirectResponse(f"{base_of(request)}/videos/{video_id}", 303)


def _conf_of(run_id: str) -> Mapping[str, Any]:
    """What a run that a person or a program started was asked for; nothing of an unknown one."""
    with create_session() as session:
        conf = session.scalar(select(DagRun.conf).where(DagRun.dag_id == DAG_ID, DagRun.run_id == run_id))
    return conf or {}


def _video_of(conn: Connection, asked: Mapping[str, Any]) -> int | None:
    if (source_id := asked.get("source_id")) is not None:
        known = isinstance(source_id, int) and 0 < source_id < 2**63  # else the run's Params are refused
        return conn.scalar(select(source.c.video_id).where(source.c.id == source_id)) if known else None
    try:
        bucket, key = parse_s3_uri(str(asked.get("source_uri") or "").replace("\0", ""))
    except ConfigurationError:
        return None
    return conn.scalar(select(video.c.id).where(video.c.bucket == bucket, video.c.key == key))
