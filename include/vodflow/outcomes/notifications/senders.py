"""Sending one notification to one channel. Whatever goes wrong becomes a value: nothing here raises."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from vodflow import __version__
from vodflow.errors import ConfigurationError
from vodflow.outcomes.notifications import messages, signing
from vodflow.settings import Settings
from vodflow.settings.channels import Channel, SlackChannel, SnsChannel, WebhookChannel, check_url, reveal
from vodflow.tenancy.channels import is_own, public_address

if TYPE_CHECKING:
    import httpx

log = logging.getLogger(__name__)

#: HTTP statuses that another try can cure: timeouts, conflicts, throttling and the server's own troubles.
_TRY_AGAIN: Final = frozenset({408, 409, 425, 429})
#: AWS error codes that another try cannot cure.
_PERMANENT: Final = frozenset(
    {"AuthorizationError", "InvalidParameter", "InvalidParameterValue", "NotFound", "NotFoundException", "AccessDenied"}
)
#: Bytes of an error's answer that are read and kept.
_EXCERPT: Final = 500
#: Seconds of a ``Retry-After`` that are believed at most.
_LONGEST_WAIT: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Attempt:
    """How one try ended.

    :param code: HTTP status, where there was an answer
    :param error: none when the channel has taken it
    :param retryable: whether another try can help
    :param wait: seconds that the receiver asks to be left alone
    """

    code: int | None = None
    error: str | None = None
    retryable: bool = False
    wait: float | None = None


async def send(channel: Channel, document: dict[str, Any], *, limit: float, settings: Settings) -> Attempt:
    """Send one document to one channel, once.

    :param document: see :func:`vodflow.catalog.event_document.payload`
    :param limit: seconds until it counts as failed, from the first look at the host's name to the answer's head
    """
    try:
        async with asyncio.timeout(limit):
            match channel:
                case SnsChannel():
                    return await _to_sns(channel, document, limit, settings)
                case SlackChannel():
                    return await _to_slack(channel, document, settings)
                case WebhookChannel():
                    return await _to_webhook(channel, document, settings)
    except TimeoutError:
        return Attempt(error=f"no answer within {limit:g} s", retryable=True)
    except (ConfigurationError, ValueError) as error:
        return Attempt(error=str(error))
    except Exception as error:  # noqa: BLE001 - one odd channel must not stop the others
        # Without its text and traceback, which may hold the URL.
        log.warning("Channel %s cannot be served: %s", channel.name, type(error).__name__)
        return Attempt(error=f"{type(error).__name__}: the channel cannot be served; check its URL")


async def _to_webhook(channel: WebhookChannel, document: dict[str, Any], settings: Settings) -> Attempt:
    body = messages.body(document)
    now = int(time.time())
    headers = {
        "content-type": "application/json",
        signing.ID: document["id"],
        signing.TIMESTAMP: str(now),
        signing.SIGNATURE: signing.sign(reveal(channel.secret), document["id"], now, body),
    }
    if channel.authorization is not None:
        headers["authorization"] = reveal(channel.authorization)
    return await _post(channel, body, headers, settings)


async def _to_slack(channel: SlackChannel, document: dict[str, Any], settings: Settings) -> Attempt:
    headers = {"content-type": "application/json; charset=utf-8"}
    return await _post(channel, messages.body(messages.slack(document)), headers, settings)


async def _post(
    channel: WebhookChannel | SlackChannel, body: bytes, headers: dict[str, str], settings: Settings
) -> Attempt:
    import httpx  # noqa: PLC0415 - slow, and not needed for SNS

    url, extensions = httpx.URL(check_url(reveal(channel.url))), dict[str, str]()
    if is_own(channel):
        # Where a tenant may send to: the address that was checked is the one that is connected to.
        address = await asyncio.to_thread(public_address, str(url), settings)
        headers |= {"host": url.netloc.decode()}
        url, extensions = url.copy_with(host=address), {"sni_hostname": url.host}
    # No timeout of its own: the caller's bounds everything, a slow head included. Redirects are not followed: a
    # receiver must not be able to send signed documents, or this machine's requests, somewhere else.
    client = httpx.AsyncClient(
        timeout=None,  # noqa: S113
        follow_redirects=False,
        headers={"user-agent": f"vodflow/{__version__}"},
        trust_env=not extensions,
    )
    try:
        async with client, client.stream("POST", url, content=body, headers=headers, extensions=extensions) as answer:
            return Attempt(answer.status_code) if answer.is_success else await _refusal(answer)
    except httpx.HTTPError as error:
        # The error's own text may hold the URL, which may be a secret.
        cause = error.__cause__ or error.__context__ or error
        reason = str(cause) or type(cause).__name__
        return Attempt(error=f"{type(error).__name__}: {reason}", retryable=True)


async def _refusal(answer: httpx.Response) -> Attempt:
    code = answer.status_code
    if answer.is_redirect:
        return Attempt(code, f"HTTP {code}: redirects are refused; configure the final URL")
    said = await _excerpt(answer)
    retryable = code >= 500 or code in _TRY_AGAIN
    return Attempt(code, f"HTTP {code} {said}".rstrip(), retryable, _wait(answer.headers.get("retry-after")))


async def _excerpt(answer: httpx.Response) -> str:
    received = b""
    async for chunk in answer.aiter_raw(_EXCERPT):
        received += chunk
        if len(received) >= _EXCERPT:
            break
    return received[:_EXCERPT].decode("utf-8", "replace").strip()


def _wait(value: str | None) -> float | None:
    if value is None or not (value.isascii() and value.isdecimal()):
        return None
    return min(float(value), _LONGEST_WAIT)


async def _to_sns(channel: SnsChannel, document: dict[str, Any], limit: float, settings: Settings) -> Attempt:
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - slow, and only needed for SNS

    arguments = messages.sns(document, fifo=channel.topic_arn.endswith(".fifo"))
    try:
        client = _sns_client(channel.topic_arn.split(":")[3], limit, settings)
        answer = await asyncio.to_thread(client.publish, TopicArn=channel.topic_arn, **arguments)
    except ClientError as error:
        told = error.response.get("Error", {})
        code = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)) or None
        permanent = str(told.get("Code")) in _PERMANENT
        return Attempt(code, f"{told.get('Code')}: {told.get('Message')}", retryable=not permanent)
    except BotoCoreError as error:
        return Attempt(error=f"{type(error).__name__}: {error}", retryable=True)
    return Attempt(int(answer["ResponseMetadata"]["HTTPStatusCode"]))


@lru_cache(maxsize=8)
def _sns_client(region: str, limit: float, settings: Settings) -> Any:
    from botocore.config import Config  # noqa: PLC0415

    from vodflow.storage.clients import new_session  # noqa: PLC0415

    return new_session().client(
        "sns",
        region_name=region,
        endpoint_url=settings.aws_endpoint_url,
        config=Config(connect_timeout=limit, read_timeout=limit, retries={"total_max_attempts": 1, "mode": "standard"}),
    )
