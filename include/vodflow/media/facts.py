"""ffprobe's JSON as :class:`MediaInfo`: pure, no I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any, Literal

from vodflow.contract.media_info import AudioTrack, CaptionTrack, MediaInfo, OtherTrack, Program, VideoTrack
from vodflow.errors import InputRejected, RejectionReason
from vodflow.media.ffprobe_fields import (
    Stream,
    bit_depth,
    bit_rate,
    codec_of,
    color_of,
    dolby_vision_of,
    has_flag,
    integer_of,
    language_of,
    number,
    of_kind,
    ratio_of,
    rational,
    rotation_of,
    seconds_of,
    stream_duration,
    tags_of,
)

#: Dispositions of pictures that are no video: cover art, chapter pictures, posters.
_STILL = ("attached_pic", "timed_thumbnails", "still_image")

#: A video track shorter than this share of the whole is chosen only where there is no longer one.
_STILL_SHARE = 0.1

#: Beyond this nobody means it, in either direction; 32:9 packed into 4:3 has 8/3.
_WIDEST_SAMPLE = 4

#: Base and average rate may differ by this much in a constant-rate file (a long last frame, rounded timestamps).
_CONSTANT_RATE = Fraction(2, 100)

#: Beyond this ffprobe reports a clock, such as 90 kHz, and not a frame rate.
_HIGHEST_RATE = 1000
#: Higher ones that only fit all timestamps, and higher averages, are clocks, too; every output is at most this fast.
_FASTEST_VARIABLE = 60

_OTHER_KINDS: Mapping[str, Literal["video", "audio", "captions", "attachment"]] = {
    "video": "video", "audio": "audio", "subtitle": "captions", "attachment": "attachment",
}  # fmt: skip

#: Dispositions of sound that is not the main one.
_ROLES = (
    "comment", "descriptions", "visual_impaired", "hearing_impaired", "dub", "karaoke", "lyrics", "clean_effects",
    "non_diegetic",
)  # fmt: skip

_LAYOUTS = {1: "mono", 2: "stereo", 3: "2.1", 4: "quad", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}
_ALPHA = re.compile(r"yuva|ya\d|gbrap|rgba|bgra|argb|abgr|ayuv|vuya|uyva")


def media_info(document: Mapping[str, Any], size: int, duration: float | None = None) -> MediaInfo:
    """The facts that ``ffprobe -show_format -show_streams -of json`` tells.

    :param document: the parsed JSON; of several programmes what :func:`~vodflow.media.programs.of_one_program` leaves
    :param size: bytes
    :param duration: seconds, where the caller knows better than the container
    :raises InputRejected: without a video track, or with one that has no size, codec or duration
    """
    streams = document.get("streams", [])
    container = document.get("format", {})
    stream = _video_stream(streams, declared_duration(document) or 0.0)
    total = duration or declared_duration(document)
    if total is None:
        raise InputRejected(
            RejectionReason.UNDECODABLE, "Neither the container nor its packets tell how long the video is."
        )
    audio = tuple(_audio(item, pids="program" in document) for item in streams if usable_audio(item))
    captions = tuple(_captions(item) for item in of_kind(streams, "subtitle") if codec_of(item))
    used = {stream["index"], *(track.index for track in audio), *(track.index for track in captions)}
    return MediaInfo(
        container=str(container.get("format_name", "unknown")),
        duration=total,
        start=start_time(document),
        size=size,
        bit_rate=integer_of(container.get("bit_rate")),
        video=_video(stream, total),
        audio=audio,
        captions=captions,
        others=tuple(_other(item) for item in streams if item["index"] not in used),
        program=_program(document),
        longest_gap=container.get("longest_gap"),
    )


def declared_duration(document: Mapping[str, Any]) -> float | None:
    """Seconds that the container or its longest stream claims to last; none when nothing does."""
    container = document.get("format", {})
    total = seconds_of(container.get("duration"))
    if total and str(container.get("format_name", "")).startswith("matroska"):
        # Its duration counts from time 0, wherever the first packet is.
        total = seconds_of(total - max(0.0, start_time(document)))
    if total:
        return total
    return max(filter(None, (stream_duration(stream) for stream in document.get("streams", []))), default=None)


def start_time(document: Mapping[str, Any]) -> float:
    """Presentation time of the container's first packet, seconds; may be negative."""
    return number(document.get("format", {}).get("start_time")) or 0.0


def timed_streams(document: Mapping[str, Any]) -> list[Stream]:
    """Pictures and sound; covers, chapter pictures and all others keep no time."""
    tracks = [*of_kind(document.get("streams", []), "video"), *of_kind(document.get("streams", []), "audio")]
    return [item for item in tracks if not _still(item)]


def _video_stream(streams: Iterable[Stream], total: float) -> Stream:
    tracks = [item for item in of_kind(streams, "video") if not _still(item)]
    if not tracks:
        raise InputRejected(RejectionReason.NO_VIDEO_TRACK, _what_there_is(list(streams)))
    ranked = [(rank, -int(item["index"]), item) for item in tracks if (rank := picture_rank(item, total))]
    if not ranked:
        name = codec_of(tracks[0]) or tracks[0].get("codec_tag_string", "unknown")
        raise InputRejected(
            RejectionReason.UNDECODABLE, f"The video track's format ({name}) is unknown, or its headers are damaged."
        )
    return max(ranked)[2]


def picture_rank(stream: Stream, total: float) -> tuple[bool, bool, int] | None:
    """How much a stream is the picture that people want to see; none where it is no picture that can be read.

    :param total: seconds of the container
    """
    if stream.get("codec_type") != "video" or _still(stream) or not codec_of(stream):
        return None
    if not (stream.get("width") and stream.get("height")):
        return None
    # Cover art that is not marked as such lasts one frame.
    lasting = (stream_duration(stream) or total) >= total * _STILL_SHARE
    return lasting, has_flag(stream, "default"), stream["width"] * stream["height"]


