"""What a person or the ingest pipeline asks for: one source, made in one way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from vodflow.contract.engine_names import EngineName
from vodflow.contract.plan import Output
from vodflow.errors import ConfigurationError
from vodflow.settings.engines import available
from vodflow.storage.objects import parse_s3_uri

#: Priority of a run that nobody gave one; 0 is the lowest, 100 the highest.
DEFAULT_PRIORITY = 50


class TranscodeRequest(BaseModel):
    """One request for outputs of one source.

    :param source_id: a registered source; given by the ingest pipeline
    :param source_uri: ``s3://bucket/key``; given by a person
    :param profile: profile name; none means the watch rule's or the default one
    :param outputs: what to make; none means what the profile says
    :param qualities: names of the profile's rungs to make, and no others; none means all that fit the source
    :param engine: who encodes; none means what the profile says
    :param priority: 0 to 100, higher first
    :param force: transcode again although the same work is already published
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source_id: int | None = Field(default=None, gt=0)
    source_uri: str | None = None
    profile: str | None = None
    outputs: tuple[Output, ...] | None = Field(default=None, min_length=1)
    qualities: tuple[str, ...] | None = Field(default=None, min_length=1)
    engine: EngineName | None = None
    priority: int = Field(default=DEFAULT_PRIORITY, ge=0, le=100)
    force: bool = False

    @field_validator("source_uri", "profile", mode="before")
    @classmethod
    def _strip(cls, value: object) -> object:
        return (value.strip() or None) if isinstance(value, str) else value

    @field_validator("qualities")
    @classmethod
    def _name_rungs(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if value is None:
            return None
        names = tuple(dict.fromkeys(name.strip().lower() for name in value))
        if not all(names):
            raise ValueError("name rungs of the profile, for example 1080p")
        return names

    @field_validator("source_uri")
    @classmethod
    def _is_s3(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                parse_s3_uri(value)
            except ConfigurationError as error:
                raise ValueError(str(error)) from error
        return value

    @field_validator("engine", mode="before")
    @classmethod
    def _is_available(cls, value: object) -> EngineName | None:
        return None if value is None else available(str(value))

    @model_validator(mode="after")
    def _names_a_source(self) -> Self:
        if (self.source_id is None) == (self.source_uri is None):
            raise ValueError("give exactly one of source_uri (s3://bucket/key) and source_id")
        return self

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> Self:
        """Check the Params of a run.

        :raises ConfigurationError: one sentence for each wrong value, naming it
        """
        try:
            return cls.model_validate(dict(params))
        except ValidationError as error:
            problems = "; ".join(
                f"{'.'.join(map(str, item['loc'])) or 'Params'}: {item['msg'].removeprefix('Value error, ')}"
                for item in error.errors()
            )
            raise ConfigurationError(f"This run cannot start. {problems}.") from error
