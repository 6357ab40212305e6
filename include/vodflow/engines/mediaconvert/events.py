"""MediaConvert's events as EventBridge delivers them: read, not believed. Pure.

An event is delivered at least once, in any order, perhaps late, perhaps never (AWS's event delivery guide), and its
shape grows: what is missing or new here is no error. Shapes are those of AWS's user guide, "List of MediaConvert
EventBridge events".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from vodflow.contract.engine_names import MEDIACONVERT_SOURCE

#: Names of a mean QVBR score; AWS's own examples use several.
_QUALITY: Final = ("averageQvbrScore", "averageQVBRScore", "qvbrAvgQuality")
#: The same of the lowest one.
_LOWEST_QUALITY: Final = ("minimumQvbrScore", "minimumQVBRScore", "qvbrMinQuality")


class EventKind(StrEnum):
    """``detail.status``: what an event tells. There may be others, which are kept and change nothing."""

    INPUT_INFORMATION = "INPUT_INFORMATION"
    PROGRESSING = "PROGRESSING"
    STATUS_UPDATE = "STATUS_UPDATE"
    QUEUE_HOP = "QUEUE_HOP"
    NEW_WARNING = "NEW_WARNING"
    COMPLETE = "COMPLETE"
    ERROR = "ERROR"
    CANCELED = "CANCELED"


#: After one of these nothing else happens to a job.
TERMINAL: Final = (EventKind.COMPLETE, EventKind.ERROR, EventKind.CANCELED)
#: The job has left its queue.
_RUNNING: Final = frozenset(
    {EventKind.INPUT_INFORMATION, EventKind.PROGRESSING, EventKind.STATUS_UPDATE, EventKind.COMPLETE}
)


class NotAnEvent(ValueError):
    """A message that is no event of MediaConvert; says why."""


@dataclass(frozen=True)
class OutputDetail:
    """One output of a COMPLETE event.

    :param paths: ``s3://`` URIs; for segmented groups of the playlist, for captures of the last picture
    :param duration: seconds
    :param bitrate: average, bits a second
    :param quality: mean QVBR score, 1 to 10
    :param lowest_quality: lowest QVBR score
    """

    paths: tuple[str, ...] = ()
    duration: float | None = None
    width: int | None = None
    height: int | None = None
    bitrate: int | None = None
    quality: float | None = None
    lowest_quality: float | None = None


@dataclass(frozen=True)
class OutputGroup:
    """One output group of a COMPLETE event.

    :param kind: ``HLS_GROUP``, ``CMAF_GROUP``, ``DASH_ISO_GROUP``, ``FILE_GROUP``, …
    :param playlists: ``s3://`` URIs of its top-level manifests
    """

    kind: str
    playlists: tuple[str, ...] = ()
    outputs: tuple[OutputDetail, ...] = ()


@dataclass(frozen=True)
class JobEvent:
    """One event.

    :param event_id: EventBridge's; the same for a duplicate
    :param kind: an :class:`EventKind`, or a word that AWS added since
    :param job_id: MediaConvert's id of the job
    :param at: when it happened, by MediaConvert's clock
    :param metadata: ``UserMetadata`` of the job
    :param percent: 0 to 100 of the whole job
    :param phase: PROBING, TRANSCODING or UPLOADING
    :param code: error code of the 1,000-series, or warning code
    :param message: of the error or the warning
    :param queue: ARN of the queue the job is in now; also ``previous_queue`` after a hop
    :param detail: everything that the event said
    """

    event_id: str
    kind: str
    job_id: str
    at: datetime
    metadata: Mapping[str, str] = field(default_factory=dict)
    percent: float | None = None
    phase: str | None = None
    code: int | None = None
    message: str | None = None
    queue: str | None = None
    previous_queue: str | None = None
    groups: tuple[OutputGroup, ...] = ()
    detail: Mapping[str, Any] = field(default_factory=dict)

    @property
    def terminal(self) -> bool:
        """Whether the job is over."""
        return self.kind in TERMINAL

    @property
    def running(self) -> bool:
        """Whether the job has begun."""
        return self.kind in _RUNNING


def read_event(body: object) -> JobEvent:
    """The event in a message: of SQS as it is, or inside an SNS notification.

    :param body: JSON text, or what it decodes to
    :raises NotAnEvent: for everything else
    """
    document = _document(body)
    if "Message" in document and document.get("Type") == "Notification":
        document = _document(document["Message"])
    if "source" not in document and "detail" not in document and {"jobId", "status"} <= document.keys():
        # A rule whose InputPath is $.detail sends that alone.
        document = {"source": MEDIACONVERT_SOURCE, "detail": document}
    if document.get("source") != MEDIACONVERT_SOURCE or not isinstance(document.get("detail"), Mapping):
        fields = ", ".join(sorted(map(str, document)))
        raise NotAnEvent(f"it is no event of {MEDIACONVERT_SOURCE}, but has the fields {fields[:200] or 'none'}")
    detail: Mapping[str, Any] = document["detail"]
    job_id, kind = _text(detail.get("jobId")), _text(detail.get("status"))
    if job_id is None or kind is None:
        raise NotAnEvent("its detail names no jobId or no status")
    progress = _mapping(detail.get("jobProgress"))
    code = _whole(detail.get("errorCode"), detail.get("warningCode"))
    return JobEvent(
        # EventBridge gives every event an id; one that came another way is known by what it says.
        event_id=_text(document.get("id")) or f"{job_id}:{kind}:{detail.get('timestamp')}",
        kind=kind,
        job_id=job_id,
        at=_moment(detail.get("timestamp"), document.get("time")),
        metadata={str(name): str(value) for name, value in _mapping(detail.get("userMetadata")).items()},
        percent=_percent(progress.get("jobPercentComplete")),
        phase=_text(progress.get("currentPhase")),
        code=code,
        message=_text(detail.get("errorMessage")) or _text(detail.get("warningMessage")),
        queue=_text(detail.get("queue")),
        previous_queue=_text(detail.get("previousQueue")),
        groups=output_groups(detail),
        detail=dict(detail),
    )


def output_groups(detail: Mapping[str, Any]) -> tuple[OutputGroup, ...]:
    """What the detail of a COMPLETE event says about the outputs; empty for others."""
    return tuple(
        OutputGroup(
            kind=_text(group.get("type")) or "",
            playlists=tuple(_texts(group.get("playlistFilePaths"))),
            outputs=tuple(_output(item) for item in _items(group.get("outputDetails"))),
        )
        for group in _items(detail.get("outputGroupDetails"))
    )


def paths(groups: tuple[OutputGroup, ...]) -> tuple[str, ...]:
    """Every ``s3://`` URI that a COMPLETE event names."""
    return tuple(
        uri for group in groups for uri in (*group.playlists, *(path for item in group.outputs for path in item.paths))
    )


