"""One video: what it is, what became of it, how good it is, what it cost; and the player of what is published."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Final, Literal

from fastapi import APIRouter, HTTPException, Query, Request
from starlette.responses import Response
from vodflow.catalog.database import transaction
from vodflow.catalog.states import FINISHED, JobStatus
from vodflow.catalog.video_details import VideoDetails, video_details

from vodflow_airflow.ui.access import Viewer
from vodflow_airflow.ui.media import media_of, picture_track
from vodflow_airflow.ui.pages.actions import DONE, VideoId
from vodflow_airflow.ui.pages.static import FILES
from vodflow_airflow.ui.pages.videos import shown_of
from vodflow_airflow.ui.rendering import page
from vodflow_airflow.ui.timeline import timeline
from vodflow_airflow.ui.video_states import can

router = APIRouter()

JobId = Annotated[int | None, Query(ge=1, lt=2**63)]

#: Tasks of a run, in their order; an engine's own stands between.
_STEPS: Final = ("prepare", "transcode_{engine}", "publish")


@router.get("/videos/{video_id}")
def video(
    request: Request,
    visitor: Viewer,  # noqa: ARG001 - viewers only
    video_id: VideoId,
    job: JobId = None,
    done: Literal["", "retry", "cancel", "priority"] = "",
) -> Response:
    """One video with its newest job, or another one of its jobs."""
    found = _found(video_id, job)
    row = found.job
    media = media_of(row, found.artifacts) if row and row["status"] == JobStatus.PUBLISHED else None
    run_id = row["run_id"] if row else found.line.run_id
    return page(
        request, "video.html", video=found, line=found.line, job=row, media=media, can=can,
        shown=[shown_of(found.line)], said=DONE.get(done),
        open=found.line.status not in FINISHED | {"REJECTED", "UNREADABLE"},
        timeline=timeline(found.source["registered_at"], datetime.now(UTC), found.events, found.attempts, found.parts),
        run_id=run_id,
        steps=[step.format(engine=row["engine"]) for step in _STEPS] if row else _STEPS[:1],
        plan=json.dumps(row["plan"], indent=2, ensure_ascii=False) if row else None,
        players=FILES["shaka-player.js"].is_file(),
    )  # fmt: skip


@router.get("/videos/{video_id}/plan.json")
def plan(visitor: Viewer, video_id: VideoId, job: JobId = None) -> Response:  # noqa: ARG001 - viewers only
    """The plan of the newest job, or of another one, as a file."""
    row = _found(video_id, job).job
    if row is None:
        raise HTTPException(404, f"Nothing is planned for video {video_id} yet.")
    name = f"plan-{row['plan_hash']}.json"
    body = json.dumps(row["plan"], indent=2, ensure_ascii=False)
    return Response(
        body, media_type="application/json", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


@router.get("/videos/{video_id}/pictures.vtt")
def pictures(visitor: Viewer, video_id: VideoId, job: JobId = None) -> Response:  # noqa: ARG001 - viewers only
    """The pictures of the seek bar."""
    found = _found(video_id, job)
    media = media_of(found.job, found.artifacts) if found.job else None
    if media is None or not media.pictures or not media.interval:
        raise HTTPException(404, f"There is no picture of video {video_id}.")
    return Response(picture_track(media, found.source["media_info"]["duration"]), media_type="text/vtt")


def _found(video_id: int, job_id: int | None) -> VideoDetails:
    with transaction("vodflow.pages") as conn:
        found = video_details(conn, video_id, job_id)
    if found is None:
        named = f"job {job_id} of video {video_id}" if job_id else f"video {video_id}"
        raise HTTPException(404, f"There is no {named}.")
    return found
