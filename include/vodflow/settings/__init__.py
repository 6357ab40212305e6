"""Every setting of Vodflow, read from ``VODFLOW_*`` environment variables.

``docs/configuration.md`` is generated from this model. Lists of models are given as JSON:
``VODFLOW_WATCH='[{"bucket": "footage", "prefix": "inbox/", "tenant_pattern": "inbox/{tenant}/"}]'``.
"""

from __future__ import annotations

from functools import lru_cache

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import SettingsError

from vodflow.errors import ConfigurationError
from vodflow.settings.api import ApiSettings
from vodflow.settings.channels import Channel
from vodflow.settings.encryption import EncryptionSettings
from vodflow.settings.key_attributes import KeyAttribute
from vodflow.settings.playback import PlaybackSettings
from vodflow.settings.transcoding import TranscodingSettings
from vodflow.settings.uploads import UploadSettings


class Settings(TranscodingSettings, ApiSettings, UploadSettings, PlaybackSettings, EncryptionSettings):
    """All settings, with their defaults. Immutable; see :func:`get_settings`."""

    # Metadata in DynamoDB
    dynamodb_table: str | None = Field(
        default=None, pattern=r"^[A-Za-z0-9_.:/-]{3,}$", description="table of the videos' metadata; none means off"
    )
    dynamodb_key: tuple[KeyAttribute, ...] = Field(
        default=(KeyAttribute(name="video_id", value="{tenant}/{video}"),),
        min_length=1,
        max_length=2,
        description="primary key of an item (JSON list of one or two key attributes)",
    )
    dynamodb_attribute_prefix: str = Field(
        default="",
        max_length=64,
        description="begins the name of every attribute that Vodflow writes, the key excepted",
    )
    dynamodb_timeout: float = Field(default=2.0, gt=0, le=30, description="seconds one call to DynamoDB may take")
    dynamodb_progress_interval: float = Field(
        default=5.0, ge=1, description="seconds between two progress updates of one video's item"
    )

    # Notifications and listeners
    notifications: tuple[Channel, ...] = Field(
        default=(), description="channels that are told what became of a video (JSON list of channels)"
    )
    slack_conn_id: str | None = Field(
        default=None, description="Airflow connection (slackwebhook) that hears of failed DAG runs; none means off"
    )
    notification_patience: float = Field(
        default=3.0, gt=0, description="seconds a step waits at its end for notifications and metadata to be sent"
    )
    failure_delay: float = Field(
        default=180.0, ge=0, description="seconds after which a failure counts as final that a retry may still cure"
    )
    listener_api_keys: tuple[SecretStr, ...] = Field(
        default=(), description="keys accepted from senders of events over HTTP (JSON list); none means refuse all"
    )
    listener_secrets: tuple[SecretStr, ...] = Field(
        default=(), description="keys of signed webhooks accepted over HTTP (JSON list); none means refuse all"
    )
    sns_topics: tuple[str, ...] = Field(
        default=(), description="ARNs of SNS topics that may post events over HTTPS (JSON list); none means refuse all"
    )
    sns_url: str | None = Field(
        default=None,
        pattern=r"^https?://",
        description="where certificates and subscriptions of SNS are asked for; none means SNS of AWS",
    )

    @field_validator("*", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object, info: ValidationInfo) -> object:
        """Deployment files keep a line for what is not used; what may be none is none when it is empty."""
        may_be_none = info.field_name is not None and cls.model_fields[info.field_name].default is None
        return None if value == "" and may_be_none else value

    @model_validator(mode="after")
    def _names_once(self) -> Settings:
        for setting, names in (
            ("notifications", [channel.name for channel in self.notifications]),
            ("dynamodb_key", [attribute.name for attribute in self.dynamodb_key]),
        ):
            if repeated := sorted({name for name in names if names.count(name) > 1}):
                raise ValueError(f"{setting} names {', '.join(repeated)} twice")
        return self

    @model_validator(mode="after")
    def _protected_stays_private(self) -> Settings:
        public = {self.media_bucket, *(rule.bucket for rule in self.watch)}
        if self.protected_bucket in public:
            raise ValueError("protected_bucket must be none of the other buckets: those are read by others")
        return self


def _variable(place: tuple[int | str, ...]) -> str:
    return f"VODFLOW_{str(place[0]).upper()}{''.join(f'.{part}' for part in place[1:])}" if place else "VODFLOW_*"


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The settings of this process, read once; ``get_settings.cache_clear()`` reads them again.

    :raises ConfigurationError: naming each wrong variable and what is accepted
    """
    try:
        return Settings()
    except ValidationError as error:
        problems = "; ".join(f"{_variable(item['loc'])}: {item['msg']}" for item in error.errors())
        raise ConfigurationError(f"Wrong settings: {problems}. See docs/configuration.md.") from error
    except SettingsError as error:  # names the field, and shows nothing of its value
        name = next((f"VODFLOW_{name.upper()}" for name in Settings.model_fields if f'"{name}"' in str(error)), "one")
        said = f": {error.__cause__}" if error.__cause__ else ""
        raise ConfigurationError(f"Wrong settings: {name} is not JSON{said}. See docs/configuration.md.") from error
