"""HLS outputs that hold several tracks in one transport stream. Pure but for a look at the encoded files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from vodflow.media import isobmff
from vodflow.packaging.movie import movie_header

from local_mediaconvert.transcode.plan import Encode, GroupPlan, OutputPlan
from local_mediaconvert.transcode.segments import TS_START, is_single_file, segment_seconds

#: Seconds that the muxer may hold packets back, FFmpeg's default: it moves all time stamps by twice as much.
_DELAY: Final = 0.7
#: RFC 6381 names of codecs whose configuration does not matter to players.
_NAMES: Final = {"AC3": "ac-3", "EAC3": "ec-3", "MP3": "mp4a.40.34", "MP2": "mp4a.40.33", "AAC": "mp4a.40.2"}


def mux_command(group: GroupPlan, output: OutputPlan, tracks: Mapping[Encode, Path], ffmpeg_path: str) -> list[str]:
    """Copies the tracks of one output into transport stream segments and their playlist, in the working folder."""
    argv = [ffmpeg_path, "-hide_banner", "-nostdin", "-nostats", "-loglevel", "level+warning", "-y"]
    for part in output.parts:
        argv += ["-i", f"file:{tracks[part.encode]}"]
    for place in range(len(output.parts)):
        argv += ["-map", f"{place}:0"]
    for number, sound in enumerate(output.audio):
        if sound.language:
            argv += [f"-metadata:s:a:{number}", f"language={sound.language}"]
    segments = f"{output.stem}{output.segment_modifier}".replace("%", "%%")
    flags, name = "independent_segments", f"{segments}_%05d.ts"
    if is_single_file(group):
        flags, name = f"{flags}+single_file", f"{segments}.ts"
    return [
        *argv,
        "-c", "copy", "-map_metadata", "-1", "-muxdelay", str(_DELAY),
        "-output_ts_offset", f"{TS_START - 2 * _DELAY:g}", "-f", "hls", "-hls_time", f"{segment_seconds(group):.9g}",
        "-hls_playlist_type", "vod", "-hls_segment_type", "mpegts", "-hls_flags", flags,
        "-start_number", "1", "-hls_segment_filename", name,
        f"{output.stem}.m3u8",
    ]  # fmt: skip


def muxed_codecs(output: OutputPlan, tracks: Mapping[Encode, Path]) -> tuple[str, ...]:
    """RFC 6381 names of an output's tracks."""
    return tuple(_codec(part.codec, tracks[part.encode]) for part in output.parts)


def _codec(codec: str, path: Path) -> str:
    if path.suffix == ".mp4" and codec in {"H_264", "H_265", "AAC"}:
        header = movie_header(path)
        return hevc_name(header) if codec == "H_265" else isobmff.parse_moov(header)[0].codec
    return _NAMES.get(codec, codec.lower())


def hevc_name(moov: bytes) -> str:
    """``hvc1.1.6.L93.90`` from the decoder configuration (ISO/IEC 14496-15, 8.3.2 and annex E)."""
    place = moov.index(b"hvcC") + 4
    profile, compatibility = moov[place + 1], int.from_bytes(moov[place + 2 : place + 6], "big")
    # Flags are written backwards, constraints without their zeros at the end.
    flags = int(f"{compatibility:032b}"[::-1], 2)
    constraints = moov[place + 6 : place + 12].rstrip(b"\0")
    parts = [
        "hvc1", f"{'ABC'[(profile >> 6) - 1] if profile >> 6 else ''}{profile & 0x1F}", f"{flags:x}",
        f"{'H' if profile & 0x20 else 'L'}{moov[place + 12]}", *(f"{value:x}" for value in constraints),
    ]  # fmt: skip
    return ".".join(parts)
