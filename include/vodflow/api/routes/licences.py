"""Keys of encrypted videos, for players that show the playback token of that very video."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Request
from pydantic import ValidationError
from starlette.responses import Response

from vodflow.api.access import AnyBody
from vodflow.api.app_state import services
from vodflow.api.models.keys import Licence, LicenceRequest
from vodflow.api.play import PLAY, admitted
from vodflow.api.problems import Problem, not_found, problem_responses
from vodflow.api.receiving import RawBody
from vodflow.api.routes.playback import WITH_TOKEN
from vodflow.catalog.database import acting_for
from vodflow.keys import licensed_keys

router = APIRouter(prefix=f"{PLAY}{{token}}", tags=["playback"], dependencies=[Depends(WITH_TOKEN)])

#: Keys are for the player that asked, and for nobody's cache.
_HEADERS: Final = {"Cache-Control": "no-store"}
_BYTES: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "The key, 16 bytes.", "content": {"application/octet-stream": {}}}
}
_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "The message of the browser's CDM as it is, whatever media type the player gives it.",
        "content": {"application/json": {"schema": LicenceRequest.model_json_schema()}},
    }
}
KeyId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$", description="KID")]


@router.get("/keys/{key_id}", responses={**_BYTES, **problem_responses(403, 404, 422, 503)}, response_class=Response)
def content_key(request: Request, token: str, key_id: KeyId) -> Response:  # noqa: ARG001
    """One key, for HLS players that decrypt by themselves."""
    found = _keys(request, [key_id])
    return Response(found[key_id], media_type="application/octet-stream", headers=_HEADERS)


@router.post(
    "/licence/clearkey",
    responses=problem_responses(403, 404, 405, 422, 503),  # 405: where a proxy has spelled the address otherwise
    openapi_extra=_BODY,
    dependencies=[Depends(AnyBody("players call the message of a CDM application/octet-stream"))],
)
def clearkey_licence(request: Request, response: Response, token: str, body: RawBody) -> Licence:  # noqa: ARG001
    """A licence of ClearKey with those of the wanted keys that are this video's."""
    try:
        wanted = LicenceRequest.model_validate_json(body)
    except ValidationError as error:
        admitted(request)  # who has no token learns nothing of what is wrong
        raise _not_a_request(error) from None
    response.headers.update(_HEADERS)
    return Licence.of(_keys(request, wanted.kids))


def _keys(request: Request, key_ids: list[str]) -> dict[str, bytes]:
    """Those of these keys that are the token's video's.

    :raises PlaybackRefused: the token is none, or not good any more
    :raises Problem: the video has none of them
    """
    _, claims = admitted(request)
    with acting_for(None):
        found = licensed_keys(claims.prefix, key_ids, services(request).settings)
    if not found:
        raise not_found("such key of this video")
    return found


def _not_a_request(error: ValidationError) -> Problem:
    first = error.errors(include_input=False)[0]
    field = ".".join(["body", *map(str, first["loc"])])
    problem = {"field": field, "rule": first["type"], "message": first["msg"]}
    return Problem(
        422, "invalid_request", f"{field}: {first['msg']}. Send the message of the browser's CDM as it is.",
        errors=[problem],
    )  # fmt: skip
