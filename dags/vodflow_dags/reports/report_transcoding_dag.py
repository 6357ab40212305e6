"""
# report_transcoding

Recomputes `report_transcoding_daily` and `report_transcoding_problem_daily` and exports them to S3.

**Trigger**: daily at 00:15 UTC, for yesterday and today. By hand: any range of days, *Trigger* with `date_from` and
`date_to`.

**Tasks**: `choose_days` (checks the range) → `recompute` (replaces each day's rows in one transaction) → `export` (CSV
and Parquet below `{VODFLOW_REPORT_PREFIX}/` in the media bucket, docs/reports.md).

**Params**: `date_from`, `date_to`: UTC days, both included. One alone means that day; none means yesterday and today.

**Safe to run twice**: a day is replaced as a whole, from events that never change; the exported bytes are the same.

**To recover**: clear the failed task, or run the days again. Columns: docs/reports.md.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import Param, chain, dag
from vodflow_airflow.notifiers.slack import slack_on_failure
from vodflow_dags.reports.tasks import choose_days, export, recompute


def _day(title: str, description: str) -> Param:
    return Param(None, type=["null", "string"], format="date", title=title, description=description)


@dag(
    dag_id="report_transcoding",
    doc_md=__doc__,
    schedule="15 0 * * *",
    start_date=datetime(2024, 1, 1, tzinfo=UTC),
    catchup=False,
    on_failure_callback=slack_on_failure(),
    max_active_runs=4,
    params={
        "date_from": _day("First day", "UTC day, included; empty means the same as the last day"),
        "date_to": _day("Last day", "UTC day, included; empty means the same as the first day"),
    },
    tags=["vodflow", "reports"],
    default_args={"retries": 3, "retry_delay": timedelta(seconds=10), "retry_exponential_backoff": 2.0},
)
def report_transcoding() -> None:
    days = choose_days()
    chain(recompute(days), export(days))


report_transcoding()
