"""Tier and reasons, estimates by hand, brackets, budgets, and the shipped price table."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.engine_plans import LADDER, written_plan
from support.mediaconvert_values import CASES, JOB, SPEKE, request
from vodflow.contract.plan import Output, Packaging
from vodflow.engines.mediaconvert.pricing.estimate import (
    Budget,
    Estimate,
    Tier,
    check_budget,
    estimate,
    measured_durations,
    pricing_tier,
    resolution_class,
)
from vodflow.engines.mediaconvert.pricing.features import FEATURE_NAMES
from vodflow.engines.mediaconvert.pricing.price_table import PriceTable, load_prices
from vodflow.errors import BudgetExceeded, ConfigurationError
from vodflow.settings import get_settings
from vodflow.settings.encode_options import EncodeOptions, JobTemplate, Loudness, OutputPreset

#: One MP4 of 720p: the smallest job.
MP4 = written_plan(ladder=LADDER[1:2], sound=(2, "stereo"), thumbnails=None, packaging=Packaging(outputs=(Output.MP4,)))
FAST = EncodeOptions(quality_tuning="single_pass")
REGION = "us-east-1"


def _cost(made: dict[str, Any] | None = None, duration: float = 600.0, **more: Any) -> Estimate:
    return estimate(made or request(MP4, FAST), duration, region=REGION, **more)


def _changed(change: Callable[[dict[str, Any], dict[str, Any]], object]) -> dict[str, Any]:
    made = copy.deepcopy(request(MP4, FAST))
    change(made, made["Settings"]["OutputGroups"][0]["Outputs"][0])
    return made


def test_the_defaults_stay_in_the_basic_tier() -> None:
    tier = pricing_tier(request())
    assert tier == Tier("basic")
    assert str(tier) == "basic"


def test_a_finished_job_is_priced_by_what_was_measured() -> None:
    plan = written_plan(packaging=Packaging(outputs=(Output.HLS, Output.MP4)))
    made = request(plan, FAST)
    groups = made["Settings"]["OutputGroups"]
    before = _cost(made)
    same = measured_durations([{"OutputDetails": [{"DurationInMs": 600_000}] * len(g["Outputs"])} for g in groups])
    assert _cost(made, duration=1, measured=same) == before
    # One output became twice as long; of the next nothing is said; later groups are missing altogether.
    first = before.outputs[0]
    longer = _cost(made, measured=measured_durations([{"OutputDetails": [{"DurationInMs": 1_200_000}, {}]}]))
    assert longer.outputs[0].normalized == 2 * first.normalized
    assert longer.outputs[1:] == before.outputs[1:]
    assert longer.normalized_minutes == before.normalized_minutes + first.normalized
    # More groups and outputs than were asked for are not priced.
    assert _cost(made, measured=[*([*group, 9e9] for group in same), [9e9]]) == before


def test_every_reason_is_told() -> None:
    made = _changed(
        lambda job, output: (
            job.update(AccelerationSettings={"Mode": "PREFERRED"}),
            output["VideoDescription"].update(CodecSettings={"Codec": "H_265", "H265Settings": {}}),
        )
    )
    assert str(pricing_tier(made)) == "professional because: acceleration, HEVC"


def _h264(output: dict[str, Any], **values: Any) -> None:
    output["VideoDescription"]["CodecSettings"]["H264Settings"].update(values)


def _before(output: dict[str, Any], **values: Any) -> None:
    output["VideoDescription"]["VideoPreprocessors"] = values


REASONS: dict[str, tuple[Callable[[dict[str, Any], dict[str, Any]], object], str]] = {
    "acceleration": (lambda job, _: job.update(AccelerationSettings={"Mode": "ENABLED"}), "acceleration"),
    "codec": (
        lambda _, output: output["VideoDescription"].update(CodecSettings={"Codec": "PRORES", "ProresSettings": {}}),
        "ProRes",
    ),
    "multi_pass_hq": (lambda _, output: _h264(output, QualityTuningLevel="MULTI_PASS_HQ"), "multi-pass HQ"),
    "deinterlacing": (lambda _, output: _before(output, Deinterlacer={}), "deinterlacing"),
    "hdr_conversion": (
        lambda _, output: _before(output, ColorCorrector={"ColorSpaceConversion": "FORCE_HDR10"}), "HDR conversion",
    ),
    "audio_normalization": (
        lambda _, output: output["AudioDescriptions"][0].update(AudioNormalizationSettings={}), "audio normalisation",
    ),
    "dolby_audio": (
        lambda _, output: output["AudioDescriptions"][0].update(CodecSettings={"Codec": "EAC3"}), "Dolby audio",
    ),
    "dolby_vision": (lambda _, output: _before(output, DolbyVision={}), "Dolby Vision"),
    "frameformer": (lambda _, output: _h264(output, FramerateConversionAlgorithm="FRAMEFORMER"), "FrameFormer"),
    "high_frame_rate": (lambda _, output: _h264(output, FramerateNumerator=120), "more than 60 frames/s"),
    "resolution_8k": (lambda _, output: output["VideoDescription"].update(Width=7680, Height=4320), "8K"),
    "avc_10_bit": (lambda _, output: _h264(output, CodecProfile="HIGH_10BIT"), "AVC 10 bit or 4:2:2"),
    "bandwidth_reduction": (
        lambda _, output: _h264(output, BandwidthReductionFilter={}), "bandwidth reduction filter",
    ),
    "advanced_input_filter": (
        lambda job, _: job["Settings"]["Inputs"][0].update(AdvancedInputFilter="ENABLED"), "advanced input filter",
    ),
    "automated_abr": (
        lambda job, _: job["Settings"]["OutputGroups"][0].update(AutomatedEncodingSettings={}), "automated ABR",
    ),
    "noise_reduction": (lambda _, output: _before(output, NoiseReducer={}), "noise reduction"),
    "drm": (
        lambda job, _: job["Settings"]["OutputGroups"][0]["OutputGroupSettings"].update(
            HlsGroupSettings={"Encryption": {}}
        ),
        "DRM",
    ),
    "container": (lambda _, output: output.update(ContainerSettings={"Container": "MOV"}), "MOV"),
}  # fmt: skip


@pytest.mark.parametrize("feature", REASONS)
def test_one_feature_is_enough_for_the_professional_tier(feature: str) -> None:
    change, reason = REASONS[feature]
    assert pricing_tier(_changed(change)) == Tier("professional", (reason,))
    free = load_prices()
    without = free.model_copy(
        update={"professional": {name: source for name, source in free.professional.items() if name != feature}}
    )
    assert pricing_tier(_changed(change), without) == Tier("basic")


def test_every_feature_of_the_table_can_be_found() -> None:
    assert set(load_prices().professional) == set(REASONS)
    assert set(load_prices().professional) | {"qvbr"} == set(FEATURE_NAMES)


@pytest.mark.parametrize(
    ("case", "tier"),
    [
        ("hls_dash_mp4_5_1", "basic"),
        ("interlaced_sd", "professional because: deinterlacing"),
        ("hdr_portrait", "professional because: HDR conversion"),
        ("cmaf_with_drm", "professional because: DRM"),
        ("everything_of_a_job", "professional because: acceleration, multi-pass HQ, audio normalisation"),
    ],
)
def test_tiers_of_whole_jobs(case: str, tier: str) -> None:
    assert str(pricing_tier(request(*CASES[case]))) == tier


def test_a_minute_of_hd_avc_counts_twice() -> None:
    cost = _cost()
    # 10 min x 2 (HD) x 1 (24 frames/s) x 1 (single pass) x 1 (AVC) = 20; x 0.0075 USD = 0.15.
    assert cost.normalized_minutes == 20
    assert cost.amount == Decimal("0.1500")
    assert cost.assumptions == ()
    assert str(cost) == "0.1500 USD for 20.00 normalised minutes in us-east-1 (basic; prices of 2026-04-24)"


@pytest.mark.parametrize(
    ("width", "height", "rate", "options", "minutes", "amount"),
    [
        (640, 360, 30, FAST, 10, "0.0750"),
        (1920, 1080, 60, FAST, 40, "0.3000"),
        (3840, 2160, 25, FAST, 40, "0.3000"),
        # 10 x 2 x 1.75 in the Professional tier.
        (1280, 720, 25, EncodeOptions(quality_tuning="multi_pass_hq"), 35, "0.4200"),
        # 10 x (2 x 1 + 0.17) there.
        (1280, 720, 25, EncodeOptions(quality_tuning="single_pass", loudness=Loudness()), Decimal("21.7"), "0.2604"),
    ],
)
def test_size_rate_quality_and_add_ons_multiply(
    width: int, height: int, rate: int, options: EncodeOptions, minutes: Decimal, amount: str
) -> None:
    plan = written_plan(
        ladder=(("rung", width, height, 3_000_000),), rate=f"{rate}/1", sound=(2, "stereo"), thumbnails=None,
        packaging=Packaging(outputs=(Output.MP4,)),
    )  # fmt: skip
    plan = plan.model_copy(update={"renditions": (plan.renditions[0].model_copy(update={"audio": "audio"}),)})
    cost = _cost(request(plan, options))
    assert cost.normalized_minutes == minutes
    assert cost.amount == Decimal(amount)


def test_each_output_is_billed() -> None:
    cost = _cost(request(written_plan(ladder=LADDER[1:2], sound=(2, "stereo")), FAST))
    assert {item.name: item.normalized for item in cost.outputs} == {
        "CMAF_video_720p": 20, "CMAF_audio": 4, "CMAF_audio_96k": 4, "MP4_720p": 20, "Thumbnails": 10, "Poster": 20,
    }  # fmt: skip
    assert cost.assumptions == ("audio_only.basic", "frame_capture")


def test_seconds_are_rounded_up_and_ten_are_the_least() -> None:
    assert [_cost(duration=seconds).outputs[0].minutes * 60 for seconds in (0.5, 10, 44.2)] == [10, 10, 45]


def test_months_with_volume_are_cheaper() -> None:
    assert _cost(month_to_date=Decimal(100_000)).amount == Decimal("0.1060")
    assert _cost(month_to_date=Decimal(2_000_000)).amount == Decimal("0.0760")
    # Half of it in each bracket: 10 x 0.0075 + 10 x 0.0053.
    assert _cost(month_to_date=Decimal(99_990)).amount == Decimal("0.1280")


def test_numbers_that_nobody_published_are_named() -> None:
    made = _changed(lambda _, output: _before(output, NoiseReducer={}))
    assert _cost(made).assumptions == ("professional.noise_reduction",)
    assert "bracket 2" in _cost(made, month_to_date=Decimal(49_999)).assumptions
    assert "quality.single_pass_hq" in str(_cost(request(MP4)))


def test_outputs_that_follow_the_source_need_its_frame_rate() -> None:
    made = _changed(
        lambda _, output: output["VideoDescription"]["CodecSettings"]["H264Settings"].pop("FramerateNumerator")
    )
    with pytest.raises(ConfigurationError, match="follows the source's frame rate"):
        _cost(made)
    assert _cost(made, frame_rate=Fraction(50)).normalized_minutes == 40


def test_what_cannot_be_priced_is_refused() -> None:
    with pytest.raises(
        ConfigurationError, match="no prices for mars-north-1; it knows us-east-2, us-east-1, us-west-2"
    ):
        estimate(request(MP4), 60, region="mars-north-1")
    template = JOB.model_copy(update={"template": JobTemplate(name="House", outputs="template")})
    with pytest.raises(ConfigurationError, match="outputs come from a job template"):
        _cost(request(MP4, job=template))
    with pytest.raises(ConfigurationError, match="Output MP4_720p is the preset House"):
        _cost(request(MP4, EncodeOptions(presets={"720p": OutputPreset(name="House")})))
    with pytest.raises(ConfigurationError, match="says no width and height"):
        _cost(_changed(lambda _, output: output["VideoDescription"].pop("Width")))


@pytest.mark.parametrize(
    ("width", "height", "name"),
    [
        (854, 480, "sd"), (1024, 576, "sd"), (1280, 536, "hd"), (960, 720, "hd"), (720, 1280, "hd"),
        (1920, 1080, "hd"), (1080, 1920, "hd"), (2560, 1080, "4k"), (3840, 2160, "4k"), (7680, 4320, "8k"),
    ],
)  # fmt: skip
def test_classes_of_pictures(width: int, height: int, name: str) -> None:
    assert resolution_class(width, height) == name


def _check(budget: Budget, spent: str = "0") -> None:
    check_budget(_cost(), budget, tenant="acme", spent_today=Decimal(spent), job_id=42)


def test_budgets_let_through_what_is_within() -> None:
    _check(Budget())
    _check(Budget(per_job=Decimal("0.15"), per_tenant_day=Decimal("1.15")), spent="1")


def test_a_job_above_its_limit_is_refused_with_the_estimate() -> None:
    with pytest.raises(BudgetExceeded, match=r"Job 42 is estimated at 0\.1500 USD for 20\.00 normalised") as caught:
        _check(Budget(per_job=Decimal("0.1499")))
    assert (caught.value.limit, caught.value.code, caught.value.job_id) == ("job", "budget_job", 42)
    assert not caught.value.retryable


def test_a_tenants_day_is_counted() -> None:
    with pytest.raises(BudgetExceeded, match=r"tenant acme would be above its limit of 1\.15 USD a day") as caught:
        _check(Budget(per_tenant_day=Decimal("1.15")), spent="1.0001")
    assert caught.value.limit == "tenant_day"


def test_currencies_are_not_mixed() -> None:
    with pytest.raises(ConfigurationError, match="budget is in EUR, the prices are in USD"):
        _check(Budget(currency="EUR"))


def test_the_shipped_table_names_a_source_for_every_number() -> None:
    table = load_prices()
    multipliers = table.multipliers.model_dump()
    used = {item["source"] for item in _leaves(multipliers)} | set(table.professional.values())
    used |= {item.source for item in table.add_ons.values()}
    used |= {item.source for tiers in table.regions.values() for brackets in tiers.values() for item in brackets}
    assert used == set(table.sources)


def _leaves(value: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "source" in value:
        yield value
    else:
        for item in value.values():
            yield from _leaves(item)


@pytest.fixture
def own_prices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A profile folder of one's own, with a copy of the shipped prices."""
    shipped = Path(__file__).resolve().parents[6] / "include" / "profiles" / "prices" / "mediaconvert-2026-04-24.yaml"
    folder = tmp_path / "prices"
    folder.mkdir()
    (folder / shipped.name).write_text(shipped.read_text("utf-8"), "utf-8")
    monkeypatch.setenv("VODFLOW_PROFILES_DIR", str(tmp_path))
    get_settings.cache_clear()
    load_prices.cache_clear()
    yield folder
    get_settings.cache_clear()
    load_prices.cache_clear()


