"""How long the parts of a plan last, where a source's tracks begin and end at different times. Pure.

Time 0 is the start of the earliest track that the plan uses, or less than a frame before it (see
:func:`vodflow.media.timeline.time_zero`); the outputs end with the latest one. A picture that begins late or ends early
is held, and missing sound is silence, so that every rendition covers the whole and no player waits for a track that has
ended.
"""

from __future__ import annotations

from vodflow.contract.plan import AudioRendition, TranscodePlan
from vodflow.media.timeline import input_offset, time_zero

#: Seconds that a track may end early without being prolonged: rounded durations, and codec frames of sound that do not
#: end with a picture.
UNNOTICEABLE = 0.1


def duration(plan: TranscodePlan) -> float:
    """Seconds from the start of the earliest to the end of the latest track that the plan uses."""
    return max([_picture_end(plan), *(sound_end(plan, rendition) for rendition in plan.audio)])


def held_seconds(plan: TranscodePlan) -> float:
    """Seconds for which the last picture stands still while the sound goes on."""
    missing = duration(plan) - _picture_end(plan)
    return round(missing, 3) if missing > UNNOTICEABLE else 0.0


def picture_seconds(plan: TranscodePlan) -> float:
    """Seconds of every video rendition."""
    return _picture_end(plan) + held_seconds(plan)


def sound_end(plan: TranscodePlan, rendition: AudioRendition) -> float:
    """Seconds after time 0 at which the sound of its source tracks ends."""
    tracks = [track for track in plan.media.audio if track.index in rendition.sources]
    if not tracks or any(track.duration is None for track in tracks):
        return _picture_end(plan)
    return max(track.start - start(plan) + (track.duration or 0.0) for track in tracks)


def start(plan: TranscodePlan) -> float:
    """Time stamp of time 0 on the container's clock, seconds."""
    return time_zero(plan.media.video.start, _sound_starts(plan), max(rung.fps for rung in plan.renditions))


def shift(plan: TranscodePlan) -> float:
    """Seconds by which FFmpeg's own time 0 is after ours."""
    media = plan.media
    if media.start is None:
        return 0.0
    return input_offset(media.container, media.start, [media.video.start, *_sound_starts(plan)], start(plan))


def _sound_starts(plan: TranscodePlan) -> list[float]:
    used = {index for rendition in plan.audio for index in rendition.sources}
    # A track without a duration has no packet.
    return [track.start for track in plan.media.audio if track.index in used and track.duration]


def _picture_end(plan: TranscodePlan) -> float:
    return plan.media.video.start - start(plan) + plan.media.video.duration
