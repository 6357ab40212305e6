"""Tasks of ``ingest_videos`` and ``import_video``: decode the arguments, call vodflow, encode the result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from airflow.sdk import get_current_context, task
from vodflow_airflow.assets import PUBLIC_AGAIN, PUBLISHED_VIDEO
from vodflow_airflow.errors import airflow_outcome
from vodflow_dags.ingest.assets import S3_NOTIFICATIONS

if TYPE_CHECKING:
    from vodflow.catalog.rows import SourceRow


def _run_of(source: SourceRow) -> str:
    from vodflow.catalog.sources import run_id_of  # noqa: PLC0415

    return run_id_of(source.id, source.reopened)


def _start(source: SourceRow) -> Any:
    from vodflow.pipeline.object_request import run_conf, source_request  # noqa: PLC0415
    from vodflow_airflow.dag_runs import start_dag_run  # noqa: PLC0415
    from vodflow_airflow.run_notes import name_note  # noqa: PLC0415

    return start_dag_run("transcode_video", _run_of(source), run_conf(source_request(source)), name_note(source.key))


def _find(sources: Sequence[SourceRow]) -> bool:
    from vodflow_airflow.dag_runs import are_there  # noqa: PLC0415

    return are_there("transcode_video", [_run_of(source) for source in sources])


def _bring_in_order() -> dict[str, int]:
    """Give up uploads whose time is over, start imports that nobody has begun."""
    from vodflow.jobs.upload_endings import end_overdue_uploads  # noqa: PLC0415
    from vodflow.jobs.url_imports import start_waiting_imports  # noqa: PLC0415
    from vodflow_airflow.dag_runs import start_dag_run  # noqa: PLC0415

    return {
        "uploads_ended": end_overdue_uploads(),
        "imports_started": start_waiting_imports(
            lambda dag_id, run_id, import_id: start_dag_run(dag_id, run_id, {"import_id": import_id})
        ),
    }


# One value: each entry of a dictionary would be a request of its own.
@task(inlets=[S3_NOTIFICATIONS], outlets=[PUBLIC_AGAIN], multiple_outputs=False)
def ingest() -> dict[str, int]:
    """Take in what events told, sweep unless an event woke this run, start a run for each new video."""
    from vodflow.pipeline.asset_event import public_again  # noqa: PLC0415
    from vodflow.pipeline.holds import try_again  # noqa: PLC0415
    from vodflow.sensing.ingest import ingest as ingest_round  # noqa: PLC0415
    from vodflow_airflow.holds import start_again  # noqa: PLC0415
    from vodflow_airflow.queue_events import WakingMessages  # noqa: PLC0415

    context = get_current_context()
    woken = context["dag_run"].run_type == "asset_triggered"
    with airflow_outcome():
        ended = {} if woken else _bring_in_order()
        counts = ingest_round(
            _start,
            finder=_find,
            messages=WakingMessages(context, S3_NOTIFICATIONS) if woken else list,
            sweeping=not woken,
            prefix=context["params"]["prefix"],
        ).summary()
        for video in public_again(context["run_id"]):
            context["outlet_events"][PUBLIC_AGAIN].add(PUBLISHED_VIDEO, extra=asdict(video))
        # What waited in vain for S3 or a disk, and failed: one of them looks again.
        return counts | ended | {"tried_again": 0 if woken else try_again(start_again)}


@task(multiple_outputs=False)
def fetch() -> str:
    """Fetch an import, and start the run of what has arrived."""
    from vodflow.jobs.url_imports import get_import  # noqa: PLC0415
    from vodflow.pipeline.url_import import fetch_import  # noqa: PLC0415
    from vodflow.sensing.dispatch import dispatch  # noqa: PLC0415

    context = get_current_context()
    import_id, this = context["params"]["import_id"], context["ti"]
    with airflow_outcome():
        source = fetch_import(import_id, last_try=this.try_number > this.max_tries)
        if source is not None:
            dispatch(_start, finder=_find, ids=[source.id])
        ended = get_import(import_id)
        return f"{ended.status}: {ended.error}" if ended.error else str(ended.status)
