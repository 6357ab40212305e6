"""What a source has and its outputs will not have, each said in one sentence: pure.

Nothing here stops a job. The list is the plan's ``warnings``; the task's log, ``manifest.json`` and ``vodflow jobs
get`` show it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Final

from vodflow.contract.media_info import AudioTrack, CaptionTrack, MediaInfo, OtherTrack, Program, VideoTrack
from vodflow.contract.plan import AudioRendition, PlanWarning
from vodflow.ffmpeg.colors import source_primaries

#: A slower rate than this share of the source's drops frames that a person could see.
_SAME_RATE: Final = Fraction(99, 100)

#: Primaries that hold more colours than BT.709's by far.
_WIDE: Final = {"bt2020": "BT.2020", "smpte431": "DCI-P3", "smpte432": "Display P3"}

_OTHERS: Final = {
    "video": "a further video track",
    "picture": "a still picture, such as cover art",
    "audio": "sound that cannot be decoded",
    "captions": "captions in a format that cannot be read",
    "timecode": "time codes",
    "data": "data",
    "attachment": "an attached file",
}


def left_out(media: MediaInfo, rate: Fraction, audio: tuple[AudioRendition, ...]) -> tuple[PlanWarning, ...]:
    """Every track and every quality of the picture and the sound that the outputs of a plan do not have.

    :param rate: frames a second of all renditions
    :param audio: the sound that is made
    """
    return (
        *_programs(media.program),
        *_picture(media.video, rate),
        *_sound(media.audio, audio),
        *(_captions(track) for track in media.captions),
        *(_other(track) for track in media.others),
    )


def too_large(track: VideoTrack, asked: Iterable[str], made: Iterable[str]) -> Iterator[PlanWarning]:
    """The qualities that were asked for by name and are larger than the picture.

    :param made: names of the renditions
    """
    if names := sorted(set(asked) - set(made)):
        size = f"{track.display_width}x{track.display_height}"
        message = f"Without {', '.join(names)}: the picture is {size}, and nothing is made larger than it came."
        yield PlanWarning(code="quality_left_out", message=message, track=track.index)


def _programs(taken: Program | None) -> Iterator[PlanWarning]:
    for program in taken.others if taken else ():
        message = f"Programme {program} of the transport stream is not published; programme {taken} is."
        yield PlanWarning(code="program_left_out", message=message)


def _picture(track: VideoTrack, rate: Fraction) -> Iterator[PlanWarning]:
    def warning(code: str, message: str) -> PlanWarning:
        return PlanWarning(code=code, message=message, track=track.index)

    if track.hdr:
        name = "PQ" if track.color_transfer == "smpte2084" else "HLG"
        yield warning("hdr_tone_mapped", f"The picture is HDR ({name}); it is published in SDR, tone-mapped to BT.709.")
    elif wide := _WIDE.get(source_primaries(track)):
        yield warning("colors_clipped", f"The picture may have colours of {wide} that BT.709 lacks; they are clipped.")
    if track.dolby_vision:
        message = f"The picture is Dolby Vision (profile {track.dolby_vision}); what is published is its base layer."
        yield warning("dolby_vision_left_out", message)
    if track.closed_captions:
        message = "The pictures carry closed captions (CEA-608 or CEA-708); they are not published."
        yield warning("closed_captions_left_out", message)
    if track.alpha:
        yield warning("alpha_left_out", "The picture has an alpha channel; it is published without transparency.")
    if track.interlaced and rate < track.fps * 2 * _SAME_RATE:
        message = f"The picture has {_number(track.fps * 2)} fields a second; {_number(rate)} frames are published."
        yield warning("motion_halved", message)
    elif rate < track.fps * _SAME_RATE:
        message = f"The picture has {_number(track.fps)} frames a second; {_number(rate)} are published."
        yield warning("frame_rate_reduced", message)


def _sound(tracks: tuple[AudioTrack, ...], made: tuple[AudioRendition, ...]) -> Iterator[PlanWarning]:
    channels = {index: item.channels for item in made for index in item.sources}
    for sources, layout in dict.fromkeys((item.mono_sources, item.source_layout) for item in made):
        if sources:
            listed = ", ".join(map(str, sources))
            message = (
                f"Audio tracks {listed} (mono) are heard as {layout}; audio.mono_tracks of a profile can change that."
            )
            yield PlanWarning(code="mono_tracks_joined", message=message, track=sources[0])
    for track in tracks:
        if track.index not in channels:
            message = f"Audio track {track.index} ({_named(track.layout, track)}) is not published."
            yield PlanWarning(code="audio_left_out", message=message, track=track.index)
        elif track.channels > channels[track.index]:
            message = f"Audio track {track.index} ({_named(track.layout, track)}) is published in stereo."
            yield PlanWarning(code="audio_downmixed", message=message, track=track.index)


def _captions(track: CaptionTrack) -> PlanWarning:
    message = f"Captions track {track.index} ({_named(track.codec, track)}) is not published."
    return PlanWarning(code="captions_left_out", message=message, track=track.index)


def _named(first: str, track: AudioTrack | CaptionTrack) -> str:
    return ", ".join(word for word in (first, track.language, track.title) if word)


def _number(value: Fraction) -> str:
    return f"{float(value):.4g}"


def _other(track: OtherTrack) -> PlanWarning:
    message = f"Track {track.index} ({track.codec}) is {_OTHERS[track.kind]}; it is not published."
    return PlanWarning(code=f"{track.kind}_left_out", message=message, track=track.index)
