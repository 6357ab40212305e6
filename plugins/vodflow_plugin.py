"""The only AirflowPlugin: everything that Airflow must be told about is registered here.

Operators, their links, sensors and triggers need no registration; import them from ``vodflow_airflow``.
"""

from __future__ import annotations

from typing import Any, ClassVar

from airflow.plugins_manager import AirflowPlugin
from vodflow_airflow import api, run_notes
from vodflow_airflow.links.video import VideoLink
from vodflow_airflow.ui.mount import dashboard_item, external_view, fastapi_app


class VodflowPlugin(AirflowPlugin):
    """Vodflow's entry in Airflow's list of plugins."""

    name = "vodflow"
    listeners: ClassVar[list[Any]] = [run_notes]
    fastapi_apps: ClassVar[list[Any]] = [fastapi_app(), api.fastapi_app()]
    external_views: ClassVar[list[Any]] = [
        external_view("Videos", "videos", nav_top_level=True),
        external_view("Reports", "reports"),
        external_view("Failures", "failures"),
    ]
    react_apps: ClassVar[list[Any]] = [dashboard_item("VodflowGlance", "glance.js")]
    global_operator_extra_links: ClassVar[list[Any]] = [VideoLink()]
