"""Places to watch for videos: the model of ``VODFLOW_WATCH``. Pure."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from vodflow.contract.engine_names import EngineName
from vodflow.contract.video_objects import VIDEO_SUFFIXES


def _pattern_names_tenant(pattern: str) -> str:
    if pattern.count("{tenant}") > 1:
        raise ValueError("may name {tenant} only once")
    return pattern


class PlaceRule(BaseModel):
    """One place in S3 where new videos appear, and which objects there count.

    :param bucket: the bucket to watch
    :param prefix: only keys that begin with it
    :param suffixes: only keys that end with one of them, in any case; empty means every key
    :param minimum_age: seconds since the last modification before an object is taken by the sweep
    :param minimum_size: bytes; smaller objects are ignored (zero-byte objects are rejected by name when 0)
    :param maximum_size: bytes; larger objects are ignored; none means no bound
    :param profile: profile for this place; none means the default profile
    :param object_requests: whether an object's own metadata (`vodflow-outputs`, …) may say what is made of it
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    bucket: str = Field(min_length=3)
    prefix: str = ""
    suffixes: tuple[str, ...] = VIDEO_SUFFIXES
    minimum_age: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    minimum_size: int = Field(default=0, ge=0)
    maximum_size: int | None = Field(default=None, gt=0)
    profile: str | None = None
    object_requests: bool = True

    @model_validator(mode="after")
    def _bounds(self) -> Self:
        if self.maximum_size is not None and self.maximum_size < self.minimum_size:
            raise ValueError("maximum_size must not be below minimum_size")
        return self


class WatchRule(PlaceRule):
    """A place of the installation's, with videos of one tenant or several.

    :param tenant_pattern: how a key begins, ``{tenant}`` standing for one path segment
    :param default_tenant: the tenant of keys that do not fit the pattern
    :param engine: who encodes what appears here; none means what the profile says
    """

    tenant_pattern: Annotated[str, AfterValidator(_pattern_names_tenant)] = "{tenant}/"
    default_tenant: str = Field(default="default", pattern=r"^[a-z0-9][a-z0-9-]*$")
    engine: EngineName | None = None
