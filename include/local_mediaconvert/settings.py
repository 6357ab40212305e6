"""What the service reads from its environment: where AWS's services are, and how patient it is."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from pydantic import AliasChoices, Field
from pydantic_settings import BaseSettings, SettingsConfigDict


def _either(name: str, fallback: str) -> Any:
    return AliasChoices(f"VODFLOW_{name}", fallback)


class Settings(BaseSettings):
    """Vodflow's own variables, or else those that AWS's tools read.

    :param aws_endpoint_url: of S3, SQS and EventBridge; none means AWS
    :param aws_read_timeout: seconds to wait for an answer, of AWS or of an HTTP input's server
    :param probe_timeout: seconds that examining one input may take
    :param stall_timeout: seconds without progress after which an encoder counts as hung
    :param encoder_threads: of one encoder; 0 means one for each core
    """

    model_config = SettingsConfigDict(env_prefix="VODFLOW_", frozen=True, extra="ignore", populate_by_name=True)

    aws_endpoint_url: str | None = Field(None, validation_alias=_either("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL"))
    aws_region: str = Field("us-east-1", validation_alias=_either("AWS_REGION", "AWS_REGION"))
    aws_read_timeout: float = Field(60.0, gt=0)
    probe_timeout: float = Field(60.0, gt=0)
    stall_timeout: float = Field(120.0, gt=0)
    encoder_threads: int = Field(0, ge=0)


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The settings of this process."""
    return Settings()
