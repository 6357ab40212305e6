"""HTTP as uvicorn speaks it, with bounds for what comes before a request is whole: uvicorn has none.

Without them whoever opens connections and says nothing, or sends one header for ever, has files and memory of ours
until they go. What is whole has bounds of its own: :mod:`vodflow.api.requests`.
"""

from __future__ import annotations

import asyncio
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

#: Bytes of a request that are not its body, more than one look at a socket brings; the guard takes fewer, and says so
#: in a problem document. Chunks of one byte have several more around each.
MOST: Final = 512 * 1024
_AROUND: Final = 8


class BoundedConnection(HttpToolsProtocol):
    """One connection. A request's first lines must be there as soon as a silent connection would be closed."""

    _in_head = True
    _head_timer: asyncio.TimerHandle | None = None
    _body_size = 0
    _other_size = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._watch_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._in_head = False
        self._watch_head()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came; what is no body may be too much by now: first lines, or what follows a body in chunks."""
        self._other_size += len(data)
        super().data_received(data)
        if self._other_size > MOST + _AROUND * self._body_size and not self.transport.is_closing():
            if self._in_head:
                self.send_400_response("The first lines of this request are too large.")
            self.transport.close()
        self._watch_head()

    def on_message_begin(self) -> None:
        """A request's first byte."""
        super().on_message_begin()
        self._in_head, self._body_size, self._other_size = True, 0, 0

    def on_headers_complete(self) -> None:
        """The head is there."""
        self._in_head = False
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._body_size += len(body)
        self._other_size -= len(body)
        super().on_body(body)

    def _watch_head(self) -> None:
        if not self._in_head:
            if self._head_timer is not None:
                self._head_timer.cancel()
                self._head_timer = None
        elif self._head_timer is None:
            self._head_timer = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)
