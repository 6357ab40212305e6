"""What a tenant has otherwise than the installation: the model of ``tenant_configuration.document``. Pure.

``assigned`` is what the installation gives and bounds, and the tenant only reads; all else is the tenant's own choice
within it. What is not said is as the installation's settings say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator

from vodflow.errors import ConfigurationError
from vodflow.settings.channels import EventKind, SlackChannel, WebhookChannel
from vodflow.settings.watch_rules import PlaceRule, WatchRule

#: Stands for a secret wherever a configuration is shown; sent back, it means the secret that is stored.
MASK: Final = "********"

#: Fields of channels that are stored sealed, and never shown.
SECRETS: Final = ("url", "secret", "authorization")

#: Events that are of one video, and so of one tenant.
OWN_EVENTS: Final = frozenset(
    {EventKind.PUBLISHED, EventKind.FAILED, EventKind.REJECTED, EventKind.CANCELED, EventKind.UNREADABLE}
)
_USUAL: Final = (EventKind.PUBLISHED, EventKind.FAILED, EventKind.REJECTED, EventKind.UNREADABLE)


#: Seconds that one try of a tenant's channel may take: others wait for it.
LONGEST_TIMEOUT: Final = 10.0


class _Part(BaseModel):
    # Without inputs in errors: what is wrong may be a secret.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Place(_Part):
    """A place in S3: what lies in a bucket below a prefix.

    :param prefix: ends with ``/``, so that ``acme/`` never means ``acme-2/``; empty means the whole bucket
    """

    bucket: str = Field(min_length=3, max_length=63, pattern=r"^[a-z0-9][a-z0-9.-]+$")
    prefix: str = Field(default="", max_length=512, pattern=r"^([^/]+/)*$")

    def holds(self, bucket: str, prefix: str) -> bool:
        """Whether everything below the prefix lies here."""
        return bucket == self.bucket and prefix.startswith(self.prefix)

    def meets(self, other: Place) -> bool:
        """Whether an object may lie in both."""
        return self.holds(other.bucket, other.prefix) or other.holds(self.bucket, self.prefix)


class UploadQuota(_Part):
    """How much a tenant may upload and import.

    :param max_size: bytes of one file
    :param open_uploads: unfinished uploads and imports at a time
    :param bytes_day: bytes within 24 hours
    """

    max_size: int | None = Field(default=None, gt=0)
    open_uploads: int | None = Field(default=None, ge=0)
    bytes_day: int | None = Field(default=None, ge=0)


class Assigned(_Part):
    """What the installation gives a tenant, and its bounds.

    :param profiles: names of the profiles that it may use; none means all
    :param places: where its own watch rules may look; nobody else's videos are there
    :param output: where its outputs are written instead of the installation's media bucket and prefix
    :param concurrency: jobs of it that engines work on at the same time, at most
    :param budget_day: US dollars its MediaConvert jobs of one day (UTC) may be estimated at
    :param uploads: how much it may upload
    :param requests_a_minute: of all its callers of the API together
    """

    profiles: tuple[str, ...] | None = Field(default=None, min_length=1)
    places: tuple[Place, ...] = ()
    output: Place | None = None
    concurrency: int | None = Field(default=None, ge=1, le=100_000)
    budget_day: Decimal | None = Field(default=None, ge=0, allow_inf_nan=False)
    uploads: UploadQuota = UploadQuota()
    requests_a_minute: int | None = Field(default=None, ge=1)


class OwnRule(PlaceRule):
    """A place of its own where a tenant has new videos noticed: all there are the tenant's."""

    model_config = ConfigDict(hide_input_in_errors=True)

    def rule(self, tenant: str) -> WatchRule:
        """The watch rule of it."""
        return WatchRule(**self.model_dump(), tenant_pattern="", default_tenant=tenant)


class _OwnChannel(_Part):
    @field_validator("events", check_fields=False)
    @classmethod
    def _of_one_video(cls, events: tuple[EventKind, ...]) -> tuple[EventKind, ...]:
        if others := set(events) - OWN_EVENTS:
            raise ValueError(
                f"{', '.join(sorted(others))} concern all tenants; there are {', '.join(sorted(OWN_EVENTS))}"
            )
        return events

    @field_validator("tenants", check_fields=False)
    @classmethod
    def _no_others(cls, tenants: tuple[str, ...]) -> tuple[str, ...]:
        if tenants:
            raise ValueError("must be left out: a tenant's channel hears of that tenant alone")
        return tenants

    @field_validator(*SECRETS, check_fields=False)
    @classmethod
    def _is_itself(cls, secret: SecretStr | None) -> SecretStr | None:
        """Variables and files of this machine are nothing that a tenant may name."""
        if secret is not None and secret.get_secret_value().startswith(("env:", "file:")):
            raise ValueError("must be the value itself, not env: or file:")
        return secret


