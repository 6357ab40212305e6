"""Who may watch: tokens given out and taken back, and everything that a token opens."""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator
from contextlib import closing
from typing import Any, Final

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Depends, Request, Response
from starlette.responses import RedirectResponse, StreamingResponse

from vodflow.api import audit
from vodflow.api.access import PlaybackIssuer, PlaybackManager, Public
from vodflow.api.app_state import services
from vodflow.api.callers import Caller
from vodflow.api.models.playback import (
    PlaybackToken,
    PlaybackUrls,
    RevocationAnswer,
    RevocationRequest,
    TokenRequest,
)
from vodflow.api.paging import Page, Pages, page_of
from vodflow.api.parameters import ObjectId
from vodflow.api.play import PLAY, admitted, cache_control, headers_of, plain_address, playback
from vodflow.api.problems import Problem, not_found, problem_responses
from vodflow.catalog import playback as rows
from vodflow.catalog.database import transaction
from vodflow.contract import layout
from vodflow.playback import paths
from vodflow.playback.documents import Document, is_known
from vodflow.playback.objects import open_object
from vodflow.playback.service import Grant
from vodflow.playback.tokens import Claims
from vodflow.publication.player import LIBRARIES, PLAYER_NAME, player_url

router = APIRouter(tags=["playback"])

#: What a player's requests are answered with.
WITH_TOKEN: Final = Public("the playback token in the address says who may", own_proof=True)
OPENED: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "The object.", "content": {"application/octet-stream": {}}},
    206: {"description": "The part of it that Range asks for."},
    302: {"description": "Where it is, with a signature."},
    **problem_responses(403, 404, 416, 503),
}
_NO_SUCH_BYTES: Final = 416
#: What is no output of the video: the page that plays it, and its libraries.
_PAGES: Final = frozenset({"", PLAYER_NAME, *LIBRARIES})
#: What the player page may do, and whose pages may show it within theirs.
_PAGE_POLICY: Final = "frame-ancestors 'self'"


@router.post("/api/v1/playback/tokens", responses=problem_responses(403, 404, 422, 503))
def issue_token(request: Request, asked: TokenRequest, caller: PlaybackIssuer) -> PlaybackToken:  # noqa: ARG001
    """Give a person a token for a video: short-lived, for both alone."""
    return token_answer(request, granted(request, asked))


def granted(request: Request, asked: TokenRequest) -> Grant:
    """The token that is asked for, if the person may watch."""
    address = None if asked.address is None else plain_address(str(asked.address))
    return playback(request).grant(
        asked.video_id, asked.user_id, course=asked.course, seconds=asked.ttl, address=address
    )


def token_answer(request: Request, grant: Grant) -> PlaybackToken:
    """A token with the addresses of what there is."""
    here = f"{request.url.scheme}://{request.url.netloc}{request.scope.get('root_path', '')}"
    root = services(request).settings.api_url or here
    base = f"{root.rstrip('/')}{PLAY}{grant.token}"
    there = {name: f"{base}/{name}" for name in grant.outputs}
    urls = PlaybackUrls(
        player=player_url(base, layout.MANIFEST),
        hls=there.get(layout.HLS_MASTER),
        dash=there.get(layout.DASH_MANIFEST),
        mp4=[url for name, url in there.items() if paths.suffix(name) == ".mp4"],
        poster=there.get(layout.POSTER),
        manifest=f"{base}/{layout.MANIFEST}",
    )
    claims = grant.claims
    return PlaybackToken(
        token=grant.token, expires_at=grant.expires_at, video_id=claims.video_id, user_id=claims.user, urls=urls
    )


@router.post("/api/v1/playback/revocations", status_code=201, responses=problem_responses(404, 422))
def revoke(request: Request, asked: RevocationRequest, caller: PlaybackManager) -> RevocationAnswer:
    """Take tokens back: a video's, a person's, or a person's for a video. New ones may be given out at once.

    It holds everywhere after VODFLOW_PLAYBACK_REVOCATION_INTERVAL seconds.
    """
    settings = services(request).settings
    with transaction(caller.actor, settings) as connection:
        whose = _tenant_id(connection, asked, caller)
        (made,) = rows.revoke(
            connection, whose, settings.playback_token_limit, caller.actor, video_id=asked.video_id,
            people=[asked.user_id],
        )  # fmt: skip
    detail = {"video_id": made.video_id, "user_id": made.user_id}
    audit.record(request, "playback.revoke", f"revocation {made.id}", detail=detail, tenant=made.tenant)
    playback(request).revocations.refresh()
    return RevocationAnswer.model_validate(made)


def _tenant_id(connection: Any, asked: RevocationRequest, caller: Caller) -> int:
    if asked.video_id is not None:
        found = rows.tenant_of_video(connection, asked.video_id)
        if found is None:
            raise not_found(f"video {asked.video_id}")
        return found
    return tenant_id(connection, asked.tenant, caller)


