"""Airflow's API with a visitor's own rights: what they may not do there they cannot do here either."""

from __future__ import annotations

from airflow.configuration import conf
from vodflow.errors import ConfigurationError
from vodflow.jobs.airflow_client import AirflowClient
from vodflow.settings import get_settings

from vodflow_airflow.ui.access import Visitor


def airflow_as(visitor: Visitor) -> AirflowClient:
    """A client to be closed.

    :raises ConfigurationError: Airflow's settings name no address
    """
    return AirflowClient(airflow_address(), token=visitor.token(), timeout=get_settings().airflow_timeout)


def airflow_address() -> str:
    """Where tasks find the API server.

    :raises ConfigurationError: Airflow's settings name no address
    """
    url = conf.get("core", "execution_api_server_url", fallback="") or conf.get("api", "base_url", fallback="")
    if not url:
        raise ConfigurationError("Airflow's setting [api] base_url names no address: actions need it.")
    return str(url).rstrip("/").removesuffix("/execution")
