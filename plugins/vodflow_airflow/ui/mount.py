"""What Airflow mounts: an application that is built when somebody first asks for one of its pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from vodflow_airflow.lazy_app import LazyApp
from vodflow_airflow.ui import AIRFLOW, PREFIX, Application, Scope


class Pages(LazyApp):
    """The pages as an ASGI application."""

    async def __call__(self, scope: Scope, receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        # Airflow's application is the scope's until ours enters itself.
        await super().__call__({**scope, AIRFLOW: scope.get("app")}, receive, send)


def _build() -> Application:
    from vodflow_airflow.ui.app import guarded_app  # noqa: PLC0415 - slow, and for the API server alone

    return guarded_app()


def fastapi_app() -> dict[str, Any]:
    """An entry of a plugin's ``fastapi_apps``."""
    return {"app": Pages(_build), "url_prefix": PREFIX, "name": "Vodflow"}


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
