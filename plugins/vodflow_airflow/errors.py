"""What a Vodflow error means to Airflow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from vodflow.errors import InputRejected, SourceUnreadable, UnreadableReason, VodflowError


@contextmanager
def airflow_outcome(*, rejected: Literal["skip", "fail"] = "skip") -> Iterator[None]:
    """Translate errors of the domain library into task outcomes.

    * a source that is gone or archived skips what follows, too: its run comes when it can be read again;
    * a rejected input skips what follows: the pipeline did its work, and no retry can help (or fails the task at once,
      where ``rejected`` says so);
    * an error that no retry can cure fails the task at once, whatever retries it has left;
    * everything else goes on to Airflow's own retries.

    The message is one sentence that says what to do; where it was raised in vodflow helps nobody who reads the log.

    :raises AirflowSkipException: for :class:`~vodflow.errors.InputRejected`, :class:`~vodflow.errors.SourceUnreadable`
    :raises AirflowFailException: for errors that are not retryable
    """
    try:
        yield
    except InputRejected as error:
        if rejected == "fail":
            raise AirflowFailException(str(error)) from None
        raise AirflowSkipException(f"Input rejected, {error}") from None
    except SourceUnreadable as error:
        # Whom S3 refuses needs a person.
        if error.reason is UnreadableReason.DENIED or rejected == "fail":
            raise AirflowFailException(str(error)) from None
        raise AirflowSkipException(f"Source unreadable, {error}") from None
    except VodflowError as error:
        if error.retryable:
            raise
        raise AirflowFailException(str(error)) from None
