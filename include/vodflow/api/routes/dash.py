"""DASH at an address like the specification's for HLS, with the token as a parameter."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request, Response

from vodflow.api.parameters import ObjectId
from vodflow.api.routes.hls import TokenParameter, rooted
from vodflow.api.routes.playback import OPENED, WITH_TOKEN
from vodflow.contract import layout

router = APIRouter(prefix="/api/v1/media", tags=["playback"])


@router.get("/dash/{video_id}/manifest.mpd", responses=OPENED, dependencies=[Depends(WITH_TOKEN)])
def mpd(request: Request, video_id: ObjectId, token: TokenParameter) -> Response:  # noqa: ARG001
    """The MPD. What it names is asked for at addresses with the token in them."""
    return rooted(request, video_id, layout.DASH_MANIFEST)
