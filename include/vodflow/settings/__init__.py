"""Every setting of Vodflow, read from ``VODFLOW_*`` environment variables.

``docs/configuration.md`` is generated from this model. Lists of models are given as JSON:
``VODFLOW_WATCH='[{"bucket": "footage", "prefix": "inbox/", "tenant_pattern": "inbox/{tenant}/"}]'``.
"""

from __future__ import annotations

import os
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import (
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from vodflow.errors import ConfigurationError
from vodflow.settings.channels import Channel
from vodflow.settings.key_attributes import KeyAttribute
from vodflow.settings.status_interval import StatusInterval
from vodflow.settings.watch_rules import WatchRule

if TYPE_CHECKING:
    from vodflow.settings.encode_options import EncodeOptions

#: Where AWS's own tools and other people's DAGs look, in this order, when a setting of ours is not given.
COMMON_VARIABLES: Final = {
    "mediaconvert_endpoint_url": ("AWS_MEDIACONVERT_ENDPOINT", "MEDIACONVERT_ENDPOINT"),
    "mediaconvert_role": ("AWS_MEDIACONVERT_ROLE_ARN", "MEDIACONVERT_ROLE_ARN"),
    "mediaconvert_queue": ("AWS_MEDIACONVERT_QUEUE_ARN", "MEDIACONVERT_QUEUE_ARN", "MEDIACONVERT_QUEUE"),
}

_NO_OPTIONS: Final = "{}"


class Settings(BaseSettings):
    """All settings, with their defaults. Immutable; see :func:`get_settings`."""

    # Without inputs in errors: a traceback must not show the secret that was one character wrong.
    model_config = SettingsConfigDict(env_prefix="VODFLOW_", frozen=True, extra="forbid", hide_input_in_errors=True)

    # Catalog
    catalog_url: SecretStr = Field(
        default=SecretStr("postgresql+psycopg2://vodflow@127.0.0.1:5432/vodflow"),
        description="SQLAlchemy URL of the catalog database (PostgreSQL with psycopg2)",
    )
    analyst_password: SecretStr | None = Field(
        default=None, description="password of the role `analyst`, for `vodflow init` and `vodflow report dsn`"
    )
    catalog_pool_size: int = Field(default=5, ge=1, le=30, description="connections kept open by one process")
    catalog_pool_limit: int = Field(default=30, ge=1, le=30, description="most connections one process may open")
    catalog_timeout: float = Field(default=10.0, gt=0, description="seconds to wait for a connection")
    catalog_statement_timeout: float = Field(default=60.0, gt=0, description="seconds one catalog statement may take")
    job_lease: float = Field(
        default=300.0, gt=0, description="seconds without a sign of life after which another run may take a job over"
    )

    # What stops every video alike: a full disk, S3 or an engine away
    hold_interval: float = Field(
        default=30.0,
        gt=0,
        le=300,
        description="seconds between two looks whether what stops every video alike is over, at most",
    )
    hold_limit: float = Field(
        default=6 * 3600.0,
        ge=0,
        description="seconds after which a run that waits for that fails, to go on by itself when it is over",
    )

    # AWS
    aws_endpoint_url: str | None = Field(
        default=None, pattern=r"^https?://", description="one endpoint for all AWS services; none means AWS"
    )
    aws_region: str = Field(default="us-east-1", description="AWS region")
    aws_connect_timeout: float = Field(default=5.0, gt=0, description="seconds to connect to an AWS service")
    aws_read_timeout: float = Field(default=60.0, gt=0, description="seconds to wait for an AWS answer")
    aws_attempts: int = Field(default=5, ge=1, description="most attempts of one AWS call, with backoff and jitter")

    # Airflow's REST API, for programs and people outside Airflow
    airflow_url: str | None = Field(
        default=None, pattern=r"^https?://", description="address of Airflow, for starting and cancelling runs"
    )
    airflow_token: SecretStr | None = Field(
        default=None, description="bearer token for Airflow's REST API; none means user and password"
    )
    airflow_user: str | None = Field(default=None, description="user that asks Airflow for a token")
    airflow_password: SecretStr | None = Field(default=None, description="password of that user")
    airflow_timeout: float = Field(default=20.0, gt=0, description="seconds one call to Airflow may take")

    # Sensing
    watch: tuple[WatchRule, ...] = Field(
        default=(WatchRule(bucket="vodflow-source"),), description="places in S3 to watch (JSON list of watch rules)"
    )
    event_queue_url: str | None = Field(default=None, description="SQS queue that receives the S3 notifications")
    sweep_schedule: str = Field(default="*/15 * * * *", description="cron of the sweep that finds what no event told")
    dispatch_batch: int = Field(
        default=500, ge=1, description="most runs one ingest run starts for one page of sources"
    )

    # Output
    media_bucket: str = Field(default="vodflow-media", min_length=3, description="bucket of everything published")
    output_prefix: str = Field(default="vod", pattern=r"^([^/]+(/[^/]+)*)?$", description="key prefix of all outputs")
    report_prefix: str = Field(default="reports", pattern=r"^([^/]+(/[^/]+)*)?$", description="key prefix of reports")
    public_base_url: str | None = Field(
        default=None, description="URL that serves the media bucket (CDN); none means the S3 endpoint"
    )
    segment_cache_control: str = Field(
        default="public, max-age=31536000, immutable", description="Cache-Control of segments, MP4s and pictures"
    )
    manifest_cache_control: str = Field(
        default="public, max-age=60", description="Cache-Control of playlists and manifests"
    )
    upload_concurrency: int = Field(default=8, ge=1, le=64, description="parallel uploads of one job")

    # Airflow's runs
    rejected_run: Literal["skipped", "failed"] = Field(
        default="skipped",
        description="how a run ends whose video is rejected: its tasks `skipped`, with a note, or the run `failed`",
    )

    asset_delay: float = Field(
        default=60.0,
        ge=0,
        description="seconds for which publications come together before reports and quality are brought up to date",
    )

    # Planning
    profiles_dir: Path | None = Field(
        default=None, description="folder of profile YAML files; none means the shipped ones"
    )
    default_profile: str = Field(default="standard", description="profile when none is asked for")
    thumbnail_interval: float = Field(default=10.0, gt=0, description="seconds between thumbnails")

    # Limits of the input (preflight)
    max_duration: float = Field(default=12 * 3600.0, gt=0, description="seconds; longer inputs are rejected")
    max_size: int = Field(default=200 * 1024**3, gt=0, description="bytes; larger inputs are rejected")
    max_pixels: int = Field(default=8192 * 4320, gt=0, description="pixels of a frame; larger inputs are rejected")
    probe_timeout: float = Field(default=60.0, gt=0, description="seconds one ffprobe may take")

    # Parallel encoding
    strategy: Literal["auto", "single", "renditions", "chunks"] = Field(
        default="auto",
        description="how an encode is divided where the profile does not say: `auto`, `single`, `renditions`, `chunks`",
    )
    chunk_seconds: float = Field(
        default=60.0, ge=10, description="length of a chunk; longer where there would be over 100"
    )
    chunks_from: float = Field(
        default=300.0, ge=20, description="seconds from which a video is cut into chunks where nobody asks for it"
    )
    max_parallel_chunks: int = Field(default=12, ge=1, le=100, description="chunks of one video at the same time")

    # Local engine
    work_dir: Path | None = Field(default=None, description="folder of temporary files; none means the system's")
    local_slots: int = Field(default=1, ge=1, description="videos transcoded at the same time on this machine")
    encoder_threads: int = Field(default=0, ge=0, description="FFmpeg threads of one job; 0 means all cores")
    stall_timeout: float = Field(default=120.0, gt=0, description="seconds without progress before a job is stopped")
    disk_reserve: int = Field(default=1024**3, ge=0, description="bytes that must stay free beside a job's files")

    # Quality of what is published
    quality_share: float = Field(default=1.0, ge=0, le=1, description="share of short videos whose quality is measured")
    quality_long_share: float = Field(
        default=0.1, ge=0, le=1, description="share of long videos whose quality is measured; both 0 turn it off"
    )
    quality_long_from: float = Field(default=600.0, gt=0, description="seconds from which a video is a long one")
    quality_seconds: float = Field(
        default=120.0, ge=1, description="seconds of a long video that are looked at, from its beginning"
    )
    quality_every: int = Field(
        default=9, ge=1, le=1000, description="one of so many frames is compared, an odd number; more of short videos"
    )
    quality_batch: int = Field(default=50, ge=1, description="most videos one run of measure_quality measures")
    quality_days: float = Field(
        default=7.0, gt=0, description="days for which a publication is found that was not measured"
    )
    quality_schedule: str = Field(
        default="*/30 * * * *", description="cron of measure_quality, beside the publications that wake it"
    )

    # AWS services and MediaConvert of this machine
    local_hosts: tuple[str, ...] = Field(
        default=(),
        description="names, beside localhost, under which the local services are asked (JSON list of host names)",
    )
    local_origins: tuple[str, ...] = Field(
        default=("http://localhost:*", "http://127.0.0.1:*"),
        description="web pages that may read published media there (JSON list of origins; `*` stands for any text)",
    )
    local_inputs: tuple[str, ...] = Field(
        default=(),
        description="private places that inputs of jobs may come from (JSON list of host names and networks)",
    )

    # MediaConvert engine
    mediaconvert_role: str | None = Field(
        default=None,
        pattern=r"^arn:aws(-[a-z-]+)?:iam::\d{12}:role/.+$",
        description="ARN of the role that MediaConvert takes on, also `MEDIACONVERT_ROLE_ARN`; makes it available",
    )
    mediaconvert_endpoint_url: str | None = Field(
        default=None,
        description="endpoint of MediaConvert; none means `AWS_MEDIACONVERT_ENDPOINT`, `MEDIACONVERT_ENDPOINT`, or AWS",
    )
    mediaconvert_queue: str | None = Field(
        default=None,
        description="name or ARN of the queue, also `MEDIACONVERT_QUEUE_ARN`; none means the default queue",
    )
    mediaconvert_event_queue_url: str | None = Field(
        default=None, description="SQS queue that receives MediaConvert's events; none means polling alone"
    )
    mediaconvert_status_interval: Annotated[StatusInterval, BeforeValidator(int)] = Field(
        default=60, description="seconds between two STATUS_UPDATE events of a job"
    )
    mediaconvert_poll_interval: float = Field(
        default=30.0, gt=0, description="seconds between two polls of all waiting jobs, for events that were lost"
    )
    mediaconvert_acceleration: Literal["disabled", "preferred", "enabled"] = Field(
        default="disabled", description="accelerated transcoding: disabled, preferred or enabled; needs Professional"
    )
    mediaconvert_options: str = Field(
        default=_NO_OPTIONS,
        description="how MediaConvert encodes: JSON of `EncodeOptions`, see mediaconvert-settings.md",
    )
    mediaconvert_budget_job: Decimal | None = Field(
        default=None, ge=0, description="US dollars one MediaConvert job may be estimated at; none means no limit"
    )
    mediaconvert_budget_tenant_day: Decimal | None = Field(
        default=None, ge=0, description="US dollars a tenant's MediaConvert jobs of one day (UTC) may be estimated at"
    )

    # Kubernetes engine
    kubernetes_namespace: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
        description="namespace of the pods that encode; with the image it makes the engine available",
    )
    kubernetes_image: str | None = Field(default=None, description="worker image, as the nodes pull it")
    kubernetes_config: Path | None = Field(
        default=None, description="kubeconfig file; none means the pod's own cluster, `KUBECONFIG` or `~/.kube/config`"
    )
    kubernetes_context: str | None = Field(default=None, description="context of that file; none means its current one")
    kubernetes_template: Path | None = Field(
        default=None, description="pod template (YAML of a Pod) with what is wanted otherwise; see kubernetes-engine.md"
    )
    kubernetes_service_account: str | None = Field(
        default=None, description="service account of the pods, whose role may read sources and write media"
    )
    kubernetes_priority_class: str | None = Field(default=None, description="priority class of the pods")
    kubernetes_parts: int = Field(
        default=100, ge=1, description="pods that make parts of divided videos at the same time, of all videos together"
    )
    kubernetes_start_timeout: float = Field(
        default=600.0, gt=0, description="seconds a pod may take until it runs: for a node, and to pull its image"
    )

    @model_validator(mode="before")
    @classmethod
    def _from_common_variables(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        missing = {name: variables for name, variables in COMMON_VARIABLES.items() if not values.get(name)}
        found = {
            name: next((os.environ[one] for one in variables if os.environ.get(one)), None)
            for name, variables in missing.items()
        }
        return {**values, **found}

    @field_validator("mediaconvert_options")
    @classmethod
    def _is_encode_options(cls, value: str) -> str:
        if value == _NO_OPTIONS:
            return value
        from vodflow.settings.encode_options import EncodeOptions  # noqa: PLC0415 - slow, and few need it

        try:
            options = EncodeOptions.model_validate_json(value)
        except ValidationError as error:
            problems = (f"{'.'.join(map(str, item['loc'])) or 'JSON'}: {item['msg']}" for item in error.errors())
            raise ValueError("; ".join(problems)) from error
        if options.captions or options.encryption or options.presets:
            raise ValueError("captions, encryption and presets are of one video, and cannot be set for all")
        if not options.iframe_playlists:
            raise ValueError("iframe_playlists must stay on: published HLS has them, whoever encodes")
        return value

    @property
    def encode_options(self) -> EncodeOptions:
        """``mediaconvert_options``, decoded."""
        from vodflow.settings.encode_options import EncodeOptions  # noqa: PLC0415 - slow, and few need it

        return EncodeOptions.model_validate_json(self.mediaconvert_options)

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
    def _pool(self) -> Settings:
        if self.catalog_pool_limit < self.catalog_pool_size:
            raise ValueError("catalog_pool_limit must not be below catalog_pool_size")
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
