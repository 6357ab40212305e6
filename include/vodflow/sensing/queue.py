"""The SQS queues of the S3 notifications and of MediaConvert's events, read so that nothing is lost.

A message is deleted only after what it says is committed. One that was received and not deleted, whoever crashed,
becomes visible again after :data:`VISIBILITY_TIMEOUT` and is received once more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from vodflow.errors import ConfigurationError, EngineError, VodflowError
from vodflow.settings import Settings
from vodflow.storage.clients import sqs_client

#: Messages that SQS hands out or deletes in one call.
BATCH: Final = 10

#: Seconds for which a received message is hidden from other readers. Longer than a run needs to start and register;
#: short, because it is also how late a message is whose reader crashed.
VISIBILITY_TIMEOUT: Final = 30


@dataclass(frozen=True, slots=True)
class Message:
    """One received message.

    :param receipt: what SQS wants for deleting it; none when it is not (or no longer) in the queue
    """

    body: object
    message_id: str = ""
    receipt: str | None = None


def messages_of_event(payload: object) -> list[Message]:
    """The messages in what an SQS trigger yielded; empty for every other payload.

    :param payload: ``{"message_batch": [{"MessageId": …, "ReceiptHandle": …, "Body": …}, …]}``
    """
    batch = payload.get("message_batch") if isinstance(payload, dict) else None
    if not isinstance(batch, list):
        return []
    return [_message(item) for item in batch if isinstance(item, dict) and "Body" in item]


def receive(queue_url: str, *, limit: int, settings: Settings | None = None) -> Iterator[list[Message]]:
    """Batches of up to ten messages until the queue is empty or ``limit`` messages were received. Does not wait.

    :raises ConfigurationError: when there is no such queue, or access is refused
    :raises EngineError: when SQS does not answer (retryable)
    """
    received = 0
    while received < limit:
        batch = receive_batch(queue_url, limit=min(BATCH, limit - received), settings=settings)
        if not batch:
            return
        received += len(batch)
        yield batch


def receive_batch(
    queue_url: str, *, limit: int = BATCH, wait: int = 0, settings: Settings | None = None
) -> list[Message]:
    """Up to ten messages; none when the queue is empty.

    :param wait: seconds to wait for the first one, at most 20; returns as soon as there is one
    :raises ConfigurationError: when there is no such queue, or access is refused
    :raises EngineError: when SQS does not answer (retryable)
    """
    try:
        answer = sqs_client(settings).receive_message(
            QueueUrl=queue_url,
            MaxNumberOfMessages=limit,
            VisibilityTimeout=VISIBILITY_TIMEOUT,
            WaitTimeSeconds=wait,
        )
    except (ClientError, BotoCoreError) as error:
        raise _queue_error(error, "read", queue_url) from error
    return [_message(item) for item in answer.get("Messages", ())]


def delete(queue_url: str, messages: Sequence[Message], *, settings: Settings | None = None) -> None:
    """Take messages out of the queue. One that is gone already, or received again since, is left alone.

    :raises ConfigurationError: when there is no such queue, or access is refused
    :raises EngineError: when SQS does not answer (retryable)
    """
    receipts = list(dict.fromkeys(message.receipt for message in messages if message.receipt))
    for start in range(0, len(receipts), BATCH):
        entries = [
            {"Id": str(position), "ReceiptHandle": receipt}
            for position, receipt in enumerate(receipts[start : start + BATCH])
        ]
        try:
            sqs_client(settings).delete_message_batch(QueueUrl=queue_url, Entries=entries)  # type: ignore[arg-type]
        except (ClientError, BotoCoreError) as error:
            raise _queue_error(error, "delete messages of", queue_url) from error


def _message(item: dict[str, Any] | Any) -> Message:
    return Message(item.get("Body"), str(item.get("MessageId", "")), item.get("ReceiptHandle"))


def _queue_error(error: ClientError | BotoCoreError, action: str, queue_url: str) -> VodflowError:
    code = str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else "connection"
    if "NonExistentQueue" in code or "QueueDoesNotExist" in code or "AccessDenied" in code:
        return ConfigurationError(
            f"Could not {action} the queue {queue_url} ({code}). Check VODFLOW_EVENT_QUEUE_URL and "
            "VODFLOW_MEDIACONVERT_EVENT_QUEUE_URL, and the queue's policy.",
            code=code,
        )
    return EngineError(f"Could not {action} the queue {queue_url}: {error}", code=code)