class OwnSlack(_OwnChannel, SlackChannel):
    """A Slack incoming webhook of the tenant's; without ``tenants``."""

    events: tuple[EventKind, ...] = _USUAL
    timeout: float = Field(default=5.0, gt=0, le=LONGEST_TIMEOUT)


class OwnWebhook(_OwnChannel, WebhookChannel):
    """An HTTP endpoint of the tenant's; without ``tenants``."""

    events: tuple[EventKind, ...] = _USUAL
    timeout: float = Field(default=5.0, gt=0, le=LONGEST_TIMEOUT)


OwnChannel = Annotated[OwnSlack | OwnWebhook, Field(discriminator="type")]


class Playback(_Part):
    """How the tenant's protected videos are watched.

    :param token_seconds: for which a playback token holds where nobody says
    """

    token_seconds: int | None = Field(default=None, ge=30, le=86_400)


class TenantConfiguration(_Part):
    """Everything that a tenant has otherwise than the installation.

    :param assigned: what the installation gives, and its bounds
    :param profile: its default profile; none means the installation's
    :param watch: its own places
    :param access: who may watch what is made from now on, where a request does not say
    :param retention_days: for which its outputs are meant to be kept; none means for ever
    :param channels: who is told what became of its videos
    """

    assigned: Assigned = Assigned()
    profile: str | None = None
    watch: tuple[OwnRule, ...] = Field(default=(), max_length=100)
    access: Literal["public", "token"] | None = None
    retention_days: int | None = Field(default=None, ge=1)
    channels: tuple[OwnChannel, ...] = Field(default=(), max_length=20)
    playback: Playback = Playback()

    @model_validator(mode="after")
    def _within_bounds(self) -> TenantConfiguration:
        allowed = self.assigned.profiles
        for profile in filter(None, (self.profile, *(rule.profile for rule in self.watch))):
            if allowed is not None and profile not in allowed:
                raise ValueError(f"profile {profile} is none of those assigned: {', '.join(allowed)}")
        for rule in self.watch:
            if not any(place.holds(rule.bucket, rule.prefix) for place in self.assigned.places):
                raise ValueError(f"watch rule s3://{rule.bucket}/{rule.prefix} lies in none of the assigned places")
        names = Counter(channel.name for channel in self.channels)
        if twice := [name for name, count in names.items() if count > 1]:
            raise ValueError(f"channels names {', '.join(twice)} twice")
        return self


def read(document: Mapping[str, Any], secrets: Mapping[str, str]) -> TenantConfiguration:
    """The configuration of a document in which :data:`MASK` stands for secrets.

    :param secrets: by their names, see :func:`write`
    :raises ConfigurationError: naming each wrong field, and a mask that stands for no secret
    """
    try:
        return TenantConfiguration.model_validate(_revealed(document, secrets))
    except ValidationError as error:
        raise ConfigurationError("The tenant's configuration is wrong. " + "; ".join(problems(error)) + ".") from error


def problems(error: ValidationError) -> list[str]:
    """What is wrong, a line for each field."""
    return [
        f"{'.'.join(map(str, item['loc'])) or 'configuration'}: {item['msg'].removeprefix('Value error, ')}"
        for item in error.errors()
    ]


def write(configuration: TenantConfiguration) -> tuple[dict[str, Any], dict[str, str]]:
    """The document in which :data:`MASK` stands for secrets, and these by ``channel.field``."""
    document, secrets = configuration.model_dump(mode="json"), {}
    for shown, channel in zip(document["channels"], configuration.channels, strict=True):
        for field in SECRETS:
            if (secret := getattr(channel, field, None)) is not None:
                shown[field] = MASK
                secrets[f"{channel.name}.{field}"] = secret.get_secret_value()
    return document, secrets


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of the first and second level that differ, each with ``old`` and ``new``."""
    changed: dict[str, Any] = {}
    for name in sorted({*old, *new}):
        before, after = old.get(name), new.get(name)
        if name in {"assigned", "playback"} and isinstance(before, Mapping) and isinstance(after, Mapping):
            changed |= {f"{name}.{inner}": both for inner, both in differences(before, after).items()}
        elif before != after:
            changed[name] = {"old": before, "new": after}
    return changed


def _revealed(document: Mapping[str, Any], secrets: Mapping[str, str]) -> dict[str, Any]:
    channels = document.get("channels", ())
    if not isinstance(channels, Iterable) or isinstance(channels, str):
        return dict(document)  # refused by the model
    return {**document, "channels": [_with_secrets(channel, secrets) for channel in channels]}


def _with_secrets(channel: Any, secrets: Mapping[str, str]) -> Any:
    if not isinstance(channel, Mapping):
        return channel
    known = {field: secrets.get(f"{channel.get('name')}.{field}") for field in SECRETS if channel.get(field) == MASK}
    if missing := [field for field, secret in known.items() if secret is None]:
        raise ConfigurationError(
            f"Channel {channel.get('name')} has no stored {missing[0]} yet: send the value itself."
        )
    return {**channel, **known}
