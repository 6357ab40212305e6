"""From a task of a video's run to the video's page."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from airflow.sdk import BaseOperatorLink

from vodflow_airflow.ui import DAG_ID
from vodflow_airflow.ui.mount import address


class VideoLink(BaseOperatorLink):
    """The page of the video that a run of ``transcode_video`` works on.

    Global, not of the operators: the API server makes the address when somebody looks at a task, so that it is there
    for tasks that wait, failed or were skipped, and costs a running one nothing.
    """

    name = "Video"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:  # noqa: ARG002 - Airflow's signature
        """Its address; nothing for tasks of other DAGs."""
        return address(f"runs/{quote(ti_key.run_id, safe='')}") if ti_key.dag_id == DAG_ID else ""
