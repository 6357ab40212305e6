"""``python -m benchmarks.static_server PORT BYTES``: a string over HTTP, as fast as this server can do anything."""

from __future__ import annotations

import sys
from typing import Any

import uvicorn


def main() -> None:
    """Serve until interrupted, set up as ``vodflow api serve`` is."""
    port, size = map(int, sys.argv[1:])
    body = b"x" * size
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(size).encode())]

    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001 - ASGI's signature
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    uvicorn.run(
        app, host="127.0.0.1", port=port, loop="uvloop", http="httptools", ws="none", lifespan="off",
        server_header=False, log_config=None, log_level="warning",
    )  # fmt: skip


if __name__ == "__main__":
    main()
