"""Which audio renditions a source gets, and which rung each goes with."""

from __future__ import annotations

from collections.abc import Iterable

from vodflow.contract.media_info import AudioTrack
from vodflow.contract.plan import AudioRendition
from vodflow.contract.slug import slugify
from vodflow.planning.mono_tracks import Sound, sounds
from vodflow.planning.profiles import AudioSettings

MAIN = "audio"


def choose_sounds(found: list[Sound], limit: int) -> tuple[Sound, ...]:
    """The main sound first, then the first of each other language in the order of the container.

    The main one is the first marked as default, or else the first. Further sounds of one language (commentary, other
    channel layouts) and further ones without a language are left out.

    :param limit: most sounds
    """
    ordered = sorted(found, key=lambda sound: not sound.default)[:1]
    languages = {sound.first.language for sound in ordered}
    for sound in found:
        if sound.first.language is not None and sound.first.language not in languages:
            languages.add(sound.first.language)
            ordered.append(sound)
    return tuple(ordered[:limit])


def audio_renditions(
    tracks: tuple[AudioTrack, ...], settings: AudioSettings, heights: Iterable[int], container: str = ""
) -> tuple[AudioRendition, ...]:
    """Every chosen sound at every bit rate that the rungs ask for; the main one at the main rate comes first.

    Names: ``audio``, ``audio_96k``, ``audio_fra``, ``audio_fra_96k``. A ladder of low rungs only has one rate.

    :param heights: nominal heights of the rungs
    :param container: ffprobe's format name
    """
    rates = sorted({_rate(settings, height) for height in heights}, reverse=True)
    renditions: list[AudioRendition] = []
    for sound in choose_sounds(sounds(tracks, container, settings.mono_tracks), settings.max_languages):
        track = sound.first
        stem = MAIN if not renditions else f"{MAIN}_{slugify(track.language or '') or track.index}"
        renditions.extend(
            AudioRendition(
                name=stem if rate == rates[0] else f"{stem}_{rate // 1000}k",
                source_index=track.index,
                source_channels=sound.channels,
                source_layout=sound.layout,
                bitrate=rate,
                language=track.language,
                mono_sources=tuple(item.index for item in sound.tracks) if len(sound.tracks) > 1 else (),
            )
            for rate in rates
        )
    return tuple(renditions)


def rung_audio(renditions: tuple[AudioRendition, ...], settings: AudioSettings, height: int) -> str | None:
    """The name of the main track's rendition that goes with a rung of this nominal height; none without audio."""
    if not renditions:
        return None
    wanted, main = _rate(settings, height), renditions[0].source_index
    return next(item.name for item in renditions if item.source_index == main and item.bitrate == wanted)


def _rate(settings: AudioSettings, height: int) -> int:
    return settings.low_bitrate if height <= settings.low_height else settings.bitrate
