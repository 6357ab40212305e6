"""HLS at the specification's addresses, with the token as a parameter."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import IPvAnyAddress

from vodflow.api.access import PlaybackIssuer
from vodflow.api.models.playback import AccessToken, TokenRequest
from vodflow.api.parameters import ObjectId, ShortText
from vodflow.api.play import admitted, playback
from vodflow.api.problems import problem_responses
from vodflow.api.routes.playback import OPENED, WITH_TOKEN, document_answer, granted, token_answer
from vodflow.errors import TokenInvalid

router = APIRouter(prefix="/api/v1/media", tags=["playback"])

TokenParameter = Annotated[str, Query(description="playback token")]
PlaylistName = Annotated[str, Path(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,100}\.m3u8$")]


@router.get("/hls/{video_id}/access-token", responses=problem_responses(403, 404, 422, 503))
def access_token(
    request: Request, video_id: ObjectId, user_id: ShortText, caller: PlaybackIssuer,  # noqa: ARG001
    address: Annotated[IPvAnyAddress | None, Query(description="from which alone it may be used")] = None,
) -> AccessToken:  # fmt: skip
    """Give a person a token for a video; POST /api/v1/playback/tokens can say more."""
    asked = TokenRequest(video_id=video_id, user_id=user_id, address=address)
    made = token_answer(request, granted(request, asked))
    return AccessToken(**dict(made), access_token=made.token)


@router.get("/hls/{video_id}/{playlist}", responses=OPENED, dependencies=[Depends(WITH_TOKEN)])
def hls_playlist(request: Request, video_id: ObjectId, playlist: PlaylistName, token: TokenParameter) -> Response:  # noqa: ARG001
    """The master playlist, or one of a rendition. What they name is asked for at addresses with the token in them."""
    return rooted(request, video_id, f"hls/{playlist}")


def rooted(request: Request, video_id: int, path: str) -> Response:
    """A playlist or MPD for who asks at the specification's address.

    :raises TokenInvalid: the token is for another video
    """
    sent, claims = admitted(request)
    if claims.video_id != video_id:
        raise TokenInvalid(f"This playback token is not for video {video_id}. Ask for one that is.")
    root = request.scope.get("root_path", "")
    return document_answer(request, claims, playback(request).document(claims, path, sent, root, rooted=True))
