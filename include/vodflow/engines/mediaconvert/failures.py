"""What MediaConvert's errors mean: of its API, and of jobs that end in ERROR or CANCELED. Pure.

Sources: the error codes of AWS's user guide (``mediaconvert_error_codes``), the exceptions of botocore's service model,
and AWS's list of retryable codes (General Reference, "Error retries and exponential backoff").
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
)
from botocore.exceptions import ConnectionError as NoConnection

from vodflow.errors import (
    AccountUnavailable,
    ConfigurationError,
    EngineCanceled,
    EngineError,
    EngineUnavailable,
    ErrorClass,
    InputRejected,
    JobSettingsError,
    RejectionReason,
    SourceNotFound,
    VodflowError,
)

#: The API answers with one of these when too much is asked of it.
THROTTLING_CODES: Final = frozenset(
    {
        "LimitExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "ServiceQuotaExceededException",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
#: Asking again later can help. A conflict is another request for the same thing, still being worked on.
TRANSIENT_CODES: Final = frozenset(
    {
        "ConflictException",
        "ExpiredToken",
        "ExpiredTokenException",
        "InternalFailure",
        "InternalServerError",
        "InternalServerErrorException",
        "RequestExpired",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
    }
)
#: Of these, what is not the service's own trouble.
_TRANSIENT: Final = {
    "ConflictException": EngineError,
    "ExpiredToken": AccountUnavailable,
    "ExpiredTokenException": AccountUnavailable,
}
#: Credentials have expired or were replaced; reading the connection again may give new ones.
CREDENTIAL_CODES: Final = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "UnrecognizedClientException",
    }
)
NOT_FOUND_CODES: Final = frozenset({"NotFoundException", "ResourceNotFoundException", "404"})

#: AWS ends a job itself that has been PROGRESSING for so long (seconds).
JOB_TIME_LIMIT: Final = 48 * 3600.0

CANCELED_CODE: Final = "CANCELED"
TIME_LIMIT_CODE: Final = "TIME_LIMIT"


class _Meaning(Enum):
    """Whose fault a failed job is."""

    NO_VIDEO = "no_video"
    UNDECODABLE = "undecodable"
    TRUNCATED = "truncated"
    NOT_FOUND = "not_found"
    SETTINGS = "settings"
    UNSUPPORTED = "unsupported"
    SERVICE = "service"


@dataclass(frozen=True)
class JobCode:
    """One of MediaConvert's error codes of a job.

    :param meaning: whose fault it is; decides the class of the error and whether a retry can help
    :param advice: what to look at, one sentence
    """

    code: int
    name: str
    meaning: _Meaning
    advice: str = ""

    @property
    def retryable(self) -> bool:
        return self.meaning is _Meaning.SERVICE


_ROLE: Final = (
    "Check the job's IAM role: that it exists, that mediaconvert.amazonaws.com may assume it, and its policy."
)
_DISK: Final = "Make fewer outputs in one job, or shorter ones."
_HTTP: Final = "Check the input's URL, or copy the file to S3."

_M = _Meaning
JOB_CODES: Final[Mapping[int, JobCode]] = {
    code.code: code
    for code in (
        JobCode(1010, "file access error", _M.UNDECODABLE, "Check the input's path, the role's access, its format."),
        JobCode(1020, "no video found", _M.NO_VIDEO),
        JobCode(1021, "no audio found", _M.SETTINGS, "Ask for no audio, or correct the audio selectors."),
        JobCode(1030, "unsupported codec or container", _M.UNSUPPORTED, "Another engine may read this file."),
        JobCode(1040, "settings do not go together", _M.SETTINGS),
        JobCode(1041, "settings do not allow acceleration", _M.SETTINGS, "Set acceleration to PREFERRED or DISABLED."),
        JobCode(1042, "too small for acceleration", _M.SETTINGS, "Set acceleration to PREFERRED or DISABLED."),
        JobCode(1050, "disk full", _M.SETTINGS, _DISK),
        JobCode(1056, "cannot open a file", _M.SETTINGS, "Check paths and the role's access."),
        JobCode(1060, "clipping outside the input", _M.SETTINGS, "Check the clip's time codes and their source."),
        JobCode(1075, "cannot parse the container", _M.UNDECODABLE),
        JobCode(1076, "cannot read on; the file may be cut off", _M.TRUNCATED),
        JobCode(1080, "MXF output settings", _M.SETTINGS),
        JobCode(1091, "encryption failed", _M.SETTINGS, "Check key provider, keys and the role's access to them."),
        JobCode(1092, "cannot decode the audio", _M.UNDECODABLE),
        JobCode(1401, "S3 denied access", _M.SETTINGS, "Check bucket policies, the job's role, and KMS keys."),
        JobCode(1404, "file or bucket not found", _M.NOT_FOUND),
        JobCode(1432, "IAM role", _M.SETTINGS, _ROLE),
        JobCode(1433, "IAM role", _M.SETTINGS, _ROLE),
        JobCode(1434, "IAM role", _M.SETTINGS, _ROLE),
        JobCode(1507, "disk full", _M.SETTINGS, _DISK),
        JobCode(1515, "IAM role", _M.SETTINGS, _ROLE),
        JobCode(1550, "acceleration failed", _M.SERVICE, "Set acceleration to DISABLED if it comes again."),
        JobCode(1999, "unknown error", _M.SERVICE),
        JobCode(3400, "HLS input outside the requirements", _M.UNSUPPORTED),
        JobCode(3401, "HTTP input needs authentication", _M.SETTINGS, _HTTP),
        JobCode(3403, "HTTP input forbidden", _M.SETTINGS, _HTTP),
        JobCode(3404, "HTTP input not found", _M.NOT_FOUND, _HTTP),
        JobCode(3408, "HTTP input broke off", _M.SERVICE, _HTTP),
        JobCode(3450, "HTTP server error", _M.SERVICE, _HTTP),
        JobCode(3451, "HTTP server does not answer", _M.SERVICE, _HTTP),
        JobCode(3457, "input disallowed by policy", _M.SETTINGS, "Change MediaConvert's policy or the input."),
        JobCode(3999, "unknown error of the HTTP server", _M.SERVICE, _HTTP),
    )
}


def job_code(code: int) -> JobCode:
    """What a job's error code means.

    A code that is in no list may be tried again: AWS takes no money for jobs that end in ERROR, and a task's retries
    are bounded.
    """
    return JOB_CODES.get(code) or JobCode(code, "code not in AWS's list", _Meaning.SERVICE)


def job_failure(
    job_id: str, status: str, *, code: int | None = None, message: str | None = None, catalog_id: int | None = None
) -> VodflowError:
    """The error of a job that ended in ERROR or CANCELED, or was given up.

    :param job_id: MediaConvert's id of the job
    :param status: MediaConvert's status
    :param code: ``ErrorCode`` of the job, where there is one
    :param message: ``ErrorMessage`` of the job
    :param catalog_id: the job's id in the catalog, where it has one
    """
    if status == "CANCELED":
        error: VodflowError = EngineCanceled(
            f"MediaConvert job {job_id} was cancelled.", job_id=catalog_id, code=CANCELED_CODE, retryable=False
        )
    else:
        error = _by_meaning(job_id, job_code(code or 0), message or "no message", catalog_id)
    error.external_id = job_id
    return error


def time_limit_failure(job_id: str, seconds: float, *, retryable: bool = False) -> EngineError:
    """The error of a job that is still not done after ``seconds``.

    :param retryable: the job may still end well, and waiting again can help
    """
    error = EngineError(
        f"MediaConvert job {job_id} has not ended after {seconds / 3600:.1f} h. It may still run: look at it, then "
        "cancel it, or wait again.",
        code=TIME_LIMIT_CODE,
        retryable=retryable,
    )
    error.external_id = job_id
    return error


def api_failure(
    error: Exception, operation: str, job_id: str | None = None, *, service: str = "MediaConvert"
) -> VodflowError:
    """The error of a call that MediaConvert refused or that did not get through.

    :param error: botocore's ``ClientError`` or ``BotoCoreError``
    :param operation: the API's name of the call, for example ``CreateJob``
    :param job_id: MediaConvert's id of the job, where the call was about one
    :param service: whose operation it is
    """
    where = f"{service} {operation}" + (f" of job {job_id}" if job_id else "")
    failure = _refusal(error, where, job_id) if isinstance(error, ClientError) else _transport(error, where)
    failure.external_id = job_id
    return failure


def _by_meaning(job_id: str, code: JobCode, message: str, catalog_id: int | None) -> VodflowError:
    advice = f" {code.advice}" if code.advice else ""
    text = f"MediaConvert job {job_id} failed with {code.code} ({code.name}): {message.rstrip('.')}.{advice}"
    number = str(code.code)
    reason = _rejection(code.meaning, message)
    error: VodflowError
    if reason is not None:
        error = InputRejected(reason, text)
        error.code = number
    elif code.meaning is _Meaning.NOT_FOUND and not _names_output(message):
        error = SourceNotFound(text, code=number)
    elif code.meaning in {_Meaning.SETTINGS, _Meaning.NOT_FOUND} or code.meaning is _Meaning.UNDECODABLE:
        error = ConfigurationError(text, code=number)
    else:
        error = EngineError(text, code=number, retryable=code.retryable)
    error.job_id = catalog_id
    return error


#: 1010 covers both a damaged file and one that may not be read; only the message tells.
_ACCESS: Final = re.compile(r"access ?denied|forbidden|not authorized|assume ?role|\b403\b", re.IGNORECASE)


def _rejection(meaning: _Meaning, message: str) -> RejectionReason | None:
    if meaning is _Meaning.UNDECODABLE and _ACCESS.search(message):
        return None
    return {
        _Meaning.NO_VIDEO: RejectionReason.NO_VIDEO_TRACK,
        _Meaning.UNDECODABLE: RejectionReason.UNDECODABLE,
        _Meaning.TRUNCATED: RejectionReason.TRUNCATED,
    }.get(meaning)


def _names_output(message: str) -> bool:
    return re.search(r"\boutput|\bdestination", message, re.IGNORECASE) is not None


def _refusal(error: ClientError, where: str, job_id: str | None) -> VodflowError:
    answer: Mapping[str, Any] = error.response
    told = answer.get("Error", {})
    code, message = str(told.get("Code", "Unknown")), str(told.get("Message") or "no message").rstrip(".")
    status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode")
    text = f"{where} was refused with {code}: {message}"
    if code in THROTTLING_CODES or status == 429:
        failure = EngineUnavailable(text, code=code)
        failure.error_class = ErrorClass.THROTTLED
        return failure
    if code in TRANSIENT_CODES or (isinstance(status, int) and status >= 500):
        return _TRANSIENT.get(code, EngineUnavailable)(text, code=code)
    if code in {"BadRequestException", "UnprocessableEntityException", "ValidationException"}:
        return JobSettingsError(text, problems=tuple(line for line in message.splitlines() if line))
    if code in NOT_FOUND_CODES:
        advice = " MediaConvert keeps jobs for 90 days." if job_id else " Check names and Region."
        return EngineError(f"{text}.{advice}", code=code, retryable=False)
    return ConfigurationError(f"{text}. Check credentials, IAM policy, region and endpoint.", code=code)


def _transport(error: Exception, where: str) -> VodflowError:
    name = type(error).__name__
    text = f"{where} did not get through: {str(error).rstrip('.')}"
    if isinstance(error, ParamValidationError):
        return JobSettingsError(f"{where}: {error}", problems=tuple(str(error).splitlines()[1:]))
    if isinstance(error, NoCredentialsError | PartialCredentialsError | NoRegionError):
        return ConfigurationError(f"{text}. Give the AWS connection credentials and a region.", code=name)
    if isinstance(error, HTTPClientError | NoConnection | CredentialRetrievalError | OSError | TimeoutError):
        return EngineUnavailable(text, code=name)
    return EngineError(text, code=name, retryable=isinstance(error, BotoCoreError))
