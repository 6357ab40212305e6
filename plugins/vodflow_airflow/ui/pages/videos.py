"""The list of videos."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from vodflow_airflow.ui.rendering import page

router = APIRouter()


@router.get("/videos")
def videos(request: Request) -> Response:
    """Every video, newest first."""
    return page(request, "videos.html", rows=[])
