"""Decoding the first and last GOP of every rendition, all in one FFmpeg process a kind of track.

What is decoded is measured on the way, for :mod:`vodflow.verification.sync`: the brightness of pictures, and sound.
"""

from __future__ import annotations

import array
import subprocess
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from typing import Final, TypeVar

from vodflow.errors import EngineError
from vodflow.ffmpeg.resources import capture_bytes
from vodflow.ffmpeg.tools import ffmpeg_path, was_stopped
from vodflow.media import aac, h264
from vodflow.verification.outputs import Outputs
from vodflow.verification.rules import Rule
from vodflow.verification.tracks import Gop, Track

#: Seconds; decoding two GOPs a rung takes well under one.
DECODE_TIMEOUT = 120.0
#: Pictures are measured as so many cells a row and a column, and sound by so many samples a second of one channel.
CELLS: Final = 6
SAMPLE_RATE: Final = 8000
#: FFmpeg's filters that make cells of pictures, and its options that make samples of sound.
TO_CELLS: Final = f"scale={CELLS}:{CELLS}:flags=area,format=gray"
TO_SAMPLES: Final = ("-ac", "1", "-ar", str(SAMPLE_RATE), "-f", "s16le")
#: Slices and the SPS, without which equal slices may mean different pictures (ITU-T H.264, table 7-1).
_KEPT_UNITS = frozenset({1, 2, 3, 4, h264.NAL_IDR, h264.NAL_SPS})
_MEASURED: Final = {"h264": ("-vf", TO_CELLS, "-fps_mode", "passthrough", "-f", "rawvideo"), "aac": TO_SAMPLES}


Measured = TypeVar("Measured", bytes, "array.array[int]")


@dataclass(frozen=True)
class Decoded:
    """What decoding found.

    :param pictures: cells of each picture, by the slices of a GOP
    :param sounds: samples, by a stream
    """

    pictures: dict[bytes, bytes]
    sounds: dict[bytes, array.array[int]]

    def seen(self, gop: Gop) -> bytes:
        """Cells of all pictures of a decoded GOP."""
        return self.pictures[_pictures(gop.stream)]

    def heard(self, gop: Gop) -> array.array[int]:
        """Samples of decoded frames of sound."""
        return self.sounds[gop.stream]


def decode_argv(demuxer: str) -> list[str]:
    """Read elementary streams from standard input, stop at the first error, write what is measured.

    The deblocking filter is left out: it costs a third of the time and no bitstream error can hide in it. One thread:
    more cost a tenth of CPU time, and the others have work of their own.
    """
    return [
        str(ffmpeg_path()), "-nostdin", "-hide_banner", "-v", "error", "-xerror", "-err_detect", "explode",
        "-skip_loop_filter", "all", "-threads", "1", "-filter_threads", "1",
        "-f", demuxer, "-i", "pipe:0", *_MEASURED[demuxer], "-",
    ]  # fmt: skip


def check_decoding(outputs: Outputs, tracks: Sequence[Track], more: Iterable[tuple[Track, Gop]] = ()) -> Decoded:
    """Decode what the tracks carry at both ends.

    A GOP that several containers share is decoded once. When the whole does not decode, each part is decoded by
    itself to name the object.

    :param more: parts of tracks of sound to decode, too
    :raises VerificationError: naming the object that does not decode
    :raises EngineError: nobody can tell: FFmpeg was stopped
    """
    pictures, sounds = dict[bytes, Gop](), dict[tuple[int, int], dict[bytes, Gop]]()
    for track, gop in chain(((item, gop) for item in tracks for gop in item.gops), more):
        if track.width:
            pictures.setdefault(_pictures(gop.stream), gop)
        else:  # a change of rate or channels would move what comes behind it
            kind = (track.sample_rate or SAMPLE_RATE, track.channels or 1)
            sounds.setdefault(kind, {}).setdefault(gop.stream, gop)
    with ThreadPoolExecutor(2) as pool:
        heard = [pool.submit(check_parts, outputs, "aac", list(gops.values())) for gops in sounds.values()]
        seen = pool.submit(check_parts, outputs, "h264", list(pictures.values()))
        decoded = Decoded(_parted(pictures, seen.result(), CELLS**2), {})
        for ((rate, _), gops), result in zip(sounds.items(), heard, strict=True):
            step = aac.FRAME_SAMPLES * SAMPLE_RATE / rate
            decoded.sounds.update(_parted(gops, array.array("h", result.result()), step))
    return decoded


def _pictures(stream: bytes) -> bytes:
    """The slices alone: transport streams repeat parameter sets and delimiters that MP4 keeps in its header."""
    units = h264.split_annex_b(stream)
    return h264.START_CODE.join(unit for unit in units if unit and unit[0] & 0x1F in _KEPT_UNITS)


def _parted(gops: dict[bytes, Gop], measured: Measured, step: float) -> dict[bytes, Measured]:
    """What belongs to each GOP.

    :param step: how much is measured of a frame
    """
    parts, begin = dict[bytes, Measured](), 0
    for key, gop in gops.items():
        parts[key] = measured[round(begin * step) : round((begin + gop.frames) * step)]
        begin += gop.frames
    return parts


def check_parts(outputs: Outputs, demuxer: str, gops: Sequence[Gop], rule: Rule = Rule.DECODES) -> bytes:
    """Decode streams one after the other; what is measured of them.

    :param demuxer: ``h264`` or ``aac``
    :raises VerificationError: naming the object that does not decode
    :raises EngineError: nobody can tell: FFmpeg was stopped
    """
    measured, problem = _decode(demuxer, gops)
    if problem is not None:
        for gop in gops:
            if alone := _decode(demuxer, [gop])[1]:
                outputs.fail(gop.name, rule, alone)
        outputs.fail(gops[0].name, rule, "its parts decode one by one, but not one after the other")
    return measured


def _decode(demuxer: str, gops: Sequence[Gop]) -> tuple[bytes, str | None]:
    """What is measured of the streams, and what is wrong with them, or nothing.

    :raises EngineError: FFmpeg was stopped, or did not end; the outputs may be right
    """
    try:
        done = capture_bytes(decode_argv(demuxer), DECODE_TIMEOUT, b"".join(gop.stream for gop in gops))
    except subprocess.TimeoutExpired as error:
        raise EngineError(f"FFmpeg did not decode {gops[0].name} within {DECODE_TIMEOUT:.0f} s.") from error
    said = done.stderr.decode(errors="replace").strip()
    if was_stopped(done.returncode, said):
        raise EngineError(f"FFmpeg was stopped while it decoded {gops[0].name}.", code=str(done.returncode))
    if done.returncode or said:
        return b"", f"FFmpeg says: {said.partition(chr(10))[0] or f'exit status {done.returncode}'}"
    wanted, counted = sum(gop.frames for gop in gops), len(done.stdout) // CELLS**2
    if demuxer == "h264" and counted != wanted:
        return b"", f"{counted} of {wanted} frames decode"
    return done.stdout, None
