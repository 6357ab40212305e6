"""Access and encryption in plans and profiles: what goes together, and what changes a plan's hash."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from support.engine_plans import LADDER, written_plan
from support.planning_values import SOURCE, media
from vodflow.contract.content_keys import key_id, label_of, labels, periods
from vodflow.contract.plan import Output, Packaging, TranscodePlan
from vodflow.contract.protection import Access, Encryption
from vodflow.errors import PlanError, ProfileError
from vodflow.planning.planner import make_plan
from vodflow.planning.profiles import load_profile, parse_profile

PROFILE = "description: d\nrungs: [{name: 360p, height: 360, bitrate: 800k}]\n"


def test_a_plan_that_is_public_and_in_the_clear_is_as_it_was_before() -> None:
    plan = written_plan()
    assert plan.hash == "96b83c65f53ccf57"
    assert "access" not in plan.to_json()
    assert "encryption" not in plan.to_json()


def test_access_and_encryption_make_another_plan() -> None:
    packaging = Packaging(outputs=(Output.HLS, Output.DASH))
    clear = written_plan(packaging=packaging)
    token = clear.model_copy(update={"access": Access.TOKEN})
    used = Encryption(scheme="cbcs", systems=["clearkey"])
    encrypted = token.model_copy(update={"packaging": packaging.model_copy(update={"encryption": used})})
    assert len({clear.hash, token.hash, encrypted.hash}) == 3
    assert TranscodePlan.from_json(encrypted.to_json()) == encrypted


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"scheme": "cbcs"}, "cbcs needs systems: at least one of widevine, playready, fairplay, clearkey"),
        ({"scheme": "cenc", "systems": ["fairplay"]}, "FairPlay takes the scheme cbcs only"),
        ({"scheme": "cenc", "systems": ["clearkey", "clearkey"]}, "systems must not repeat"),
        ({"scheme": "aes-128", "systems": ["clearkey"]}, "aes-128 has no DRM systems: leave systems out"),
        ({"scheme": "aes-128", "keys": "kinds"}, "aes-128 has one key for everything and no clear lead"),
        ({"scheme": "aes-128", "clear_lead": 4}, "aes-128 has one key for everything and no clear lead"),
        (
            {"scheme": "cbcs", "systems": ["clearkey", "widevine"], "rotation": 60},
            "rotation of keys works with aes-128, and with clearkey as the only system",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(values: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(problem)):
        Encryption(**values)


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ("outputs: [hls, dash]\nencryption: {scheme: cenc, systems: [clearkey]}", "goes with access: token"),
        ("access: token\nencryption: {scheme: cenc, systems: [clearkey]}", "leave mp4 out of outputs"),
        ("access: token\noutputs: [hls, dash]\nencryption: {scheme: aes-128}", "DASH has no aes-128"),
        (
            "access: token\noutputs: [hls]\nhls_segments: ts\nencryption: {scheme: cbcs, systems: [clearkey]}",
            "cbcs needs hls_segments: fmp4; MPEG-TS has aes-128 only",
        ),
        (
            "access: token\noutputs: [hls]\nencryption: {scheme: aes-128, rotation: 4}",
            "rotation must not be shorter than segment_duration",
        ),
        (
            "access: token\noutputs: [hls]\nencryption: {scheme: cbcs, systems: [clearkey], rotation: 60}",
            "no player follows rotated keys of cbcs in HLS",
        ),
        ("access: everybody", "access: Input should be 'public' or 'token'"),
    ],
)
def test_profiles_say_what_is_wrong(lines: str, problem: str) -> None:
    with pytest.raises(ProfileError, match=re.escape(problem)):
        parse_profile(f"{PROFILE}{lines}\n", Path("film.yaml"))


def test_the_shipped_profile_and_what_a_run_may_not_ask_of_it() -> None:
    profile = load_profile("protected")
    plan = make_plan(SOURCE, media(), profile, tenant="t", video="v")
    assert plan.access == Access.TOKEN
    assert plan.packaging.encryption == Encryption(scheme="cbcs", systems=["clearkey"])
    with pytest.raises(PlanError, match="Profile protected: an encrypted video has no MP4s"):
        make_plan(SOURCE, media(), profile, tenant="t", video="v", outputs=[Output.MP4])


@pytest.mark.parametrize("rate", ["30000/1001", "25/1", "12/1", "3/1"])
def test_a_key_may_hold_for_as_long_as_a_segment_at_every_frame_rate(rate: str) -> None:
    """Segments of 6 s have 6.006 s at 29.97 frames/s."""
    lines = "access: token\noutputs: [hls]\nencryption: {scheme: aes-128, rotation: 6}\n"
    plan = make_plan(
        SOURCE, media(640, 360, rate), parse_profile(f"{PROFILE}{lines}", Path("film.yaml")), tenant="t", video="v"
    )
    assert TranscodePlan.from_json(plan.to_json()) == plan
    assert periods(plan) == 11


@pytest.mark.parametrize(("seconds", "keys"), [(2988.0, 998), (3000.0, 1002), (36_000.0, 12_002)])
def test_a_video_has_no_more_keys_than_a_licence(seconds: float, keys: int) -> None:
    lines = (
        "access: token\noutputs: [dash]\nencryption: {scheme: cenc, systems: [clearkey], rotation: 6, keys: kinds}\n"
    )
    profile = parse_profile(f"{PROFILE}{lines}", Path("film.yaml"))

    def plan() -> TranscodePlan:
        return make_plan(SOURCE, media(640, 360, duration=seconds), profile, tenant="t", video="v")

    if keys <= 1000:
        assert len(labels(plan())) * periods(plan()) == keys
    else:
        with pytest.raises(PlanError, match=f"a rotation of 6 s makes {keys} keys of a video of {seconds:.0f} s"):
            plan()


def test_a_tenant_may_have_token_as_its_default_and_the_profile_decides() -> None:
    usual = load_profile("standard")
    asked = {"tenant": "t", "video": "v", "access": Access.TOKEN}
    assert make_plan(SOURCE, media(), usual, **asked).access == Access.TOKEN
    public = usual.model_copy(update={"access": Access.PUBLIC})
    assert make_plan(SOURCE, media(), public, **asked).access == Access.PUBLIC


def test_labels_and_periods_follow_from_the_plan() -> None:
    packaging = Packaging(outputs=(Output.HLS, Output.DASH))
    plan = written_plan(packaging=packaging, ladder=LADDER, duration=10.0)
    used = Encryption(scheme="cbcs", systems=["clearkey"], keys="kinds", rotation=6)
    plan = plan.model_copy(update={"packaging": packaging.model_copy(update={"encryption": used})})
    assert labels(plan) == ("hd", "sd", "audio")
    assert periods(plan) == 3
    assert label_of(used, plan.audio[0]) == "audio"
    assert [used.label(lines) for lines in (None, 576, 577, 1080, 2160)] == ["audio", "sd", "hd", "hd", "uhd"]


def test_key_ids_follow_from_what_they_are_for() -> None:
    assert key_id("vod/t/v/1", "sd", 0) == key_id("vod/t/v/1", "sd", 0)
    others = {key_id("vod/t/v/1", "sd", 0), key_id("vod/t/v/2", "sd", 0), key_id("vod/t/v/1", "hd", 0)}
    assert len(others | {key_id("vod/t/v/1", "sd", 1)}) == 4