def warning_text(detail: Mapping[str, Any]) -> str:
    """One line for a person of a NEW_WARNING event's detail; what cannot be written as UTF-8 is escaped."""
    text = f"MediaConvert warning {detail.get('warningCode', '')}: {detail.get('warningMessage') or 'no message'}"
    return text.encode("utf-8", "backslashreplace").decode()


def _output(item: Mapping[str, Any]) -> OutputDetail:
    video = _mapping(item.get("videoDetails"))
    milliseconds = _number(item.get("durationInMs"))
    return OutputDetail(
        paths=tuple(_texts(item.get("outputFilePaths"))),
        duration=None if milliseconds is None else milliseconds / 1000,
        width=_whole(video.get("widthInPx")),
        height=_whole(video.get("heightInPx")),
        bitrate=_whole(video.get("averageBitrate")),
        quality=_first_number(video, _QUALITY),
        lowest_quality=_first_number(video, _LOWEST_QUALITY),
    )


def _document(body: object) -> Mapping[str, Any]:
    if isinstance(body, str | bytes):
        try:
            body = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise NotAnEvent(f"it is not JSON: {error}") from error
    if not isinstance(body, Mapping):
        raise NotAnEvent(f"it is not a JSON object but a {type(body).__name__}")
    return body


def _moment(milliseconds: object, time: object) -> datetime:
    """The detail's own clock, in milliseconds since the epoch, or else EventBridge's, in whole seconds."""
    number = _number(milliseconds)
    try:
        if number is not None:
            return datetime.fromtimestamp(number / 1000, UTC)
        moment = datetime.fromisoformat(str(time))
    except (ValueError, OverflowError, OSError):
        return datetime.now(UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _items(value: object) -> Iterator[Mapping[str, Any]]:
    yield from (item for item in value if isinstance(item, Mapping)) if isinstance(value, list | tuple) else ()


def _texts(value: object) -> Iterator[str]:
    yield from (item for item in value if isinstance(item, str)) if isinstance(value, list | tuple) else ()


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def _first_number(values: Mapping[str, Any], names: Iterable[str]) -> float | None:
    return next((number for name in names if (number := _number(values.get(name))) is not None), None)


def _whole(*values: object) -> int | None:
    numbers = (_number(value) for value in values)
    return next((int(number) for number in numbers if number is not None and abs(number) < 1e15), None)


def _percent(value: object) -> float | None:
    number = _number(value)
    return None if number is None else min(max(number, 0.0), 100.0)
