"""Vodflow's HTTP API inside Airflow's API server, mounted at ``/vodflow-api``: the same application as outside of it,
with Airflow's users as callers. See ``docs/api.md``.

Only this may be imported while plugins are loaded.
"""

from __future__ import annotations

from typing import Any, Final

from vodflow_airflow.lazy_app import Application, LazyApp

#: Path below Airflow's own.
PREFIX: Final = "/vodflow-api"


def _build() -> Application:
    from vodflow_airflow.api.mounted import make_app  # noqa: PLC0415 - slow, and for the API server alone

    return make_app()


API: Final = LazyApp(_build)


def fastapi_app() -> dict[str, Any]:
    """An entry of a plugin's ``fastapi_apps``."""
    return {"app": API, "url_prefix": PREFIX, "name": "Vodflow API"}
