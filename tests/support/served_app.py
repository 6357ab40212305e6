"""An ASGI application on loopback, as it is served."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from vodflow.api.connections import BoundedConnection

_PATIENCE = 20.0


@contextmanager
def served(app: Any, *, keep_alive: int = 30) -> Iterator[str]:
    """Serve it while the block runs; its address.

    :param keep_alive: seconds for which a silent connection stays
    """
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app, loop="uvloop", http=BoundedConnection, ws="none", lifespan="off", log_config=None,
        timeout_keep_alive=keep_alive,
    )  # fmt: skip
    config.timeout_graceful_shutdown = 1  # streams that are open at the end are cut off
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + _PATIENCE
    while not server.started:
        assert thread.is_alive(), "the server ended"
        assert time.monotonic() < deadline, "the server does not start"
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(_PATIENCE)
        listener.close()
