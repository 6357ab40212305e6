"""Puts what S3 told into the queue that ``ingest_videos`` reads."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from vodflow.sensing.notices import Notice

from vodflow_lambda.clients import client
from vodflow_lambda.configuration import Configuration
from vodflow_lambda.log import log

#: Messages that SQS takes at a time.
_BATCH: Final = 10


class QueueTarget:
    """The queue as the configuration names it."""

    def __init__(self, configuration: Configuration) -> None:
        self._queue_url = configuration.queue_url

    def send(self, notices: Sequence[Notice]) -> list[str | None]:
        """Queue a message for each object; what is wrong with each, none where it is done."""
        found: list[str | None] = []
        for start in range(0, len(notices), _BATCH):
            found += self._send_batch(notices[start : start + _BATCH])
        return found

    def _send_batch(self, notices: Sequence[Notice]) -> list[str | None]:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - the runtime's own

        entries = [{"Id": str(place), "MessageBody": json.dumps(event_of(one))} for place, one in enumerate(notices)]
        try:
            answer = client("sqs").send_message_batch(QueueUrl=self._queue_url, Entries=entries)
            failed = {item["Id"]: f"{item.get('Code')}: {item.get('Message')}" for item in answer.get("Failed", ())}
        except (BotoCoreError, ClientError) as error:
            failed = {entry["Id"]: str(error) for entry in entries}
        for entry, notice in zip(entries, notices, strict=True):
            wrong = failed.get(entry["Id"])
            log("error" if wrong else "info", "not queued" if wrong else "queued", bucket=notice.bucket,
                key=notice.key, version=notice.version_id, error=wrong)  # fmt: skip
        return [failed.get(entry["Id"]) for entry in entries]


def event_of(notice: Notice) -> dict[str, Any]:
    """In EventBridge's shape, which has plain keys."""
    item = {
        "key": notice.key, "size": notice.size, "etag": notice.etag, "version-id": notice.version_id,
        "sequencer": notice.sequencer,
    }  # fmt: skip
    known = {name: value for name, value in item.items() if value is not None}
    detail = {"bucket": {"name": notice.bucket}, "object": known}
    return {"source": "vodflow.lambda", "detail-type": "Object Created", "detail": detail}
