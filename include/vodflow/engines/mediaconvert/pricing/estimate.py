"""What a job costs: its tier and why, normalised minutes, money, and whether that is allowed.

Before it is submitted by the source's duration, afterwards by what MediaConvert measured of every output.

Normalised minutes = Σ over outputs: minutes × (resolution × frame rate × quality × codec + add-ons).
Money = normalised minutes × the rate of the month's bracket, by tier and Region.
The numbers are those of :mod:`.price_table`; those that nobody published are named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from fractions import Fraction
from itertools import zip_longest
from typing import Any, Final, Literal

from vodflow.engines.mediaconvert.pricing import features
from vodflow.engines.mediaconvert.pricing.price_table import (
    ASSUMED,
    Bracket,
    Multiplier,
    PriceTable,
    TierName,
    load_prices,
)
from vodflow.errors import BudgetExceeded, ConfigurationError

Document = Mapping[str, Any]
#: Seconds of every output of every group, in the request's order; none where nobody measured.
Measured = Sequence[Sequence[float | None]]

_Codec = Literal["avc", "hevc", "av1", "vp8", "vp9", "other"]
_CODECS: Final[Mapping[str, _Codec]] = {
    "H_264": "avc",
    "H_265": "hevc",
    "AV1": "av1",
    "VP8": "vp8",
    "VP9": "vp9",
}
#: What MediaConvert chooses for a codec whose settings name no tuning level (API reference, H264Settings).
_DEFAULT_QUALITY: Final = "SINGLE_PASS_HQ"
_CENT: Final = Decimal("0.0001")


@dataclass(frozen=True)
class Tier:
    """A pricing tier, and what makes it necessary.

    :param reasons: as people call the features; empty for Basic
    """

    name: TierName
    reasons: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.name} because: {', '.join(self.reasons)}" if self.reasons else self.name


@dataclass(frozen=True)
class OutputCost:
    """One output's part of an estimate.

    :param minutes: of output
    :param normalized: normalised minutes
    """

    name: str
    minutes: Decimal
    normalized: Decimal


@dataclass(frozen=True)
class Estimate:
    """What a job is expected to cost.

    :param normalized_minutes: of all outputs
    :param amount: in ``currency``, to a hundredth of a cent
    :param assumptions: entries of the price table that nobody published and that this estimate rests on
    """

    tier: Tier
    normalized_minutes: Decimal
    amount: Decimal
    currency: str
    region: str
    version: str
    outputs: tuple[OutputCost, ...]
    assumptions: tuple[str, ...] = ()

    def __str__(self) -> str:
        assumed = f"; assumed: {', '.join(self.assumptions)}" if self.assumptions else ""
        return (
            f"{self.amount} {self.currency} for {self.normalized_minutes} normalised minutes in {self.region} "
            f"({self.tier}; prices of {self.version}{assumed})"
        )


@dataclass(frozen=True)
class Budget:
    """How much may be spent; none means no limit.

    :param per_job: for one job
    :param per_tenant_day: for all jobs of one tenant in one day (UTC)
    """

    per_job: Decimal | None = None
    per_tenant_day: Decimal | None = None
    currency: str = "USD"


def pricing_tier(request: Document, prices: PriceTable | None = None) -> Tier:
    """Which tier a job is billed in, and every reason for it: one Professional feature takes the whole job there.

    :param request: a CreateJob request as boto3 takes it; presets and templates by name are not looked into
    :param prices: none means the newest table
    """
    table = prices or load_prices()
    reasons = tuple(label for name, label in features.used_features(request).items() if name in table.professional)
    return Tier("professional", reasons) if reasons else Tier("basic")


def estimate(
    request: Document,
    duration: float,
    *,
    region: str,
    frame_rate: Fraction | None = None,
    month_to_date: Decimal = Decimal(0),
    prices: PriceTable | None = None,
    measured: Measured = (),
) -> Estimate:
    """What a job is expected to cost, or has cost.

    :param request: a CreateJob request as boto3 takes it
    :param duration: seconds of the source
    :param frame_rate: of the source, for outputs that follow it
    :param month_to_date: normalised minutes of this tier already used this month in the Region, for volume discounts
    :param prices: none means the newest table
    :param measured: of a job that is over (:func:`measured_durations`); outputs that are not in it count ``duration``
    :raises ConfigurationError: when the table lacks the Region, or codec, size or rate of an output are nowhere said
    """
    table = prices or load_prices()
    tier = pricing_tier(request, table)
    if next(features.outputs(request), None) is None:
        raise ConfigurationError(
            "The job's outputs come from a job template, so nothing here says what they cost. Send the plan's outputs "
            "(template.outputs: plan), or switch the budget off."
        )
    counter = _Counter(table, tier.name)
    costs = []
    for name, output, seconds in _named_outputs(request, measured):
        minutes = _billed_minutes(duration if seconds is None else seconds, table)
        costs.append(OutputCost(name, minutes, minutes * counter.multiplier(output, name, frame_rate)))
    total = sum((cost.normalized for cost in costs), Decimal(0))
    amount = _money(total, month_to_date, table.brackets(region, tier.name), counter.assumptions)
    used = features.used_features(request)
    counter.assumptions.update(f"professional.{name}" for name in used if table.professional.get(name) == ASSUMED)
    return Estimate(
        tier=tier,
        normalized_minutes=total.quantize(Decimal("0.01"), ROUND_HALF_UP),
        amount=amount.quantize(_CENT, ROUND_CEILING),
        currency=table.currency,
        region=region,
        version=table.version,
        outputs=tuple(costs),
        assumptions=tuple(sorted(counter.assumptions)),
    )


def measured_durations(details: Sequence[Mapping[str, Any]]) -> list[list[float | None]]:
    """How long the outputs of a finished job became.

    :param details: ``OutputGroupDetails`` of the job as boto3 returns it
    """
    return [
        [None if (known := item.get("DurationInMs")) is None else known / 1000 for item in group["OutputDetails"]]
        for group in details
    ]


def check_budget(cost: Estimate, budget: Budget, *, tenant: str, spent_today: Decimal, job_id: int) -> None:
    """Refuse a job before it is submitted when its estimate is above a limit.

    :param spent_today: estimates of the tenant's other jobs of this day, in the budget's currency
    :raises BudgetExceeded: with the estimate in the message
    :raises ConfigurationError: when budget and prices are in different currencies
    """
    if cost.currency != budget.currency:
        raise ConfigurationError(
            f"The budget is in {budget.currency}, the prices are in {cost.currency}. Use one of them."
        )
    if budget.per_job is not None and cost.amount > budget.per_job:
        raise BudgetExceeded(
            f"Job {job_id} is estimated at {cost}, above the limit of {budget.per_job} {budget.currency} a job. "
            "Raise the limit, or ask for fewer outputs or a smaller profile.",
            limit="job",
            job_id=job_id,
        )
    if budget.per_tenant_day is not None and spent_today + cost.amount > budget.per_tenant_day:
        raise BudgetExceeded(
            f"Job {job_id} is estimated at {cost}; with {spent_today} {budget.currency} already spent today tenant "
            f"{tenant} would be above its limit of {budget.per_tenant_day} {budget.currency} a day. Raise the limit, "
            "or try again tomorrow (UTC).",
            limit="tenant_day",
            job_id=job_id,
        )


class _Counter:
    """Multipliers of outputs, remembering which of them are assumptions."""

    def __init__(self, table: PriceTable, tier: TierName) -> None:
        self.table = table
        self.tier = tier
        self.assumptions: set[str] = set()

    def multiplier(self, output: Document, name: str, source_rate: Fraction | None) -> Decimal:
        """Normalised minutes of one minute of an output."""
        known = self.table.multipliers
        codec = features.codec(output)
        if codec is None and "Preset" in output:
            raise ConfigurationError(
                f"Output {name} is the preset {output['Preset']}: its price depends on the preset's settings. "
                "Give codec and size in the preset's overrides, or switch the budget off."
            )
        if codec is None:
            kind = "audio_only" if output.get("AudioDescriptions") else "captions_only"
            base = self._take(f"{kind}.{self.tier}", getattr(known, kind)[self.tier])
        elif codec == "FRAME_CAPTURE":
            base = self._take("frame_capture", known.frame_capture) * self._resolution(output, name)
        else:
            base = self._video(output, name, codec, source_rate)
        extra = (self._take(f"add_ons.{item}", self.table.add_ons[item]) for item in features.add_ons(output))
        return base + sum(extra, Decimal(0))

    def _video(self, output: Document, name: str, codec: str, source_rate: Fraction | None) -> Decimal:
        known = self.table.multipliers
        kind: _Codec = _CODECS.get(codec, "other")
        tuning = features.codec_settings(output).get("QualityTuningLevel", _DEFAULT_QUALITY)
        return (
            self._resolution(output, name)
            * self._frame_rate(output, name, source_rate)
            * self._take(f"quality.{tuning.lower()}", known.quality[tuning.lower()])
            * self._take(f"codec.{kind}", known.codec[kind])
        )

    def _resolution(self, output: Document, name: str) -> Decimal:
        pixels = features.size(output)
        if pixels is None:
            raise ConfigurationError(f"Output {name} says no width and height, which its price depends on.")
        kind = resolution_class(*pixels)
        return self._take(f"resolution.{kind}", self.table.multipliers.resolution[kind])

    def _frame_rate(self, output: Document, name: str, source_rate: Fraction | None) -> Decimal:
        rate = features.frame_rate(output) or source_rate
        if rate is None:
            raise ConfigurationError(f"Output {name} follows the source's frame rate; give frame_rate.")
        kind: Literal["30", "60", "120"] = "30" if rate <= 30 else "60" if rate <= 60 else "120"
        return self._take(f"frame_rate.{kind}", self.table.multipliers.frame_rate[kind])

    def _take(self, entry: str, multiplier: Multiplier) -> Decimal:
        if multiplier.source == ASSUMED:
            self.assumptions.add(entry)
        return multiplier.value


def resolution_class(width: int, height: int) -> Literal["sd", "hd", "4k", "8k"]:
    """AWS's class of a picture (user guide, billing codes), portrait like landscape.

    The guide counts lines; a wide picture of few lines counts by its width, so that no estimate is too low.
    """
    long, short = max(width, height), min(width, height)
    if short < 720 and long < 1280:
        return "sd"
    if short <= 1080 and long <= 1920:
        return "hd"
    return "4k" if short <= 2160 and long <= 4096 else "8k"


def _named_outputs(request: Document, measured: Measured) -> Iterator[tuple[str, Document, float | None]]:
    for group, known in zip_longest(request["Settings"].get("OutputGroups", ()), measured):
        if group is None:
            return  # what the request does not have, it cannot price
        label = group.get("CustomName") or group.get("Name") or "group"
        made = group.get("Outputs", ())
        for output, seconds in zip_longest(made, (known or ())[: len(made)]):
            yield f"{label}{output.get('NameModifier', '')}", output, seconds


def _billed_minutes(duration: float, table: PriceTable) -> Decimal:
    seconds = max(Decimal(str(duration)).to_integral_value(ROUND_CEILING), Decimal(table.minimum_seconds))
    return seconds / 60


def _money(minutes: Decimal, used: Decimal, brackets: tuple[Bracket, ...], assumptions: set[str]) -> Decimal:
    """The minutes after the first ``used`` ones of the month, each at the rate of its bracket."""
    amount, start, end = Decimal(0), used, used + minutes
    for place, bracket in enumerate(brackets):
        stop = end if bracket.up_to is None else min(end, bracket.up_to)
        if stop > start:
            amount += (stop - start) * bracket.rate
            start = stop
            if bracket.source == ASSUMED:
                assumptions.add(f"bracket {place + 1}")
    return amount
