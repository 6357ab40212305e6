"""What MediaConvert's errors become."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
)
from vodflow.engines.mediaconvert.failures import JOB_CODES, THROTTLING_CODES, api_failure, job_code, job_failure
from vodflow.errors import (
    ConfigurationError,
    EngineCanceled,
    EngineError,
    EngineUnavailable,
    ErrorClass,
    InputRejected,
    JobSettingsError,
    RejectionReason,
    SourceNotFound,
)


def refusal(code: str, message: str = "because", status: int = 400) -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "GetJob")


@pytest.mark.parametrize(
    ("code", "message", "kind", "retryable"),
    [
        (1010, "Unable to open input file [s3://b/k]: [Failed probe/open]", InputRejected, False),
        (1010, "Unable to open input file [s3://b/k]: [AccessDenied]", ConfigurationError, False),
        (1020, "No video", InputRejected, False),
        (1030, "Unsupported codec", EngineError, False),
        (1040, "Bad combination", ConfigurationError, False),
        (1076, "unexpected end", InputRejected, False),
        (1401, "denied", ConfigurationError, False),
        (1404, "Unable to open input file", SourceNotFound, False),
        (1404, "The output bucket does not exist", ConfigurationError, False),
        (1432, "role", ConfigurationError, False),
        (1550, "acceleration fault", EngineError, True),
        (1999, "unknown", EngineError, True),
        (3450, "server", EngineError, True),
        (1234, "new in AWS", EngineError, True),
        (None, None, EngineError, True),
    ],
)
def test_a_failed_job(code: int | None, message: str | None, kind: type, retryable: bool) -> None:
    error = job_failure("1515-abc", "ERROR", code=code, message=message, catalog_id=7)
    assert type(error) is kind
    assert error.retryable is retryable
    assert error.external_id == "1515-abc"
    assert error.job_id == 7
    assert error.code == str(code or 0)
    assert "1515-abc" in str(error)
    assert (message or "no message").rstrip(".") in str(error)


def test_rejections_are_named() -> None:
    reasons = {
        code: error.reason
        for code in JOB_CODES
        if isinstance(error := job_failure("j", "ERROR", code=code, message="m"), InputRejected)
    }
    assert reasons == {
        1010: RejectionReason.UNDECODABLE,
        1020: RejectionReason.NO_VIDEO_TRACK,
        1075: RejectionReason.UNDECODABLE,
        1076: RejectionReason.TRUNCATED,
        1092: RejectionReason.UNDECODABLE,
    }


def test_a_cancelled_job_is_not_tried_again() -> None:
    error = job_failure("j", "CANCELED")
    assert isinstance(error, EngineCanceled)
    assert not error.retryable


def test_the_table_says_the_same_of_retries_as_the_errors() -> None:
    for code in JOB_CODES:
        assert job_failure("j", "ERROR", code=code, message="m").retryable is job_code(code).retryable, code


@pytest.mark.parametrize(
    ("error", "kind", "error_class", "retryable"),
    [
        (refusal("TooManyRequestsException", status=429), EngineUnavailable, ErrorClass.THROTTLED, True),
        (refusal("ThrottlingException"), EngineUnavailable, ErrorClass.THROTTLED, True),
        (refusal("ServiceQuotaExceededException", status=402), EngineUnavailable, ErrorClass.THROTTLED, True),
        (refusal("ConflictException", status=409), EngineError, ErrorClass.TRANSIENT, True),
        (refusal("InternalServerErrorException", status=500), EngineUnavailable, ErrorClass.TRANSIENT, True),
        (refusal("Something", status=503), EngineUnavailable, ErrorClass.TRANSIENT, True),
        (refusal("NotFoundException", status=404), EngineError, ErrorClass.PERMANENT, False),
        (refusal("BadRequestException", "/inputs: Should NOT be empty"), JobSettingsError, ErrorClass.PERMANENT, False),
        (refusal("ForbiddenException", status=403), ConfigurationError, ErrorClass.PERMANENT, False),
        (refusal("AccessDeniedException", status=403), ConfigurationError, ErrorClass.PERMANENT, False),
        (refusal("UnrecognizedClientException", status=403), ConfigurationError, ErrorClass.PERMANENT, False),
        (EndpointConnectionError(endpoint_url="http://x"), EngineUnavailable, ErrorClass.TRANSIENT, True),
        (ConnectTimeoutError(endpoint_url="http://x"), EngineUnavailable, ErrorClass.TRANSIENT, True),
        (TimeoutError("late"), EngineUnavailable, ErrorClass.TRANSIENT, True),
        (NoCredentialsError(), ConfigurationError, ErrorClass.PERMANENT, False),
        (ParamValidationError(report="Unknown parameter"), JobSettingsError, ErrorClass.PERMANENT, False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_a_refused_call(error: Exception, kind: type, error_class: ErrorClass, retryable: bool) -> None:
    failure = api_failure(error, "GetJob", "1515-abc")
    assert type(failure) is kind
    assert (failure.error_class, failure.retryable) == (error_class, retryable)
    assert failure.external_id == "1515-abc"
    assert "GetJob" in str(failure)
    assert "1515-abc" in str(failure)


def test_messages_of_refused_settings_are_kept() -> None:
    failure = api_failure(refusal("BadRequestException", "/inputs/0: One\n/inputs/1: Two"), "CreateJob")
    assert isinstance(failure, JobSettingsError)
    assert failure.problems == ("/inputs/0: One", "/inputs/1: Two")


def test_what_is_unknown_is_told_with_what_to_look_at() -> None:
    missing = refusal("NotFoundException", "The queue nope does not exist", status=404)
    assert str(api_failure(missing, "CreateJob")).endswith("The queue nope does not exist. Check names and Region.")
    assert str(api_failure(missing, "GetJob", "1515-abc")).endswith("MediaConvert keeps jobs for 90 days.")
    role = api_failure(refusal("NoSuchEntity", status=404), "GetRole of nobody", service="IAM")
    assert isinstance(role, ConfigurationError)
    assert str(role).startswith("IAM GetRole of nobody was refused with NoSuchEntity")


def test_every_exception_of_the_service_is_known() -> None:
    """Only an error that somebody must look at may fall to the default, which no retry cures."""
    model = botocore.session.get_session().get_service_model("mediaconvert")
    names = {shape.name for name in model.operation_names for shape in model.operation_model(name).error_shapes}
    final = {name for name in names if not api_failure(refusal(name), "GetJob").retryable}
    assert final == {
        "BadRequestException",
        "ForbiddenException",
        "NotFoundException",
        "UnprocessableEntityException",
    }
    assert names & THROTTLING_CODES == {
        "TooManyRequestsException",
        "ServiceQuotaExceededException",
    }
