"""boto3's transfers with S3's own errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from boto3.s3.transfer import ProgressCallbackInvoker, TransferConfig, create_transfer_manager

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def put_file(
    client: S3Client,
    path: Path,
    bucket: str,
    key: str,
    arguments: Mapping[str, object],
    *,
    progress: Callable[[int], None],
    config: TransferConfig,
) -> None:
    """What ``client.upload_file`` does, but for its errors.

    boto3 wraps S3's error in one without a code, whose context is lost when its manager, as it closes, meets the same
    error once more before the transfer is struck off: now and then.

    :param arguments: of PutObject
    :param progress: called with bytes sent since the last call
    :raises ClientError, BotoCoreError: when S3 does not take it; parts that lie there are removed
    :raises OSError: when the file cannot be read
    """
    with create_transfer_manager(client, config) as manager:
        manager.upload(str(path), bucket, key, dict(arguments), [ProgressCallbackInvoker(progress)]).result()
