"""What is asked of SNS about its messages: the certificates that sign them, and that a subscription is wanted."""

from __future__ import annotations

from functools import lru_cache
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Final

from vodflow.listeners.sns import SnsUnavailable

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

#: Seconds to connect and for each read: SNS waits 15 s for our answer.
_TIMES: Final = (2.0, 4.0)
#: Bytes of an answer that are read: a certificate has about two thousand.
_LARGEST: Final = 64 * 1024


#: Certificates that are asked for at a time: anybody may name ones that SNS has not, and each takes a while.
_ASKING: Final = BoundedSemaphore(2)


@lru_cache(maxsize=16)
def certificate_at(url: str) -> Certificate:
    """The certificate at a URL of SNS, which never changes; asked once a process.

    :raises SnsUnavailable: it cannot be had
    """
    if not _ASKING.acquire(timeout=_TIMES[0]):
        raise SnsUnavailable("others are asked for already")
    try:
        return _asked_for(url)
    finally:
        _ASKING.release()


def _asked_for(url: str) -> Certificate:
    from cryptography.x509 import load_pem_x509_certificate  # noqa: PLC0415 - slow to import, and seldom needed

    status, body = _get(url)
    if status != 200:
        raise SnsUnavailable(f"SNS answers {status} for its certificate")
    try:
        return load_pem_x509_certificate(body)
    except ValueError as error:
        raise SnsUnavailable("what SNS gives as its certificate is none") from error


def confirm(url: str) -> None:
    """Say that a topic's messages are wanted. Safe to repeat.

    :raises SnsUnavailable: SNS does not take it now
    """
    status, _ = _get(url)
    if status != 200:
        raise SnsUnavailable(f"SNS answers {status} to the confirmation")


def _get(url: str) -> tuple[int, bytes]:
    import httpx  # noqa: PLC0415 - slow to import, and seldom needed

    connect, read = _TIMES
    try:
        with (
            httpx.Client(timeout=httpx.Timeout(read, connect=connect), follow_redirects=False) as client,
            client.stream("GET", url) as answer,
        ):
            body = b""
            for chunk in answer.iter_bytes():
                body += chunk
                if len(body) > _LARGEST:
                    raise SnsUnavailable("SNS's answer is too long")
            return answer.status_code, body
    except httpx.HTTPError as error:
        raise SnsUnavailable(f"SNS cannot be asked: {type(error).__name__}") from error
