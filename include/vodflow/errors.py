"""Every exception that Vodflow raises on purpose.

::

    VodflowError
    ├── ConfigurationError      settings, profiles or Params are wrong; a person must change something
    │   ├── ProfileError        a profile file breaks its schema
    │   └── JobSettingsError    MediaConvert job settings break the service's model
    ├── InputRejected           the source's fault, with a named reason; never retried
    ├── SourceNotFound          the object is not in S3 (any more)
    ├── SourceUnreadable        the object is gone, archived or refused; a later sighting of it starts a new run
    ├── ImportRefused           what is behind a URL may not be fetched, or is not there
    ├── SourceUnavailable       the source cannot be read now: network, throttling, time; retryable
    ├── TenantSuspended         the tenant may start nothing new as things stand
    ├── PlanError               no valid plan can be made from this source and profile
    ├── BudgetExceeded          the estimated cost is above a limit; nothing was submitted
    ├── QuotaExceeded           a tenant has as much under way, or sent as much of late, as it may; retryable
    ├── EngineError             an engine could not carry a plan out
    │   ├── EngineStalled       no progress for the stall limit
    │   ├── EngineCanceled      somebody asked for it
    │   ├── EngineUnavailable   an engine's service does not answer, or takes no more work now: throttling, quota
    │   ├── StorageUnavailable  S3 does not answer, or asks for less
    │   ├── AccountUnavailable  credentials have expired, or the account may not be used now
    │   └── ResourceError       this machine ran short of memory, processes or open files; retryable
    │       ├── StartError      so short that no program can be started: everybody's trouble
    │       └── DiskSpaceError  too little room for the work files
    ├── VerificationError       outputs break a rule; names the object and the rule
    ├── PublicationError        the manifest of a published video would break its own schema
    ├── CatalogError            the catalog refused a change
    │   ├── NotInCatalog        there is no such job or source
    │   ├── UploadIncomplete    what was promised is not in S3 yet
    │   ├── IllegalTransition   a job status change outside the state machine
    │   ├── JobBusy             another run works on the job just now
    │   ├── TenantBusy          as many of a tenant's jobs are at work as it may have; retryable
    │   └── CatalogUnavailable  the database does not answer, or asks to try again
    ├── PlaybackRefused         somebody may not watch this
    │   ├── TokenInvalid        not a playback token of ours, or not one for this
    │   ├── TokenExpired        it has run out
    │   ├── TokenRevoked        it was taken back
    │   └── NotEnrolled         the person takes part in no course that has the video
    ├── VideoNotPublic          nothing of a video may be watched: there is none, or nothing is public
    ├── PlaybackUnavailable     whether somebody may watch cannot be found out now; retryable
    ├── ReportRefused           rows of a report break a rule of their table; the day keeps what it had
    ├── AirflowError            Airflow's REST API does not answer (retryable) or refuses
    ├── WaitTimeout             a job is not over yet; it goes on
    └── StackError              a part of the embedded stack does not start or answer

``retryable`` says whether running the same step again can help. ``shared_cause`` names what others meet as well: no
video is to blame for it, so none spends its tries on it (see docs/operations.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Final


class ErrorClass(StrEnum):
    """Why a job FAILED, as stored in ``job.error_class``."""

    THROTTLED = "throttled"
    TRANSIENT = "transient"
    PERMANENT = "permanent"


class SharedCause(StrEnum):
    """What stops every video alike until it is over, as stored in ``hold.cause``."""

    DISK = "disk"
    MACHINE = "machine"
    CATALOG = "catalog"
    STORAGE = "storage"
    ENGINE = "engine"
    ACCOUNT = "account"

    @property
    def local(self) -> bool:
        """Whether it is one machine's trouble; other machines go on."""
        return self in {SharedCause.DISK, SharedCause.MACHINE}


class RejectionReason(StrEnum):
    """Why an input was REJECTED, as stored in ``source.rejection_reason``."""

    EMPTY = "empty"
    NOT_A_VIDEO = "not_a_video"
    NO_VIDEO_TRACK = "no_video_track"
    TRUNCATED = "truncated"
    UNDECODABLE = "undecodable"
    UNDECODABLE_AUDIO = "undecodable_audio"
    TOO_LONG = "too_long"
    TOO_LARGE = "too_large"
    TOO_MANY_PIXELS = "too_many_pixels"


class UnreadableReason(StrEnum):
    """Why a source cannot be read as things stand, as stored in ``source.unreadable_reason``."""

    GONE = "gone"
    ARCHIVED = "archived"
    DENIED = "denied"


