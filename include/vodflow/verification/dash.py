"""The rules of the DASH manifest (ISO/IEC 23009-1, static presentations with a segment timeline)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from lxml import etree

from vodflow.contract import layout
from vodflow.contract.plan import VideoRendition
from vodflow.verification.bitrate import RATE_TOLERANCE, average_bitrate, highest_bitrate
from vodflow.verification.hls import FRAME_RATE_TOLERANCE, TIME_TOLERANCE, resolve
from vodflow.verification.outputs import Outputs
from vodflow.verification.rules import Rule
from vodflow.verification.tracks import Track

#: Attributes that have a meaning in live presentations only.
_LIVE_ONLY = ("minimumUpdatePeriod", "timeShiftBufferDepth", "suggestedPresentationDelay")
#: Seconds: packagers round the presentation's duration, and audio may end within the last video frame.
_DURATION_TOLERANCE = 0.1
_DURATION = re.compile(r"P(?:(\d+)D)?T?(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?")
_IDENTIFIER = re.compile(r"\$(Number|Time|Bandwidth|RepresentationID)(?:%0(\d+)d)?\$")


@dataclass(frozen=True)
class _Representation:
    """A Representation with what it inherits: the elements from itself up to the MPD."""

    elements: tuple[etree._Element, ...]

    def attribute(self, name: str) -> str | None:
        """From the Representation or its AdaptationSet."""
        return next((element.get(name) for element in self.elements[:2] if element.get(name) is not None), None)

    def child(self, name: str) -> etree._Element | None:
        """The nearest child element of that name, from the Representation up to the Period."""
        return next(
            (found for element in self.elements[:3] if (found := element.find(f"{{*}}{name}")) is not None), None
        )

    @property
    def base(self) -> str:
        """The object against which its URLs resolve."""
        base = layout.DASH_MANIFEST
        for element in reversed(self.elements):
            base = resolve(base, (element.findtext("{*}BaseURL") or "").strip() or base.rsplit("/", 1)[-1])
        return base

    def expand(self, template: str, number: int = 0, time: int = 0) -> str:
        """The object that a URL template names."""
        values = {
            "Number": number, "Time": time,
            "Bandwidth": int(self.attribute("bandwidth") or 0), "RepresentationID": self.attribute("id") or "",
        }  # fmt: skip

        def value(match: re.Match[str]) -> str:
            return str(values[match[1]]).zfill(int(match[2] or 0))

        return resolve(self.base, _IDENTIFIER.sub(value, template))


def parse_duration(text: str) -> float:
    """Seconds of an ISO 8601 duration of days or less.

    :raises ValueError: when it is none
    """
    match = _DURATION.fullmatch(text)
    if not match or text in {"P", "PT"}:
        raise ValueError(f"{text!r} is not a duration")
    days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def check_dash(outputs: Outputs, tracks: dict[str, Track]) -> None:
    """Check the MPD against what was measured.

    :param tracks: measured CMAF tracks by track name
    :raises VerificationError: at the first broken rule
    """
    name = layout.DASH_MANIFEST
    try:
        parser = etree.XMLParser(resolve_entities=False, no_network=True)
        mpd = etree.fromstring(outputs.read(name), parser)
    except etree.XMLSyntaxError as error:
        outputs.fail(name, Rule.DASH_SYNTAX, f"it is not well-formed: {error}")
    outputs.require(etree.QName(mpd).localname == "MPD", name, Rule.DASH_SYNTAX, "its root is not MPD")
    _check_presentation(outputs, mpd, tracks)
    found: dict[str, _Representation] = {}
    for representation in _representations(mpd):
        init = _init_name(outputs, representation)
        outputs.require(init not in found, name, Rule.DASH_REPRESENTATIONS, f"two Representations start with {init}")
        found[init] = representation
    for track in tracks.values():
        init = layout.cmaf_init(track.rendition)
        outputs.require(init in found, name, Rule.DASH_REPRESENTATIONS, f"no Representation of {track.name}")
        _check_representation(outputs, found.pop(init), track)
    for init in found:
        outputs.fail(name, Rule.DASH_REPRESENTATIONS, f"the Representation that starts with {init} is not planned")


def _check_presentation(outputs: Outputs, mpd: etree._Element, tracks: dict[str, Track]) -> None:
    name = layout.DASH_MANIFEST
    kind = mpd.get("type", "static")
    outputs.require(kind == "static", name, Rule.DASH_STATIC, f'it is type="{kind}"')
    for attribute in _LIVE_ONLY:
        outputs.require(mpd.get(attribute) is None, name, Rule.DASH_STATIC, f"it has {attribute}")
    with outputs.parsing(name, Rule.DASH_DURATION):
        declared = parse_duration(mpd.get("mediaPresentationDuration", ""))
    longest = max(track.duration for track in tracks.values())
    outputs.require(
        abs(declared - longest) <= _DURATION_TOLERANCE,
        name,
        Rule.DASH_DURATION,
        f"mediaPresentationDuration is {declared:.3f} s, but the longest rendition lasts {longest:.3f} s",
    )


def _representations(mpd: etree._Element) -> Iterator[_Representation]:
    for period in mpd.iterfind("{*}Period"):
        for adaptation in period.iterfind("{*}AdaptationSet"):
            for representation in adaptation.iterfind("{*}Representation"):
                yield _Representation((representation, adaptation, period, mpd))


def _init_name(outputs: Outputs, representation: _Representation) -> str:
    template = representation.child("SegmentTemplate")
    identifier = representation.attribute("id")
    if template is None or template.find("{*}SegmentTimeline") is None or not template.get("initialization"):
        outputs.fail(
            layout.DASH_MANIFEST,
            Rule.DASH_SYNTAX,
            f"Representation {identifier} has no SegmentTemplate with initialization and SegmentTimeline",
        )
    return representation.expand(template.get("initialization", ""))


def _check_representation(outputs: Outputs, representation: _Representation, track: Track) -> None:
    _check_timeline(outputs, representation, track)
    name = layout.DASH_MANIFEST
    codecs = (representation.attribute("codecs") or "").lower()
    outputs.require(
        codecs == track.codec, name, Rule.DASH_CODECS, f"@codecs of {track.name} is {codecs}, not {track.codec}"
    )
    if isinstance(track.rendition, VideoRendition):
        _check_video(outputs, representation, track)
    else:
        _check_audio(outputs, representation, track)
    _check_bandwidth(outputs, representation, track)


def _check_video(outputs: Outputs, representation: _Representation, track: Track) -> None:
    name = layout.DASH_MANIFEST
    size = (representation.attribute("width"), representation.attribute("height"))
    outputs.require(
        size == (str(track.width), str(track.height)),
        name,
        Rule.DASH_RESOLUTION,
        f"{track.name} is declared as {size[0]}x{size[1]}, but the bitstream is {track.width}x{track.height}",
    )
    with outputs.parsing(name, Rule.DASH_FRAME_RATE):
        rate = Fraction(representation.attribute("frameRate") or "0")
    outputs.require(
        abs(rate - (track.frame_rate or 0)) <= FRAME_RATE_TOLERANCE,
        name,
        Rule.DASH_FRAME_RATE,
        f"@frameRate of {track.name} is {float(rate):.3f}, but the bitstream has {float(track.frame_rate or 0):.3f}",
    )


def _check_audio(outputs: Outputs, representation: _Representation, track: Track) -> None:
    configuration = representation.child("AudioChannelConfiguration")
    declared = (
        representation.attribute("audioSamplingRate"),
        None if configuration is None else configuration.get("value"),
    )
    outputs.require(
        declared == (str(track.sample_rate), str(track.channels)),
        layout.DASH_MANIFEST,
        Rule.DASH_AUDIO,
        f"{track.name} is declared with {declared[0]} Hz and {declared[1]} channels,"
        f" but has {track.sample_rate} Hz and {track.channels}",
    )


def _check_bandwidth(outputs: Outputs, representation: _Representation, track: Track) -> None:
    declared = int(representation.attribute("bandwidth") or 0)
    target = max(track.durations)
    average = average_bitrate(track.sizes, track.durations)
    peak = highest_bitrate(track.sizes, track.durations, target)
    outputs.require(
        average * (1 - RATE_TOLERANCE) <= declared <= peak * (1 + RATE_TOLERANCE),
        layout.DASH_MANIFEST,
        Rule.DASH_BANDWIDTH,
        f"@bandwidth of {track.name} is {declared}, but it measures {average:.0f} (average) to {peak:.0f} (peak) bit/s",
    )


def _check_timeline(outputs: Outputs, representation: _Representation, track: Track) -> None:
    name = layout.DASH_MANIFEST
    with outputs.parsing(name, Rule.DASH_SYNTAX):
        expanded = list(_expand_timeline(representation))
    for segment, _, _ in expanded:
        outputs.require(
            segment in outputs.sizes, segment, Rule.DASH_SEGMENTS, f"{name} names it, but it does not exist"
        )
    existing = [segment.name for segment in track.segments]
    outputs.require(
        [segment for segment, _, _ in expanded] == existing,
        name,
        Rule.DASH_SEGMENTS,
        f"its timeline names {len(expanded)} segments of {track.name}, but {len(existing)} exist",
    )
    tolerance = TIME_TOLERANCE + track.frame_duration
    for (segment, start, duration), measured in zip(expanded, track.segments, strict=True):
        outputs.require(
            abs(start - measured.start) <= tolerance and abs(duration - measured.duration) <= tolerance,
            name,
            Rule.DASH_SEGMENTS,
            f"{segment} is declared at {start:.3f} s for {duration:.3f} s,"
            f" but lies at {measured.start:.3f} s for {measured.duration:.3f} s",
        )


def _expand_timeline(representation: _Representation) -> Iterator[tuple[str, float, float]]:
    """Name, start and duration (seconds) of each segment."""
    template = representation.child("SegmentTemplate")
    if template is None:
        raise ValueError("there is no SegmentTemplate")
    timescale = int(template.get("timescale", "1"))
    number, time = int(template.get("startNumber", "1")), 0
    for entry in template.iterfind("{*}SegmentTimeline/{*}S"):
        time = int(entry.get("t", str(time)))
        duration, repeat = int(entry.get("d", "0")), int(entry.get("r", "0"))
        if repeat < 0 or duration <= 0:
            raise ValueError("a timeline of a static presentation needs explicit counts and durations")
        for _ in range(repeat + 1):
            yield representation.expand(template.get("media", ""), number, time), time / timescale, duration / timescale
            number, time = number + 1, time + duration
