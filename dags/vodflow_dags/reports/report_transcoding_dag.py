"""
# report_transcoding

Recomputes the tables of the schema `reporting` and exports them to S3.

**Trigger**: every day at midnight UTC for the day that is over, and when videos were published or their quality was
measured, those of `VODFLOW_ASSET_DELAY` seconds together. Both take yesterday, today and every day that anything
recorded since the last refresh touches, however late it came. By hand: any range of days, *Trigger* with `date_from`
and `date_to`. Backfill: *Trigger*, *Backfill*, or `airflow backfill create --dag-id report_transcoding --from-date …
--to-date …`; each run takes the day of its data interval.

**Tasks**: `gather` (lets them come together) → `choose_days` (checks the range) → `recompute` (replaces each day's rows
in one transaction, once they keep every rule) → `export` (CSV and Parquet below `{VODFLOW_REPORT_PREFIX}/` in the media
bucket; what S3 has already is not sent again) → `html` (the report as one file, below `html/` there: of the days that
were asked for, otherwise of the last thirty; runs that publications or measurements cause leave it to the daily one) →
`summary` (the daily run tells the channels of `VODFLOW_NOTIFICATIONS` that list `reported` in three sentences what
mattered of its day). See docs/reports.md.

**Params**: `date_from`, `date_to`: UTC days, both included. One alone means that day; none means what is due. `tenant`:
export only its rows, into a folder of its own, and report on it alone. `formats`: which of csv, parquet and html.

**Safe to run twice**: a day is replaced as a whole; the same facts give the same rows and the same bytes.

**To recover**: clear the failed task, or run the days again. A day whose rows break a rule keeps what it had; the task
fails with table, day, row and rule, and all other days are done. Columns: docs/reports.md.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import AssetOrTimeSchedule, CronDataIntervalTimetable, Param, chain, dag
from vodflow.settings import get_settings
from vodflow_airflow.assets import MEASURED_QUALITY, PUBLISHED_VIDEO
from vodflow_airflow.notifiers.slack import slack_on_failure
from vodflow_airflow.operators.gather_events import GatherEventsOperator
from vodflow_dags.reports.tasks import choose_days, export, html, recompute, summary

_FORMATS = ["csv", "parquet", "html"]


def _day(title: str, description: str) -> Param:
    return Param(None, type=["null", "string"], format="date", title=title, description=description)


@dag(
    dag_id="report_transcoding",
    doc_md=__doc__,
    schedule=AssetOrTimeSchedule(
        timetable=CronDataIntervalTimetable("0 0 * * *", timezone="UTC"), assets=PUBLISHED_VIDEO | MEASURED_QUALITY
    ),
    start_date=datetime(2024, 1, 1, tzinfo=UTC),
    catchup=False,
    on_failure_callback=slack_on_failure(),
    # One that gathers, one that finds that out, and one by hand or of the clock.
    max_active_runs=3,
    params={
        "date_from": _day("First day", "UTC day, included; empty means the same as the last day"),
        "date_to": _day("Last day", "UTC day, included; empty means the same as the first day"),
        "tenant": Param(None, type=["null", "string"], title="Tenant", description="its slug; empty means all"),
        "formats": Param(
            _FORMATS,
            type="array",
            items={"type": "string", "enum": _FORMATS},
            examples=_FORMATS,
            title="Formats",
            description="what to write to S3",
        ),
    },
    tags=["vodflow", "reports"],
    default_args={"retries": 3, "retry_delay": timedelta(seconds=10), "retry_exponential_backoff": 2.0},
)
def report_transcoding() -> None:
    gather = GatherEventsOperator(task_id="gather", seconds=get_settings().asset_delay)
    days = choose_days()
    page = html(days)
    chain(gather, days)
    chain(recompute(days), export(days), page, summary(page))


report_transcoding()
