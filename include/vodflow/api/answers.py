"""What every answer has: its request's id, headers that keep browsers careful, an ETag where somebody reads."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from starlette.datastructures import MutableHeaders
from starlette.requests import Request

from vodflow.api.etags import etag_of_body, has_already

Send = Callable[[Any], Awaitable[None]]

REQUEST_ID: Final = "x-request-id"

_CAREFUL: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_HTTPS: Final = {"Strict-Transport-Security": "max-age=31536000"}

#: Media types that get one; who serves others has ETags of its own.
_TAGGED: Final = ("application/json", "text/csv")

#: Bytes of an answer that is held back for its ETag; longer ones go out as they come.
_LONGEST: Final = 4 * 1024**2


class Answer:
    """A ``send`` that completes what a route answers. A route's own headers stay as they are.

    :param more: headers that were found on the way: rate limits
    """

    def __init__(self, request: Request, send: Send, more: Mapping[str, str]) -> None:
        self._request, self._send, self._more = request, send, more
        self._start: Any = None
        self._is_head = request.scope["method"] == "HEAD"
        self._is_over = asyncio.Event()
        self.status = 500
        self.begun = False

    async def __call__(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self._start = message
        elif message["type"] == "http.response.body":
            await self._body(message)
        else:
            await self._send(message)

    async def _body(self, message: Any) -> None:
        if self._start is not None:
            start, self._start = self._start, None
            headers = MutableHeaders(scope=start)
            message = self._tagged(start, headers, message)
            self._complete(headers)
            self.begun = True
            await self._send(start)
        if self._is_head:
            if self._is_over.is_set():
                return
            self._is_over.set()
            message = {"type": "http.response.body", "body": b""}
        await self._send(message)

    async def ended(self) -> Any:
        """A ``receive`` for HEAD: once the headers are sent, nobody listens to an answer that goes on and on."""
        await self._is_over.wait()
        return {"type": "http.disconnect"}

    def _tagged(self, start: Any, headers: MutableHeaders, message: Any) -> Any:
        """An answer to who reads gets an ETag, and is not sent where the client has it."""
        whole = not message.get("more_body", False) and len(message.get("body", b"")) <= _LONGEST
        reads = self._request.scope["method"] in {"GET", "HEAD"} and start["status"] == 200
        if not (reads and whole and headers.get("content-type", "").startswith(_TAGGED)):
            return message
        if "etag" not in headers:
            headers["ETag"] = etag_of_body(message.get("body", b""))
        etag = headers["ETag"]
        if not has_already(self._request, etag):
            return message
        start["status"] = self.status = 304
        for name in ("content-length", "content-type"):
            del headers[name]
        return {**message, "body": b""}

    def _complete(self, headers: MutableHeaders) -> None:
        headers[REQUEST_ID] = self._request.state.request_id
        for name, value in _CAREFUL.items():
            headers.setdefault(name, value)
        if self._request.url.scheme == "https":
            for name, value in _HTTPS.items():
                headers.setdefault(name, value)
        # What one caller may read is nobody else's: only the caller keeps it, and asks whether it still holds.
        headers.setdefault("Cache-Control", "private, no-cache" if "etag" in headers else "no-store")
        for name, value in self._more.items():
            headers[name] = value
