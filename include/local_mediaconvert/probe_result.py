"""ffprobe's JSON as MediaConvert's ProbeResult, names of the wire. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Final

Document = Mapping[str, Any]

#: ffprobe's codec → the model's. Those that begin with ``pcm_`` are PCM.
_CODECS: Final = {
    "aac": "AAC", "ac3": "AC3", "amr_nb": "AMR", "amr_wb": "AMR", "eac3": "EAC3", "flac": "FLAC", "mp2": "MP2",
    "mp3": "MP3", "opus": "OPUS", "vorbis": "VORBIS", "wmav1": "WMA", "wmav2": "WMA2", "wmapro": "WMAPRO",
    "av1": "AV1", "h264": "AVC", "dvvideo": "DV", "h263": "H263", "hevc": "HEVC", "jpeg2000": "JPEG2000",
    "mjpeg": "MJPEG", "mpeg1video": "MPEG1", "mpeg4": "MP4V", "mpeg2video": "MPEG2", "prores": "PRORES",
    "qtrle": "QTRLE", "theora": "THEORA", "rawvideo": "UNCOMPRESSED", "v210": "UNCOMPRESSED", "vc1": "VC1",
    "dnxhd": "VC3", "vp8": "VP8", "vp9": "VP9", "eia_608": "C608", "webvtt": "WEBVTT",
}  # fmt: skip

#: ffprobe's demuxer → the model's format. MP4 and its family are told apart by their brand.
_FORMATS: Final = {
    "matroska": "matroska", "mxf": "mxf", "wav": "wave", "avi": "avi", "mpegts": "mpegts", "mpeg": "mpegps",
    "mp3": "mp3", "flac": "flac", "asf": "asf", "ogg": "ogg", "aac": "aac", "ac3": "ac3", "eac3": "eac3",
}  # fmt: skip

_WEBM: Final = {"vp8", "vp9", "av1", "vorbis", "opus", "webvtt"}
_TRACK_TYPES: Final = {"video": "video", "audio": "audio", "subtitle": "data", "data": "data"}
_PRIMARIES: Final = {
    "bt709": "ITU_709", "bt470m": "ITU_470M", "bt470bg": "ITU_470BG", "smpte170m": "SMPTE_170M",
    "smpte240m": "SMPTE_240M", "film": "GENERIC_FILM", "bt2020": "ITU_2020", "smpte428": "SMPTE_428_1",
    "smpte431": "SMPTE_431_2", "smpte432": "SMPTE_EG_432_1", "ebu3213": "EBU_3213_E",
}  # fmt: skip
_TRANSFERS: Final = {
    "bt709": "ITU_709", "bt470m": "ITU_470M", "bt470bg": "ITU_470BG", "smpte170m": "SMPTE_170M",
    "smpte240m": "SMPTE_240M", "linear": "LINEAR", "log100": "LOG10_2", "log316": "LOC10_2_5",
    "iec61966-2-4": "IEC_61966_2_4", "bt1361e": "ITU_1361", "iec61966-2-1": "IEC_61966_2_1",
    "bt2020-10": "ITU_2020_10bit", "bt2020-12": "ITU_2020_12bit", "smpte2084": "SMPTE_2084",
    "smpte428": "SMPTE_428_1", "arib-std-b67": "ARIB_B67",
}  # fmt: skip
_MATRICES: Final = {
    "gbr": "RGB", "bt709": "ITU_709", "fcc": "FCC", "bt470bg": "ITU_470BG", "smpte170m": "SMPTE_170M",
    "smpte240m": "SMPTE_240M", "ycgco": "YCgCo", "bt2020nc": "ITU_2020_NCL", "bt2020c": "ITU_2020_CL",
    "smpte2085": "SMPTE_2085", "ictcp": "ITU_2100ICtCp",
}  # fmt: skip
_SAMPLINGS: Final = {"420": "4:2:0", "422": "4:2:2", "444": "4:4:4", "411": "4:1:1", "440": "4:4:0"}
_MIME_TYPES: Final = {
    "mp4": "video/mp4", "quicktime": "video/quicktime", "matroska": "video/x-matroska", "webm": "video/webm",
    "mxf": "application/mxf", "wave": "audio/wav", "avi": "video/x-msvideo", "mpegts": "video/mp2t",
    "mpegps": "video/mpeg", "mp3": "audio/mpeg", "flac": "audio/flac", "asf": "video/x-ms-asf", "ogg": "video/ogg",
    "three_gp": "video/3gpp", "three_g2": "video/3gpp2", "aac": "audio/aac", "ac3": "audio/ac3", "eac3": "audio/eac3",
}  # fmt: skip


def probe_result(document: Document, metadata: Document) -> dict[str, Any]:
    """One ProbeResult.

    :param document: ``ffprobe -show_format -show_streams -of json``
    :param metadata: of the file: eTag, fileSize, lastModified, as far as they are known
    """
    tracks = [_track(item) for item in document.get("streams", []) if item.get("codec_type") in _TRACK_TYPES]
    for index, track in enumerate(tracks, 1):
        track["index"] = index
    container = document.get("format", {})
    kind = file_format(document)
    duration, size = _number(container.get("duration")), metadata.get("fileSize")
    timecode = _timecode(document)
    return {
        "container": {
            **({"format": kind} if kind else {}),
            **({"duration": duration} if duration else {}),
            **({"bitRate": round(size * 8 / duration)} if duration and size else {}),
            **({"startTimecode": timecode} if timecode else {}),
            "tracks": tracks,
        },
        "metadata": {**metadata, **({"mimeType": _MIME_TYPES[kind]} if kind in _MIME_TYPES else {})},
        "trackMappings": [
            {
                f"{name}TrackIndexes": [track["index"] for track in tracks if track["trackType"] == name]
                for name in ("video", "audio", "data")
            }
        ],
    }


def shown_size(result: Document) -> tuple[int, int]:
    """Width and height of the first video track as players show it, pixels; 0 without one.

    :param result: of :func:`probe_result`
    """
    tracks = result["container"]["tracks"]
    video = next((track["videoProperties"] for track in tracks if track["trackType"] == "video"), None)
    if video is None or "width" not in video:
        return 0, 0
    sample = video["sampleAspectRatio"]
    size = round(video["width"] * sample["numerator"] / sample["denominator"]), video["height"]
    return size[::-1] if video.get("rotation", 0) in {90, 270} else size


def file_format(document: Document) -> str | None:
    """The model's name of a file's container; none for one that it does not have."""
    container = document.get("format", {})
    names = str(container.get("format_name", "")).split(",")
    brand = str(container.get("tags", {}).get("major_brand", "")).strip().lower()
    if "mov" in names:
        families = (("qt", "quicktime"), ("3gp", "three_gp"), ("3g2", "three_g2"))
        return next((kind for prefix, kind in families if brand.startswith(prefix)), "mp4")
    if "webm" in names:  # ffprobe does not tell them apart; WebM is Matroska with these codecs only
        codecs = {item.get("codec_name") for item in document.get("streams", [])}
        return "webm" if codecs and codecs <= _WEBM else "matroska"
    return next((_FORMATS[name] for name in names if name in _FORMATS), None)


def _track(stream: Document) -> dict[str, Any]:
    kind = _TRACK_TYPES[stream["codec_type"]]
    duration = _number(stream.get("duration"))
    properties = {"video": _video, "audio": _audio, "data": _data}[kind](stream)
    return {
        "trackType": kind,
        "codec": _codec(str(stream.get("codec_name", ""))),
        **({"duration": duration} if duration else {}),
        f"{kind}Properties": {name: value for name, value in properties.items() if value is not None},
    }


def _video(stream: Document) -> dict[str, Any]:
    sample = _ratio(stream.get("sample_aspect_ratio")) or Fraction(1)
    color = {
        "colorPrimaries": _PRIMARIES.get(stream.get("color_primaries", ""), "UNSPECIFIED"),
        "transferCharacteristics": _TRANSFERS.get(stream.get("color_transfer", ""), "UNSPECIFIED"),
        "matrixCoefficients": _MATRICES.get(stream.get("color_space", ""), "UNSPECIFIED"),
    }
    width, height = stream.get("width"), stream.get("height")
    shape = {
        "width": width,
        "height": height,
        "bitDepth": _bit_depth(stream),
        "sampleAspectRatio": _fraction(sample),
        "displayAspectRatio": _fraction(sample * Fraction(width, height)) if width and height else None,
    }
    rate = _fraction(_ratio(stream.get("avg_frame_rate")) or _ratio(stream.get("r_frame_rate")))
    order = str(stream.get("field_order", "progressive"))
    essence = {
        **shape,
        **color,
        "codedFrameRate": rate,
        "profile": stream.get("profile"),
        "level": str(stream["level"]) if stream.get("level", -99) > 0 else None,
        "scanType": "progressive" if order in {"progressive", "unknown"} else "interlaced",
        "fieldOrder": {"t": "TopFieldFirst", "b": "BottomFieldFirst"}.get(order[0]) if len(order) == 2 else None,
        "chromaSubsampling": next(
            (name for mark, name in _SAMPLINGS.items() if mark in str(stream.get("pix_fmt", ""))), None
        ),
    }
    return {
        **shape,
        **color,
        "frameRate": rate,
        "bitRate": _integer(stream.get("bit_rate")),
        "rotation": _rotation(stream),
        "codecMetadata": {name: value for name, value in essence.items() if value is not None},
    }


def _audio(stream: Document) -> dict[str, Any]:
    depth = _integer(stream.get("bits_per_raw_sample")) or _integer(stream.get("bits_per_sample"))
    return {
        "bitDepth": depth or 16,
        "bitRate": _integer(stream.get("bit_rate")),
        "channels": stream.get("channels"),
        "channelLayout": stream["channel_layout"].split("(")[0] if stream.get("channel_layout") else None,
        "sampleRate": _integer(stream.get("sample_rate")),
        "languageCode": stream.get("tags", {}).get("language"),
    }


def _data(stream: Document) -> dict[str, Any]:
    return {"languageCode": stream.get("tags", {}).get("language")}


def _codec(name: str) -> str:
    return "PCM" if name.startswith("pcm_") else _CODECS.get(name, "UNKNOWN")


def _bit_depth(stream: Document) -> int:
    depth = _integer(stream.get("bits_per_raw_sample"))
    if depth:
        return depth
    name = str(stream.get("pix_fmt", ""))
    return next((bits for bits in (16, 14, 12, 10, 9) if name.endswith((f"p{bits}le", f"p{bits}be"))), 8)


def _rotation(stream: Document) -> int | None:
    """Clockwise degrees; ffprobe's display matrix turns the other way."""
    turns = [item["rotation"] for item in stream.get("side_data_list", []) if "rotation" in item]
    return round(-float(turns[0])) % 360 if turns else None


def _timecode(document: Document) -> str | None:
    parts = [document.get("format", {}), *document.get("streams", [])]
    return next((str(part["tags"]["timecode"]) for part in parts if "timecode" in part.get("tags", {})), None)


def _ratio(text: object) -> Fraction | None:
    try:
        ratio = Fraction(str(text).replace(":", "/"))
    except (ValueError, ZeroDivisionError):
        return None
    return ratio if ratio > 0 else None


def _fraction(value: Fraction | None) -> dict[str, int] | None:
    return None if value is None else {"numerator": value.numerator, "denominator": value.denominator}


def _number(text: object) -> float | None:
    try:
        return float(str(text))
    except ValueError:
        return None


def _integer(text: object) -> int | None:
    number = _number(text)
    return int(number) if number else None
