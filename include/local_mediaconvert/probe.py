"""The Probe operation: ffprobe of a file in S3 or behind a URL; only its headers are read."""

from __future__ import annotations

import contextlib
import email.utils
import http.client
import json
import re
import subprocess
import urllib.error
from collections.abc import Mapping
from typing import Any, Final

from vodflow.ffmpeg.resources import capture
from vodflow.ffmpeg.tools import ffprobe_path, input_options
from vodflow.network.public_http import PrivateAddress

from local_mediaconvert.errors import ApiError, bad_request, not_found
from local_mediaconvert.probe_result import probe_result
from local_mediaconvert.transcode.http_inputs import open_input
from local_mediaconvert.transcode.relay import relayed

#: Seconds one file may take.
_TIMEOUT: Final = 60.0
#: Seconds one answer of an HTTP server may take.
_HTTP_TIMEOUT: Final = 10.0
#: A number of bytes that the API's 64 bits hold.
_SIZE: Final = re.compile(r"[0-9]{1,18}")

Document = dict[str, Any]


def probe(_service: object, given: Mapping[str, Any]) -> Document:
    """What the files are."""
    files = given.get("inputFiles", [])
    if len(files) != 1 or "fileUrl" not in files[0]:
        raise bad_request("/inputFiles: Should have exactly 1 item with a fileUrl")
    return {"probeResults": [examine(files[0]["fileUrl"])]}


def examine(url: str) -> Document:
    """A ProbeResult, names of the wire.

    :raises ApiError: the file cannot be read, or is no media file
    """
    if url.startswith("s3://"):
        address, metadata = _in_s3(url)
        opened: contextlib.AbstractContextManager[str] = contextlib.nullcontext(address)
    elif url.startswith(("http://", "https://")):
        # ffprobe would follow redirects, and look the name up anew.
        opened, metadata = relayed(url, _HTTP_TIMEOUT), _behind(url)
    else:
        raise bad_request("/inputFiles/0/fileUrl: Should begin with s3://, http:// or https://")
    if not metadata.get("fileSize", 1):
        raise ApiError("UnprocessableEntityException", f"{_shown(url)} is empty.")
    with opened as address:
        return probe_result(_ffprobe(address, url), metadata)


def _in_s3(url: str) -> tuple[str, Document]:
    """A presigned address of an object, and what S3 knows of it."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 - slow to import, and seldom needed

    from local_mediaconvert.aws import client  # noqa: PLC0415

    bucket, _, key = url.removeprefix("s3://").partition("/")
    if not bucket or not key:
        raise bad_request("/inputFiles/0/fileUrl: Should name a bucket and a key")
    s3 = client("s3")
    try:
        head = s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 403:
            raise ApiError("ForbiddenException", f"{url} may not be read.") from error
        raise not_found(f"The file {url}") from error
    address = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=300)
    metadata = {
        "eTag": head["ETag"].strip('"'),
        "fileSize": head["ContentLength"],
        "lastModified": int(head["LastModified"].timestamp()),
    }
    return address, metadata


def _behind(url: str) -> Document:
    """What an HTTP server says of a file. A presigned address allows GET only, so its first byte is read."""
    try:
        with open_input(url, _HTTP_TIMEOUT, {"Range": "bytes=0-0"}) as answer:
            headers = answer.headers
    except urllib.error.HTTPError as error:
        if error.code in {404, 410}:
            raise not_found(f"The file {_shown(url)}") from error
        said = f"{_shown(url)} answers with HTTP status {error.code}."
        raise ApiError("UnprocessableEntityException", said) from error
    except PrivateAddress as error:
        raise ApiError("ForbiddenException", str(error)) from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise ApiError("UnprocessableEntityException", f"{_shown(url)} cannot be read: {error}") from error
    return told(headers)


def told(headers: http.client.HTTPMessage | Mapping[str, str]) -> Document:
    """Metadata of a file by the headers of an HTTP answer. What a server says wrongly, it does not say."""
    metadata: Document = {}
    size = (headers.get("Content-Range") or "").rpartition("/")[2] or headers.get("Content-Length") or ""
    if _SIZE.fullmatch(size):
        metadata["fileSize"] = int(size)
    if tag := (headers.get("ETag") or "").removeprefix("W/").strip('"'):
        metadata["eTag"] = tag
    with contextlib.suppress(ValueError, OverflowError):  # no date, or none that has a time stamp
        moment = email.utils.parsedate_to_datetime(headers.get("Last-Modified") or "")
        metadata["lastModified"] = int(moment.timestamp())
    return metadata


def _shown(url: str) -> str:
    """The address without its query, which may be a credential."""
    return url if url.startswith("s3://") else url.partition("?")[0]


def _ffprobe(address: str, url: str) -> Document:
    argv = [ffprobe_path(), "-v", "error", "-show_format", "-show_streams", "-of", "json", *input_options(address)]
    try:
        done = capture([*argv, "-rw_timeout", "10000000", "-i", address], _TIMEOUT)
    except subprocess.TimeoutExpired as error:
        raise ApiError(
            "UnprocessableEntityException", f"{_shown(url)} was not examined within {_TIMEOUT:g} s."
        ) from error
    found: Document = json.loads(done.stdout or b"{}")
    if done.returncode != 0 or not found.get("streams"):
        raise ApiError("UnprocessableEntityException", f"{_shown(url)} is in no format that can be read.")
    return found
