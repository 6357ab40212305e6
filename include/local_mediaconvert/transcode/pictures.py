"""From an input's decoder to an output's encoder: the filters of pictures. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

from vodflow.contract.media_info import VideoTrack
from vodflow.ffmpeg.colors import TO_SDR, ZSCALE_ONLY, light_to, linear_light, source_matrix, zscale_format
from vodflow.ffmpeg.picture_filters import SCALER

from local_mediaconvert.transcode.burnin import timecode_burnin
from local_mediaconvert.transcode.clips import Clip
from local_mediaconvert.transcode.contract import Document
from local_mediaconvert.transcode.filter_steps import Chain, Filter, Step, step
from local_mediaconvert.transcode.frames import Fit, Frame, Shape, codec_settings, fit, rectangle, turn
from local_mediaconvert.transcode.images import insertions

_TRANSPOSE: Final[Mapping[int, tuple[Step, ...]]] = {
    0: (),
    90: (step("transpose", dir="clock"),),
    180: (step("hflip"), step("vflip")),
    270: (step("transpose", dir="cclock"),),
}

#: ``VideoSelector.ColorSpace`` as ffprobe names primaries, transfer and matrix.
_COLOR_SPACES: Final = {
    "REC_601": ("smpte170m", "smpte170m", "smpte170m"),
    "REC_709": ("bt709", "bt709", "bt709"),
    "HDR10": ("bt2020", "smpte2084", "bt2020nc"),
    "HLG_2020": ("bt2020", "arib-std-b67", "bt2020nc"),
    "P3D65_SDR": ("smpte432", "iec61966-2-1", "bt709"),
}
_RANGES: Final = {"FULL_RANGE": "pc", "LIMITED_RANGE": "tv"}
_CONVERTED: Final = {"FORCE_709": "bt709", "FORCE_601": "smpte170m"}
_SCALE_MATRIX: Final = {"bt709": "bt709", "smpte170m": "bt601"}
#: Strength 0 to 5 of the input filters, and 0 to 16 of noise reducers, as hqdn3d's spatial strength.
_DENOISE: Final = (1.0, 2.0, 4.0, 6.0, 8.0, 10.0)
#: Field rate output of a deinterlacer is asked for when the output is this much faster than the input's frames.
_FIELD_RATE: Final = Fraction(3, 2)


def described(track: VideoTrack, selector: Document) -> VideoTrack:
    """The track with the colours that the job says it has."""
    update: dict[str, Any] = {}
    space = _COLOR_SPACES.get(selector.get("ColorSpace", "FOLLOW"))
    fallback = selector.get("ColorSpaceUsage") == "FALLBACK"
    if space and not (fallback and track.color_space):
        update = dict(zip(("color_primaries", "color_transfer", "color_space"), space, strict=True))
    sampling = _RANGES.get(selector.get("SampleRange", "FOLLOW"))
    if sampling:
        update["color_range"] = sampling
    return track.model_copy(update=update)


def input_chain(clip: Clip) -> Chain:
    """What an input says of its own pictures: rotation, cropping, cleaning."""
    source, settings = clip.source, clip.settings
    track = source.video
    if track is None:
        return ()
    chain: list[Step] = []
    if track.color_space not in ZSCALE_ONLY:
        # Frames of one size; those that have it pass through untouched, at no cost.
        chain.append(step("scale", track.width, track.height, flags=SCALER))
    if track.rotation:
        chain.append(step("sidedata", mode="delete", type="DISPLAYMATRIX"))
    chain += _TRANSPOSE[turn(source, settings.get("VideoSelector", {}))]
    if crop := settings.get("Crop"):
        turned = turn(source, settings.get("VideoSelector", {})) in {90, 270}
        size = (track.height, track.width) if turned else (track.width, track.height)
        left, top, width, height = rectangle(crop, *size, "input crop")
        chain.append(step("crop", width, height, left, top))
    if settings.get("FilterEnable", "AUTO") != "DISABLE":
        strength = max(0, min(5, int(settings.get("FilterStrength", 0))))
        if settings.get("DeblockFilter") == "ENABLED":
            chain.append(step("deblock", filter="strong" if strength > 2 else "weak"))
        if settings.get("DenoiseFilter") == "ENABLED":
            chain.append(step("hqdn3d", luma_spatial=_DENOISE[strength]))
    return (*chain, *insertions(settings.get("ImageInserter"), clip.images, track.fps))


def clip_chain(
    clip: Clip, description: Document, shape: Shape, frame: Frame, pick: Chain = (), first: VideoTrack | None = None
) -> Chain:
    """One clip as pictures of the output: size, rate, colours and length are those of every other clip.

    :param shape: the clip's pictures after the input's filters and the output's crop
    :param first: the first clip's track, whose colours all others take
    :param pick: which pictures are taken, before they cost any scaling
    """
    track = clip.source.video
    if track is None:
        return ()
    track = described(track, clip.settings.get("VideoSelector", {}))
    crop = description.get("Crop")
    chain: list[Filter] = [*input_chain(clip), *_deinterlace(description, track, clip, frame)]
    if crop:
        left, top, width, height = rectangle(crop, clip.shape.width, clip.shape.height, "output crop")
        chain.append(step("crop", width, height, left, top))
    chain += _noise_reduction(description)
    chain += [*_timing(clip, description, frame), *pick]
    # The input's own place goes before the output's.
    placed = {**description, "Position": clip.settings.get("Position") or description.get("Position")}
    chain += _colours(description, track, fit(placed, shape, frame), frame, first or track)
    # Rounded sizes change the shape of pixels a little; clips that are joined must have the same.
    chain.append(step("setsar", f"{frame.aspect.numerator}/{frame.aspect.denominator}"))
    return tuple(chain)


def _deinterlace(description: Document, track: VideoTrack, clip: Clip, frame: Frame) -> list[Step]:
    wanted = description.get("VideoPreprocessors", {}).get("Deinterlacer")
    if wanted is None:
        return []
    scan = clip.settings.get("InputScanType")
    every = wanted.get("Control") == "FORCE_ALL_FRAMES" or track.interlaced or scan == "PSF"
    mode = "send_field" if frame.rate > clip.source.rate * _FIELD_RATE else "send_frame"
    chosen = step("bwdif", mode=mode, parity="auto", deint="all" if every else "interlaced")
    if wanted.get("Mode") == "INVERSE_TELECINE":
        return [step("fieldmatch"), step("bwdif", deint="interlaced"), step("decimate")]
    return [chosen]


def _noise_reduction(description: Document) -> list[Step]:
    reducer = description.get("VideoPreprocessors", {}).get("NoiseReducer")
    if not reducer:
        return []
    settings = [value for name, value in reducer.items() if name != "Filter" and isinstance(value, Mapping)]
    strength = max((int(item.get("Strength", 3)) for item in settings), default=3)
    kind = reducer.get("Filter", "SPATIAL")
    if kind.startswith("TEMPORAL"):
        return [step("hqdn3d", luma_spatial=0, luma_tmp=2 + strength / 2)]
    if kind == "SHARPEN":
        return [step("unsharp", luma_amount=0.3 + strength / 4)]
    return [step("hqdn3d", luma_spatial=1 + strength, luma_tmp=0)]


def _timing(clip: Clip, description: Document, frame: Frame) -> list[Step]:
    """Frames at exactly the output's rate from the clip's time 0 to its end."""
    rate = f"{frame.rate.numerator}/{frame.rate.denominator}"
    algorithm = codec_settings(description)[1].get("FramerateConversionAlgorithm", "DUPLICATE_DROP")
    smooth = algorithm in {"INTERPOLATE", "FRAMEFORMER"} and frame.rate != clip.source.rate
    chain: list[Step] = []
    if clip.black_before:
        # Pictures that begin late: black until then.
        chain += [step("setpts", "PTS-STARTPTS"), step("fps", fps=rate), _black(start=clip.black_before)]
    else:
        # Fills a late start and gaps with the picture beside them.
        chain.append(step("fps", fps=rate, start_time=0))
    if smooth:
        chain.insert(0, step("framerate", fps=rate))
    if clip.missing_after:
        chain.append(_black(stop=clip.missing_after) if clip.pads_black else _held(clip.missing_after))
    if clip.missing_after or clip.exact:
        chain.append(step("trim", end=f"{float(clip.length):.6f}"))
    return chain


def _black(*, start: float = 0.0, stop: float = 0.0) -> Step:
    if start:
        return step("tpad", start_mode="add", start_duration=f"{start:.6f}", color="black")
    return step("tpad", stop_mode="add", stop_duration=f"{stop:.6f}", color="black")


def _held(seconds: float) -> Step:
    return step("tpad", stop_mode="clone", stop_duration=f"{seconds:.6f}")


def _colours(description: Document, track: VideoTrack, laid: Fit, frame: Frame, first: VideoTrack) -> list[Step]:
    corrector = description.get("VideoPreprocessors", {}).get("ColorCorrector", {})
    conversion = corrector.get("ColorSpaceConversion", "NONE")
    width, height = laid.scaled
    chain: list[Step] = []
    target = _CONVERTED.get(conversion)
    toned = target == "bt709" and track.hdr
    light = linear_light(track) if toned else light_to(track, target) if target else {}
    if track.color_space in ZSCALE_ONLY:
        chain.append(step("zscale", width, height, filter="bicubic", **light))
    elif light:
        # zscale takes no odd sizes, and fewer pixels cost less.
        chain.append(step("scale", width, height, flags=SCALER))
        if pixels := zscale_format(track):
            chain.append(step("format", pixels))
        chain.append(step("zscale", **light))
    else:
        chain.append(_scale(track, conversion, corrector, laid, source_matrix(first)))
    if toned:
        chain += [step(name, *arguments, **options) for name, arguments, options in TO_SDR]
    if laid.cut:
        chain.append(step("crop", *laid.cut))
    if laid.cut is None and (width, height) != (frame.width, frame.height):
        chain += [step("format", "yuv420p"), step("pad", frame.width, frame.height, *laid.at, color="black")]
    return chain


def _scale(track: VideoTrack, conversion: str, corrector: Document, laid: Fit, kept: str) -> Step:
    """To the size and the matrix of the output.

    :param kept: the matrix without conversion
    """
    options: dict[str, Any] = {"flags": SCALER}
    matrix = source_matrix(track)
    target = _CONVERTED.get(conversion)
    wanted = _SCALE_MATRIX[target] if target else kept
    if wanted != matrix:
        options |= {"in_color_matrix": matrix, "out_color_matrix": wanted}
    if track.color_range == "pc" or track.pixel_format.startswith("yuvj"):
        options["in_range"] = "pc"
        # Clipping would lose what squeezing keeps; both give limited range.
        squeeze = corrector.get("SampleRangeConversion", "NONE") != "NONE"
        options["out_range"] = "tv" if squeeze or target else "pc"
    return step("scale", *laid.scaled, **options)


def finish_chain(description: Document, track: VideoTrack | None, pixel_format: str, drawn: Chain) -> Chain:
    """What is done to the joined clips: drawing, correction, and what the stream says of its pixels.

    :param drawn: see :func:`drawings`
    """
    preprocessors = description.get("VideoPreprocessors", {})
    chain: list[Filter] = [*drawn]
    chain.append(step("format", pixel_format))
    corrector = preprocessors.get("ColorCorrector", {})
    chain += _correction(corrector)
    # Encoders would write it: captions that no manifest declares and, of what is SDR now, the brightness of HDR.
    kind = {} if corrector.get("ColorSpaceConversion") in _CONVERTED else {"type": "A53_CC"}
    chain.append(step("sidedata", mode="delete", **kind))
    if track is not None and description.get("ColorMetadata", "INSERT") == "INSERT":
        chain += colour_tags(track, corrector)
    return tuple(chain)


def drawings(description: Document, frame: Frame, images: Mapping[str, Path], first: tuple[int, Fraction]) -> Chain:
    """Images and time codes that an output has over its pictures.

    :param images: downloaded images by URI
    :param first: time code of the first picture, see :mod:`~local_mediaconvert.transcode.burnin`
    """
    inserted = insertions(description.get("VideoPreprocessors", {}).get("ImageInserter"), images, frame.rate)
    return (*inserted, *timecode_burnin(description, first, frame.rate))


def jpeg_chain(description: Document, track: VideoTrack | None, drawn: Chain) -> Chain:
    """JPEG's own matrix and range (ITU-T T.871), which viewers assume."""
    corrector = description.get("VideoPreprocessors", {}).get("ColorCorrector", {})
    converted = _CONVERTED.get(corrector.get("ColorSpaceConversion", "NONE"))
    matrix = _SCALE_MATRIX[converted] if converted else source_matrix(track) if track else "bt709"
    return (
        *drawn,
        *_correction(corrector),
        step("scale", flags=SCALER, in_color_matrix=matrix, out_color_matrix="bt601", out_range="pc"),
        step("format", "yuvj420p"),
    )


