"""One message into a queue, while somebody waits for the answer."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from vodflow.errors import EngineError
from vodflow.storage.clients import new_session

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

    from vodflow.settings import Settings

#: Seconds to connect to SQS and to wait for its answer: EventBridge gives an API destination five in all.
_TIMES: Final = (1.5, 2.5)


def send(queue_url: str, message: str, settings: Settings) -> None:
    """Put one message into the queue.

    :raises EngineError: when the queue does not take it (retryable)
    """
    try:
        _client(settings).send_message(QueueUrl=queue_url, MessageBody=message)
    except (ClientError, BotoCoreError) as error:
        raise EngineError(f"The queue {queue_url} does not take the message: {error}") from error


@lru_cache(maxsize=2)
def _client(settings: Settings) -> SQSClient:
    connect, read = _TIMES
    return new_session().client(
        "sqs",
        region_name=settings.aws_region,
        endpoint_url=settings.aws_endpoint_url,
        config=Config(connect_timeout=connect, read_timeout=read, retries={"total_max_attempts": 1}),
    )
