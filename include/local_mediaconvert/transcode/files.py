"""Files of a file group: encoded tracks put into their container by copying. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from local_mediaconvert.transcode.contract import ErrorCode, JobFailed
from local_mediaconvert.transcode.plan import AudioPart, Encode, OutputPlan

#: FFmpeg's muxer of each container.
_MUXERS: Final = {"MP4": "mp4", "MOV": "mov", "M2TS": "mpegts", "MXF": "mxf", "WEBM": "webm", "OGG": "ogg",
                  "F4V": "f4v", "GIF": "gif", "Y4M": "yuv4mpegpipe"}  # fmt: skip
#: Without a container, by codec.
_RAW: Final = {"AAC": "adts", "AC3": "ac3", "EAC3": "eac3", "MP2": "mp2", "MP3": "mp3", "WAV": "wav", "AIFF": "aiff",
               "FLAC": "flac", "OPUS": "opus", "VORBIS": "ogg", "H_264": "h264", "H_265": "hevc", "AV1": "ivf",
               "VP8": "ivf", "VP9": "ivf", "MPEG2": "mpeg2video", "UNCOMPRESSED": "rawvideo"}  # fmt: skip


def muxer(output: OutputPlan) -> str:
    """FFmpeg's muxer of a file.

    :raises JobFailed: for a container that is not written here
    """
    container = output.container or "RAW"
    if container in _MUXERS:
        return _MUXERS[container]
    codec = output.video.codec if output.video else output.audio[0].codec if output.audio else ""
    if container != "RAW" or codec not in _RAW:
        raise JobFailed(ErrorCode.JOB_SETTINGS, f"Container {container} with {codec or 'nothing'} is not written here.")
    return _RAW[codec]


def remux_command(output: OutputPlan, paths: Mapping[Encode, Path], target: Path, ffmpeg_path: str) -> list[str]:
    """Copies the tracks of one output into its file; nothing is decoded or encoded."""
    argv = [ffmpeg_path, "-hide_banner", "-nostdin", "-nostats", "-loglevel", "level+warning", "-y"]
    for part in output.parts:
        argv += ["-i", f"file:{paths[part.encode]}"]
    for place in range(len(output.parts)):
        argv += ["-map", f"{place}:0"]
    argv += ["-c", "copy", "-map_metadata", "-1"]
    if output.video and output.container == "Y4M":
        # Its header has the rate, which the encoded track tells in milliseconds only.
        argv += ["-r", str(output.video.frame.rate)]
    argv += [item for number, part in enumerate(output.audio) for item in _audio_metadata(number, part)]
    kind = muxer(output)
    argv += _container_options(output, kind)
    return [*argv, "-f", kind, f"file:{target}"]


def _audio_metadata(number: int, part: AudioPart) -> list[str]:
    found = []
    if part.language:
        found += [f"-metadata:s:a:{number}", f"language={part.language}"]
    if part.name:
        found += [f"-metadata:s:a:{number}", f"title={part.name}"]
    return found


def _container_options(output: OutputPlan, kind: str) -> list[str]:
    settings: Mapping[str, Any] = output.settings.get("ContainerSettings", {})
    if kind in {"mp4", "mov", "f4v"}:
        chosen = settings.get({"mp4": "Mp4Settings", "mov": "MovSettings", "f4v": "F4vSettings"}[kind], {})
        normal = chosen.get("MoovPlacement") == "NORMAL"
        return [] if normal else ["-movflags", "+faststart"]
    if kind == "mpegts":
        return _transport_options(settings.get("M2tsSettings", {}))
    return ["-rf64", "auto"] if kind == "wav" else []


def _transport_options(settings: Mapping[str, Any]) -> list[str]:
    """PIDs and rate of a transport stream."""
    options: list[str] = []
    for member, name in (
        ("TransportStreamId", "-mpegts_transport_stream_id"),
        ("ProgramNumber", "-mpegts_service_id"),
        ("PmtPid", "-mpegts_pmt_start_pid"),
        ("VideoPid", "-mpegts_start_pid"),
    ):
        if settings.get(member):
            options += [name, str(settings[member])]
    if settings.get("Bitrate") and settings.get("RateMode", "CBR") == "CBR":
        options += ["-muxrate", str(settings["Bitrate"])]
    return options
