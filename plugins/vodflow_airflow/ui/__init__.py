"""Pages inside Airflow, mounted at ``/vodflow``. See ``docs/pages.md``.

Only this and :mod:`vodflow_airflow.ui.mount` may be imported while plugins are loaded: every process of Airflow does
that, and the API server alone shows pages.
"""

from __future__ import annotations

from typing import Final

from vodflow_airflow.lazy_app import Application, Scope

__all__ = ["AIRFLOW", "DAG_ID", "PREFIX", "Application", "Scope"]

#: Path below Airflow's own.
PREFIX: Final = "/vodflow"

#: Whose runs the pages show and act on.
DAG_ID: Final = "transcode_video"

#: Key of the scope under which the pages find Airflow's own application.
AIRFLOW: Final = "vodflow.airflow"
