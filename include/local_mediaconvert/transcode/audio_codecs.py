"""Audio codecs: MediaConvert's settings as FFmpeg's encoders and their options. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from local_mediaconvert.transcode.contract import Document, ErrorCode, JobFailed

#: Channels by coding mode; ``CODING_MODE_AUTO`` follows the input.
_MODES: Final = {
    "CODING_MODE_1_0": 1, "CODING_MODE_1_1": 2, "CODING_MODE_2_0": 2, "CODING_MODE_5_1": 6, "CODING_MODE_3_2_LFE": 6,
    "CODING_MODE_3_2": 6, "AD_RECEIVER_MIX": 1,
}  # fmt: skip

#: What FFmpeg's AC-3 encoders know, kilobits a second.
_DOLBY_RATES: Final = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640)


@dataclass(frozen=True)
class AudioEncoder:
    """How one output's sound is encoded.

    :param channels: of the output
    :param rate: samples a second
    :param options: of FFmpeg, without dashes
    :param suffix: of the intermediate file
    :param bitrate: bits a second that names may show
    """

    channels: int
    rate: int
    options: tuple[tuple[str, Any], ...]
    suffix: str = ".mp4"
    bitrate: int = 0
    copies: bool = False


def audio_encoder(codec: str, settings: Document, channels: int, rate: int) -> AudioEncoder:
    """The encoder of an output's audio.

    :param settings: ``AacSettings`` and the like
    :param channels: of the input, for what follows it
    :param rate: samples a second of the input
    :raises JobFailed: for a codec that is not encoded here
    """
    maker = _ENCODERS.get(codec)
    if maker is None:
        raise JobFailed(ErrorCode.JOB_SETTINGS, f"Audio codec {codec} is not encoded by the local MediaConvert.")
    return maker(settings, channels, rate)


def _follow(settings: Document, channels: int) -> int:
    return int(settings.get("Channels") or 0) or channels


def _options(rate: int, **options: Any) -> tuple[tuple[str, Any], ...]:
    return (*options.items(), ("ar", rate))


_AAC_QUALITY: Final = {"LOW": 0.5, "MEDIUM_LOW": 0.9, "MEDIUM_HIGH": 1.4, "HIGH": 2.0}


def _aac(settings: Document, channels: int, rate: int) -> AudioEncoder:
    count = _MODES.get(settings.get("CodingMode", "CODING_MODE_2_0"), min(channels, 6))
    count = count if count in {1, 2, 6} else 2
    rate = int(settings.get("SampleRate", 48_000))
    bitrate = int(settings.get("Bitrate", 96_000))
    options: dict[str, Any] = {"c:a": "aac", "profile:a": "aac_low"}
    if settings.get("RateControlMode") == "VBR":
        options["q:a"] = _AAC_QUALITY[settings.get("VbrQuality", "MEDIUM_HIGH")]
    else:
        options["b:a"] = bitrate
    return AudioEncoder(count, rate, _options(rate, **options), bitrate=bitrate)


def _dolby(encoder: str, default: Mapping[int, int]) -> Callable[[Document, int, int], AudioEncoder]:
    def make(settings: Document, channels: int, rate: int) -> AudioEncoder:  # noqa: ARG001
        count = _MODES.get(settings.get("CodingMode", "CODING_MODE_AUTO"), channels)
        count = count if count in {1, 2, 6} else (6 if count > 2 else 2)
        wanted = int(settings.get("Bitrate", default[count]))
        bitrate = min((item * 1000 for item in _DOLBY_RATES), key=lambda item: abs(item - wanted))
        options: dict[str, Any] = {"c:a": encoder, "b:a": bitrate}
        if "Dialnorm" in settings:
            options["dialnorm"] = -int(settings["Dialnorm"])
        return AudioEncoder(count, 48_000, _options(48_000, **options), bitrate=bitrate)

    return make


def _opus(settings: Document, channels: int, rate: int) -> AudioEncoder:
    bitrate = int(settings.get("Bitrate", 96_000))
    rate = int(settings.get("SampleRate", 48_000))
    return AudioEncoder(
        min(2, _follow(settings, channels)), rate, _options(rate, **{"c:a": "libopus", "b:a": bitrate}), bitrate=bitrate
    )


def _vorbis(settings: Document, channels: int, rate: int) -> AudioEncoder:
    rate = int(settings.get("SampleRate", 48_000))
    options = _options(rate, **{"c:a": "libvorbis", "q:a": int(settings.get("VbrQuality", 4))})
    return AudioEncoder(min(2, _follow(settings, channels)), rate, options, ".mkv")


def _mp3(settings: Document, channels: int, rate: int) -> AudioEncoder:
    rate = int(settings.get("SampleRate") or min(rate, 48_000))
    rate = min((22_050, 24_000, 32_000, 44_100, 48_000), key=lambda item: abs(item - rate))
    if settings.get("RateControlMode") == "VBR":
        options = _options(rate, **{"c:a": "libmp3lame", "q:a": int(settings.get("VbrQuality", 4))})
        return AudioEncoder(min(2, _follow(settings, channels)), rate, options)
    bitrate = int(settings.get("Bitrate", 192_000))
    return AudioEncoder(
        min(2, _follow(settings, channels)), rate, _options(rate, **{"c:a": "libmp3lame", "b:a": bitrate}),
        bitrate=bitrate,
    )  # fmt: skip


def _mp2(settings: Document, channels: int, rate: int) -> AudioEncoder:
    rate = min((32_000, 44_100, 48_000), key=lambda item: abs(item - int(settings.get("SampleRate") or rate)))
    bitrate = int(settings.get("Bitrate", 192_000))
    options = _options(rate, **{"c:a": "mp2", "b:a": bitrate})
    return AudioEncoder(min(2, _follow(settings, channels)), rate, options, ".mov", bitrate)


def _pcm(encoders: Mapping[int, str], suffix: str) -> Callable[[Document, int, int], AudioEncoder]:
    def make(settings: Document, channels: int, rate: int) -> AudioEncoder:
        rate = int(settings.get("SampleRate") or rate)
        depth = int(settings.get("BitDepth", 16))
        count = _follow(settings, channels)
        options = _options(rate, **{"c:a": encoders[16 if depth <= 16 else 24]})
        return AudioEncoder(count, rate, options, suffix, bitrate=rate * depth * count)

    return make


def _flac(settings: Document, channels: int, rate: int) -> AudioEncoder:
    rate = int(settings.get("SampleRate") or rate)
    deep = int(settings.get("BitDepth", 16)) > 16
    options = _options(rate, **{"c:a": "flac", "sample_fmt": "s32" if deep else "s16"})
    return AudioEncoder(min(8, _follow(settings, channels)), rate, options)


def _passthrough(settings: Document, channels: int, rate: int) -> AudioEncoder:  # noqa: ARG001
    return AudioEncoder(channels, rate, (("c:a", "copy"),), copies=True)


_ENCODERS: Final[Mapping[str, Callable[[Document, int, int], AudioEncoder]]] = {
    "AAC": _aac,
    "AC3": _dolby("ac3", {1: 96_000, 2: 192_000, 6: 384_000}),
    "EAC3": _dolby("eac3", {1: 64_000, 2: 128_000, 6: 256_000}),
    "OPUS": _opus,
    "VORBIS": _vorbis,
    "MP3": _mp3,
    "MP2": _mp2,
    "WAV": _pcm({16: "pcm_s16le", 24: "pcm_s24le"}, ".wav"),
    "AIFF": _pcm({16: "pcm_s16be", 24: "pcm_s24be"}, ".mov"),
    "FLAC": _flac,
    "PASSTHROUGH": _passthrough,
}
