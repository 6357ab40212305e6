"""Which audio renditions a source gets, and which rung each goes with."""

from __future__ import annotations

from collections.abc import Iterable

from vodflow.contract.media_info import AudioTrack
from vodflow.contract.plan import AudioRendition
from vodflow.contract.slug import slugify
from vodflow.planning.profiles import AudioSettings

MAIN = "audio"


def choose_tracks(tracks: Iterable[AudioTrack], limit: int) -> tuple[AudioTrack, ...]:
    """The main track first, then the first of each other language in the order of the container.

    The main one is the first marked as default, or else the first. Further tracks of one language (commentary,
    other channel layouts) and further tracks without a language are left out.

    :param limit: most tracks
    """
    ordered = sorted(tracks, key=lambda track: not track.default)[:1]
    if not ordered:
        return ()
    languages = {ordered[0].language}
    for track in sorted(tracks, key=lambda track: track.index):
        if track.language is not None and track.language not in languages:
            languages.add(track.language)
            ordered.append(track)
    return tuple(ordered[:limit])


def audio_renditions(
    tracks: tuple[AudioTrack, ...], settings: AudioSettings, heights: Iterable[int]
) -> tuple[AudioRendition, ...]:
    """Every chosen track at every bit rate that the rungs ask for; the main track at the main rate comes first.

    Names: ``audio``, ``audio_96k``, ``audio_fra``, ``audio_fra_96k``. A ladder of low rungs only has one rate.

    :param heights: nominal heights of the rungs
    """
    rates = sorted({_rate(settings, height) for height in heights}, reverse=True)
    renditions: list[AudioRendition] = []
    for track in choose_tracks(tracks, settings.max_languages):
        stem = MAIN if not renditions else f"{MAIN}_{slugify(track.language or '') or track.index}"
        renditions.extend(
            AudioRendition(
                name=stem if rate == rates[0] else f"{stem}_{rate // 1000}k",
                source_index=track.index,
                source_channels=track.channels,
                source_layout=track.layout,
                bitrate=rate,
                language=track.language,
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