def test_the_newest_table_of_ones_own_folder_is_used(own_prices: Path) -> None:
    document = yaml.safe_load((own_prices / "mediaconvert-2026-04-24.yaml").read_text("utf-8"))
    newer = document | {"version": "2027-01-01"}
    (own_prices / "mediaconvert-2027-01-01.yaml").write_text(yaml.safe_dump(newer), "utf-8")
    assert load_prices().version == "2027-01-01"
    assert load_prices("2026-04-24").version == "2026-04-24"
    with pytest.raises(ConfigurationError, match=r"no MediaConvert price table 2025-01-01.*Known: 2026-04-24, 2027"):
        load_prices("2025-01-01")


def test_a_folder_of_profiles_without_prices_has_the_shipped_ones(own_prices: Path) -> None:
    for path in own_prices.iterdir():
        path.unlink()
    own_prices.rmdir()
    assert load_prices().version == "2026-04-24"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table["regions"]["us-east-1"]["basic"].pop(), "must end with one bracket without up_to"),
        (lambda table: table["regions"]["us-east-1"]["basic"].reverse(), "must end with one bracket without up_to"),
        (lambda table: table["regions"]["us-east-1"]["basic"][1].update(up_to=5), "must have rising up_to"),
        (lambda table: table["multipliers"]["codec"].update(h266={"value": "1", "source": "x"}), "h266"),
        (lambda table: table.pop("currency"), "currency"),
        (lambda table: table["add_ons"]["dolby_audio"].update(value="-1"), "greater than or equal to 0"),
    ],
)
def test_wrong_tables_are_named(own_prices: Path, change: Callable[[Any], object], message: str) -> None:
    path = own_prices / "mediaconvert-2026-04-24.yaml"
    document = yaml.safe_load(path.read_text("utf-8"))
    change(document)
    path.write_text(yaml.safe_dump(document), "utf-8")
    with pytest.raises(ConfigurationError, match=message) as caught:
        load_prices()
    assert str(path) in str(caught.value)


def test_tables_are_values() -> None:
    table = load_prices()
    assert PriceTable.model_validate(table.model_dump()) == table


def test_keys_from_a_provider_move_a_package_up() -> None:
    plan = written_plan(ladder=LADDER[2:], packaging=Packaging(outputs=(Output.HLS,)), thumbnails=None)
    assert pricing_tier(request(plan, EncodeOptions(encryption=SPEKE))).reasons == ("DRM",)
