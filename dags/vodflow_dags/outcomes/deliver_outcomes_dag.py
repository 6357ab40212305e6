"""
# deliver_outcomes

Sends the notifications and DynamoDB updates that the steps of `transcode_video` could not send themselves.

**Trigger**: something is due: a receiver or DynamoDB did not answer, a failure was not cured by a retry, or a process
died while sending. The triggerer looks every 15 s with two small queries; no run is made while there is nothing to do,
and nobody looks while none of `VODFLOW_NOTIFICATIONS`, `VODFLOW_DYNAMODB_TABLE` and `VODFLOW_SEALING_KEYS` (tenants'
channels) is set. By hand: *Trigger*.

**Task** `deliver`: sends what is due, each notification and item on record with how it went.

**Params**: none.

**Safe to run twice**: a notification is claimed before it is sent, an item is only replaced by a newer one. What a
crash leaves claimed is due again after a minute or more.

**To recover**: nothing is needed after an outage of a receiver; tries go on by themselves. What was given up is in
`dead_letter` and in `vodflow notifications list --status FAILED`; `vodflow notifications retry` queues it again.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import dag
from vodflow_airflow.notifiers.slack import slack_on_failure
from vodflow_dags.outcomes.assets import CONFIGURED, OUTCOMES_DUE
from vodflow_dags.outcomes.tasks import deliver


@dag(
    dag_id="deliver_outcomes",
    doc_md=__doc__,
    schedule=[OUTCOMES_DUE] if CONFIGURED else None,
    start_date=datetime(2024, 1, 1, tzinfo=UTC),
    catchup=False,
    on_failure_callback=slack_on_failure(),
    max_active_runs=1,
    tags=["vodflow", "outcomes"],
    default_args={"retries": 2, "retry_delay": timedelta(seconds=30), "retry_exponential_backoff": 2.0},
)
def deliver_outcomes() -> None:
    deliver()


deliver_outcomes()
