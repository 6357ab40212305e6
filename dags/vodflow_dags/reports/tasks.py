"""Tasks of ``report_transcoding``: decode the arguments, call one function of vodflow, encode the result."""

from __future__ import annotations

from airflow.sdk import get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException
from vodflow_airflow.errors import airflow_outcome


@task
def choose_days() -> list[str]:
    """The UTC days of this run; refuses Params that are no range of days.

    Days that were asked for by Params or a backfill stand alone. Otherwise: those that anything touches which was
    recorded since the last refresh, with the run's own interval; ``recompute`` notes that they are done.
    """
    from vodflow.reports import watermark  # noqa: PLC0415
    from vodflow.reports.days import parse_range  # noqa: PLC0415

    context = get_current_context()
    run, params = context["dag_run"], context["params"]
    first = run.data_interval_start
    with airflow_outcome():
        if params["date_from"] or params["date_to"]:
            return [str(day) for day in parse_range(params["date_from"], params["date_to"])]
        if run.run_type == "backfill" and first:
            return [str(first.date())]
        look = watermark.look()
    context["ti"].xcom_push("look", look.model_dump(mode="json"))
    own = {first.date()} if run.run_type == "scheduled" and first else set()
    return [str(day) for day in sorted({*look.days, *own})]


@task
def recompute(days: list[str]) -> int:
    """Recompute every report table's partitions; returns the rows of ``transcoding_daily``."""
    from datetime import date  # noqa: PLC0415

    from vodflow.reports import refresh, watermark  # noqa: PLC0415

    look = get_current_context()["ti"].xcom_pull(task_ids="choose_days", key="look")
    with airflow_outcome():
        rows = refresh.recompute([date.fromisoformat(day) for day in days])
        if look:
            watermark.advance(watermark.Look.model_validate(look))
    return rows


@task
def export(days: list[str]) -> int:
    """Write the partitions to S3 in the formats of the run; returns the number of objects."""
    from datetime import date  # noqa: PLC0415

    from vodflow.reports.export import FORMATS, export  # noqa: PLC0415

    params = get_current_context()["params"]
    formats = [kind for kind in FORMATS if kind in params["formats"]]
    with airflow_outcome():
        return len(export([date.fromisoformat(day) for day in days], tenant=params["tenant"], formats=formats))


@task
def html(days: list[str]) -> str:
    """Write the report as an HTML file into S3; returns its URI.

    Of the days that were asked for, otherwise of the last thirty. A run that an asset caused leaves it to the daily
    one: it would draw the same charts every few minutes.
    """
    from datetime import date  # noqa: PLC0415

    from vodflow.reports import html_report  # noqa: PLC0415

    context = get_current_context()
    run, params = context["dag_run"], context["params"]
    if run.run_type == "asset_triggered" or "html" not in params["formats"]:
        raise AirflowSkipException("Not of this run: an asset caused it, or its formats leave it out.")
    asked = params["date_from"] or params["date_to"] or run.run_type == "backfill"
    first, last = date.fromisoformat(days[0]), date.fromisoformat(days[-1])
    with airflow_outcome():
        return html_report.store(first if asked else html_report.begin(last), last, tenant=params["tenant"])


@task
def summary(uri: str) -> int:
    """Tell the channels that ask for it what mattered of the day that is over; returns their number."""
    from vodflow.reports.summary import tell  # noqa: PLC0415

    run = get_current_context()["dag_run"]
    if run.run_type != "scheduled" or not run.data_interval_start:
        raise AirflowSkipException("Only the daily run tells of its day.")
    with airflow_outcome():
        return tell(run.data_interval_start.date(), uri)
