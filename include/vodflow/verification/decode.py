"""Decoding the first and last GOP of every rendition, all in one FFmpeg process a kind of track."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from vodflow.errors import EngineError
from vodflow.ffmpeg.resources import capture
from vodflow.ffmpeg.tools import ffmpeg_path, was_stopped
from vodflow.media import h264
from vodflow.verification.outputs import Outputs
from vodflow.verification.rules import Rule
from vodflow.verification.tracks import Gop, Track

#: Seconds; decoding two GOPs a rung takes well under one.
DECODE_TIMEOUT = 120.0
#: Slices and the SPS, without which equal slices may mean different pictures (ITU-T H.264, table 7-1).
_KEPT_UNITS = frozenset({1, 2, 3, 4, h264.NAL_IDR, h264.NAL_SPS})
_FRAMES = re.compile(r"^frame=(\d+)$", re.MULTILINE)


def decode_argv(demuxer: str) -> list[str]:
    """Read elementary streams from standard input, stop at the first error, count video frames.

    The deblocking filter is left out: it costs a third of the time and no bitstream error can hide in it.
    """
    return [
        str(ffmpeg_path()), "-nostdin", "-hide_banner", "-v", "error", "-xerror", "-err_detect", "explode",
        "-skip_loop_filter", "all", "-f", demuxer, "-i", "pipe:0",
        "-fps_mode", "passthrough", "-progress", "pipe:1", "-f", "null", "-",
    ]  # fmt: skip


def check_decoding(outputs: Outputs, tracks: Sequence[Track]) -> None:
    """Decode what the tracks carry at both ends.

    A GOP that several containers share is decoded once. When the whole does not decode, each part is decoded by
    itself to name the object.

    :raises VerificationError: naming the object that does not decode
    :raises EngineError: nobody can tell: FFmpeg was stopped
    """
    kinds: dict[str, dict[bytes, Gop]] = {"h264": {}, "aac": {}}
    for track in tracks:
        for gop in track.gops:
            if track.width:
                kinds["h264"].setdefault(_pictures(gop.stream), gop)
            else:
                kinds["aac"].setdefault(gop.stream, gop)
    with ThreadPoolExecutor(2) as pool:
        results = [pool.submit(_check_kind, outputs, kind, list(gops.values())) for kind, gops in kinds.items() if gops]
        for result in results:
            result.result()


def _pictures(stream: bytes) -> bytes:
    """The slices alone: transport streams repeat parameter sets and delimiters that MP4 keeps in its header."""
    units = h264.split_annex_b(stream)
    return h264.START_CODE.join(unit for unit in units if unit and unit[0] & 0x1F in _KEPT_UNITS)


def _check_kind(outputs: Outputs, demuxer: str, gops: list[Gop]) -> None:
    if _decode(demuxer, gops) is None:
        return
    for gop in gops:
        problem = _decode(demuxer, [gop])
        if problem:
            outputs.fail(gop.name, Rule.DECODES, problem)
    outputs.fail(gops[0].name, Rule.DECODES, "the renditions' GOPs decode one by one, but not one after the other")


def _decode(demuxer: str, gops: list[Gop]) -> str | None:
    """What is wrong with the streams, or nothing.

    :raises EngineError: FFmpeg was stopped, or did not end; the outputs may be right
    """
    try:
        done = capture(decode_argv(demuxer), DECODE_TIMEOUT, b"".join(gop.stream for gop in gops))
    except subprocess.TimeoutExpired as error:
        raise EngineError(f"FFmpeg did not decode {gops[0].name} within {DECODE_TIMEOUT:.0f} s.") from error
    if was_stopped(done.returncode, done.stderr):
        raise EngineError(f"FFmpeg was stopped while it decoded {gops[0].name}.", code=str(done.returncode))
    problem = done.stderr.strip().splitlines()
    if done.returncode or problem:
        return f"FFmpeg says: {problem[0] if problem else f'exit status {done.returncode}'}"
    wanted = sum(gop.frames for gop in gops)
    counted = [int(count) for count in _FRAMES.findall(done.stdout)]
    if demuxer == "h264" and (not counted or counted[-1] != wanted):
        return f"{counted[-1] if counted else 0} of {wanted} frames decode"
    return None