def colour_tags(track: VideoTrack, corrector: Document) -> list[Step]:
    """Colour metadata of an output: converted, or the source's."""
    converted = _CONVERTED.get(corrector.get("ColorSpaceConversion", "NONE"))
    if converted:
        return [step("setparams", color_primaries=converted, color_trc=converted, colorspace=converted, range="tv")]
    named = {
        "color_primaries": track.color_primaries,
        "color_trc": track.color_transfer,
        "colorspace": track.color_space,
    }
    known = {name: value for name, value in named.items() if value}
    return [step("setparams", **known)] if known else []


def _correction(corrector: Document) -> list[Step]:
    """Brightness, contrast and saturation of 1 to 100 around 50, hue in degrees."""
    values = {name: int(corrector.get(name, 50)) for name in ("Brightness", "Contrast", "Saturation")}
    hue = int(corrector.get("Hue", 0))
    chain: list[Step] = []
    if any(value != 50 for value in values.values()):
        chain.append(
            step(
                "eq",
                brightness=round((values["Brightness"] - 50) / 100, 3),
                contrast=round(values["Contrast"] / 50, 3),
                saturation=round(values["Saturation"] / 50, 3),
            )
        )
    if hue:
        chain.append(step("hue", h=hue))
    return chain


def shape_within(shape: Shape, description: Document) -> Shape:
    """The shape of what is left after the output's crop."""
    crop = description.get("Crop")
    if not crop:
        return shape
    _, _, width, height = rectangle(crop, shape.width, shape.height, "output crop")
    return Shape(width, height, shape.aspect, shape.rate)
