"""Shaka Packager's command of a segmented group: CMAF, DASH ISO, and HLS whose outputs hold one track each. Pure.

The packager runs with the group's folder as its working folder, so that names in playlists and manifests are those
of files beside them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Any, Final

from vodflow.packaging.shaka import READ_AHEAD

from local_mediaconvert.transcode import file_names
from local_mediaconvert.transcode.contract import ErrorCode, JobFailed
from local_mediaconvert.transcode.plan import AudioPart, CaptionPart, GroupPlan, OutputPlan, VideoPart

#: ``SegmentLength`` and ``FragmentLength`` in seconds when the settings do not say (API reference).
_SEGMENT_LENGTHS: Final = {"HLS": 10, "CMAF": 10, "DASH_ISO": 30}
#: Audio that the packager packs without a transport stream, and its suffix.
_PACKED: Final = {"AAC": "aac", "AC3": "ac3", "EAC3": "ec3"}


#: Seconds of the first picture in transport streams, as MediaConvert writes them: also of WebVTT's time stamp map.
TS_START: Final = 10


@dataclass(frozen=True)
class Stream:
    """One track of a group as the packager and the playlists see it.

    :param stem: how all its names begin
    :param suffix: of its segments
    :param iframes: whether it has an I-frame playlist
    """

    output: OutputPlan
    part: VideoPart | AudioPart | CaptionPart
    stem: str
    suffix: str
    iframes: bool = False

    @property
    def kind(self) -> str:
        """``video``, ``audio`` or ``text``."""
        if isinstance(self.part, CaptionPart):
            return "text"
        return "video" if isinstance(self.part, VideoPart) else "audio"

    @property
    def playlist(self) -> str:
        """Its HLS media playlist."""
        return f"{self.stem}.m3u8"

    @property
    def iframe_playlist(self) -> str | None:
        """Its HLS I-frame playlist."""
        return f"{self.stem}{file_names.IFRAMES}.m3u8" if self.iframes else None


def has_hls(group: GroupPlan) -> bool:
    """Whether the group has HLS playlists."""
    if group.type == "CMAF":
        return bool(group.settings.get("WriteHlsManifest", "ENABLED") == "ENABLED")
    return group.type == "HLS"


def has_dash(group: GroupPlan) -> bool:
    """Whether the group has a DASH manifest."""
    if group.type == "CMAF":
        return bool(group.settings.get("WriteDashManifest", "ENABLED") == "ENABLED")
    return group.type == "DASH_ISO"


def master_name(group: GroupPlan) -> str:
    """The multivariant playlist."""
    return f"{group.place.base}.m3u8"


def manifest_name(group: GroupPlan) -> str:
    """The MPD."""
    return f"{group.place.base}.mpd"


def output_settings(group: GroupPlan, output: OutputPlan) -> Mapping[str, Any]:
    """``HlsSettings``, ``CmfcSettings`` or ``MpdSettings`` of an output."""
    member, holder = {
        "HLS": ("HlsSettings", output.settings.get("OutputSettings", {})),
        "CMAF": ("CmfcSettings", output.settings.get("ContainerSettings", {})),
    }.get(group.type, ("MpdSettings", output.settings.get("ContainerSettings", {})))
    return dict(holder.get(member, {}))


def is_muxed(group: GroupPlan, output: OutputPlan) -> bool:
    """Whether FFmpeg makes the segments of an HLS output.

    The packager makes no transport streams of several tracks, nor of other codecs than these.
    """
    if group.type != "HLS" or not output.parts:
        return False
    packaged = output.video.codec == "H_264" if output.video else output.audio[0].codec in _PACKED
    return len(output.parts) > 1 or not packaged


def streams(group: GroupPlan) -> list[Stream]:
    """The tracks that the packager cuts into segments."""
    found: list[Stream] = []
    for output in group.outputs:
        if is_muxed(group, output):
            continue
        several = bool(output.video) + len(output.audio) > 1
        if output.video:
            include = str(output_settings(group, output).get("IFrameOnlyManifest", "")).startswith("INCLUDE")
            stem = f"{output.stem}_video" if several else output.stem
            found.append(Stream(output, output.video, stem, _suffix(group, output, output.video), iframes=include))
        for number, part in enumerate(output.audio, 1):
            stem = f"{output.stem}_audio{number if len(output.audio) > 1 else ''}" if several else output.stem
            found.append(Stream(output, part, stem, _suffix(group, output, part)))
        found += [Stream(output, item, output.stem, _caption_suffix(group, item)) for item in output.captions]
    return found


def is_sidecar(group: GroupPlan, item: Stream) -> bool:
    """Whether DASH has a track as one file beside the segments: not every player takes WebVTT in segments."""
    return has_dash(group) and item.suffix == "vtt"


def _caption_suffix(group: GroupPlan, part: CaptionPart) -> str:
    if part.format in {"IMSC", "TTML"}:
        if group.type == "HLS":
            raise JobFailed(ErrorCode.JOB_SETTINGS, f"HLS groups have no {part.format} captions; choose WEBVTT.")
        return "cmft" if group.type == "CMAF" else "mp4"
    return "vtt"


def _suffix(group: GroupPlan, output: OutputPlan, part: VideoPart | AudioPart) -> str:
    if group.type == "CMAF":
        return "cmfv" if isinstance(part, VideoPart) else "cmfa"
    if group.type == "DASH_ISO":
        return "mp4"
    if isinstance(part, VideoPart) or output_settings(group, output).get("AudioOnlyContainer") == "M2TS":
        return "ts"
    return _PACKED.get(part.codec, "ts")


def segment_seconds(group: GroupPlan) -> float:
    """``SegmentLength``, rounded up to whole GOPs where the settings say so: 6.006 s at 29.97 frames a second."""
    length = Fraction(int(group.settings.get("SegmentLength") or _SEGMENT_LENGTHS[group.type]))
    video = next((output.video for output in group.outputs if output.video and output.video.gop), None)
    if video is None or group.settings.get("SegmentLengthControl", "GOP_MULTIPLE") != "GOP_MULTIPLE":
        return float(length)
    gop = video.gop / video.frame.rate
    return float(max(1, ceil(length / gop)) * gop)


def package_command(
    group: GroupPlan, listed: Sequence[Stream], paths: Mapping[str, Path], packager_path: str
) -> list[str]:
    """The whole argv.

    :param listed: the group's tracks
    :param paths: encoded file of each, by stem
    """
    hls, dash = has_hls(group), has_dash(group)
    argv = [packager_path, "--quiet", f"--io_cache_size={READ_AHEAD}"]
    argv += [_descriptor(group, item, paths[item.stem], hls=hls) for item in listed]
    argv.append(f"--segment_duration={segment_seconds(group):.9g}")
    if group.type != "HLS" and (fragment := group.settings.get("FragmentLength")):
        argv.append(f"--fragment_duration={min(float(fragment), segment_seconds(group)):.9g}")
    if group.type == "HLS":
        argv.append(f"--transport_stream_timestamp_offset_ms={round(TS_START * 1000)}")
    if hls:
        argv += [f"--hls_master_playlist_output={master_name(group)}", "--hls_playlist_type=VOD"]
    if dash:
        argv += [f"--mpd_output={manifest_name(group)}", "--generate_static_live_mpd"]
    languages = [item.part.language for item in listed if isinstance(item.part, AudioPart) and item.part.language]
    return argv + ([f"--default_language={languages[0]}"] if languages else [])


def is_single_file(group: GroupPlan) -> bool:
    """Whether each track is one file that is read by byte ranges."""
    return bool(group.settings.get("SegmentControl") == "SINGLE_FILE")


def _descriptor(group: GroupPlan, item: Stream, path: Path, *, hls: bool) -> str:
    parts = [f"in={path}", f"stream={item.kind}"]
    if item.kind == "text":
        parts += ["format=ttml+mp4"] if item.suffix != "vtt" else []
    elif item.suffix in {"cmfv", "cmfa", "mp4"}:
        parts.append("format=mp4")
    if is_single_file(group):
        parts.append(f"output={item.stem}.{item.suffix}")
    else:
        parts += _segmented(group, item)
    if not isinstance(item.part, VideoPart) and item.part.language:
        parts.append(f"lang={item.part.language}")
    if hls:
        parts.append(f"playlist_name={item.playlist}")
        if item.iframe_playlist:
            parts.append(f"iframe_playlist_name={item.iframe_playlist}")
        if item.kind != "video":
            # Unique, so that the packager's own multivariant playlist tells the codec of each; it is replaced.
            parts += [f"hls_group_id={item.output.number}", f"hls_name={item.stem.rpartition('/')[2]}"]
    return ",".join(parts)


def _segmented(group: GroupPlan, item: Stream) -> list[str]:
    if group.type == "HLS":
        return [f"segment_template={item.stem}{item.output.segment_modifier}_{file_names.HLS_COUNTER}.{item.suffix}"]
    if item.suffix == "vtt":
        return [f"segment_template={item.stem}_{file_names.CMAF_COUNTER}.vtt"]
    return [
        f"init_segment={item.stem}init.{item.suffix}",
        f"segment_template={item.stem}_{file_names.CMAF_COUNTER}.{item.suffix}",
    ]
