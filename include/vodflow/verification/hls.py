"""The rules of HLS playlists (RFC 8216 and Apple's HLS authoring specification for VOD)."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import m3u8

from vodflow.contract import layout
from vodflow.contract.plan import TranscodePlan, VideoRendition
from vodflow.verification.bitrate import RATE_TOLERANCE, average_bitrate, highest_bitrate, peak_bitrate
from vodflow.verification.outputs import Outputs
from vodflow.verification.rules import Rule
from vodflow.verification.tracks import Segment, Track

#: Seconds. Playlists round to milliseconds, and 90 kHz clocks round 29.97 frames a second.
TIME_TOLERANCE = 0.005
#: Frames a second: FRAME-RATE has three decimals.
FRAME_RATE_TOLERANCE = 0.005
#: EXT-X-MAP outside I-frame playlists needs version 6 (RFC 8216, 7).
MAP_VERSION = 6


@dataclass(frozen=True)
class _Playlist:
    """A parsed media playlist and its name."""

    name: str
    model: Any

    def resolve(self, uri: str) -> str:
        return resolve(self.name, uri)


def resolve(base: str, uri: str) -> str:
    """The name of the object that a relative ``uri`` in the object ``base`` means."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(base), uri))


def check_hls(outputs: Outputs, plan: TranscodePlan, tracks: dict[str, Track]) -> None:
    """Check the master playlist and everything it names against what was measured.

    :param tracks: measured tracks by track name
    :raises VerificationError: at the first broken rule
    """
    targets = {name: _check_media_playlist(outputs, track) for name, track in tracks.items()}
    for rendition in layout.trick_play(plan):
        _check_iframe_playlist(outputs, rendition, tracks[layout.track_name(rendition)])
    _Master(outputs, plan, tracks, targets).check()


