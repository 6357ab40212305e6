"""What outputs are called besides their names: extensions, languages, codecs. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from local_mediaconvert.transcode.contract import Document
from local_mediaconvert.transcode.plan import AudioPart, CaptionPart, VideoPart

#: Extensions by container (API reference, Output.Extension).
_EXTENSIONS: Final = {"MP4": "mp4", "MOV": "mov", "M2TS": "m2ts", "MXF": "mxf", "WEBM": "webm", "GIF": "gif",
                      "OGG": "ogg", "F4V": "f4v", "Y4M": "y4m"}  # fmt: skip
#: Extensions without a container, by codec.
_RAW: Final = {"AAC": "aac", "AC3": "ac3", "EAC3": "ec3", "MP2": "mp2", "MP3": "mp3", "WAV": "wav", "AIFF": "aiff",
               "FLAC": "flac", "OPUS": "opus", "VORBIS": "ogg", "H_264": "h264", "H_265": "h265", "AV1": "ivf",
               "VP8": "ivf", "VP9": "ivf", "MPEG2": "m2v", "FRAME_CAPTURE": "jpg", "UNCOMPRESSED": "yuv",
               "PASSTHROUGH": "aac"}  # fmt: skip
_CAPTIONS: Final = {"WEBVTT": "vtt", "SRT": "srt", "TTML": "ttml", "IMSC": "xml", "SMI": "smi"}


def extension_of(
    settings: Document, video: VideoPart | None, audio: Sequence[AudioPart], captions: Sequence[CaptionPart]
) -> str:
    """The extension of an output's file: given, the container's, or the codec's."""
    wanted = settings.get("Extension")
    if wanted:
        return str(wanted).lstrip(".")
    container = settings.get("ContainerSettings", {}).get("Container", "RAW")
    if container in _EXTENSIONS:
        return _EXTENSIONS[container]
    if video:
        return _RAW.get(video.codec, "bin")
    if audio:
        return _RAW.get(audio[0].codec, "bin")
    return _CAPTIONS.get(captions[0].format, "txt") if captions else "bin"


def language_of(description: Document, spoken: str | None) -> str | None:
    """ISO 639-2 in lower case: configured, or the input's.

    :param spoken: language of the input's track
    """
    configured = description.get("CustomLanguageCode") or description.get("LanguageCode")
    if description.get("LanguageCodeControl") == "USE_CONFIGURED" or spoken is None:
        return str(configured).lower() if configured else None
    return spoken


def copied_codec(codec: str) -> str:
    """MediaConvert's name of a codec that is passed through, from ffprobe's."""
    return {"aac": "AAC", "ac3": "AC3", "eac3": "EAC3"}.get(codec, codec.upper())
