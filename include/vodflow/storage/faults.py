"""What S3's errors mean here."""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

from vodflow.errors import ConfigurationError, EngineError, SourceNotFound, VodflowError

#: What S3 says of objects that are not there.
_MEANINGS = {
    frozenset({"404", "NoSuchKey", "NoSuchVersion", "NoSuchBucket", "NotFound"}): (
        "{uri} does not exist (tried to {action} it)."
    ),
    frozenset({"412", "PreconditionFailed"}): "{uri} was overwritten; the version that was planned is gone.",
    # HeadObject answers a malformed version id with a bare 400.
    frozenset({"400", "InvalidArgument"}): "{uri} has no such version, or S3 does not accept the request ({code}).",
}
_REFUSED = frozenset({"401", "403", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch"})


def storage_error(error: ClientError | BotoCoreError, action: str, uri: str) -> VodflowError:
    """The error of this package for one of boto3's.

    :param action: what was tried, for example ``read``
    :param uri: which object or bucket
    """
    if isinstance(error, (NoCredentialsError, PartialCredentialsError)):
        return ConfigurationError(f"Could not {action} {uri}: {error}. Set AWS credentials for this process.")
    if not isinstance(error, ClientError):
        return EngineError(f"Could not {action} {uri}: {error}. Is the S3 endpoint reachable?", code="connection")
    code = str(error.response.get("Error", {}).get("Code", ""))
    if code in _REFUSED:
        return ConfigurationError(
            f"S3 refused to {action} {uri} ({code}). Check the credentials and the bucket's policy.", code=code
        )
    for codes, meaning in _MEANINGS.items():
        if code in codes:
            return SourceNotFound(meaning.format(action=action, uri=uri, code=code), code=code)
    return EngineError(f"Could not {action} {uri}: {error}", code=code)
