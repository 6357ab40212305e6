"""
# new_videos

Every hour, waits for videos that came below `inbox/` since the last successful run began. An example of
`S3NewVideosSensor`: copy it into your DAGs folder and set bucket and prefix.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import dag, task
from vodflow_airflow.sensors.s3_new_videos import S3NewVideosSensor


@dag(schedule="@hourly", start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False, params={"bucket": "footage"})
def new_videos() -> None:
    arrived = S3NewVideosSensor(
        task_id="wait",
        bucket="{{ params.bucket }}",
        prefix="inbox/",
        since="{{ prev_start_date_success or data_interval_start }}",
        deferrable=True,
        timeout=timedelta(minutes=55).total_seconds(),
        soft_fail=True,
    )

    @task
    def handle(videos: list[dict[str, Any]]) -> list[str]:
        return [video["uri"] for video in videos]

    handle(arrived.output)


new_videos()
