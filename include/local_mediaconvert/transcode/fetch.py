"""Files that a job names, brought to this machine: inputs, captions, images."""

from __future__ import annotations

import http.client
import logging
import threading
import urllib.error
from collections.abc import Callable
from pathlib import Path
from typing import Final

from vodflow.errors import EngineCanceled
from vodflow.network.public_http import PrivateAddress

from local_mediaconvert.settings import Settings
from local_mediaconvert.transcode.contract import ErrorCode, JobFailed
from local_mediaconvert.transcode.http_inputs import open_input

log = logging.getLogger(__name__)

_CHUNK: Final = 1024**2
_S3_CODES: Final = {403: ErrorCode.ACCESS_DENIED, 404: ErrorCode.NOT_FOUND}
_HTTP_CODES: Final = {
    401: ErrorCode.HTTP_AUTHENTICATION,
    403: ErrorCode.HTTP_FORBIDDEN,
    404: ErrorCode.HTTP_NOT_FOUND,
    410: ErrorCode.HTTP_NOT_FOUND,
}


def fetch(
    uri: str,
    path: Path,
    settings: Settings,
    *,
    cancel: threading.Event,
    progress: Callable[[float], None] | None = None,
) -> None:
    """Write the object or resource to ``path``.

    :param progress: called with the share (0 to 1) that is there
    :raises JobFailed: with MediaConvert's code when it cannot be read
    :raises EngineCanceled: when ``cancel`` is set
    """
    if uri.startswith("s3://"):
        _from_s3(uri, path, settings, cancel, progress)
    elif uri.startswith(("http://", "https://")):
        _from_http(uri, path, settings, cancel, progress)
    else:
        raise JobFailed(
            ErrorCode.FILE_ACCESS,
            f"Unable to open input file [{uri}]: it is neither in Amazon S3 nor at an HTTP(S) URL.",
        )


def _from_s3(
    uri: str, path: Path, settings: Settings, cancel: threading.Event, progress: Callable[[float], None] | None
) -> None:
    from boto3.exceptions import Boto3Error  # noqa: PLC0415 - boto3 is slow to import
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    from local_mediaconvert.aws import client  # noqa: PLC0415

    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not key or key.endswith("/"):
        raise JobFailed(ErrorCode.NOT_FOUND, f"Unable to open input file [{uri}]: it is a folder; name one object.")
    received = 0

    def count(number: int) -> None:
        nonlocal received
        if cancel.is_set():
            raise EngineCanceled(f"Download of {uri} was cancelled.", code="canceled")
        received += number
        if progress:
            progress(min(1.0, received / size))

    s3 = client("s3", settings)
    try:
        size = max(1, s3.head_object(Bucket=bucket, Key=key)["ContentLength"])
        s3.download_file(bucket, key, str(path), Callback=count)
    except ClientError as error:
        code = _S3_CODES.get(error.response["ResponseMetadata"]["HTTPStatusCode"], ErrorCode.FILE_ACCESS)
        raise JobFailed(code, _message(uri, code, error)) from error
    except (BotoCoreError, Boto3Error) as error:
        raise JobFailed(ErrorCode.FILE_ACCESS, _message(uri, ErrorCode.FILE_ACCESS, error)) from error


def _message(uri: str, code: ErrorCode, error: Exception) -> str:
    said = {
        ErrorCode.NOT_FOUND: "HeadObject failed",
        ErrorCode.ACCESS_DENIED: f"Access denied to [{uri}]",
    }.get(code, str(error))
    return f"Unable to open input file [{uri}]: [Failed probe/open: [Can't read input stream: [{said}]]]"


def _from_http(
    uri: str, path: Path, settings: Settings, cancel: threading.Event, progress: Callable[[float], None] | None
) -> None:
    shown = uri.partition("?")[0]
    try:
        with open_input(uri, settings.aws_read_timeout) as answer, path.open("wb") as file:
            _copy(answer, file.write, cancel, progress, uri)
    except urllib.error.HTTPError as error:
        raise _http_error(error.code, shown) from error
    except PrivateAddress as error:
        raise JobFailed(ErrorCode.HTTP_FORBIDDEN, f"3403: Access to '{shown}' is not allowed. {error}") from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise JobFailed(
            ErrorCode.HTTP_CONNECTION, f"3451: Server could not be reached when accessing: '{shown}'. {error}"
        ) from error


def _copy(
    answer: http.client.HTTPResponse,
    write: Callable[[bytes], int],
    cancel: threading.Event,
    progress: Callable[[float], None] | None,
    uri: str,
) -> None:
    size, received = answer.length or 0, 0  # none where the header holds no number
    while chunk := answer.read(_CHUNK):
        if cancel.is_set():
            raise EngineCanceled(f"Download of {uri.partition('?')[0]} was cancelled.", code="canceled")
        write(chunk)
        received += len(chunk)
        if progress and size:
            progress(min(1.0, received / size))
    if size and received != size:
        raise JobFailed(ErrorCode.HTTP_TRANSFER, f"3408: The transfer ended after {received} of {size} bytes.")


def _http_error(status: int, uri: str) -> JobFailed:
    if status in _HTTP_CODES:
        code = _HTTP_CODES[status]
        return JobFailed(code, f"{int(code)}: Access to '{uri}' failed with HTTP status {status}.")
    if 300 <= status < 400:
        return JobFailed(
            ErrorCode.HTTP_REDIRECT, f"3453: MediaConvert can't follow redirects when accessing your input: {uri}."
        )
    code = ErrorCode.HTTP_SERVER if status >= 500 else ErrorCode.HTTP_UNEXPECTED
    return JobFailed(code, f"{int(code)}: HTTP status {status} when accessing: '{uri}'.")
