"""Objects streamed through this process: with ranges, in pieces, never whole in memory."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from vodflow.playback.documents import unreadable
from vodflow.settings import Settings
from vodflow.storage.clients import s3_client

#: Bytes read at a time.
_CHUNK: Final = 64 * 1024
#: One range of bytes (RFC 9110, section 14.1.2); several, or nonsense, get the whole.
_RANGE: Final = re.compile(r"bytes=(?:(\d{1,18})-(\d{1,18})?|-(\d{1,18}))")


@dataclass(frozen=True)
class Opened:
    """An answer with an object, or a part of one.

    :param status: 200, 206, 304 or 416
    :param body: none where there is nothing to send
    """

    status: int
    headers: Mapping[str, str]
    body: Iterator[bytes] | None = None


def single_range(asked: str | None) -> str | None:
    """The value of Range as S3 takes it; none where it is to be ignored."""
    found = _RANGE.fullmatch(asked or "")
    if found is None:
        return None
    first, last, _ = found.groups()
    return None if first and last and int(last) < int(first) else found[0]


def open_object(bucket: str, key: str, asked: Mapping[str, str], settings: Settings, *, head: bool = False) -> Opened:
    """An object as an HTTP request asks for it.

    :param asked: headers of the request in lower case; Range, If-Range and If-None-Match matter
    :param head: without its bytes
    :raises SourceNotFound: there is no such object
    :raises PlaybackUnavailable: S3 does not answer, or refuses
    """
    place: dict[str, Any] = {"Bucket": bucket, "Key": key}
    client = s3_client(settings)
    span = None if head else single_range(asked.get("range"))
    conditions: dict[str, Any] = {"IfNoneMatch": asked["if-none-match"]} if "if-none-match" in asked else {}
    try:
        if head:
            return Opened(200, _headers(client.head_object(**place)))
        return _opened(client.get_object(**place, **conditions, **_ranged(span, asked.get("if-range"))))
    except ClientError as error:
        code = error.response["Error"].get("Code")
        if code in {"304", "NotModified"}:
            return Opened(304, {"ETag": conditions["IfNoneMatch"]})
        if code in {"412", "PreconditionFailed"} and span:
            return open_object(bucket, key, {}, settings)  # If-Range: other bytes than the asker knows, so all of them
        if code in {"416", "InvalidRange"}:
            size = client.head_object(**place)["ContentLength"]
            return Opened(416, {"Content-Range": f"bytes */{size}"})
        raise unreadable(error, bucket, key) from error
    except BotoCoreError as error:
        raise unreadable(error, bucket, key) from error


def _ranged(span: str | None, only_if: str | None) -> dict[str, Any]:
    if span is None:
        return {}
    if only_if is None:
        return {"Range": span}
    # A date, or a weak tag, names no bytes: the whole is sent.
    return {"Range": span, "IfMatch": only_if} if only_if.startswith('"') else {}


def _opened(answer: Any) -> Opened:
    headers = _headers(answer)
    status = 200
    if content_range := answer.get("ContentRange"):
        status, headers["Content-Range"] = 206, content_range
    return Opened(status, headers, _chunks(answer["Body"]))


def _headers(answer: Any) -> dict[str, str]:
    return {
        "Content-Type": answer["ContentType"],
        "Content-Length": str(answer["ContentLength"]),
        "ETag": answer["ETag"],
        "Accept-Ranges": "bytes",
    }


def _chunks(body: Any) -> Iterator[bytes]:
    with closing(body):
        yield from body.iter_chunks(_CHUNK)
