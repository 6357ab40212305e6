"""
# import_video

Fetches a video from somebody else's address into a watched place, and starts its run of `transcode_video`.

**Trigger**: the API (`POST /api/v1/imports`), or the next sweep of `ingest_videos` where the API could not reach
Airflow; run id `import-{id}`. What is fetched, and where to, stands in the catalog (`url_import`): a run started by
hand for an id that was never asked for does nothing.

**Task** `fetch`: reads the URL in parts, each of which is sent to S3 while the next one is read, from places that
`VODFLOW_IMPORT_HOSTS` and `VODFLOW_IMPORT_BUCKETS` allow and that have public addresses (docs/uploads.md). An import
that is refused (not there, not allowed, too large) ends its run without an error: the reason is in its log, in the
task's value and in the API's answer.

**Params**: `import_id`.

**Safe to run twice**: parts that have arrived are not fetched again where the server can go on, the object is joined
once, and the run that it leads to is the one that its S3 event would start.

**To recover**: clear the task, or ask the API to try again (`POST /api/v1/imports/{id}/retry`) once the import failed.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import Param, dag
from vodflow_airflow.notifiers.slack import slack_on_failure
from vodflow_dags.ingest.tasks import fetch


@dag(
    dag_id="import_video",
    doc_md=__doc__,
    schedule=None,
    start_date=datetime(2024, 1, 1, tzinfo=UTC),
    catchup=False,
    on_failure_callback=slack_on_failure(),
    max_active_runs=8,
    params={"import_id": Param(type="integer", minimum=1, title="Import", description="Id that the API gave it")},
    tags=["vodflow", "ingest"],
    default_args={"retries": 4, "retry_delay": timedelta(seconds=15), "retry_exponential_backoff": 2.0},
)
def import_video() -> None:
    fetch()


import_video()