def _load(outputs: Outputs, name: str, required: Iterable[str]) -> _Playlist:
    text = outputs.read(name).decode("utf-8", errors="replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    outputs.require(lines[:1] == ["#EXTM3U"], name, Rule.HLS_SYNTAX, "its first line is not #EXTM3U")
    for tag in required:
        found = any(line == tag or line.startswith((tag + ":", tag + ",")) for line in lines)
        outputs.require(found, name, Rule.HLS_SYNTAX, f"it has no {tag}")
    uris = [line for line in lines if not line.startswith("#")]
    for uri in uris:
        outputs.require("://" not in uri and not uri.startswith("/"), name, Rule.HLS_SYNTAX, f"{uri} is not relative")
    with outputs.parsing(name, Rule.HLS_SYNTAX):
        try:
            return _Playlist(name, m3u8.loads(text))
        except Exception as error:  # the library raises whatever its parsers meet
            raise ValueError(f"it does not parse: {error!r}") from error


def _check_media_playlist(outputs: Outputs, track: Track) -> float:
    """Returns the target duration in seconds."""
    name = layout.hls_playlist(track.rendition)
    required = ("#EXT-X-TARGETDURATION", "#EXT-X-ENDLIST", "#EXT-X-PLAYLIST-TYPE:VOD", "#EXTINF")
    playlist = _load(outputs, name, required)
    _check_map(outputs, playlist, track)
    listed: list[str] = [playlist.resolve(item.uri) for item in playlist.model.segments]
    existing = [segment.name for segment in track.segments]
    for item in listed:
        outputs.require(item in outputs.sizes, item, Rule.HLS_SEGMENTS, f"{name} lists it, but it does not exist")
    if listed != existing:
        missing = sorted(set(existing) - set(listed))
        detail = f"it does not list {missing[0]}" if missing else "it lists segments out of order or of another track"
        outputs.fail(name, Rule.HLS_SEGMENTS, detail)
    target = float(playlist.model.target_duration)
    tolerance = TIME_TOLERANCE + track.frame_duration
    for entry, segment in zip(playlist.model.segments, track.segments, strict=True):
        _check_extinf(outputs, name, entry.duration, segment, target, tolerance)
    return target


def _check_extinf(
    outputs: Outputs, name: str, declared: float, segment: Segment, target: float, tolerance: float
) -> None:
    outputs.require(
        abs(declared - segment.duration) <= tolerance,
        name,
        Rule.HLS_SEGMENT_DURATION,
        f"EXTINF of {segment.name} is {declared:.3f} s, but the segment lasts {segment.duration:.3f} s",
    )
    outputs.require(
        round(declared) <= target,
        name,
        Rule.HLS_SEGMENT_DURATION,
        f"EXTINF of {segment.name} ({declared:.3f} s) exceeds EXT-X-TARGETDURATION {target:.0f}",
    )


def _check_map(outputs: Outputs, playlist: _Playlist, track: Track) -> None:
    named = {playlist.resolve(item.uri) for item in playlist.model.segment_map}
    wanted = {track.init} if track.init else set()
    outputs.require(
        named == wanted,
        playlist.name,
        Rule.HLS_SYNTAX,
        f"EXT-X-MAP names {sorted(named) or 'nothing'} instead of {sorted(wanted) or 'nothing'}",
    )
    version = int(playlist.model.version or 1)
    needed = MAP_VERSION if track.init else 3  # decimal EXTINF needs version 3
    outputs.require(
        version >= needed, playlist.name, Rule.HLS_SYNTAX, f"EXT-X-VERSION is {version}, but its tags need {needed}"
    )


def _check_iframe_playlist(outputs: Outputs, rendition: VideoRendition, track: Track) -> None:
    name = layout.hls_iframe_playlist(rendition)
    required = ("#EXT-X-TARGETDURATION", "#EXT-X-ENDLIST", "#EXT-X-I-FRAMES-ONLY", "#EXT-X-BYTERANGE")
    playlist = _load(outputs, name, required)
    _check_map(outputs, playlist, track)
    segments = {segment.name: segment for segment in track.segments}
    position = 0
    for item in playlist.model.segments:
        target = playlist.resolve(item.uri)
        outputs.require(target in segments, name, Rule.HLS_IFRAMES, f"{target} is not a segment of {track.name}")
        length, _, start = str(item.byterange).partition("@")
        position = int(start) if start else position
        end = position + int(length)
        _check_iframe_range(outputs, name, segments[target], position, end)
        position = end


def _check_iframe_range(outputs: Outputs, name: str, segment: Segment, start: int, end: int) -> None:
    inside = 0 <= start < end <= segment.size
    outputs.require(
        inside, name, Rule.HLS_IFRAMES, f"bytes {start}-{end} lie outside {segment.name} of {segment.size} bytes"
    )
    if segment.keyframes:
        holds = any(start <= first and last <= end for first, last in segment.keyframes)
        outputs.require(
            holds, name, Rule.HLS_IFRAMES, f"bytes {start}-{end} of {segment.name} hold no whole IDR picture"
        )


class _Master:
    """The master playlist against the measured tracks.

    :param targets: target durations in seconds, by track name
    """

    def __init__(
        self, outputs: Outputs, plan: TranscodePlan, tracks: dict[str, Track], targets: dict[str, float]
    ) -> None:
        self.outputs = outputs
        self.plan = plan
        self.targets = targets
        self.playlist = _load(outputs, layout.HLS_MASTER, ("#EXT-X-STREAM-INF", "#EXT-X-INDEPENDENT-SEGMENTS"))
        self.by_playlist = {layout.hls_playlist(track.rendition): track for track in tracks.values()}
        audio = [item for item in layout.hls_tracks(plan) if not isinstance(item, VideoRendition)]
        self.audio = {layout.hls_playlist(item): tracks[layout.track_name(item)] for item in audio}

    def require(self, condition: object, rule: Rule, message: str) -> None:
        self.outputs.require(condition, layout.HLS_MASTER, rule, message)

    def check(self) -> None:
        groups = self._audio_groups()
        seen = [self._check_variant(variant, groups) for variant in self.playlist.model.playlists]
        for rendition in self.plan.renditions:
            name = layout.hls_playlist(rendition)
            self.require(name in seen, Rule.HLS_VARIANTS, f"no variant plays {name}")
        self._check_iframe_variants()

    def _audio_groups(self) -> dict[str, list[Track]]:
        groups: dict[str, list[Track]] = {}
        automatic: set[str] = set()
        for media in self.playlist.model.media:
            if media.type != "AUDIO":
                continue
            name = self.playlist.resolve(media.uri or "")
            self.require(
                name in self.audio, Rule.HLS_AUDIO_GROUP, f"group {media.group_id} names {name}, which is not planned"
            )
            track = self.audio[name]
            groups.setdefault(media.group_id, []).append(track)
            if "YES" in {media.default, media.autoselect}:
                automatic.add(media.group_id)
            self.require(
                str(media.channels or "").split("/")[0] == str(track.channels),
                Rule.HLS_CHANNELS,
                f"CHANNELS of {name} is {media.channels}, but it has {track.channels}",
            )
        for group in groups:
            self.require(
                group in automatic, Rule.HLS_AUDIO_GROUP, f"group {group} has no DEFAULT or AUTOSELECT rendition"
            )
        return groups

    def _check_variant(self, variant: Any, groups: dict[str, list[Track]]) -> str:
        name = self.playlist.resolve(variant.uri)
        track = self.by_playlist.get(name)
        if track is None or not isinstance(track.rendition, VideoRendition):
            self.outputs.fail(layout.HLS_MASTER, Rule.HLS_VARIANTS, f"the variant {name} is not planned")
        info = variant.stream_info
        members = self._variant_audio(name, track.rendition, info.audio, groups)
        self._check_stream(name, track, info, {track.codec, *(member.codec for member in members)})
        self._check_rates(name, track, members, info)
        return name

    def _variant_audio(
        self, name: str, rendition: VideoRendition, group: str | None, groups: dict[str, list[Track]]
    ) -> list[Track]:
        if not rendition.audio:
            self.require(group is None, Rule.HLS_AUDIO_GROUP, f"{name} names audio group {group}, but has no audio")
            return []
        self.require(group in groups, Rule.HLS_AUDIO_GROUP, f"{name} names audio group {group}, which does not exist")
        return groups[group or ""]

    def _check_stream(self, name: str, track: Track, info: Any, codecs: set[str]) -> None:
        declared = {item.strip().lower() for item in (info.codecs or "").split(",")}
        self.require(
            declared == codecs,
            Rule.HLS_CODECS,
            f"CODECS of {name} is {info.codecs}, but the bitstreams are {', '.join(sorted(codecs))}",
        )
        self.require(
            info.resolution == (track.width, track.height),
            Rule.HLS_RESOLUTION,
            f"RESOLUTION of {name} is {info.resolution}, but the bitstream is {track.width}x{track.height}",
        )
        rate = float(track.frame_rate or 0)
        self.require(
            abs((info.frame_rate or 0) - rate) <= FRAME_RATE_TOLERANCE,
            Rule.HLS_FRAME_RATE,
            f"FRAME-RATE of {name} is {info.frame_rate}, but the bitstream has {rate:.3f}",
        )

    def _check_rates(self, name: str, track: Track, members: Sequence[Track], info: Any) -> None:
        rates = [self._rates(track)]
        if members:
            rates.append(max(self._rates(member) for member in members))
        average, peak, highest = (sum(part) for part in zip(*rates, strict=True))
        self.require(
            peak <= (info.bandwidth or 0) * (1 + RATE_TOLERANCE)
            and (info.bandwidth or 0) <= highest * (1 + RATE_TOLERANCE),
            Rule.HLS_BANDWIDTH,
            f"BANDWIDTH of {name} is {info.bandwidth}, but the measured peak is {peak:.0f} bit/s",
        )
        declared = info.average_bandwidth or 0
        self.require(
            abs(declared - average) <= RATE_TOLERANCE * average,
            Rule.HLS_AVERAGE_BANDWIDTH,
            f"AVERAGE-BANDWIDTH of {name} is {info.average_bandwidth}, but the measured average is {average:.0f} bit/s",
        )

    def _rates(self, track: Track) -> tuple[float, float, float]:
        sizes, durations, target = track.sizes, track.durations, self.targets[track.name]
        return (
            average_bitrate(sizes, durations),
            peak_bitrate(sizes, durations, target),
            highest_bitrate(sizes, durations, target),
        )

    def _check_iframe_variants(self) -> None:
        named = {self.playlist.resolve(item.uri) for item in self.playlist.model.iframe_playlists}
        wanted = {layout.hls_iframe_playlist(rendition) for rendition in layout.trick_play(self.plan)}
        for name in sorted(named ^ wanted):
            what = "is not planned" if name in named else "is not named"
            self.require(condition=False, rule=Rule.HLS_VARIANTS, message=f"the I-frame playlist {name} {what}")
