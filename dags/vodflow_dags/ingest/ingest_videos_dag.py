"""
# ingest_videos

Notices new videos in S3, registers each once in the catalog, and starts one run of `transcode_video` for each.

**Woken by** S3 notifications in the queue `VODFLOW_EVENT_QUEUE_URL` (a run about a second after the upload), and by the
cron `VODFLOW_SWEEP_SCHEDULE`. By hand: *Trigger* sweeps now; give a `prefix` to sweep only below it.

**Task** `ingest`: registers the objects that the messages name, and empties the queue. A scheduled or manual run then
lists the watched places page by page and registers what no message told. Every new source gets its run, `source-{id}`.

**Tells others**: where bytes came back to a key that are published already, their job is public once more; the asset
`vodflow_published_video` changes as when it was published first (docs/notifications.md).

**Params**: `prefix`, see the form.

**Safe to run twice**: a source is bucket, key and version, unique in the catalog; its run's id is made of its id. A
message leaves the queue only after its objects are registered; after a crash it comes again.

**To recover**: clear the failed task, or wait: the next run does what this one left. Messages that nobody can read are
rows of `dead_letter`, and docs/sensing.md says what to do about each kind.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import AssetOrTimeSchedule, CronDataIntervalTimetable, Param, dag
from vodflow.settings import get_settings
from vodflow_airflow.notifiers.slack import slack_on_failure
from vodflow_dags.ingest.assets import S3_NOTIFICATIONS
from vodflow_dags.ingest.tasks import ingest

# Unlike a cron trigger, cron intervals give a run at once after a pause or a downtime that missed one.
SWEEP = CronDataIntervalTimetable(get_settings().sweep_schedule, timezone="UTC")


@dag(
    dag_id="ingest_videos",
    doc_md=__doc__,
    schedule=AssetOrTimeSchedule(assets=[S3_NOTIFICATIONS], timetable=SWEEP),
    start_date=datetime(2024, 1, 1, tzinfo=UTC),
    catchup=False,
    on_failure_callback=slack_on_failure(),
    # One long sweep, and room beside it for events.
    max_active_runs=4,
    params={
        "prefix": Param(
            "",
            type="string",
            title="Prefix",
            description="Sweep only keys that begin with it; empty means everything that is watched",
        )
    },
    tags=["vodflow", "ingest"],
    default_args={"retries": 3, "retry_delay": timedelta(seconds=5), "retry_exponential_backoff": 2.0},
)
def ingest_videos() -> None:
    # There is nothing to render, and to say so would be one more request of each run.
    ingest().operator.template_fields = ()


ingest_videos()
