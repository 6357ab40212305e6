"""Which audio renditions a source gets."""

from __future__ import annotations

import pytest
from support.planning_values import sound
from vodflow.contract.media_info import AudioTrack
from vodflow.planning.mono_tracks import sounds
from vodflow.planning.profiles import AudioSettings
from vodflow.planning.sound import audio_renditions, choose_sounds, rung_audio

SETTINGS = AudioSettings()


def made(tracks: tuple[AudioTrack, ...], heights: tuple[int, ...]) -> list[tuple[str, int, int]]:
    return [(item.name, item.source_index, item.bitrate) for item in audio_renditions(tracks, SETTINGS, heights)]


def test_high_and_low_rungs_have_their_own_rate() -> None:
    tracks = (sound(),)
    assert made(tracks, (1080, 480)) == [("audio", 1, 128_000), ("audio_96k", 1, 96_000)]
    renditions = audio_renditions(tracks, SETTINGS, (1080, 720, 480, 360))
    assert [rung_audio(renditions, SETTINGS, height) for height in (1080, 720, 480, 360)] == [
        "audio", "audio", "audio_96k", "audio_96k",
    ]  # fmt: skip


def test_one_rate_is_always_called_audio() -> None:
    assert made((sound(),), (360,)) == [("audio", 1, 96_000)]
    assert made((sound(),), (720,)) == [("audio", 1, 128_000)]


def test_no_sound_no_renditions() -> None:
    assert made((), (1080, 360)) == []
    assert rung_audio((), SETTINGS, 1080) is None


def test_every_language_at_every_rate_the_main_one_first() -> None:
    tracks = (sound(1, language="eng"), sound(2, language="fra", default=True), sound(3, language="deu"))
    assert made(tracks, (720, 360)) == [
        ("audio", 2, 128_000),
        ("audio_96k", 2, 96_000),
        ("audio_eng", 1, 128_000),
        ("audio_eng_96k", 1, 96_000),
        ("audio_deu", 3, 128_000),
        ("audio_deu_96k", 3, 96_000),
    ]


@pytest.mark.parametrize(
    ("languages", "chosen"),
    [
        (["eng", "eng", "fra"], [1, 3]),  # commentary in the main language
        ([None, None], [1]),
        ([None, "fra", None], [1, 2]),
        (["eng", "fra", "fra"], [1, 2]),
    ],
)
def test_one_track_a_language(languages: list[str | None], chosen: list[int]) -> None:
    tracks = tuple(sound(index, language=language) for index, language in enumerate(languages, start=1))
    assert [found.first.index for found in choose_sounds(sounds(tracks, "mp4"), 8)] == chosen


def test_at_most_so_many_languages() -> None:
    tracks = tuple(sound(index, language=f"l{chr(96 + index)}") for index in range(1, 13))
    assert [found.first.index for found in choose_sounds(sounds(tracks, "mp4"), 3)] == [1, 2, 3]


def test_surround_is_downmixed_from_what_it_was() -> None:
    rendition = audio_renditions((sound(1, channels=6, layout="5.1(side)"),), SETTINGS, (720,))[0]
    assert (rendition.channels, rendition.sample_rate) == (2, 48_000)
    assert (rendition.source_channels, rendition.source_layout) == (6, "5.1(side)")
