"""Airflow's API server in this process, with the pages mounted, and somebody of each role."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

ORIGIN = "http://testserver"


@pytest.fixture(scope="session")
def airflow_app(airflow_db: None) -> Iterator[Any]:
    """Airflow's whole application, as its API server runs it."""
    from airflow.api_fastapi.app import create_app, purge_cached_app  # noqa: PLC0415 - slow
    from airflow.configuration import conf  # noqa: PLC0415

    conf.set("core", "simple_auth_manager_users", "admin:admin,operator:user,viewer:viewer")
    yield create_app()
    purge_cached_app()


@pytest.fixture
def visit(airflow_app: Any) -> Iterator[Callable[..., TestClient]]:
    """``visit("viewer")``: a browser of somebody who is logged in with this role; of nobody without one."""
    clients = []

    def open_browser(role: str | None = None, **headers: str) -> TestClient:
        from airflow.api_fastapi.app import get_auth_manager  # noqa: PLC0415
        from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser  # noqa: PLC0415

        client = TestClient(airflow_app, base_url=ORIGIN, follow_redirects=False, headers=headers)
        if role is not None:
            token = get_auth_manager().generate_jwt(SimpleAuthManagerUser(username=f"a-{role}", role=role))
            client.cookies.set("_token", token)
        clients.append(client)
        return client

    yield open_browser
    for client in clients:
        client.close()
