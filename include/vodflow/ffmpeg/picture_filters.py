"""The picture's way from the decoder to the rungs, as FFmpeg filters.

One chain brings the source to the top rung (deinterlaced, constant frame rate, square pixels, 8-bit BT.709);
each further rung is scaled from the one above. Such a cascade needs less CPU than scaling every rung from the
source, because the costly large pictures are read once (see ``docs/benchmarks.md``).
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Final

from vodflow.contract.media_info import VideoTrack
from vodflow.contract.plan import VideoRendition
from vodflow.contract.strategy import Chunk
from vodflow.ffmpeg.colors import TO_SDR, ZSCALE_ONLY, full_range, light_to, linear_light, source_matrix, zscale_format

#: A node of ffmpeg-python's graph; the package has no types.
Stream = Any

#: Sharp enough for downscaling at a fraction of lanczos' cost.
SCALER: Final = "bicubic"
#: Field rate output of a deinterlacer is asked for when the rung is this much faster than the source's frames.
_FIELD_RATE: Final = 1.5
_HALF: Final = Fraction(1, 2)


def to_top_rung(
    stream: Stream,
    track: VideoTrack,
    rung: VideoRendition,
    held: float = 0.0,
    end: float = 0.0,
    chunk: Chunk | None = None,
) -> Stream:
    """The source's pictures as those of the largest rung. FFmpeg has already applied the rotation.

    :param held: seconds for which the last picture stays, because the sound lasts longer
    :param end: seconds after which a held picture ends
    :param chunk: the stretch of frames that is wanted; none means all
    """
    if chunk is not None and chunk.first:
        stream = _from_before(stream, chunk.begin, rung)
    if track.color_space not in ZSCALE_ONLY:
        stream = _unchanging(stream, track)
    if track.interlaced:
        mode = "send_field" if rung.fps > track.fps * _FIELD_RATE else "send_frame"
        stream = stream.filter("bwdif", mode=mode, parity="auto", deint="all")
    # Fills a late start and gaps, and drops surplus frames before they cost any scaling.
    stream = constant_rate(stream, rung)
    if chunk is not None:
        stream = _only(stream, chunk)
    stream = _tone_map(stream, track, rung) if track.hdr else _to_bt709(stream, track, rung)
    stream = stream.filter("setsar", "1").filter(
        "setparams", color_primaries="bt709", color_trc="bt709", colorspace="bt709", range="tv"
    )
    # Encoders would write it into the outputs: captions that no manifest declares, the peak brightness of HDR.
    stream = stream.filter("sidedata", mode="delete")
    if not held or (chunk is not None and chunk.end is not None):
        return stream
    return stream.filter("tpad", stop_mode="clone", stop_duration=f"{held:.3f}").filter("trim", end=f"{end:.3f}")


def _unchanging(stream: Stream, track: VideoTrack) -> Stream:
    """Frames of one size and format; those that have it pass through untouched, at no cost."""
    width, height = (track.width, track.height) if track.rotation in {0, 180} else (track.height, track.width)
    return stream.filter("scale", width, height, flags=SCALER)


def constant_rate(stream: Stream, rung: VideoRendition) -> Stream:
    """Frames at exactly the rung's rate from time 0 on; ``start_time`` repeats the first picture of a late video."""
    return stream.filter("fps", fps=rung.frame_rate, start_time=0)


def _only(stream: Stream, chunk: Chunk) -> Stream:
    """Exactly the frames of a stretch and of its warm-up, with the times that they have in the whole.

    Frames before it cost nothing but their decoding: to the filter before, the first one that is decoded began at time
    0, so that its grid, and with it the choice of every frame, is the whole encode's.
    """
    end = {} if chunk.end is None else {"end_frame": chunk.end}
    return stream.filter("trim", start_frame=chunk.begin, **end)


def _from_before(stream: Stream, first: int, rung: VideoRendition) -> Stream:
    """Nothing at all where decoding begins behind a stretch's first frame: a held picture would hide that."""
    latest = float((first + _HALF) / rung.fps)
    # A variable of the expression keeps what the first frame has shown.
    return stream.filter("select", f"if(eq(n,0),st(0,lte(t,{latest:.6f})));ld(0)")


def smaller(stream: Stream, larger: VideoRendition, rung: VideoRendition) -> Stream:
    """A rung from the one above it."""
    if rung.fps != larger.fps:
        stream = constant_rate(stream, rung)
    if (rung.width, rung.height) == (larger.width, larger.height):
        return stream
    return stream.filter("scale", rung.width, rung.height, flags=SCALER).filter("setsar", "1")


def _to_bt709(stream: Stream, track: VideoTrack, rung: VideoRendition) -> Stream:
    light = light_to(track)
    if track.color_space in ZSCALE_ONLY:
        return stream.filter("zscale", rung.width, rung.height, filter="bicubic", **light).filter("format", "yuv420p")
    if light:
        # zscale takes no odd sizes, and fewer pixels cost less.
        stream = stream.filter("scale", rung.width, rung.height, flags=SCALER)
        if pixels := zscale_format(track):
            stream = stream.filter("format", pixels)
        return stream.filter("zscale", **light).filter("format", "yuv420p")
    matrix = source_matrix(track)
    # A source at the top rung's size, matrix and range passes through untouched.
    same_size = (track.width, track.height) == (rung.width, rung.height) and track.rotation in {0, 180}
    if same_size and matrix == "bt709" and not full_range(track) and track.pixel_format == "yuv420p":
        return stream
    return stream.filter(
        "scale",
        rung.width,
        rung.height,
        flags=SCALER,
        in_color_matrix=matrix,
        out_color_matrix="bt709",
        out_range="tv",
    ).filter("format", "yuv420p")


def _tone_map(stream: Stream, track: VideoTrack, rung: VideoRendition) -> Stream:
    """PQ or HLG in BT.2020 to SDR in BT.709, at the rung's size: floating-point pictures are the costly part."""
    linear = linear_light(track)
    if track.color_space in ZSCALE_ONLY:
        stream = stream.filter("zscale", rung.width, rung.height, filter="bicubic", **linear)
    else:
        stream = stream.filter("scale", rung.width, rung.height, flags=SCALER).filter("zscale", **linear)
    for name, arguments, options in TO_SDR:
        stream = stream.filter(name, *arguments, **options)
    return stream
