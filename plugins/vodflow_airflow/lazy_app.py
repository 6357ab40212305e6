"""Applications that Airflow mounts, built when somebody first asks for one: every process of Airflow loads plugins, and
the API server alone answers.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Application = Callable[[Scope, Callable[..., Any], Callable[..., Any]], Awaitable[None]]


class LazyApp:
    """An ASGI application; importing and making this costs nothing.

    :param build: makes it, and imports what it needs
    """

    def __init__(self, build: Callable[[], Application]) -> None:
        self._build = build
        self._lock = threading.Lock()
        self._app: Application | None = None

    async def __call__(self, scope: Scope, receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        if (app := self._app) is None:
            import anyio.to_thread  # noqa: PLC0415 - see above

            app = await anyio.to_thread.run_sync(self._made)
        await app(scope, receive, send)

    def forget(self) -> None:
        """Build it anew for the next request: the settings were read again."""
        self._app = None

    def _made(self) -> Application:
        with self._lock:
            app = self._app = self._app or self._build()
            return app
