"""Which mono tracks are the channels of one sound: pure.

Cameras, recorders and editing systems keep each channel in a track of its own. What belongs together is told by

* the tracks themselves: channel labels of QuickTime and MXF, or titles such as "Left" and "Right";
* where they say nothing, the practice of programme exchange (EBU R 48 and R 123, SMPTE ST 2035): tracks 1 and 2 are
  left and right of the complete mix, 3 and 4 those of a second sound, and so on. Six tracks without labels are three
  pairs as well; a profile may say that they are 5.1 in SMPTE's order (L, R, C, LFE, Ls, Rs).

Tracks that differ in codec, rate, language, role, title, beginning or length are sounds of their own. So is a mono
track of a codec that has stereo itself (AAC, AC-3, Opus) outside the files of cameras and editing: MPEG-TS and Matroska
keep languages and commentaries so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from vodflow.contract.media_info import AudioTrack
from vodflow.ffmpeg.downmix import LAYOUTS
from vodflow.planning.profiles import MonoTracks

#: Containers of cameras and editing systems, as ffprobe names them.
_EDITING: Final = {"mxf", "mov", "gxf", "avi"}
#: Positions that labelled tracks may have together, and their layout.
_LABELLED: Final = {("DL", "DR"): "stereo"} | {
    tuple(LAYOUTS[layout].split()): layout for layout in ("stereo", "5.0", "5.0(side)", "5.1", "5.1(side)", "7.1")
}
_POSITION: Final = re.compile(r"^1 channels \(([A-Z]+)\)$")
_SIDES: Final = {"left": "FL", "l": "FL", "lt": "FL", "right": "FR", "r": "FR", "rt": "FR"}
#: Words of a title that only number its track.
_NUMBERS: Final = re.compile(r"^(?:(?:a|ch|channel|track|audio|mono)?[\s_.-]*\d+|mono|audio|track|channel)$")
#: Seconds by which channels of one sound may begin or end apart: rounded time stamps, codec frames.
_APART: Final = 0.1


@dataclass(frozen=True)
class Sound:
    """One or several tracks that are heard together.

    :param tracks: of several, each is a channel, in the order of the layout
    """

    tracks: tuple[AudioTrack, ...]
    layout: str

    @property
    def first(self) -> AudioTrack:
        """The track that stands first in the container: language and place are its."""
        return min(self.tracks, key=lambda track: track.index)

    @property
    def default(self) -> bool:
        """Whether the container marks one of its tracks."""
        return any(track.default for track in self.tracks)

    @property
    def channels(self) -> int:
        """How many there are."""
        return len(self.tracks) if len(self.tracks) > 1 else self.tracks[0].channels


def sounds(tracks: Iterable[AudioTrack], container: str, mono_tracks: MonoTracks = "auto") -> list[Sound]:
    """The sounds of a source, in the order of the container.

    :param container: ffprobe's format name
    :param mono_tracks: ``auto`` as above; ``pairs`` and ``surround`` of every two and six mono tracks, whatever they
        look like; ``separate`` for each by itself
    """
    ordered = sorted(tracks, key=lambda track: track.index)
    mono = [track for track in ordered if track.channels == 1]
    groups: list[Sound] = []
    if mono_tracks == "pairs":
        groups = _in_order(mono, 2, "stereo")
    elif mono_tracks == "surround":
        groups = _in_order(mono, 6, "5.1(side)")
    elif mono_tracks == "auto":
        for _, like in groupby(ordered, key=_kind):
            groups += _together(_side_by_side([track for track in like if track.channels == 1]), container)
    grouped = {track.index for group in groups for track in group.tracks}
    alone = [Sound((track,), track.layout) for track in ordered if track.index not in grouped]
    return sorted([*groups, *alone], key=lambda sound: sound.first.index)


def _in_order(mono: Sequence[AudioTrack], count: int, layout: str) -> list[Sound]:
    return [Sound(tuple(mono[place : place + count]), layout) for place in range(0, len(mono) - count + 1, count)]


def _kind(track: AudioTrack) -> tuple[object, ...]:
    telling = " ".join(word for word in _words(track) if word not in _SIDES and not _NUMBERS.match(word))
    return track.channels, track.codec, track.sample_rate, track.language, track.role, telling


def _side_by_side(like: list[AudioTrack]) -> list[AudioTrack]:
    """Of tracks of one kind those that begin and end with the first."""
    return [
        track
        for track in like
        if abs(track.start - like[0].start) < _APART
        and abs((track.duration or 0.0) - (like[0].duration or 0.0)) < _APART
    ]


def _together(mono: list[AudioTrack], container: str) -> list[Sound]:
    found: list[Sound] = []
    waiting: dict[str, AudioTrack] = {}
    labels = any(_POSITION.match(track.layout) for track in mono)
    places = {
        track.index: _position(track) or ("FC" if labels else None) for track in mono
    }  # a mono label is the centre
    for track in mono:
        position = places[track.index]
        if position in waiting:  # the next sound begins
            found += _labelled(waiting)
            waiting = {}
        if position:
            waiting[position] = track
    found += _labelled(waiting)
    plain = [track for track in mono if not places[track.index]]
    if set(container.split(",")) & _EDITING or all(track.codec.startswith("pcm_") for track in plain):
        found += _in_order(plain, 2, "stereo")
    return found


def _labelled(tracks: dict[str, AudioTrack]) -> list[Sound]:
    for positions, layout in _LABELLED.items():
        if set(positions) == tracks.keys():
            return [Sound(tuple(tracks[position] for position in positions), layout)]
    # Left and right that stand among others are a pair nevertheless.
    return [Sound((tracks["FL"], tracks["FR"]), "stereo")] if {"FL", "FR"} <= tracks.keys() else []


def _position(track: AudioTrack) -> str | None:
    if match := _POSITION.match(track.layout):
        return match[1]
    return next((_SIDES[word] for word in _words(track) if word in _SIDES), None)


def _words(track: AudioTrack) -> list[str]:
    return re.split(r"[\s_.,:/()-]+", (track.title or "").lower())
