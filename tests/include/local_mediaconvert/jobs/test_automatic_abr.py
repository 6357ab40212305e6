from __future__ import annotations

from typing import Any

import pytest
from local_mediaconvert.jobs.automatic_abr import is_automated, ladder, with_ladders
from support.mediaconvert_examples import EXAMPLES
from vodflow.engines.mediaconvert.request.constraints import cross_field_problems
from vodflow.engines.mediaconvert.request.validation import model_problems


def sizes(abr: dict[str, Any], width: int = 1920, height: int = 1080) -> list[tuple[int, int]]:
    return [rung.size for rung in ladder(abr, width, height)]


def rule(kind: str, member: str, value: Any) -> dict[str, Any]:
    return {"Rules": [{"Type": kind, member: value}]}


def size(width: int, height: int, **more: str) -> dict[str, Any]:
    return {"Width": width, "Height": height, **more}


def test_a_ladder_goes_down_from_the_source_and_never_above_it() -> None:
    rungs = ladder({}, 1920, 1080)
    assert [rung.size for rung in rungs] == [(1920, 1080), (1280, 720), (960, 540), (768, 432), (640, 360), (480, 270)]
    rates = [rung.bitrate for rung in rungs]
    assert rates[0] == 8_000_000
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] >= 600_000


@pytest.mark.parametrize(
    ("width", "height", "top"),
    [
        (1080, 1920, (1080, 1920)),
        (854, 480, (854, 480)),
        (100, 50, (100, 50)),
        (853, 481, (852, 480)),
        (8, 8, (32, 32)),
    ],
)
def test_any_shape_has_even_sizes_from_its_own(width: int, height: int, top: tuple[int, int]) -> None:
    found = sizes({}, width, height)
    assert found[0] == top
    assert all(side % 2 == 0 for pair in found for side in pair)
    assert len(set(found)) == len(found)


def test_limits_of_rates_and_numbers_hold() -> None:
    rungs = ladder({"MaxAbrBitrate": 3_000_000, "MinAbrBitrate": 1_500_000}, 1920, 1080)
    assert rungs[0].bitrate == 3_000_000
    assert rungs[-1].bitrate == 1_500_000
    assert [rung.bitrate for rung in rungs].count(1_500_000) == 1
    three = sizes({"MaxRenditions": 3})
    assert len(three) == 3
    assert (three[0], three[-1]) == ((1920, 1080), (480, 270))


def test_rules_force_forbid_and_allow_sizes() -> None:
    assert sizes(rule("MIN_TOP_RENDITION_SIZE", "MinTopRenditionSize", size(1920, 1080)), 1280, 720)[0] == (1920, 1080)
    assert sizes(rule("MIN_BOTTOM_RENDITION_SIZE", "MinBottomRenditionSize", size(640, 360)))[-1] == (640, 360)
    forced = rule("FORCE_INCLUDE_RENDITIONS", "ForceIncludeRenditions", [size(700, 394)]) | {"MaxRenditions": 3}
    assert (700, 394) in sizes(forced)
    choices = [size(1280, 720), size(640, 360), size(2560, 1440), size(3840, 2160, Required="ENABLED")]
    allowed = rule("ALLOWED_RENDITIONS", "AllowedRenditions", choices)
    assert sizes(allowed) == [(3840, 2160), (1280, 720), (640, 360)]
    assert sizes(rule("ALLOWED_RENDITIONS", "AllowedRenditions", [size(1280, 720)]), 640, 360) == [(640, 360)]


@pytest.mark.parametrize(
    ("name", "height"),
    [("guide_automated_abr", 720), ("automated_cmaf_without_names", 404)],  # whose width is at most 720
)
def test_the_settings_that_come_out_are_valid_ones(name: str, height: int) -> None:
    settings = EXAMPLES[name]
    assert is_automated(settings)
    made = with_ladders(settings, 1280, 720)
    assert not is_automated(made)
    request = {"Role": "arn", "Settings": made}
    assert model_problems(request, "CreateJobRequest") == []
    assert list(cross_field_problems(request)) == []
    pictures = [item for item in made["OutputGroups"][0]["Outputs"] if "VideoDescription" in item]
    assert len(pictures) > 2
    assert pictures[0]["VideoDescription"]["Height"] == height
    assert settings == EXAMPLES[name]


def test_an_output_may_bound_the_top_and_the_quality() -> None:
    group = {
        "AutomatedEncodingSettings": {"AbrSettings": {"MaxQualityLevel": 7.5}},
        "Outputs": [
            {"VideoDescription": {"Width": 640, "CodecSettings": {"Codec": "H_265", "H265Settings": {"Bitrate": 5}}}},
            {"AudioDescriptions": [{}]},
        ],
    }
    outputs = with_ladders({"OutputGroups": [group]}, 1920, 1080)["OutputGroups"][0]["Outputs"]
    assert outputs[0]["VideoDescription"]["Width"] == 640
    coding = outputs[0]["VideoDescription"]["CodecSettings"]["H265Settings"]
    assert coding["QvbrSettings"] == {"QvbrQualityLevel": 7}
    assert "Bitrate" not in coding
    assert outputs[-1]["NameModifier"] == "_audio1"
    assert not is_automated({"OutputGroups": [{"Outputs": []}]})
