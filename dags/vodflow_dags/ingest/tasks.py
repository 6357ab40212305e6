"""Task of ``ingest_videos``: decode the arguments, call one function of vodflow, encode the result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from airflow.sdk import get_current_context, task
from vodflow_airflow.assets import PUBLIC_AGAIN, PUBLISHED_VIDEO
from vodflow_airflow.errors import airflow_outcome
from vodflow_dags.ingest.assets import S3_NOTIFICATIONS


# One value: each entry of a dictionary would be a request of its own.
@task(inlets=[S3_NOTIFICATIONS], outlets=[PUBLIC_AGAIN], multiple_outputs=False)
def ingest() -> dict[str, int]:
    """Take in what events told, sweep unless an event woke this run, start a run for each new video."""
    from vodflow.catalog.rows import SourceRow  # noqa: PLC0415
    from vodflow.catalog.sources import run_id_of  # noqa: PLC0415
    from vodflow.pipeline.asset_event import public_again  # noqa: PLC0415
    from vodflow.pipeline.holds import try_again  # noqa: PLC0415
    from vodflow.pipeline.object_request import run_conf, source_request  # noqa: PLC0415
    from vodflow.sensing.ingest import ingest as ingest_round  # noqa: PLC0415
    from vodflow_airflow.dag_runs import are_there, start_dag_run  # noqa: PLC0415
    from vodflow_airflow.holds import start_again  # noqa: PLC0415
    from vodflow_airflow.queue_events import WakingMessages  # noqa: PLC0415
    from vodflow_airflow.run_notes import name_note  # noqa: PLC0415

    def run_of(source: SourceRow) -> str:
        return run_id_of(source.id, source.reopened)

    def start(source: SourceRow) -> Any:
        conf = run_conf(source_request(source))
        start_dag_run("transcode_video", run_of(source), conf, note=name_note(source.key))

    def find(sources: Sequence[SourceRow]) -> bool:
        return are_there("transcode_video", [run_of(source) for source in sources])

    context = get_current_context()
    woken = context["dag_run"].run_type == "asset_triggered"
    with airflow_outcome():
        counts = ingest_round(
            start,
            finder=find,
            messages=WakingMessages(context, S3_NOTIFICATIONS) if woken else list,
            sweeping=not woken,
            prefix=context["params"]["prefix"],
        ).summary()
        for video in public_again(context["run_id"]):
            context["outlet_events"][PUBLIC_AGAIN].add(PUBLISHED_VIDEO, extra=asdict(video))
        # What waited in vain for S3 or a disk, and failed: one of them looks again.
        return counts | {"tried_again": 0 if woken else try_again(start_again)}
