"""A DRM provider's key server, asked as SPEKE 2.0 says (https://docs.aws.amazon.com/speke/latest/documentation/)."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import Final

import httpx

from vodflow import __version__
from vodflow.contract.content_keys import ContentKey, ContentKeys
from vodflow.contract.protection import DrmSystem, Scheme
from vodflow.errors import ConfigurationError, EngineError
from vodflow.keys import cpix
from vodflow.settings import Settings

log = logging.getLogger(__name__)

#: Tries of one request, and seconds between the first two of them; then twice as many.
_TRIES: Final = 3
_PAUSE: Final = 0.5
#: Bytes that an answer may have.
_LIMIT: Final = 1_000_000


def fetch(
    content_id: str, scheme: Scheme, systems: Sequence[DrmSystem], wanted: Sequence[ContentKey], settings: Settings
) -> ContentKeys:
    """Keys with the ids of ``wanted`` from the provider, with what manifests say of them.

    :raises ConfigurationError: it refuses, or answers something else
    :raises EngineError: it does not answer (retryable)
    """
    url = str(settings.speke_url)
    try:
        answer = _post(url, cpix.request(content_id, scheme, systems, wanted), settings)
        return cpix.read_answer(answer, content_id, scheme, systems, wanted)
    except ValueError as error:
        raise ConfigurationError(f"The key server {url} answers with what cannot be used: {error}.") from None


def _post(url: str, document: bytes, settings: Settings) -> bytes:
    headers = {
        "Content-Type": "application/xml",
        "X-Speke-Version": "2.0",
        "X-Speke-User-Agent": f"vodflow/{__version__}",
        **dict(header.get_secret_value().split(": ", 1) for header in settings.speke_headers),
    }
    said = ""
    for number in range(_TRIES):
        if number:
            log.warning("%s Asking again.", said)
            time.sleep(_PAUSE * 2 ** (number - 1))
        try:
            with httpx.stream(
                "POST", url, content=document, headers=headers, timeout=settings.speke_timeout
            ) as response:
                if response.status_code < 500 and response.status_code != 429:
                    return _body(url, response, time.monotonic() + settings.speke_timeout)
                said = f"The key server {url} answers {response.status_code}."
        except httpx.HTTPError as error:
            said = f"The key server {url} does not answer: {type(error).__name__}."
    raise EngineError(said, code="key-server", retryable=True)


def _body(url: str, response: httpx.Response, end: float) -> bytes:
    if response.status_code != 200:
        raise ConfigurationError(
            f"The key server {url} refuses with {response.status_code}. Check VODFLOW_SPEKE_URL and "
            "VODFLOW_SPEKE_HEADERS, and what your provider has for this content."
        )
    body = b""
    for piece in response.iter_bytes():
        body += piece
        if len(body) > _LIMIT:
            raise ValueError("it is larger than any answer")
        if time.monotonic() > end:  # each piece in time, and no end of them
            raise httpx.ReadTimeout("the answer takes too long", request=response.request)
    return body
