"""The price table: data with a version, a date and a source for every number."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from vodflow.errors import ConfigurationError
from vodflow.planning.profiles import profiles_dir

TierName = Literal["basic", "professional"]

_FILE: Final = re.compile(r"^mediaconvert-(\d{4}-\d{2}-\d{2})$")
#: The source of numbers that nobody published.
ASSUMED: Final = "assumed"


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Multiplier(_Value):
    """How many normalised minutes one minute is, and who says so."""

    value: Decimal = Field(ge=0)
    source: str


class Bracket(_Value):
    """The rate of a stretch of the month's normalised minutes.

    :param up_to: normalised minutes from the month's beginning; none means without end
    :param rate: money for one normalised minute
    """

    up_to: Decimal | None = Field(default=None, gt=0)
    rate: Decimal = Field(ge=0)
    source: str


class Multipliers(_Value):
    """What makes an output's minutes count more or less."""

    resolution: Mapping[Literal["sd", "hd", "4k", "8k"], Multiplier]
    frame_rate: Mapping[Literal["30", "60", "120"], Multiplier]
    quality: Mapping[Literal["single_pass", "single_pass_hq", "multi_pass_hq"], Multiplier]
    codec: Mapping[Literal["avc", "hevc", "av1", "vp8", "vp9", "other"], Multiplier]
    audio_only: Mapping[TierName, Multiplier]
    captions_only: Mapping[TierName, Multiplier]
    frame_capture: Multiplier


class PriceTable(_Value):
    """On-demand prices as of one day.

    :param minimum_seconds: shortest billed output
    :param professional: features that move a job to that tier, with their source
    """

    version: str
    currency: str
    minimum_seconds: int = Field(ge=0)
    sources: Mapping[str, str]
    regions: Mapping[str, Mapping[TierName, tuple[Bracket, ...]]]
    multipliers: Multipliers
    add_ons: Mapping[str, Multiplier]
    professional: Mapping[str, str]

    @model_validator(mode="after")
    def _brackets_rise_and_end(self) -> PriceTable:
        for region, tiers in self.regions.items():
            for tier, brackets in tiers.items():
                ends = [bracket.up_to for bracket in brackets]
                if not brackets or ends[-1] is not None or None in ends[:-1]:
                    raise ValueError(f"regions.{region}.{tier} must end with one bracket without up_to")
                limits = [end for end in ends if end is not None]
                if limits != sorted(set(limits)):
                    raise ValueError(f"regions.{region}.{tier} must have rising up_to")
        return self

    def brackets(self, region: str, tier: TierName) -> tuple[Bracket, ...]:
        """The rates of a Region.

        :raises ConfigurationError: when the table has none for it
        """
        found = self.regions.get(region)
        if found is None:
            raise ConfigurationError(
                f"The price table of {self.version} has no prices for {region}; it knows {', '.join(self.regions)}. "
                "Add the Region to a new file in profiles/prices."
            )
        return found[tier]


@lru_cache(maxsize=8)
def load_prices(version: str | None = None) -> PriceTable:
    """A price table.

    :param version: its date, such as ``2026-04-24``; none means the newest
    :raises ConfigurationError: when there is none, or it breaks its schema; the message names file and field
    """
    files = {match[1]: path for path in _folder().glob("*.yaml") if (match := _FILE.match(path.stem))}
    if not files or (version is not None and version not in files):
        known = ", ".join(sorted(files)) or "none"
        raise ConfigurationError(
            f"There is no MediaConvert price table {version or ''} in {_folder()}. Known: {known}."
        )
    path = files[version or max(files)]
    try:
        return PriceTable.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (ValidationError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{path} is not a price table: {error}") from error


def _folder() -> Path:
    """``prices/`` in the configured profile folder where it has one, else the shipped one."""
    configured = profiles_dir() / "prices"
    if configured.is_dir():
        return configured
    package = Path(__file__).resolve().parents[3]
    inside = package / "profiles" / "prices"
    return inside if inside.is_dir() else package.parent / "profiles" / "prices"
