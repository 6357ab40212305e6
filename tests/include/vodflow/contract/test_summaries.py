"""What a task's log says of a video."""

from __future__ import annotations

from support.fixtures.values import media_info
from vodflow.contract.summaries import media_summary


def test_what_came_in_names_the_container_and_not_all_that_ffmpeg_takes_for_it() -> None:
    media = media_info(duration=5.28)
    expected = "mov,mp4: h264 1280x720, 25 fps, no sound, 5.3 s"
    assert media_summary(media) == expected
    assert media_summary(media.model_copy(update={"container": "mov,mp4,m4a,3gp,3g2,mj2"})) == expected
    assert media_summary(media.model_copy(update={"container": "mpegts"})).startswith("mpegts: h264")
