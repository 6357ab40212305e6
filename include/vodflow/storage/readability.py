"""Whether a source's bytes can be had now: gone, archived and refused objects, told apart by reading one byte."""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError

from vodflow.contract.plan import SourceRef
from vodflow.errors import (
    ConfigurationError,
    EngineCanceled,
    SourceNotFound,
    SourceUnreadable,
    UnreadableReason,
    VodflowError,
)
from vodflow.settings import Settings
from vodflow.storage.clients import s3_client
from vodflow.storage.faults import storage_error
from vodflow.storage.objects import pin


def check_readable(ref: SourceRef, *, settings: Settings | None = None) -> None:
    """Nothing when this version's bytes can be read.

    A byte is read, because HeadObject also answers for objects that are archived or encrypted with a key of others.

    :raises SourceUnreadable: ``gone`` (deleted or overwritten), ``archived`` or ``denied``
    :raises VodflowError: S3 does not answer (retryable), or this process has no credentials
    """
    try:
        answer = s3_client(settings).get_object(Bucket=ref.bucket, Key=ref.key, Range="bytes=0-0", **pin(ref))  # type: ignore[arg-type]
        answer["Body"].close()
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") != "InvalidRange":  # an empty object has no first byte
            raise as_unreadable(storage_error(error, "read", ref.uri)) from error
    except BotoCoreError as error:
        raise storage_error(error, "read", ref.uri) from error


def as_unreadable(error: VodflowError) -> VodflowError:
    """What an error of storage means for the source it was met at; the error itself where it means nothing."""
    if isinstance(error, SourceNotFound):
        return SourceUnreadable(UnreadableReason.GONE, str(error))
    if isinstance(error, ConfigurationError) and error.code is not None:  # S3 refused; there were credentials
        return SourceUnreadable(UnreadableReason.DENIED, str(error))
    return error


def cause_of(error: VodflowError, ref: SourceRef, *, settings: Settings | None = None) -> VodflowError:
    """Why work on a source failed: that its bytes cannot be had any more, where that is so; else the error itself.

    Whatever reads a source says of an object that is gone or overwritten what it looks like from there: a broken file,
    an unknown format, an HTTP status. What may pass by itself, and what somebody asked for, has no other cause.
    """
    if error.retryable or isinstance(error, EngineCanceled):
        return error
    try:
        check_readable(ref, settings=settings)
    except SourceUnreadable as found:
        found.__cause__ = error
        return found
    except VodflowError:
        return error
    return error