class VodflowError(Exception):
    """Base of all errors of this package.

    :param job_id: the job concerned, where there is one
    :param code: the other side's own error code, for example an exit status or an AWS code

    ``external_id`` is the other side's own name of the job, for example a MediaConvert job id; set where it is known.
    """

    retryable: bool = False
    error_class: ErrorClass = ErrorClass.PERMANENT
    external_id: str | None = None
    shared_cause: SharedCause | None = None

    def __init__(self, message: str, *, job_id: int | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.job_id = job_id
        self.code = code


class ConfigurationError(VodflowError):
    """Settings, profiles or Params are wrong; the message says which value and what is accepted."""


class ProfileError(ConfigurationError):
    """A profile file breaks its schema; the message names file, field and rule."""


class JobSettingsError(ConfigurationError):
    """MediaConvert job settings break the service's model; the message names each path and what is expected there.

    :param problems: one ``/path: expectation`` each
    """

    def __init__(self, message: str, *, problems: tuple[str, ...] = ()) -> None:
        super().__init__(message, code="BadRequestException")
        self.problems = problems


class InputRejected(VodflowError):
    """The source cannot be transcoded, whoever tries and however often.

    :param reason: the named reason, stored and reported
    :param detail: one sentence for a person, with the measured value and the limit
    """

    def __init__(self, reason: RejectionReason, detail: str) -> None:
        super().__init__(f"{reason.value}: {detail}", code=reason.value)
        self.reason = reason
        self.detail = detail


class SourceNotFound(VodflowError):
    """The source object does not exist, or this version of it does not exist any more."""


class SourceUnreadable(VodflowError):
    """The source's bytes cannot be had as things stand. No try of the same run changes that, but the world may.

    :param reason: the named reason, stored and reported until the object is seen again and can be read
    :param detail: one sentence for a person: what was found, and what to do
    """

    def __init__(self, reason: UnreadableReason, detail: str) -> None:
        super().__init__(f"{reason.value}: {detail}", code=reason.value)
        self.reason = reason
        self.detail = detail


class SourceUnavailable(VodflowError):
    """The source cannot be read now: S3 is unreachable, throttles, or answers too slowly. Another try can help."""

    retryable = True
    error_class = ErrorClass.TRANSIENT


class TenantSuspended(VodflowError):
    """The tenant may start nothing new: it is suspended or being deleted. The message says since when and why."""


class PlanError(VodflowError):
    """No valid plan can be made from this source and profile."""


class BudgetExceeded(VodflowError):
    """The estimated cost of a job is above a limit; nothing was submitted. The message holds the estimate.

    :param limit: which limit: ``job`` or ``tenant_day``
    """

    def __init__(self, message: str, *, limit: str, job_id: int | None = None) -> None:
        super().__init__(message, job_id=job_id, code=f"budget_{limit}")
        self.limit = limit


class EngineError(VodflowError):
    """An engine could not carry a plan out.

    :param retryable: whether another try can help
    """

    def __init__(
        self,
        message: str,
        *,
        job_id: int | None = None,
        code: str | None = None,
        retryable: bool = True,
    ) -> None:
        super().__init__(message, job_id=job_id, code=code)
        self.retryable = retryable
        self.error_class = ErrorClass.TRANSIENT if retryable else ErrorClass.PERMANENT


class EngineStalled(EngineError):
    """The engine reported no progress for longer than the stall limit."""


class EngineCanceled(EngineError):
    """The job was cancelled; nothing is left running."""


class EngineUnavailable(EngineError):
    """An engine's service does not answer, or takes no more work now: it throttles, or a quota is used up."""

    shared_cause = SharedCause.ENGINE


class StorageUnavailable(EngineError):
    """S3 does not answer, or asks for fewer requests."""

    shared_cause = SharedCause.STORAGE


class AccountUnavailable(EngineError):
    """Credentials have expired, or the account they belong to may not be used now: a person has to look."""

    shared_cause = SharedCause.ACCOUNT


class ResourceError(EngineError):
    """The machine ran short of memory, processes or open files, or killed a helper for want of them."""


class StartError(ResourceError):
    """No program can be started on this machine now; whatever was to be run is not at fault."""

    shared_cause = SharedCause.MACHINE


class DiskSpaceError(ResourceError):
    """The work folder has too little free space for the plan's temporary files."""

    shared_cause = SharedCause.DISK


class VerificationError(VodflowError):
    """Outputs break a rule.

    :param uri: the object that breaks it
    :param rule: the rule's name, as listed in ``docs/verification.md``
    """

    def __init__(self, message: str, *, uri: str, rule: str, job_id: int | None = None) -> None:
        super().__init__(message, job_id=job_id, code=rule)
        self.uri = uri
        self.rule = rule


class PublicationError(VodflowError):
    """The manifest of a published video would break its own schema; the message names the field."""


class ImportRefused(VodflowError):
    """What is behind a URL may not be fetched, is not there, or is no file. No try changes that."""


class QuotaExceeded(VodflowError):
    """A tenant has as much under way, or has sent as much of late, as it may. The message says what, and the limit."""

    retryable = True


class CatalogError(VodflowError):
    """The catalog refused a change."""


class NotInCatalog(CatalogError):
    """There is no such job or source, or it is another tenant's."""


class UploadIncomplete(CatalogError):
    """Parts of an upload, or its object, are not in S3 yet. The message says which.

    :param missing: numbers of the parts that are to be sent
    """

    retryable = True

    def __init__(self, message: str, *, missing: tuple[int, ...] = ()) -> None:
        super().__init__(message)
        self.missing = missing


class IllegalTransition(CatalogError):
    """A job status change outside the state machine."""


class JobBusy(CatalogError):
    """Another run works on the job just now; trying again later finds it done, failed or given up."""

    retryable = True
    error_class = ErrorClass.TRANSIENT


class TenantBusy(CatalogError):
    """As many of the tenant's jobs are at work as it may have at the same time; one of them ends sooner or later."""

    retryable = True
    error_class = ErrorClass.THROTTLED


class CatalogUnavailable(CatalogError):
    """The database does not answer, or asks to try again (deadlock, lost connection, no free connection)."""

    retryable = True
    error_class = ErrorClass.TRANSIENT
    shared_cause = SharedCause.CATALOG


class AirflowError(VodflowError):
    """Airflow's REST API does not answer, or refuses a request.

    :param retryable: whether the same request can succeed later: no answer, or a server error
    """

    def __init__(self, message: str, *, code: str | None = None, retryable: bool = False) -> None:
        super().__init__(message, code=code)
        self.retryable = retryable
        self.error_class = ErrorClass.TRANSIENT if retryable else ErrorClass.PERMANENT


class WaitTimeout(VodflowError):
    """A job is not over in the time a caller gave it. The job goes on; waiting again can help."""

    retryable = True
    error_class = ErrorClass.TRANSIENT


class PlaybackRefused(VodflowError):
    """Somebody may not watch this."""


class TokenInvalid(PlaybackRefused):
    """Not a playback token of this installation, not one yet, or not one for this video or address."""


class TokenExpired(PlaybackRefused):
    """A playback token has run out."""


class TokenRevoked(PlaybackRefused):
    """A playback token was taken back before its time."""


class NotEnrolled(PlaybackRefused):
    """The person takes part in no course that has the video now."""


class VideoNotPublic(VodflowError):
    """Nothing of a video may be watched by anybody: there is no such video, or nothing of it is public."""


class PlaybackUnavailable(VodflowError):
    """Whether somebody may watch cannot be found out now: the answer is no until it can."""

    retryable = True
    error_class = ErrorClass.TRANSIENT


class ReportRefused(VodflowError):
    """Rows of a report break a rule of their table, or two tables disagree; the day keeps what it had.

    :param day: UTC day of the rows, as ``YYYY-MM-DD``
    :param row: its key, the first one where several are wrong; empty where it is about all
    :param rule: which one it breaks

    ``others`` are the messages of other days that were refused in the same run.
    """

    def __init__(self, mart: str, day: object, *, row: Mapping[str, str], rule: str) -> None:
        named = ", ".join(f"{name} {value}" for name, value in row.items())
        super().__init__(f"reporting.{mart} of {day} is refused and stays as it was: {named or 'all rows'}: {rule}")
        self.mart, self.day, self.row, self.rule = mart, str(day), dict(row), rule
        self.others: list[str] = []


class StackError(VodflowError):
    """A part of the embedded stack does not start or does not answer; the message names its log."""


def to_document(error: VodflowError) -> dict[str, Any]:
    """An error as JSON values, to cross a process, a queue or an API; :func:`from_document` reads it.

    ``kind``, ``message``, ``retryable``, ``error_class``, ``external_id``, and what else the error carries.
    """
    return {
        "kind": type(error).__name__,
        "message": str(error),
        "retryable": error.retryable,
        "error_class": error.error_class,
        "external_id": error.external_id,
        **vars(error),
    }


def from_document(document: Mapping[str, Any]) -> VodflowError:
    """The error that :func:`to_document` wrote; an :class:`EngineError` where its kind is not known here."""
    known = globals().get(str(document["kind"]))
    kind = known if isinstance(known, type) and issubclass(known, VodflowError) else EngineError
    if issubclass(kind, InputRejected) and "reason" not in document:
        kind = EngineError
    error: VodflowError = kind.__new__(kind, document["message"])
    error.job_id = error.code = None
    for name, value in document.items():
        if name not in {"kind", "message"}:
            setattr(error, name, _READ[name](value) if name in _READ else value)
    return error


#: Attributes that are more than JSON values.
_READ: Final[Mapping[str, Callable[[Any], Any]]] = {
    "reason": lambda value: UnreadableReason(value) if value in set(UnreadableReason) else RejectionReason(value),
    "error_class": ErrorClass,
    "problems": tuple,
}
