"""Where notifications go: the models of ``VODFLOW_NOTIFICATIONS``. Pure."""

from __future__ import annotations

import os
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from vodflow.errors import ConfigurationError


class EventKind(StrEnum):
    """What became of a video, of what all videos need, and of a day."""

    PUBLISHED = "published"
    FAILED = "failed"
    REJECTED = "rejected"
    CANCELED = "canceled"
    UNREADABLE = "unreadable"
    HELD = "held"
    RESUMED = "resumed"
    REPORTED = "reported"


_REFERENCES = ("env:", "file:")


def reveal(secret: SecretStr) -> str:
    """The secret itself: ``env:NAME`` is read from that variable, ``file:/path`` from that file, all else is literal.

    :raises ConfigurationError: when the variable or the file is missing or empty
    """
    value = secret.get_secret_value()
    kind, separator, name = value.partition(":")
    if not separator or kind not in {"env", "file"}:
        return value
    try:
        found = os.environ.get(name, "") if kind == "env" else Path(name).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"The secret {value} of a notification channel cannot be read: {error}") from error
    if not found.strip():
        raise ConfigurationError(f"The secret {value} of a notification channel is empty or missing.")
    return found.strip()


def check_url(url: str) -> str:
    """The URL itself, when a notification can be sent to it.

    :raises ValueError: saying what is wrong, without the URL, which may hold a secret
    """
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise ValueError("is no URL") from None  # the reason quotes a part of it
    if not url.isprintable() or " " in url:
        raise ValueError("must not hold spaces or control characters")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be an http:// or https:// URL with a host")
    if parts.username or parts.password:
        raise ValueError("must not hold a user or password; use `authorization`")
    if parts.fragment:
        raise ValueError("must not have a #fragment, which is never sent")
    return url


def _literal_url(secret: SecretStr) -> SecretStr:
    if not secret.get_secret_value().startswith(_REFERENCES):
        check_url(secret.get_secret_value())
    return secret


def _not_empty(secret: SecretStr) -> SecretStr:
    if not secret.get_secret_value().strip():
        raise ValueError("must not be empty")
    return secret


_Url = Annotated[SecretStr, AfterValidator(_literal_url)]
_Secret = Annotated[SecretStr, AfterValidator(_not_empty)]


class BaseChannel(BaseModel):
    """What all channels have.

    :param name: unique; names the channel in the delivery log, so that a renamed channel is a new one
    :param events: what to send: published, failed, rejected, canceled, unreadable, held, resumed, reported
    :param tenants: only these, with `*` and `?` as wildcards, and nothing of what concerns all; empty means all
    :param attempts: most tries of one notification, with exponential backoff from 10 s to 1 h
    :param timeout: seconds one try may take from connecting to the answer's head
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")
    events: tuple[EventKind, ...] = (
        EventKind.PUBLISHED, EventKind.FAILED, EventKind.REJECTED, EventKind.UNREADABLE, EventKind.HELD,
        EventKind.RESUMED,
    )  # fmt: skip
    tenants: tuple[str, ...] = ()
    attempts: int = Field(default=12, ge=1, le=50)
    timeout: float = Field(default=10.0, gt=0, le=60)

    def wants(self, kind: EventKind, tenant: str) -> bool:
        """Whether an event of this kind and tenant belongs here; what concerns all has the tenant ``""``."""
        chosen = tenant != "" and any(fnmatchcase(tenant, one) for one in self.tenants)
        return kind in self.events and (not self.tenants or chosen)


class SnsChannel(BaseChannel):
    """An Amazon SNS topic; `.fifo` topics are served in order of arrival for each video.

    :param topic_arn: the topic; its region is taken from the ARN
    """

    type: Literal["sns"]
    topic_arn: str = Field(pattern=r"^arn:[a-z0-9-]+:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]+(\.fifo)?$")


class SlackChannel(BaseChannel):
    """A Slack incoming webhook.

    :param url: the webhook's URL (a secret), or `env:NAME`, or `file:/path`
    """

    type: Literal["slack"]
    url: _Url


class WebhookChannel(BaseChannel):
    """Any HTTP endpoint; the body is JSON, signed as the Standard Webhooks specification says.

    :param url: where to POST, or `env:NAME`, or `file:/path`; redirects are refused
    :param secret: key of the HMAC-SHA256 signature, or `env:NAME`, or `file:/path`; `whsec_…` is base64
    :param authorization: value of an `Authorization` header, or `env:NAME`, or `file:/path`
    """

    type: Literal["webhook"]
    url: _Url
    secret: _Secret
    authorization: _Secret | None = None


Channel = Annotated[SnsChannel | SlackChannel | WebhookChannel, Field(discriminator="type")]
