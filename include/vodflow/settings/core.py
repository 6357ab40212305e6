"""Settings that every part reads: the catalog, AWS, Airflow, sensing, outputs, planning, limits."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from vodflow.settings.watch_rules import WatchRule


class CoreSettings(BaseSettings):
    """Settings of the catalog, AWS, Airflow, sensing, outputs and planning."""

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
    airflow_audience: str = Field(
        default="apache-airflow",
        min_length=1,
        description="audience of Airflow's tokens, as its setting [api_auth] jwt_audience",
    )
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

    @model_validator(mode="after")
    def _pool(self) -> Self:
        if self.catalog_pool_limit < self.catalog_pool_size:
            raise ValueError("catalog_pool_limit must not be below catalog_pool_size")
        return self
