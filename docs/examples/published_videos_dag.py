"""
# published_videos

Runs after `transcode_video` has published a video. An example of the asset `vodflow_published_video`: copy it into your
DAGs folder and put your own work into the task.

Several videos may come in one run, and the same job once more when its task is run again; so work by `job_id`.
"""

from typing import Any

from airflow.sdk import Asset, dag, get_current_context, task

PUBLISHED_VIDEO = Asset("vodflow_published_video")


@dag(schedule=[PUBLISHED_VIDEO], catchup=False)
def published_videos() -> None:
    @task
    def handle() -> list[str]:
        events: list[Any] = list(get_current_context()["triggering_asset_events"].get(PUBLISHED_VIDEO, ()))
        videos = {event.extra["job_id"]: event.extra for event in events}
        for video in videos.values():
            print(f"{video['source']} of {video['tenant']} is at {video['manifest_url']}")  # noqa: T201 - the task's log
        return [video["manifest"] for video in videos.values()]

    handle()


published_videos()
