"""
# measure_quality

Measures how good published videos are: VMAF, PSNR and SSIM of each rung, loudness of the sound, black, frozen and
silent stretches. A video is public long before; nothing waits for this.

**Trigger**: videos were published (the asset `vodflow_published_video`; those of `VODFLOW_ASSET_DELAY`
seconds together, by the task `gather`), and the cron `VODFLOW_QUALITY_SCHEDULE`, which takes up what was left. By hand:
*Trigger*, with a `job` to measure that one whatever share is measured by itself.

**Task** `measure`: takes a batch of videos that were published and not measured, in the pool `vodflow_quality`. Its
FFmpeg processes have the lowest priority of the machine; while a video waits to be encoded on this machine the task
begins no other rendition and ends. What it found wakes `report_transcoding` (the asset `vodflow_measured_quality`).

**Params**: `job`, `share`, `every`, see the form.

**Safe to run twice**: each rendition is one transaction, and a run takes those that are missing. A job that fails is
noted in `job_measurement` with its reason, and given up after three attempts; no run fails for it.

**To recover**: nothing is needed; the next run goes on where this one stopped. `vodflow quality measure JOB` measures a
job that was given up. docs/quality.md says what the figures mean and what they cost.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import AssetOrTimeSchedule, CronTriggerTimetable, Param, chain, dag
from vodflow.settings import get_settings
from vodflow_airflow.assets import PUBLISHED_VIDEO
from vodflow_airflow.notifiers.slack import slack_on_failure
from vodflow_airflow.operators.gather_events import GatherEventsOperator
from vodflow_dags.quality.tasks import measure

SETTINGS = get_settings()
CRON = CronTriggerTimetable(SETTINGS.quality_schedule, timezone="UTC")
#: With no share of anything nobody looks.
ON = SETTINGS.quality_share > 0 or SETTINGS.quality_long_share > 0


@dag(
    dag_id="measure_quality",
    doc_md=__doc__,
    schedule=AssetOrTimeSchedule(assets=[PUBLISHED_VIDEO], timetable=CRON) if ON else None,
    start_date=datetime(2024, 1, 1, tzinfo=UTC),
    catchup=False,
    on_failure_callback=slack_on_failure(),
    # One that gathers, one that finds that out, and one by hand or of the clock.
    max_active_runs=3,
    params={
        "job": Param(
            None,
            type=["null", "string", "integer"],
            title="Job",
            description="Number of a published job, or s3:// URI of its source; empty means what was not measured yet",
        ),
        "share": Param(
            None,
            type=["null", "number"],
            minimum=0,
            maximum=1,
            title="Share",
            description="Share of the videos that is measured; empty means what the settings say",
        ),
        "every": Param(
            None,
            type=["null", "integer"],
            minimum=1,
            title="Every",
            description="One of so many frames is compared; empty means what the settings say",
        ),
    },
    tags=["vodflow", "quality"],
    default_args={"retries": 2, "retry_delay": timedelta(minutes=1), "retry_exponential_backoff": 2.0},
)
def measure_quality() -> None:
    # There is nothing to render, and to say so would be one more request of each run.
    measured = measure()
    measured.operator.template_fields = ()
    chain(GatherEventsOperator(task_id="gather", seconds=SETTINGS.asset_delay), measured)


measure_quality()
