"""Objects streamed through this process: with ranges, in pieces, never whole in memory."""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from vodflow.playback.documents import is_known, unreadable
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
    body: Generator[bytes] | None = None


def single_range(asked: str | None) -> str | None:
    """The value of Range as S3 takes it; none where it is to be ignored."""
    found = _RANGE.fullmatch(asked or "")
    if found is None:
        return None
    first, last, _ = found.groups()
    return None if first and last and int(last) < int(first) else found[0]


def open_object(bucket: str, key: str, asked: Mapping[str, str], settings: Settings, *, head: bool = False) -> Opened:
    """An object as an HTTP request asks for it.

    :param asked: headers of the request in lower case; Range, If-Range and If-None-Match matter, and none goes on to S3
        but a range that is one
    :param head: without its bytes
    :raises SourceNotFound: there is no such object
    :raises PlaybackUnavailable: S3 does not answer, or refuses
    """
    place: dict[str, Any] = {"Bucket": bucket, "Key": key}
    client = s3_client(settings)
    try:
        answer: Any
        if head:
            answer = client.head_object(**place)
        else:
            answer = _get(client, place, single_range(asked.get("range")), asked.get("if-range"))
        if isinstance(answer, Opened):
            return answer
    except (ClientError, BotoCoreError) as error:
        raise unreadable(error, bucket, key) from error
    if is_known(answer["ETag"], asked.get("if-none-match")):
        if not head:
            answer["Body"].close()
        return Opened(304, {"ETag": answer["ETag"]})
    return Opened(200, _headers(answer)) if head else _opened(answer)


def _get(client: Any, place: Mapping[str, str], span: str | None, only_if: str | None) -> Any:
    """S3's answer, or that there are no such bytes.

    :param only_if: ETag of the bytes that the range is meant for; a date, or a weak tag, is that of none, and other
        bytes than the asker knows are sent whole
    """
    if span is None:
        return client.get_object(**place)
    try:
        answer = client.get_object(**place, Range=span)
    except ClientError as error:
        if error.response["Error"].get("Code") not in {"416", "InvalidRange"}:
            raise
        answer = client.head_object(**place)
        if only_if in {None, answer["ETag"]}:
            return Opened(416, {"Content-Range": f"bytes */{answer['ContentLength']}"})
        return client.get_object(**place)
    if only_if in {None, answer["ETag"]}:
        return answer
    answer["Body"].close()
    return client.get_object(**place)


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


def _chunks(body: Any) -> Generator[bytes]:
    with closing(body):
        yield from body.iter_chunks(_CHUNK)
