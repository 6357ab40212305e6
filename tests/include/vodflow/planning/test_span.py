"""Tracks that begin and end at different times."""

from __future__ import annotations

import pytest
from support.engine_plans import written_plan
from vodflow.contract.plan import TranscodePlan
from vodflow.planning import span


def plan(*, picture: tuple[float, float], sound: tuple[float, float | None] | None) -> TranscodePlan:
    """A plan of a source whose tracks have these starts and durations."""
    made = written_plan(sound=(2, "stereo") if sound else None)
    video = made.media.video.model_copy(update={"start": picture[0], "duration": picture[1]})
    audio = tuple(
        track.model_copy(update={"start": sound[0], "duration": sound[1]}) for track in made.media.audio if sound
    )
    return made.model_copy(update={"media": made.media.model_copy(update={"video": video, "audio": audio})})


@pytest.mark.parametrize(
    ("picture", "sound", "duration", "held", "silent"),
    [
        ((0, 4), None, 4, 0, 0),
        ((0, 4), (0, 4.02), 4.02, 0, 0),  # a codec frame more is no reason to hold a picture
        ((0, 4), (0, 7), 7, 3, 0),
        ((0, 4), (0, 2.5), 4, 0, 1.5),
        ((10, 4), (10, 4), 4, 0, 0),  # recorders' clocks begin anywhere
        ((1.5, 3.5), (0, 5), 5, 0, 0),
        ((1.5, 2.5), (0, 5), 5, 1, 0),
        ((0, 5), (1.5, 3.5), 5, 0, 0),
        ((0, 5), (1.5, 2), 5, 0, 1.5),
        ((-0.5, 4), (0, 3.5), 4, 0, 0),
        ((0, 4), (0, None), 4, 0, 0),
    ],
)
def test_everything_lasts_from_the_first_start_to_the_last_end(
    picture: tuple[float, float], sound: tuple[float, float | None] | None, duration: float, held: float, silent: float
) -> None:
    made = plan(picture=picture, sound=sound)
    assert span.duration(made) == pytest.approx(duration)
    assert span.held_seconds(made) == pytest.approx(held)
    assert span.picture_seconds(made) == pytest.approx(duration, abs=span.UNNOTICEABLE)
    assert [span.sound_end(made, item) + silent for item in made.audio] == pytest.approx(
        [duration] * len(made.audio), abs=span.UNNOTICEABLE
    )
