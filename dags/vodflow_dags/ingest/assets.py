"""What wakes ``ingest_videos``: the queue of S3's notifications, as an asset with a watcher."""

from __future__ import annotations

from airflow.providers.common.messaging.triggers.msg_queue import MessageQueueTrigger
from airflow.sdk import Asset, AssetWatcher
from vodflow.sensing.queue import BATCH, VISIBILITY_TIMEOUT
from vodflow.settings import get_settings

SETTINGS = get_settings()

WATCHER = AssetWatcher(
    name="s3_notifications_queue",
    trigger=MessageQueueTrigger(
        scheme="sqs",
        sqs_queue=SETTINGS.event_queue_url,
        # Long polling answers at once when a message comes, and costs nothing while none does.
        wait_time_seconds=20,
        waiter_delay=0,
        max_messages=BATCH,
        # The task deletes each message after registering it, so a crash anywhere loses none.
        delete_message_on_reception=False,
        visibility_timeout=VISIBILITY_TIMEOUT,
        region_name=SETTINGS.aws_region,
    ),
)

#: Without a queue nothing ever changes it, and the sweep finds everything.
S3_NOTIFICATIONS = Asset("vodflow_s3_notifications", watchers=[WATCHER] if SETTINGS.event_queue_url else [])
