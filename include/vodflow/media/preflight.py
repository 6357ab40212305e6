"""Limits of what may be transcoded: refused by name before anything is paid for."""

from __future__ import annotations

from typing import Protocol

from vodflow.contract.media_info import MediaInfo
from vodflow.errors import InputRejected, RejectionReason

#: Dolby Vision that has no other picture below (Dolby Vision Profiles and Levels): IPT-PQ-C2 of HEVC, AV1 and MV-HEVC.
_WITHOUT_BASE = frozenset({"5.0", "10.0", "20.0"})


class Limits(Protocol):
    """What :class:`vodflow.settings.Settings` says about inputs.

    ``max_duration`` in seconds, ``max_size`` in bytes, ``max_pixels`` of one frame.
    """

    @property
    def max_duration(self) -> float: ...
    @property
    def max_size(self) -> int: ...
    @property
    def max_pixels(self) -> int: ...


def check_size(size: int, limits: Limits) -> None:
    """Refuse a file for its size, which is known without opening it.

    :param size: bytes
    :raises InputRejected: ``empty`` or ``too_large``
    """
    if size == 0:
        raise InputRejected(RejectionReason.EMPTY, "The file has no bytes. Upload it again.")
    if size > limits.max_size:
        raise InputRejected(
            RejectionReason.TOO_LARGE,
            f"The file has {_size(size)}; at most {_size(limits.max_size)} are accepted (VODFLOW_MAX_SIZE).",
        )


def check_limits(info: MediaInfo, limits: Limits) -> None:
    """Refuse what is too large, too long or has too many pixels.

    :raises InputRejected: ``empty``, ``too_large``, ``too_long`` or ``too_many_pixels``, with value and limit
    """
    check_size(info.size, limits)
    if info.duration > limits.max_duration:
        raise InputRejected(
            RejectionReason.TOO_LONG,
            f"The video lasts {_clock(info.duration)}; at most {_clock(limits.max_duration)} are accepted "
            "(VODFLOW_MAX_DURATION).",
        )
    width, height = info.video.width, info.video.height
    if width * height > limits.max_pixels:
        raise InputRejected(
            RejectionReason.TOO_MANY_PIXELS,
            f"A frame of {width}x{height} has {width * height:,} pixels; at most {limits.max_pixels:,} are accepted "
            "(VODFLOW_MAX_PIXELS).",
        )


def check_picture(info: MediaInfo) -> None:
    """Refuse pictures whose colours only a licensed decoder knows.

    :raises InputRejected: ``undecodable``
    """
    if info.video.dolby_vision in _WITHOUT_BASE:
        profile = info.video.dolby_vision.removesuffix(".0")
        raise InputRejected(
            RejectionReason.UNDECODABLE,
            f"The picture is Dolby Vision profile {profile}: there is no HDR10 or SDR "
            "below, and without a Dolby decoder it is green and purple. Export it as HDR10 or SDR, or as profile 8.1.",
        )


def _size(count: int) -> str:
    return f"{count / 1024**3:.2f} GiB" if count >= 1024**3 else f"{count:,} bytes"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"
