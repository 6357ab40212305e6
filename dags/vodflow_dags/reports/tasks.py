"""Tasks of ``report_transcoding``: decode the arguments, call one function of vodflow, encode the result."""

from __future__ import annotations

from airflow.sdk import get_current_context, task
from vodflow_airflow.errors import airflow_outcome


@task
def choose_days() -> list[str]:
    """The UTC days of this run; refuses Params that are no range of days."""
    from vodflow.reports.days import parse_range  # noqa: PLC0415

    params = get_current_context()["params"]
    with airflow_outcome():
        return [str(day) for day in parse_range(params["date_from"], params["date_to"])]


@task
def recompute(days: list[str]) -> int:
    """Recompute the report tables' partitions; returns their number of rows."""
    from datetime import date  # noqa: PLC0415

    from vodflow.reports.refresh import recompute  # noqa: PLC0415

    with airflow_outcome():
        return recompute([date.fromisoformat(day) for day in days])


@task
def export(days: list[str]) -> int:
    """Write the partitions to S3 as CSV and Parquet; returns the number of objects."""
    from datetime import date  # noqa: PLC0415

    from vodflow.reports.refresh import export  # noqa: PLC0415

    with airflow_outcome():
        return len(export([date.fromisoformat(day) for day in days]))
