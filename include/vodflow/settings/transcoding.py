"""Settings of what transcodes, the engines, and of what measures their outputs."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, ValidationError, field_validator, model_validator

from vodflow.settings.core import CoreSettings
from vodflow.settings.status_interval import StatusInterval

if TYPE_CHECKING:
    from vodflow.settings.encode_options import EncodeOptions


#: Where AWS's own tools and other people's DAGs look, in this order, when a setting of ours is not given.
COMMON_VARIABLES: Final = {
    "mediaconvert_endpoint_url": ("AWS_MEDIACONVERT_ENDPOINT", "MEDIACONVERT_ENDPOINT"),
    "mediaconvert_role": ("AWS_MEDIACONVERT_ROLE_ARN", "MEDIACONVERT_ROLE_ARN"),
    "mediaconvert_queue": ("AWS_MEDIACONVERT_QUEUE_ARN", "MEDIACONVERT_QUEUE_ARN", "MEDIACONVERT_QUEUE"),
}

_NO_OPTIONS: Final = "{}"


class TranscodingSettings(CoreSettings):
    """Settings of the engines on this machine, on Kubernetes and at AWS."""

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
