"""Profiles: the shipped ones, and what is refused with which words."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from vodflow.errors import ProfileError
from vodflow.planning.profiles import Profile, load_profile, parse_profile, profile_names, profiles_dir
from vodflow.settings import get_settings

BAD = Path(__file__).parent / "profiles_bad"


def ladder_of(name: str) -> list[tuple[str, int, int]]:
    return [(rung.name, rung.height, rung.bitrate) for rung in load_profile(name).rungs]


def test_shipped_profiles() -> None:
    assert profile_names() == ("hd", "protected", "sd", "standard", "streaming", "uhd")
    for name in profile_names():
        assert load_profile(name).name == name


def test_promised_ladders() -> None:
    assert ladder_of("standard") == [
        ("1080p", 1080, 5_000_000),
        ("720p", 720, 3_000_000),
        ("480p", 480, 1_500_000),
        ("360p", 360, 800_000),
    ]
    assert ladder_of("streaming") == [
        ("1080p", 1080, 5_000_000),
        ("720p", 720, 2_800_000),
        ("480p", 480, 1_400_000),
        ("360p", 360, 800_000),
    ]
    assert ladder_of("uhd")[0][:2] == ("2160p", 2160)
    assert ladder_of("hd")[0][:2] == ("1080p", 1080)
    assert ladder_of("sd")[0][:2] == ("480p", 480)


def test_defaults() -> None:
    profile = load_profile("standard")
    assert (profile.gop_duration, profile.segment_duration, profile.preset) == (2.0, 6.0, "medium")
    assert (profile.audio.bitrate, profile.audio.low_bitrate, profile.audio.low_height) == (128_000, 96_000, 480)
    assert [output.value for output in profile.outputs] == ["hls", "dash", "mp4"]


@pytest.mark.parametrize("path", sorted(BAD.glob("*.yaml")), ids=lambda path: path.stem)
def test_bad_profiles_are_refused_with_file_field_and_rule(path: Path) -> None:
    expected = path.with_suffix(".expected").read_text(encoding="utf-8").strip()
    with pytest.raises(ProfileError) as caught:
        load_profile(path.stem, BAD)
    assert str(caught.value).removeprefix(f"{BAD}/").startswith(expected)


def test_every_bad_profile_has_its_message() -> None:
    assert {path.stem for path in BAD.glob("*.yaml")} == {path.stem for path in BAD.glob("*.expected")}
    assert len(list(BAD.glob("*.yaml"))) >= 20


def test_all_problems_are_named() -> None:
    with pytest.raises(ProfileError, match=r"rungs\.0\.name: .*; preset: "):
        load_profile("two_problems", BAD)


def test_the_repeated_key_is_named() -> None:
    with pytest.raises(ProfileError, match="key 'preset' is there twice"):
        load_profile("repeated_key", BAD)


@pytest.mark.parametrize("name", ["nope", "../standard", "", "Standard", "standard.yaml", "/etc/passwd"])
def test_unknown_names_list_the_known_ones(name: str) -> None:
    with pytest.raises(ProfileError, match="Known profiles: hd, protected, sd, standard, streaming, uhd"):
        load_profile(name)


def test_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(profiles_dir() / "sd.yaml", tmp_path / "mine.yaml")
    monkeypatch.setenv("VODFLOW_PROFILES_DIR", str(tmp_path))
    get_settings.cache_clear()
    try:
        assert profile_names() == ("mine",)
        assert load_profile("mine").rungs[0].name == "480p"
    finally:
        monkeypatch.undo()
        get_settings.cache_clear()


def test_a_missing_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VODFLOW_PROFILES_DIR", str(tmp_path / "absent"))
    get_settings.cache_clear()
    try:
        with pytest.raises(ProfileError, match="VODFLOW_PROFILES_DIR"):
            load_profile("standard")
    finally:
        monkeypatch.undo()
        get_settings.cache_clear()


@pytest.mark.parametrize(
    ("text", "bits"),
    [("5M", 5_000_000), ("1.5M", 1_500_000), ("800k", 800_000), ("64.5k", 64_500), ("900_000", 900_000)],
)
def test_rates(text: str, bits: int) -> None:
    source = f"description: d\nrungs: [{{name: a, height: 360, bitrate: {text}}}]\n"
    assert parse_profile(source, Path("a.yaml")).rungs[0].bitrate == bits


def test_profiles_do_not_change() -> None:
    profile = load_profile("sd")
    with pytest.raises(ValueError, match="frozen"):
        profile.preset = "slow"  # type: ignore[misc]
    assert isinstance(profile, Profile)
