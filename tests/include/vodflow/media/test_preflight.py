"""Limits of the input."""

from __future__ import annotations

import pytest
from vodflow.contract.media_info import MediaInfo, VideoTrack
from vodflow.errors import InputRejected, RejectionReason
from vodflow.media.preflight import check_limits, check_size
from vodflow.settings import Settings

LIMITS = Settings(max_duration=3600, max_size=10 * 1024**3, max_pixels=1920 * 1080)


def media(duration: float = 10, size: int = 1000, width: int = 1280, height: int = 720) -> MediaInfo:
    video = VideoTrack(
        index=0, codec="h264", width=width, height=height, display_width=width, display_height=height,
        frame_rate="25/1", duration=duration,
    )  # fmt: skip
    return MediaInfo(container="mp4", duration=duration, size=size, video=video)


def test_limits_themselves_are_accepted() -> None:
    check_limits(media(3600, 10 * 1024**3, 1920, 1080), LIMITS)


@pytest.mark.parametrize(
    ("info", "reason", "sentence"),
    [
        (
            media(duration=3601),
            RejectionReason.TOO_LONG,
            "The video lasts 1:00:01; at most 1:00:00 are accepted (VODFLOW_MAX_DURATION).",
        ),
        (
            media(size=10 * 1024**3 + 1),
            RejectionReason.TOO_LARGE,
            "The file has 10.00 GiB; at most 10.00 GiB are accepted (VODFLOW_MAX_SIZE).",
        ),
        (
            media(width=1922, height=1080),
            RejectionReason.TOO_MANY_PIXELS,
            "A frame of 1922x1080 has 2,075,760 pixels; at most 2,073,600 are accepted (VODFLOW_MAX_PIXELS).",
        ),
    ],
)
def test_refused_with_value_and_limit(info: MediaInfo, reason: RejectionReason, sentence: str) -> None:
    with pytest.raises(InputRejected) as caught:
        check_limits(info, LIMITS)
    assert (caught.value.reason, caught.value.detail) == (reason, sentence)


def test_no_bytes() -> None:
    with pytest.raises(InputRejected) as caught:
        check_size(0, LIMITS)
    assert caught.value.reason == RejectionReason.EMPTY
