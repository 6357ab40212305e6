"""How large and how fast an output's pictures are. Pure.

What the settings leave open follows the first input, after its rotation and cropping.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final, Literal

from vodflow.engines.mediaconvert.request.service_model import settings_member

from local_mediaconvert.transcode.contract import Document, ErrorCode, JobFailed
from local_mediaconvert.transcode.sources import Source

#: Containers whose rotation AUTO reads (API reference, VideoSelector.Rotate), in ffprobe's names.
_ROTATING: Final = frozenset({"mov", "mp4"})
#: Sides that differ by less than this share are rounding, not a shape that needs bars.
_SAME_SHAPE: Final = Fraction(1, 200)

Turn = Literal[0, 90, 180, 270]


@dataclass(frozen=True)
class Frame:
    """The pictures of an output.

    :param aspect: width of a pixel over its height
    """

    width: int
    height: int
    aspect: Fraction
    rate: Fraction


class Shape(Frame):
    """Pictures as they come out of an input."""

    @property
    def shown(self) -> Fraction:
        """Width over height as a player shows it."""
        return self.width * self.aspect / self.height


@dataclass(frozen=True)
class Fit:
    """Where the input's picture goes within the output's.

    :param scaled: width and height to which it is scaled
    :param cut: width and height that are cut out of the middle after that
    :param at: left and top in the output
    """

    scaled: tuple[int, int]
    cut: tuple[int, int] | None = None
    at: tuple[int, int] = (0, 0)


def codec_settings(description: Document) -> tuple[str, dict[str, Any]]:
    """The video codec of an output and its settings."""
    chosen = description.get("CodecSettings", {})
    codec = str(chosen.get("Codec", "H_264"))
    return codec, dict(chosen.get(settings_member("VideoCodecSettings", codec), {}))


def turn(source: Source, selector: Document) -> Turn:
    """Clockwise degrees by which an input is rotated; none by default, whatever the file says."""
    wanted = selector.get("Rotate", "DEGREE_0")
    if wanted == "AUTO":
        known = source.video is not None and bool(_ROTATING & set(source.container.split(",")))
        return source.video.rotation if known and source.video else 0
    degrees = int(wanted.rpartition("_")[2])
    return 90 if degrees == 90 else 180 if degrees == 180 else 270 if degrees == 270 else 0


def input_shape(source: Source, settings: Document) -> Shape:
    """An input's pictures after rotation and the input's crop.

    :param settings: the ``Input``
    :raises JobFailed: when there are no pictures
    """
    track = source.video
    if track is None:
        raise no_video(source.uri)
    pid = settings.get("VideoSelector", {}).get("Pid")
    if pid is not None and source.pids.get(track.index) != int(pid):
        raise JobFailed(
            ErrorCode.MISSING_VIDEO, f"No video found for stream index [{track.index}] with PID [{int(pid)}]."
        )
    width, height, aspect = track.width, track.height, Fraction(track.sample_aspect_ratio)
    if turn(source, settings.get("VideoSelector", {})) in {90, 270}:
        width, height, aspect = height, width, 1 / aspect
    crop = settings.get("Crop")
    if crop:
        _, _, width, height = rectangle(crop, width, height, "input crop")
    return Shape(width, height, aspect, track.fps)


def no_video(uri: str) -> JobFailed:
    """What an output with pictures says of an input without."""
    return JobFailed(
        ErrorCode.MISSING_VIDEO, f"Your input file [{uri}] doesn't have video that the transcoder can consume."
    )


def rectangle(settings: Document, width: int, height: int, name: str) -> tuple[int, int, int, int]:
    """Left, top, width and height of a ``Rectangle`` within a picture.

    :raises JobFailed: when it is not inside
    """
    left, top = int(settings.get("X", 0)), int(settings.get("Y", 0))
    across, down = int(settings.get("Width", width - left)), int(settings.get("Height", height - top))
    if left + across > width or top + down > height or across <= 0 or down <= 0:
        raise JobFailed(
            ErrorCode.JOB_SETTINGS,
            f"The {name} rectangle {across}x{down} at {left},{top} is not inside the picture of {width}x{height}.",
        )
    return left, top, across, down


def output_frame(description: Document, shape: Shape, number: int) -> Frame:
    """Size, pixel aspect ratio and frame rate of an output.

    :param shape: of the first input, cropped by the output
    :param number: of the video description in the job, from 1, for messages
    :raises JobFailed: for odd sizes
    """
    codec, settings = codec_settings(description)
    aspect = shape.aspect
    if settings.get("ParControl") == "SPECIFIED":
        aspect = Fraction(int(settings.get("ParNumerator", 1)), int(settings.get("ParDenominator", 1)))
    width, height = _size(description, shape, aspect)
    if width % 2 or height % 2:
        raise JobFailed(
            ErrorCode.JOB_SETTINGS,
            f"Invalid resolution [{width} x {height}], only even values are supported. video_description [{number}].",
        )
    rate = shape.rate
    if codec != "FRAME_CAPTURE" and settings.get("FramerateControl") == "SPECIFIED":
        rate = Fraction(int(settings.get("FramerateNumerator", 25)), int(settings.get("FramerateDenominator", 1)))
    return Frame(width, height, aspect, rate)


def _size(description: Document, shape: Shape, aspect: Fraction) -> tuple[int, int]:
    width, height = description.get("Width"), description.get("Height")
    # The shape of the input in pixels of the output.
    ratio = shape.shown / aspect
    if width is None and height is None:
        if aspect == shape.aspect:
            return shape.width - shape.width % 2, shape.height - shape.height % 2
        return _even(shape.height * ratio), shape.height - shape.height % 2
    if height is None:
        return int(width or 0), _even(int(width or 0) / ratio)
    if width is None:
        return _even(int(height) * ratio), int(height)
    behaviour = description.get("ScalingBehavior", "DEFAULT")
    if behaviour in {"FIT", "FIT_NO_UPSCALE"} and not description.get("Position"):
        return _fitted(shape, ratio, (int(width), int(height)), upscale=behaviour == "FIT")
    return int(width), int(height)


def _fitted(shape: Shape, ratio: Fraction, most: tuple[int, int], *, upscale: bool) -> tuple[int, int]:
    height = min(Fraction(most[1]), most[0] / ratio)
    if not upscale:
        height = min(height, Fraction(shape.height))
    return max(2, _even(height * ratio)), max(2, _even(height))


def _even(value: Fraction | float) -> int:
    return max(2, 2 * round(value / 2))


def fit(description: Document, shape: Shape, frame: Frame) -> Fit:
    """How an input's picture is laid into the output's: stretched, between bars, or cut."""
    position = description.get("Position")
    if position:
        left, top, width, height = rectangle(position, frame.width, frame.height, "output position")
        return Fit((width, height), at=(left, top))
    behaviour = description.get("ScalingBehavior", "DEFAULT")
    whole = (frame.width, frame.height)
    ratio, wanted = shape.shown / frame.aspect, Fraction(frame.width, frame.height)
    if behaviour == "STRETCH_TO_OUTPUT" or abs(ratio / wanted - 1) < _SAME_SHAPE:
        return Fit(whole)
    if behaviour == "FILL":
        if ratio > wanted:
            return Fit((_even(frame.height * ratio), frame.height), cut=whole)
        return Fit((frame.width, _even(frame.width / ratio)), cut=whole)
    if ratio > wanted:
        scaled = frame.width, _even(frame.width / ratio)
    else:
        scaled = _even(frame.height * ratio), frame.height
    # Bars on even lines, so that the colour planes fit.
    left, top = ((frame.width - scaled[0]) // 2, (frame.height - scaled[1]) // 2)
    return Fit(scaled, at=(left - left % 2, top - top % 2))
