"""What Airflow mounts: an application that is built when somebody first asks for one of its pages."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from vodflow_airflow.ui import AIRFLOW, PREFIX, Application, Scope


class Pages:
    """The pages as an ASGI application; importing it costs nothing, for nothing of it is imported before it is used."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._app: Application | None = None

    async def __call__(self, scope: Scope, receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        if self._app is None:
            import anyio.to_thread  # noqa: PLC0415 - see above

            await anyio.to_thread.run_sync(self._build)
        assert self._app is not None  # noqa: S101 - for mypy: _build has set it
        # Airflow's application is the scope's until ours enters itself.
        await self._app({**scope, AIRFLOW: scope.get("app")}, receive, send)

    def _build(self) -> None:
        with self._lock:
            if self._app is None:
                from vodflow_airflow.ui.app import guarded_app  # noqa: PLC0415 - see above

                self._app = guarded_app()


def fastapi_app() -> dict[str, Any]:
    """An entry of a plugin's ``fastapi_apps``."""
    return {"app": Pages(), "url_prefix": PREFIX, "name": "Vodflow"}


def address(path: str) -> str:
    """Path of a page as browsers see it, made where no request says what stands in front of Airflow.

    :param path: below :data:`PREFIX`: ``videos``
    """
    from urllib.parse import urlsplit  # noqa: PLC0415 - as Airflow's configuration, not for every process

    from airflow.configuration import conf  # noqa: PLC0415

    base = urlsplit(conf.get("api", "base_url", fallback="") or "").path.rstrip("/")
    return f"{base}{PREFIX}/{path}"


def external_view(name: str, path: str, **more: Any) -> dict[str, Any]:
    """An entry of a plugin's ``external_views``: a page in Airflow's navigation, shown in a frame.

    :param path: of the page, below :data:`PREFIX`: ``videos``
    """
    return {"name": name, "href": address(path), "url_route": f"vodflow-{path}", "destination": "nav", **more}


def dashboard_item(name: str, script: str) -> dict[str, Any]:
    """An entry of a plugin's ``react_apps``: something on Airflow's first page.

    :param name: under which the script makes it known
    :param script: one of the static files
    """
    route = script.partition(".")[0]
    bundle = address(f"static/{script}")
    return {"name": name, "bundle_url": bundle, "url_route": f"vodflow-{route}", "destination": "dashboard"}
