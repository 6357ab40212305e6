"""The API served over HTTP, on a port of its own."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import uvicorn
from vodflow.api import make_api
from vodflow.api.callers import Authenticator
from vodflow.settings import Settings


@contextmanager
def served_api(authenticators: Sequence[Authenticator], settings: Settings, port: int = 0) -> Iterator[str]:
    """Its address.

    :param port: none means any that is free
    """
    listening = socket.create_server(("127.0.0.1", port))
    config = uvicorn.Config(make_api(authenticators, settings=settings), log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)
        listening.close()
