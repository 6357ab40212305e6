"""How long the parts of a plan last, where a source's tracks begin and end at different times. Pure.

Time 0 is the start of the earliest track; the outputs end with the latest one. A picture that begins late or ends
early is held, and missing sound is silence, so that every rendition covers the whole and no player waits for a
track that has ended.
"""

from __future__ import annotations

from vodflow.contract.media_info import MediaInfo
from vodflow.contract.plan import AudioRendition, TranscodePlan

#: Seconds that a track may end early without being prolonged: rounded durations, and codec frames of sound that do not
#: end with a picture.
UNNOTICEABLE = 0.1


def duration(plan: TranscodePlan) -> float:
    """Seconds from the start of the earliest to the end of the latest track that the plan uses."""
    return max([_picture_end(plan.media), *(sound_end(plan, rendition) for rendition in plan.audio)])


def held_seconds(plan: TranscodePlan) -> float:
    """Seconds for which the last picture stands still while the sound goes on."""
    missing = duration(plan) - _picture_end(plan.media)
    return round(missing, 3) if missing > UNNOTICEABLE else 0.0


def picture_seconds(plan: TranscodePlan) -> float:
    """Seconds of every video rendition."""
    return _picture_end(plan.media) + held_seconds(plan)


def sound_end(plan: TranscodePlan, rendition: AudioRendition) -> float:
    """Seconds after time 0 at which the sound of the source track ends."""
    track = next((track for track in plan.media.audio if track.index == rendition.source_index), None)
    if track is None or track.duration is None:
        return _picture_end(plan.media)
    return track.start - start(plan.media) + track.duration


def start(media: MediaInfo) -> float:
    """Time stamp of time 0, seconds."""
    return min([media.video.start, *(track.start for track in media.audio)])


def _picture_end(media: MediaInfo) -> float:
    return media.video.start - start(media) + media.video.duration
