"""What S3's errors mean here."""

from __future__ import annotations

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
)
from botocore.exceptions import ConnectionError as NoConnection

from vodflow.errors import (
    AccountUnavailable,
    ConfigurationError,
    EngineError,
    SourceNotFound,
    SourceUnreadable,
    StorageUnavailable,
    UnreadableReason,
    VodflowError,
)

#: What S3 says of objects that are not there.
_MEANINGS = {
    frozenset({"404", "NoSuchKey", "NoSuchVersion", "NoSuchBucket", "NotFound"}): (
        "{uri} does not exist (tried to {action} it)."
    ),
    frozenset({"412", "PreconditionFailed"}): "{uri} was overwritten; the version that was planned is gone.",
    # HeadObject answers a malformed version id with a bare 400.
    frozenset({"400", "InvalidArgument"}): "{uri} has no such version, or S3 does not accept the request ({code}).",
}
#: S3's error responses (API reference, "Error responses"): too much is asked of it, or it has trouble of its own.
_AWAY = frozenset(
    {"SlowDown", "ServiceUnavailable", "InternalError", "RequestLimitExceeded", "Throttling", "503", "500"}
)
#: Nothing is wrong with the request: time ran out, or a bill.
_SHUT = frozenset({"ExpiredToken", "TokenRefreshRequired", "AccountProblem", "AllAccessDisabled", "NotSignedUp"})
_REFUSED = frozenset({"401", "403", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch"})


def storage_error(error: ClientError | BotoCoreError, action: str, uri: str) -> VodflowError:
    """The error of this package for one of boto3's.

    :param action: what was tried, for example ``read``
    :param uri: which object or bucket
    """
    if isinstance(error, (NoCredentialsError, PartialCredentialsError)):
        return ConfigurationError(f"Could not {action} {uri}: {error}. Set AWS credentials for this process.")
    text = f"Could not {action} {uri}: {error}"
    if not isinstance(error, ClientError):
        kind = StorageUnavailable if isinstance(error, (HTTPClientError, NoConnection)) else EngineError
        return kind(f"{text}. Is the S3 endpoint reachable?", code="connection")
    code = str(error.response.get("Error", {}).get("Code", ""))
    if code == "InvalidObjectState":
        said = error.response["Error"]
        tier = said.get("AccessTier") or said.get("StorageClass") or "an archive"
        return SourceUnreadable(UnreadableReason.ARCHIVED, archived(uri, str(tier)))
    if code in _REFUSED or code.startswith("KMS."):
        return ConfigurationError(
            f"S3 refused to {action} {uri} ({code}). Check the credentials and the bucket's policy.", code=code
        )
    for codes, meaning in _MEANINGS.items():
        if code in codes:
            return SourceNotFound(meaning.format(action=action, uri=uri, code=code), code=code)
    return _passing(error, code)(text, code=code)


def _passing(error: ClientError, code: str) -> type[EngineError]:
    """Whose trouble it is that this request did not succeed: the account's, S3's, or its own."""
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code in _SHUT:
        return AccountUnavailable
    return StorageUnavailable if code in _AWAY or status >= 500 or status == 429 else EngineError


def archived(uri: str, tier: str, *, restoring: bool = False) -> str:
    """One sentence on an object that S3 keeps where nobody can read it.

    :param tier: its storage class, or access tier of INTELLIGENT_TIERING
    :param restoring: whether somebody has asked for it already
    """
    what = "its restore is under way" if restoring else "restore it (aws s3api restore-object)"
    return f"{uri} lies in {tier}, where it cannot be read; {what}, and it is transcoded as soon as it can be read."
