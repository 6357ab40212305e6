"""Messages that say an object can be read in S3 now, parsed into :class:`Notice` values. Pure.

Three shapes reach a queue, each possibly wrapped by SNS:

* S3 event notifications: ``{"Records": [...]}`` with any number of records and URL-encoded keys
  (https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html)
* EventBridge events: ``{"detail-type": "Object Created", "detail": {...}}`` (or ``Object Restore Completed``) with
  plain keys
  (https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html)
* ``s3:TestEvent``, sent once when a notification is configured

What cannot be understood becomes a :class:`Problem` for the dead letters; nothing here raises on bad input.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final
from urllib.parse import unquote_plus

from vodflow.contract.video_objects import NULL_VERSION

#: What S3 tells when an object can be read from now on: it was put, or is back from an archive.
EVENT_NAMES: Final = ("ObjectCreated:", "ObjectRestore:Completed")
DETAIL_TYPES: Final = frozenset({"Object Created", "Object Restore Completed"})

_ABOUT_SUBSCRIPTIONS: Final = frozenset({"SubscriptionConfirmation", "UnsubscribeConfirmation"})

#: SNS in SNS happens with topic-to-topic relays; more than this is somebody's loop.
MAX_ENVELOPES: Final = 4


class ProblemName(StrEnum):
    """Why a message is a dead letter, as stored in ``dead_letter.reason``."""

    NOT_JSON = "not_json"
    UNKNOWN_SHAPE = "unknown_shape"
    BAD_RECORD = "bad_record"
    UNCONFIRMED_SUBSCRIPTION = "unconfirmed_subscription"
    FORBIDDEN = "forbidden"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that no retry cures.

    :param detail: one sentence for a person: what was found and what was expected
    """

    name: ProblemName
    detail: str


@dataclass(frozen=True, slots=True)
class Notice:
    """An object was created or restored, as far as the message tells.

    :param key: the plain key, not URL-encoded
    :param size: bytes
    :param etag: unquoted
    :param version_id: none where the bucket keeps no versions
    :param sequencer: hexadecimal; orders the events of one key
    """

    bucket: str
    key: str
    size: int | None = None
    etag: str | None = None
    version_id: str | None = None
    sequencer: str | None = None


@dataclass(slots=True)
class ParsedMessage:
    """What one message held.

    :param ignored: records that are well formed and none of our business: removals, test events
    """

    notices: list[Notice] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    ignored: int = 0


class _Malformed(ValueError):
    """A record lacks what identifies an object."""


def parse_message(body: object) -> ParsedMessage:
    """Every notice in one message body; problems where there should be notices and are none.

    :param body: the text of an SQS message, or its decoded JSON
    """
    result = ParsedMessage()
    for _ in range(MAX_ENVELOPES):
        document = _decoded(body, result)
        if document is None:
            return result
        if document.get("Type") == "Notification" and "Message" in document:
            body = document["Message"]
            continue
        _parse_document(document, result)
        return result
    result.problems.append(Problem(ProblemName.UNKNOWN_SHAPE, f"more than {MAX_ENVELOPES} SNS envelopes"))
    return result


def is_one_of(value: object, words: Collection[str]) -> bool:
    """Whether a value of somebody's JSON, which may be anything, is one of these words."""
    return isinstance(value, str) and value in words


def _decoded(body: object, result: ParsedMessage) -> Mapping[str, Any] | None:
    document = body
    if isinstance(body, str | bytes):
        try:
            document = json.loads(body)
        except (ValueError, RecursionError) as error:
            result.problems.append(Problem(ProblemName.NOT_JSON, f"the message is not JSON: {error}"))
            return None
    if isinstance(document, Mapping):
        return document
    result.problems.append(
        Problem(ProblemName.UNKNOWN_SHAPE, f"expected a JSON object, found {type(document).__name__}")
    )
    return None