def _still(stream: Stream) -> bool:
    return any(has_flag(stream, name) for name in _STILL)


def _what_there_is(streams: list[Stream]) -> str:
    kinds = [str(item.get("codec_type", "unknown")) for item in streams]
    if "video" in kinds:
        return "The file holds sound and a still picture (cover art), but no video track."
    if "audio" in kinds:
        return "The file holds sound only, no video track."
    return "The file holds no video track."


def _video(stream: Stream, total: float) -> VideoTrack:
    width, height = int(stream["width"]), int(stream["height"])
    aspect = ratio_of(stream.get("sample_aspect_ratio")) or Fraction(1)
    if not Fraction(1, _WIDEST_SAMPLE) <= aspect <= _WIDEST_SAMPLE:
        aspect = Fraction(1)
    rotation = rotation_of(stream)
    shown = max(1, round(width * aspect)), height
    if rotation in {90, 270}:
        shown = shown[1], shown[0]
    field_order = str(stream.get("field_order", "progressive"))
    rate, variable = _frame_rate(stream)
    return VideoTrack(
        index=int(stream["index"]),
        codec=str(stream["codec_name"]),
        width=width,
        height=height,
        display_width=shown[0],
        display_height=shown[1],
        sample_aspect_ratio=rational(aspect),
        rotation=rotation,
        frame_rate=rational(rate),
        variable_frame_rate=variable,
        start=number(stream.get("start_time")) or 0.0,
        duration=stream_duration(stream) or total,
        bit_rate=bit_rate(stream),
        pixel_format=str(stream.get("pix_fmt", "unknown")),
        bit_depth=bit_depth(stream),
        field_order=field_order,
        color_primaries=color_of(stream, "color_primaries"),
        color_transfer=color_of(stream, "color_transfer"),
        color_space=color_of(stream, "color_space"),
        color_range=color_of(stream, "color_range"),
        # WebM codes transparency as a second picture beside each one, and says so in a tag.
        dolby_vision=dolby_vision_of(stream),
        alpha=bool(_ALPHA.match(str(stream.get("pix_fmt")))) or tags_of(stream).get("alpha_mode") == "1",
    )


def _program(document: Mapping[str, Any]) -> Program | None:
    if "program" not in document:
        return None
    others = (Program(number=item["program_num"], name=_service(item)) for item in document["left_programs"])
    chosen = document["program"]
    return Program(number=chosen["program_num"], name=_service(chosen), others=tuple(others))


def _service(program: Mapping[str, Any]) -> str | None:
    return tags_of(program).get("service_name") or None


def _audio(stream: Stream, *, pids: bool) -> AudioTrack:
    tags = tags_of(stream)
    channels = int(stream["channels"])
    return AudioTrack(
        index=int(stream["index"]),
        codec=str(stream["codec_name"]),
        channels=channels,
        layout=str(stream.get("channel_layout") or _LAYOUTS.get(channels, f"{channels} channels")),
        sample_rate=int(stream["sample_rate"]),
        language=language_of(tags),
        title=tags.get("title"),
        default=has_flag(stream, "default"),
        start=number(stream.get("start_time")) or 0.0,
        duration=stream_duration(stream),
        bit_rate=bit_rate(stream),
        role=next((name for name in _ROLES if has_flag(stream, name)), None),
        pid=int(str(stream["id"]), 16) if pids and "id" in stream else None,
    )


def _captions(stream: Stream) -> CaptionTrack:
    tags = tags_of(stream)
    return CaptionTrack(
        index=int(stream["index"]),
        codec=str(stream["codec_name"]),
        language=language_of(tags),
        title=tags.get("title"),
        default=has_flag(stream, "default"),
        forced=has_flag(stream, "forced"),
    )


def _other(stream: Stream) -> OtherTrack:
    tag = str(stream.get("codec_tag_string", "unknown"))
    kind = _OTHER_KINDS.get(str(stream.get("codec_type")), "data")
    if kind == "video" and _still(stream):
        kind = "picture"
    elif kind == "data" and tag == "tmcd":
        kind = "timecode"
    return OtherTrack(index=int(stream["index"]), kind=kind, codec=codec_of(stream) or tag)


def usable_audio(stream: Stream) -> bool:
    """Whether a stream is sound whose format is known."""
    if stream.get("codec_type") != "audio":
        return False
    return bool(codec_of(stream) and integer_of(stream.get("channels")) and integer_of(stream.get("sample_rate")))


def _frame_rate(stream: Stream) -> tuple[Fraction, bool]:
    """Frames a second, and whether they come at varying times.

    ``r_frame_rate`` is the lowest rate that all timestamps fit, ``avg_frame_rate`` frames over duration. The former
    may count fields, also of progressive MPEG-2 and bare H.264. Of a varying rate it is what keeps the motion in a
    screen recording's lively moments; the average would drop most of their frames.
    """
    base, average = ratio_of(stream.get("r_frame_rate")), ratio_of(stream.get("avg_frame_rate"))
    base, average = (rate if rate is None or rate <= _HIGHEST_RATE else None for rate in (base, average))
    if average is None and base is not None:
        return base, False
    if base is None or average is None:
        return average or base or Fraction(25), base is None
    if average > _FASTEST_VARIABLE > base:  # AVI counts places without a picture, too
        return base, False
    if abs(base / average - 2) <= _CONSTANT_RATE:
        base /= 2
    if abs(base / average - 1) <= _CONSTANT_RATE:
        return base, False
    return (base if average < base <= _FASTEST_VARIABLE else average), True
