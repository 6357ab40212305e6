"""The FFmpeg commands that measure. Pure: from a plan and places to an argv; what they write is read by ``figures``.

The source goes the way to a rung that it goes in the encode (:mod:`vodflow.ffmpeg.picture_filters`): deinterlaced, at
the rung's frames from the same time 0, its light brought to BT.709, at the rung's display geometry. What is left
between the two is what scaling step by step, the encoder and the bit rate have cost. Frames are paired by number, not
by time stamps, which containers round.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Final

import ffmpeg

from vodflow.contract.plan import TranscodePlan, VideoRendition
from vodflow.engines.local.command import MAX_ERROR_RATE
from vodflow.ffmpeg.picture_filters import Stream, to_top_rung
from vodflow.ffmpeg.sound_filters import INPUT_OPTIONS
from vodflow.media.probe import input_arguments
from vodflow.media.timeline import input_offset, patience
from vodflow.planning import span

#: What the commands write, below the folder in which they are run.
FRAMES: Final = "frames.json"
CHANGES: Final = "changes.txt"
LUMA: Final = "luma.txt"
SILENCE: Final = "silence.txt"

#: libvmaf's models: trained for 1080p seen from three screen heights, and for 2160p from one and a half.
HD_MODEL: Final = "vmaf_v0.6.1"
UHD_MODEL: Final = "vmaf_4k_v0.6.1"
_HD_SIDES: Final = (1920, 1088)

#: Fewest frames that are compared of a video that has them, and fewest in a second.
_ENOUGH: Final = 50
_A_SECOND: Final = 2
#: Seconds that pictures must be black, or stand still, and sound be silent, to be told.
SHORTEST_BLACK: Final = 0.5
SHORTEST_FREEZE: Final = 2.0
SHORTEST_SILENCE: Final = 2.0
#: Change below which pictures stand still: an encoder improves them for a while, and begins anew at each keyframe.
_STILL: Final = "-46dB"
_SILENT: Final = "-60dB"
#: What players of 16 bits play at full scale, a little below 32767/32768.
_FULL_SCALE: Final = 0.99996
#: Ends of the luma range of 8 bit (ITU-R BT.709).
_BLACK, _WHITE = 16, 235
#: Seconds a read from S3 may take.
_READ_TIMEOUT: Final = 60.0
_SAYING: Final = ("-hide_banner", "-nostdin", "-nostats", "-loglevel", "info", "-progress", "pipe:1")


def model_of(rung: VideoRendition) -> str:
    """The model of libvmaf for the size that a rung is shown at: the 4K one for what is larger than 1920×1088."""
    long, short = sorted((rung.width, rung.height), reverse=True)
    return UHD_MODEL if long > _HD_SIDES[0] or short > _HD_SIDES[1] else HD_MODEL


def frames_within(rung: VideoRendition, seconds: float) -> int:
    """How many of a rung's frames begin within so many seconds."""
    return max(1, round(Fraction(seconds) * rung.fps))


def one_of(rung: VideoRendition, seconds: float, wanted: int) -> int:
    """Which share of the frames is compared: one of so many, an odd number.

    Encoders give frames bits in patterns of two, four and more: an even number meets the same kind of frame too often,
    and figures come out up to two points too high.

    :param seconds: of the video that are looked at
    :param wanted: at most; of short videos and of slow ones more are compared
    """
    enough = int(seconds * rung.fps) // _ENOUGH
    return (max(1, min(wanted, enough, int(rung.fps) // _A_SECOND)) - 1) | 1


def compare_command(
    plan: TranscodePlan, rung: VideoRendition, *, source: str, made: str, ffmpeg_path: str, every: int, frames: int
) -> list[str]:
    """Compare a rung with its source frame by frame, into :data:`FRAMES`.

    :param source: path or URL of the source
    :param made: path of the rung's file
    :param every: one of so many frames is compared; the motion between all of them counts nevertheless
    :param frames: how many are looked at, from the first one on
    """
    media = plan.media
    *options, _, place = input_arguments(source, _READ_TIMEOUT)
    arguments: dict[str, Any] = {
        name.removeprefix("-"): value for name, value in zip(options[::2], options[1::2], strict=True)
    }
    # Pictures alone are read, and FFmpeg's time 0 may depend on what is.
    offset = input_offset(media.container, media.start or 0.0, [media.video.start], span.start(plan))
    if offset and media.start is not None:
        arguments["itsoffset"] = f"{offset:.6f}"
    read = ffmpeg.input(place, threads=1, max_error_rate=MAX_ERROR_RATE, **INPUT_OPTIONS, **arguments)
    original = to_top_rung(
        read[str(media.video.index)], media.video, rung, span.held_seconds(plan), span.picture_seconds(plan)
    )
    encoded = ffmpeg.input(made, threads=1)["v:0"]
    pair = [_numbered(stream, rung, frames) for stream in (encoded, original)]
    compared = ffmpeg.filter(
        pair, "libvmaf",
        model=f"version={model_of(rung)}", feature="name=psnr|name=float_ssim",
        log_path=FRAMES, log_fmt="json", n_subsample=every, n_threads=2, shortest=1, repeatlast=0,
    )  # fmt: skip
    command = [ffmpeg_path, *_SAYING, *patience(media.longest_gap)]
    argv: list[str] = ffmpeg.compile(compared.output("-", f="null", fps_mode="passthrough"), cmd=command)
    return argv


def _numbered(stream: Stream, rung: VideoRendition, frames: int) -> Stream:
    ticks = 1 / rung.fps
    stream = stream.filter("trim", end_frame=frames).filter("settb", f"{ticks.numerator}/{ticks.denominator}")
    return stream.filter("setpts", "N")


def pictures_command(made: str, *, ffmpeg_path: str, every: int, frames: int) -> list[str]:
    """Look for black and frozen pictures, into :data:`CHANGES`, and for clipped luma in some, into :data:`LUMA`.

    :param made: path of a rung's file; the smallest shows the same for the least
    """
    clipped = f"255*(lte(val,{_BLACK})+gte(val,{_WHITE}))"
    filters = (
        f"trim=end_frame={frames},setpts=PTS-STARTPTS,blackdetect=d={SHORTEST_BLACK},"
        f"freezedetect=n={_STILL}:d={SHORTEST_FREEZE},metadata=print:file={CHANGES},"
        f"select='not(mod(n,{every}))',lutyuv=y='{clipped}',signalstats,"
        f"metadata=print:key=lavfi.signalstats.YAVG:file={LUMA}"
    )
    return [ffmpeg_path, *_SAYING, "-threads", "1", "-i", made, "-map", "0:v:0", "-vf", filters, *_NOWHERE]


def sound_command(made: str, *, ffmpeg_path: str, channels: int, seconds: float) -> list[str]:
    """Measure loudness and clipped samples, onto standard error, and silence, into :data:`SILENCE`.

    :param made: path of a file with the sound
    :param seconds: of it that are heard
    """
    full = "+".join(f"gte(abs(val({channel})),{_FULL_SCALE})" for channel in range(channels))
    filters = (
        f"atrim=end={seconds:.6f},asetpts=PTS-STARTPTS,silencedetect=n={_SILENT}:d={SHORTEST_SILENCE},"
        f"ametadata=print:file={SILENCE},ebur128=peak=true:framelog=quiet,"
        f"aeval='({full})/{channels}':c=mono,astats=measure_perchannel=none:measure_overall=DC_offset"
    )
    return [ffmpeg_path, *_SAYING, "-i", made, "-map", "0:a:0", "-af", filters, *_NOWHERE]


_NOWHERE: Final = ("-f", "null", "-")