def tenant_id(connection: Any, named: str | None, caller: Caller) -> int:
    """Id of the tenant that a caller means: their own, or the one that they name where they are of none."""
    slug = named or caller.tenant
    if slug is None:
        message = "say whose it is: you are of no tenant yourself"
        errors = [{"field": "body.tenant", "rule": "missing", "message": message}]
        raise Problem(422, "invalid_request", f"body.tenant: {message}.", errors=errors)
    found = rows.tenant_id(connection, slug)
    if found is None:
        raise not_found(f"tenant {slug}")
    return found


@router.get("/api/v1/playback/revocations", responses=problem_responses(422))
def list_revocations(
    request: Request, response: Response, caller: PlaybackManager, paging: Pages  # noqa: ARG001
) -> Page[RevocationAnswer]:  # fmt: skip
    """Revocations that still matter, newest first."""
    after = paging.after("revocations", int)
    with transaction("vodflow.api", services(request).settings) as connection:
        found = rows.revocations(connection, paging.limit + 1, after[0] if after else None)
    return page_of(request, response, found, paging.limit, "revocations", RevocationAnswer.model_validate)


@router.delete("/api/v1/playback/revocations/{revocation_id}", status_code=204, responses=problem_responses(404))
def withdraw(request: Request, revocation_id: ObjectId, caller: PlaybackManager) -> None:
    """Let the tokens hold again that have not run out."""
    with transaction(caller.actor, services(request).settings) as connection:
        if not rows.withdraw(connection, revocation_id):
            raise not_found(f"revocation {revocation_id}")
    audit.record(request, "playback.withdraw", f"revocation {revocation_id}")
    playback(request).revocations.refresh()


@router.get(PLAY + "{token}/{path:path}", responses=OPENED, dependencies=[Depends(WITH_TOKEN)])
async def play(request: Request, token: str, path: str) -> Response:  # noqa: ARG001 - it was taken out of the address
    """Everything of a video that players ask for: playlists, MPDs, segments, MP4s, pictures, and a page that plays."""
    is_small = path in _PAGES or paths.names_others(path)
    limiter = None if is_small else playback(request).object_threads
    return await to_thread.run_sync(_played, request, path, limiter=limiter)


def _played(request: Request, path: str) -> Response:
    sent, claims = admitted(request)
    if path in _PAGES:
        return _player(request, claims, path or PLAYER_NAME)
    if not paths.allowed(path):
        raise not_found(f"such output: {path[:80]}")
    if paths.names_others(path):
        root = request.scope.get("root_path", "")
        return document_answer(request, claims, playback(request).document(claims, path, sent, root))
    return _object(request, claims, path)


def document_answer(request: Request, claims: Claims, document: Document) -> Response:
    """A document, or that the asker has it."""
    headers = headers_of(document, claims)
    if is_known(document.etag, request.headers.get("if-none-match")):
        answer = Response(status_code=304, headers={name: headers[name] for name in ("etag", "cache-control")})
    else:
        answer = Response(document.body, headers=headers)
    return _with_cookies(request, claims, answer)


def _with_cookies(request: Request, claims: Claims, answer: Response) -> Response:
    for cookie in playback(request).cookies(claims):
        answer.headers.append("set-cookie", cookie)
    return answer


def _player(request: Request, claims: Claims, name: str) -> Response:
    answer = document_answer(request, claims, playback(request).player(name))
    shown_by = " ".join(services(request).settings.playback_origins)
    answer.headers["content-security-policy"] = f"{_PAGE_POLICY} {shown_by}".strip()
    return answer


def _object(request: Request, claims: Claims, path: str) -> Response:
    shared, head = playback(request), request.state.playback_head
    elsewhere = shared.location(claims, path, head=head)
    if elsewhere is not None:
        return _with_cookies(request, claims, RedirectResponse(elsewhere, 302, {"cache-control": "no-store"}))
    opened = open_object(claims.bucket, f"{claims.prefix}/{path}", request.headers, shared.settings, head=head)
    if opened.status == _NO_SUCH_BYTES:
        raise Problem(
            416, "range_not_satisfiable", "It has no such bytes; Content-Range says how many there are.",
            headers=opened.headers,
        )  # fmt: skip
    headers = {**opened.headers, "cache-control": cache_control(claims)}
    if opened.body is None:
        return Response(status_code=opened.status, headers=headers)
    return StreamingResponse(_pieces(opened.body, shared.object_threads), opened.status, headers)


async def _pieces(body: Generator[bytes], threads: CapacityLimiter) -> AsyncIterator[bytes]:
    with closing(body):
        while piece := await to_thread.run_sync(next, body, b"", limiter=threads):
            yield piece
