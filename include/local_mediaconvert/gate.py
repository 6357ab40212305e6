"""Who may speak to a service of this machine: a front for any ASGI application.

Loopback is no trust boundary. A page that somebody looks at may send requests to any port of his machine, and reach it
under its own name too, once that name's address has become 127.0.0.1 (DNS rebinding). Browsers cannot lie about two
headers, so requests of pages from elsewhere are told by their Origin, and rebound ones by their Host.

The AWS services use it too, in an environment of their own: it imports nothing but the standard library and errors.
"""

from __future__ import annotations

import fnmatch
import hmac
import ipaddress
import json
import os
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from vodflow.errors import ConfigurationError

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Gate:
    """Passes on requests that name this machine, and come from no page or from one that may ask.

    :param hosts: host names beside ``localhost`` and plain addresses, which no foreign name can stand for
    :param origins: patterns of other pages' origins, such as ``http://localhost:*``; a service's own pages may always
    :param proven: whether a request carries a proof of its own, whatever page it is of
    :param refuse: why an application refuses a request for reasons of its own, or nothing
    :param xml: whether most of its answers are XML, as S3's; otherwise, and where a caller asks so, refusals are JSON
    """

    def __init__(
        self,
        app: App,
        *,
        hosts: Sequence[str] = (),
        origins: Sequence[str] = (),
        proven: Callable[[Scope, Mapping[str, str]], bool] = lambda _scope, _headers: False,
        refuse: Callable[[Scope, Mapping[str, str]], str | None] = lambda _scope, _headers: None,
        xml: bool = False,
    ) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts)
        self._origins = tuple(origins)
        self._proven = proven
        self._refuse = refuse
        self._xml = xml

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        reason = self._stranger(scope, headers) or self._refuse(scope, headers)
        if reason is None:
            await self._app(scope, receive, send)
        else:
            await _forbid(scope, receive, send, reason, xml=self._xml and "x-amz-target" not in headers)

    def _stranger(self, scope: Scope, headers: Mapping[str, str]) -> str | None:
        host = headers.get("host", "")
        if not self._is_here(host):
            return f"This service does not answer for the host {host or '(none)'}: VODFLOW_LOCAL_HOSTS names others."
        origin = headers.get("origin")
        own = (None, f"http://{host}", f"https://{host}")
        if origin in own or any(fnmatch.fnmatchcase(origin or "", pattern) for pattern in self._origins):
            return None
        if self._proven(scope, headers):
            return None
        return f"Pages of {origin} may not use this service: VODFLOW_LOCAL_ORIGINS names those that may read."

    def _is_here(self, host: str) -> bool:
        try:
            name = (urlsplit(f"//{host}").hostname or "").lower()
        except ValueError:
            return False
        return name == "localhost" or name.endswith(".localhost") or name in self._hosts or _is_address(name)


def names(variable: str, default: Sequence[str] = ()) -> list[str]:
    """The JSON list of names in an environment variable.

    :raises ConfigurationError: it holds something else
    """
    text = os.environ.get(variable)
    try:
        found = json.loads(text) if text else list(default)
    except ValueError:
        found = None
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise ConfigurationError(f"{variable} must be a JSON list of names, not {text}.")
    return found


def has_key(headers: Mapping[str, str], secret: str) -> bool:
    """Whether a request carries the service's secret key as a bearer token, as whoever supervises it does."""
    return hmac.compare_digest(headers.get("authorization", "").encode(), f"Bearer {secret}".encode())


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


#: Bytes of a refused request that are read, so that whoever still sends hears the answer.
_PATIENCE: Final = 64 * 1024**2


async def _forbid(scope: Scope, receive: Receive, send: Send, reason: str, *, xml: bool) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008, "reason": reason[:120]})
        return
    size, more = 0, True
    while more and size < _PATIENCE:
        message = await receive()
        size += len(message.get("body", b""))
        more = message["type"] == "http.request" and message.get("more_body", False)
    body, kind = _error(reason, xml=xml)
    headers = [
        (b"content-type", kind),
        (b"content-length", str(len(body)).encode()),
        (b"x-amzn-errortype", b"AccessDeniedException"),
    ]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _error(reason: str, *, xml: bool) -> tuple[bytes, bytes]:
    """The refusal as SDKs read it, and its media type."""
    if xml:
        said = escape(reason)
        return f"<Error><Code>AccessDenied</Code><Message>{said}</Message></Error>".encode(), b"application/xml"
    return json.dumps({"__type": "AccessDeniedException", "message": reason}).encode(), b"application/json"