def _parse_document(document: Mapping[str, Any], result: ParsedMessage) -> None:
    if document.get("Event") == "s3:TestEvent":
        result.ignored += 1
    elif isinstance(document.get("Records"), list):
        _parse_records(document["Records"], result)
    elif document.get("source") == "aws.s3" or "detail-type" in document:
        _parse_eventbridge(document, result)
    elif is_one_of(document.get("Type"), _ABOUT_SUBSCRIPTIONS):
        topic = document.get("TopicArn")
        detail = f"SNS topic {topic} asks to confirm its subscription; confirm it in SNS, then events arrive"
        result.problems.append(Problem(ProblemName.UNCONFIRMED_SUBSCRIPTION, detail))
    else:
        names = ", ".join(sorted(map(ascii, document))[:10]) or "none"
        detail = f"neither an S3 notification, nor an EventBridge event of S3; its fields: {names}"
        result.problems.append(Problem(ProblemName.UNKNOWN_SHAPE, detail))


def _parse_records(records: Iterable[Any], result: ParsedMessage) -> None:
    for position, record in enumerate(records):
        try:
            notice = _record_notice(record)
        except _Malformed as error:
            result.problems.append(Problem(ProblemName.BAD_RECORD, f"Records[{position}]: {error}"))
        else:
            _keep(notice, result)


def _record_notice(record: Any) -> Notice | None:
    name = _text(_mapping(record, "the record"), "eventName")
    # Some relays keep the "s3:" of the configuration's event names.
    if not name.removeprefix("s3:").startswith(EVENT_NAMES):
        return None
    s3 = _mapping(record.get("s3"), "s3")
    item = _mapping(s3.get("object"), "s3.object")
    return Notice(
        bucket=_text(_mapping(s3.get("bucket"), "s3.bucket"), "name"),
        key=_decoded_key(_text(item, "key")),
        size=_size(item.get("size")),
        etag=_optional_text(item.get("eTag"), "eTag"),
        version_id=_version_id(item.get("versionId")),
        sequencer=_optional_text(item.get("sequencer"), "sequencer"),
    )


def _parse_eventbridge(document: Mapping[str, Any], result: ParsedMessage) -> None:
    try:
        notice = _eventbridge_notice(document)
    except _Malformed as error:
        result.problems.append(Problem(ProblemName.BAD_RECORD, f"detail: {error}"))
    else:
        _keep(notice, result)


def _eventbridge_notice(document: Mapping[str, Any]) -> Notice | None:
    kind = document.get("detail-type")
    if not is_one_of(kind, DETAIL_TYPES):
        if isinstance(kind, str | None):
            return None
        raise _Malformed("detail-type is no text")
    detail = _mapping(document.get("detail"), "detail")
    item = _mapping(detail.get("object"), "detail.object")
    return Notice(
        bucket=_text(_mapping(detail.get("bucket"), "detail.bucket"), "name"),
        key=_text(item, "key"),
        size=_size(item.get("size")),
        etag=_optional_text(item.get("etag"), "etag"),
        version_id=_version_id(item.get("version-id")),
        sequencer=_optional_text(item.get("sequencer"), "sequencer"),
    )


def _keep(notice: Notice | None, result: ParsedMessage) -> None:
    if notice is None:
        result.ignored += 1
    else:
        result.notices.append(notice)


def _mapping(value: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise _Malformed(f"{name} is not an object")
    return value


def _text(mapping: Mapping[str, Any], name: str) -> str:
    value = mapping.get(name)
    if not isinstance(value, str) or not value:
        raise _Malformed(f"{name} is missing or no text")
    return _storable(value, name)


def _decoded_key(key: str) -> str:
    try:
        return _storable(unquote_plus(key, errors="strict"), "key")
    except UnicodeDecodeError as error:
        raise _Malformed(f"key {key!a} is not URL-encoded UTF-8: {error.reason}") from error


def _storable(value: str, name: str) -> str:
    """The text itself, unless neither S3 nor PostgreSQL can hold it."""
    if "\0" in value or (not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value)):
        raise _Malformed(f"{name} {value!a} holds characters that no S3 key can have")
    return value


def _optional_text(value: Any, name: str) -> str | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise _Malformed(f"{name} is no text")
    return _storable(value, name).strip('"') or None


def _version_id(value: Any) -> str | None:
    version_id = _optional_text(value, "version id")
    return None if version_id == NULL_VERSION else version_id


def _size(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise _Malformed(f"size is {value!r}, no number of bytes")
    return value
