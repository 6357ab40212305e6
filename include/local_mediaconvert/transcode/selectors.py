"""Which audio tracks of an input an output gets. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from vodflow.contract.media_info import AudioTrack
from vodflow.engines.mediaconvert.request.languages import listed_code

from local_mediaconvert.transcode.contract import Document, ErrorCode, JobFailed
from local_mediaconvert.transcode.sources import Source

#: What an output without ``AudioSourceName`` gets.
FIRST_SELECTOR: Final = "Audio Selector 1"


@dataclass(frozen=True)
class Selection:
    """The tracks of one selector in one input, to be heard as one; none means silence.

    :param settings: the ``AudioSelector``
    :param external: URI of the file that holds the tracks, where it is not the input's
    """

    tracks: tuple[AudioTrack, ...]
    settings: Document
    external: str = ""


def selector_names(inputs: Sequence[Document], wanted: str | None) -> tuple[str, ...]:
    """The selectors behind an output's ``AudioSourceName``: one, or those of a group, a track of the output each."""
    name = wanted or FIRST_SELECTOR
    for settings in inputs:
        group = settings.get("AudioSelectorGroups", {}).get(name)
        if group:
            return tuple(group.get("AudioSelectorNames", ()))
    return (name,)


def check_selector(inputs: Sequence[Document], name: str, number: int) -> None:
    """Refuse a name that no input has, where no default stands in either.

    :param number: of the audio description in the job, from 1
    :raises JobFailed: as the service does
    """
    for settings in inputs:
        selectors = settings.get("AudioSelectors", {})
        if name in selectors or any(_is_default(item) for item in selectors.values()):
            return
    raise JobFailed(
        ErrorCode.JOB_SETTINGS, f"Invalid selector_sequence_id [0] specified for audio_description [{number}]."
    )


def external_uris(inputs: Sequence[Document]) -> list[str]:
    """Every file besides the inputs that holds sound, once."""
    selectors = [item for settings in inputs for item in settings.get("AudioSelectors", {}).values()]
    return list(dict.fromkeys(uri for item in selectors if (uri := item.get("ExternalAudioFileInput"))))


def select(source: Source, settings: Document, name: str, externals: Mapping[str, Source]) -> Selection:
    """What one input gives for a selector's name: that selector, the default one, or silence.

    :param settings: the ``Input``
    :param externals: files besides the inputs, by URI
    :raises JobFailed: when the selector asks for a track that the input does not have
    """
    selectors: dict[str, Any] = settings.get("AudioSelectors", {})
    chosen = selectors.get(name)
    default = next((item for item in selectors.values() if _is_default(item)), None)
    for candidate in (chosen, default):
        if candidate is not None:
            place = list(selectors.values()).index(candidate) + 1
            external = str(candidate.get("ExternalAudioFileInput") or "")
            tracks = _tracks(externals[external] if external else source, candidate, place)
            if tracks or candidate is default:
                return Selection(tracks, candidate, external)
    return Selection((), {})


def _is_default(selector: Document) -> bool:
    return selector.get("DefaultSelection") == "DEFAULT"


def _tracks(source: Source, selector: Document, place: int) -> tuple[AudioTrack, ...]:
    kind = selector.get("SelectorType") or _implied_kind(selector)
    if kind == "PID":
        by_pid = {source.pids.get(track.index): track for track in source.audio}
        return tuple(_found(by_pid, pid, place, "PID") for pid in selector.get("Pids", ()))
    if kind == "STREAM":
        by_stream = {track.index + 1: track for track in source.audio}
        return tuple(_found(by_stream, number, place, "stream") for number in selector.get("Streams", ()))
    if kind == "ALL_PCM":
        return tuple(track for track in source.audio if track.codec.startswith("pcm_"))
    if kind == "LANGUAGE_CODE":
        wanted = listed_code(str(selector.get("LanguageCode") or selector.get("CustomLanguageCode") or ""))
        spoken = [track for track in source.audio if track.language and listed_code(track.language) == wanted]
        return tuple(spoken[:1])
    numbers = selector.get("Tracks", ())
    if not numbers:
        return source.audio[:1]
    # Tracks in unknown formats count, too.
    streams = source.document.get("streams", ())
    places = [item["index"] for item in streams if item.get("codec_type") == "audio"] or [
        it.index for it in source.audio
    ]
    by_number = {places.index(track.index) + 1: track for track in source.audio}
    return tuple(_found(by_number, number, place, "track") for number in numbers)


def _implied_kind(selector: Document) -> str:
    """The kind of a selector that names none."""
    for member, kind in (("Pids", "PID"), ("Streams", "STREAM"), ("LanguageCode", "LANGUAGE_CODE")):
        if selector.get(member) and not selector.get("Tracks"):
            return kind
    return "TRACK"


def _found(known: dict[Any, AudioTrack], wanted: int, place: int, what: str) -> AudioTrack:
    if wanted not in known:
        raise JobFailed(
            ErrorCode.JOB_SETTINGS,
            f"Invalid audio track specified for audio_selector [{place}]. Audio {what} [{wanted}] not found in input "
            "container.",
        )
    return known[wanted]
