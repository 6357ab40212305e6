"""What stands before the addresses that players ask: it keeps tokens out of logs, lets pages of other origins read, and
answers what is in memory without waking the rest of the application.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import MutableHeaders
from starlette.requests import Request

from vodflow.api.metrics import Metrics
from vodflow.errors import TokenInvalid, VodflowError
from vodflow.playback.documents import Document, is_known
from vodflow.playback.service import Playback
from vodflow.playback.tokens import Claims
from vodflow.publication.player import PLAYER_NAME

Application = Callable[[Any, Any, Any], Awaitable[None]]

#: Where a token is a part of the path, so that relative addresses in playlists and MPDs carry it.
PLAY: Final = "/api/v1/play/"
TEMPLATE: Final = PLAY + "{token}/{path}"
#: Where the specification has it as a parameter.
_MEDIA: Final = ("/api/v1/media/hls/", "/api/v1/media/dash/")
#: Where it gives tokens out: a route like any other.
_ISSUING: Final = "/access-token"
#: What stands for a token once it was taken out of the address.
_HIDDEN: Final = "-"
#: Seconds for which a player may keep a document, at most; it never keeps one longer than its token holds.
_KEEP: Final = 300
_EXPOSING: Final = {"access-control-expose-headers": "Content-Length, Content-Range, ETag"}


def playback(request: Request) -> Playback:
    """That of the application that answers this request."""
    found: Playback = request.app.state.playback
    return found


def admitted(request: Request) -> tuple[str, Claims]:
    """The token of this request, and what it grants.

    :raises PlaybackRefused: there is none, or it is wrong, has run out, was taken back, or is another address's
    :raises PlaybackUnavailable: whether it was taken back is not known now
    """
    token = request.scope.get("state", {}).get("playback_token", "")
    if not token:
        raise TokenInvalid("A playback token is missing: POST /api/v1/playback/tokens gives one.")
    return token, playback(request).admit(token, address_of(request.scope))


def address_of(scope: Mapping[str, Any]) -> str | None:
    """The network address that asks, in the one way that it is written."""
    client = scope.get("client")
    return plain_address(client[0]) if client else None


@lru_cache(10_000)
def plain_address(text: str) -> str | None:
    """An IP address in its shortest form, IPv4 as such; none for what is no address."""
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    return str(getattr(found, "ipv4_mapped", None) or found)


def headers_of(document: Document, claims: Claims) -> dict[str, str]:
    """Headers of a document that was made for one token."""
    return {
        "content-type": document.content_type,
        "content-length": str(len(document.body)),
        "etag": document.etag,
        "cache-control": cache_control(claims),
    }


def cache_control(claims: Claims) -> str:
    """Players may keep what they got for a while, and not beyond the life of the token."""
    return f"private, max-age={max(0, min(_KEEP, int(claims.expires_at - time.time())))}"


class PlayDoor:
    """An application with this before it."""

    def __init__(self, app: Application, shared: Playback, metrics: Metrics) -> None:
        self._app, self.shared, self._metrics = app, shared, metrics
        settings = shared.settings
        self._origins = frozenset(settings.playback_origins)
        self._cookies = settings.playback_delivery == "cdn-cookie"

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        root = scope.get("root_path", "")
        path = scope["path"].removeprefix(root)
        if path.startswith(PLAY):
            token, slash, name = path[len(PLAY) :].partition("/")
            if b"%" in scope.get("raw_path", b""):
                name = "%"  # no address of ours needs it: one spelling of each, whatever a proxy made of another
            _hide(scope, f"{root}{PLAY}{_HIDDEN}{slash}{name}")
        elif path.startswith(_MEDIA) and not path.endswith(_ISSUING):
            token, name = _hide_in_query(scope), ""
        else:
            await self._app(scope, receive, send)
            return
        # The guard has HEAD answered as GET; a route that opens objects must know.
        scope.setdefault("state", {}).update(playback_token=token, playback_head=scope["method"] == "HEAD")
        asked = {key: value.decode("latin-1") for key, value in scope["headers"]}
        allowed = self._allowed(asked.get(b"origin"))
        if scope["method"] == "OPTIONS" and b"access-control-request-method" in asked:
            lets_in = "access-control-allow-origin" in allowed
            await _send(send, 204 if lets_in else 403, self._preflight(allowed, asked) if lets_in else allowed)
            return
        more = {"x-content-type-options": "nosniff", "referrer-policy": "no-referrer", **allowed}
        if name and await self._from_memory(scope, token, name, asked, more, send):
            return

        async def send_more(message: Any) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(more)
                if name in {"", PLAYER_NAME}:
                    del headers["x-frame-options"]  # its policy says whose pages may show it
            await send(message)

        await self._app(scope, receive, send_more)

    async def _from_memory(
        self, scope: Any, token: str, name: str, asked: Mapping[bytes, str], more: Mapping[str, str], send: Any
    ) -> bool:
        """Answer with a document that is in memory; false where there is none, or the token is not good.

        What is refused, is refused by the application.
        """
        begin, shared = time.monotonic(), self.shared
        if scope["method"] != "GET" or not shared.revocations.known:
            return False
        try:
            claims = shared.admit(token, address_of(scope))
        except VodflowError:
            return False
        document = shared.cached(claims, name, token, scope.get("root_path", ""))
        if document is None:
            return False
        headers = {**headers_of(document, claims), **more}
        status, body = 200, document.body
        if is_known(document.etag, asked.get(b"if-none-match")):
            status, body = 304, b""
            del headers["content-length"]
        await _send(send, status, headers, body, shared.cookies(claims))
        self._metrics.answered("GET", TEMPLATE, status, time.monotonic() - begin)
        return True

    def _allowed(self, origin: str | None) -> dict[str, str]:
        """Headers that let a page of this origin read the answer; none where it may not."""
        if not self._origins:
            return {}
        # Pictures and films of a page come without its origin: whose page it is, is then not known.
        shown = {"vary": "Origin", "cross-origin-resource-policy": "cross-origin"}
        if origin in self._origins:
            credentials = {"access-control-allow-credentials": "true"} if self._cookies else {}
            return {"access-control-allow-origin": str(origin), **credentials, **_EXPOSING, **shown}
        if "*" in self._origins:
            return {"access-control-allow-origin": "*", **_EXPOSING, **shown}
        return shown if origin is None else {"vary": "Origin"}

    @staticmethod
    def _preflight(allowed: Mapping[str, str], asked: Mapping[bytes, str]) -> dict[str, str]:
        wanted = asked.get(b"access-control-request-headers", "")
        return {
            **allowed,
            "access-control-allow-methods": "GET, HEAD, POST",
            **({"access-control-allow-headers": wanted} if wanted else {}),
            "access-control-max-age": "3600",
        }


def _hide(scope: Any, path: str) -> None:
    """Take the token out of what everybody else, servers' access logs too, sees of the address."""
    scope["path"], scope["raw_path"] = path, path.encode("utf-8", "replace")


def _hide_in_query(scope: Any) -> str:
    pairs = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    token = dict(pairs).get("token", "")
    if token:
        hidden = [(name, _HIDDEN if name == "token" else value) for name, value in pairs]
        scope["query_string"] = urlencode(hidden).encode()
    return str(token)


async def _send(
    send: Any, status: int, headers: Mapping[str, str], body: bytes = b"", cookies: Iterable[str] = ()
) -> None:
    named = [*headers.items(), *(("set-cookie", cookie) for cookie in cookies)]
    encoded = [(name.encode(), value.encode("latin-1")) for name, value in named]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})
