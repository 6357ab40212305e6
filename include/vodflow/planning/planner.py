"""From a source and a profile to a plan: pure, the same answer every time."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from vodflow.contract.content_keys import MOST_KEYS, labels, periods
from vodflow.contract.media_info import MediaInfo
from vodflow.contract.plan import Output, Packaging, SourceRef, Thumbnails, TranscodePlan, VideoRendition
from vodflow.contract.protection import Access, obstacles
from vodflow.errors import PlanError
from vodflow.planning.ladder import Step, fit, ladder, nominal_height
from vodflow.planning.levels import h264_level, reference_frames
from vodflow.planning.profiles import Profile, Rung
from vodflow.planning.sound import audio_renditions, rung_audio
from vodflow.planning.timing import gop_frames, output_rate, segment_seconds
from vodflow.planning.warnings import left_out, too_large

#: Bits that H.264 needs for the quality of one bit of a newer codec (Ohm et al. 2012: HEVC halves the rate; AV1 and
#: VVC go on from there).
_CODEC_FACTOR = {"hevc": 2.0, "vp9": 2.0, "av1": 2.5, "vvc": 3.0}

#: Assumed for an audio track whose rate the container does not say, bits a second.
_USUAL_AUDIO_RATE = 128_000

#: A poster shows what the video is about: past the titles, but not far in.
_POSTER_SHARE = 0.1
_POSTER_LATEST = 30.0


def make_plan(
    source: SourceRef,
    media: MediaInfo,
    profile: Profile,
    *,
    tenant: str,
    video: str,
    outputs: Iterable[Output] | None = None,
    qualities: Iterable[str] | None = None,
    revision: int = 0,
    thumbnail_interval: float = 10.0,
    access: Access = Access.PUBLIC,
) -> TranscodePlan:
    """Everything an engine must make from this source.

    :param tenant: slug of the tenant
    :param video: slug of the video
    :param outputs: what players get; none means the profile's
    :param qualities: names of the profile's rungs that are wanted; none means all. A source below every one of them
        gets a rung of its own size, as with a whole ladder
    :param revision: 0, or a higher number to make the same again under a new prefix
    :param thumbnail_interval: seconds, where the profile names none
    :param access: who may fetch the outputs, where the profile does not say
    :raises PlanError: when no output is asked for, a quality is unknown, a rung exceeds every H.264 level, or what is
        asked for cannot be encrypted as the profile says, or with so many keys
    """
    track = media.video
    rate = output_rate(track.fps, variable=track.variable_frame_rate)
    rungs = profile.rungs if qualities is None else chosen_rungs(profile, qualities)
    asked = () if qualities is None else (rung.name for rung in rungs)
    steps = ladder(track.display_width, track.display_height, rungs, _worthwhile_rate(media, profile))
    gop = gop_frames(rate, profile.gop_duration)
    # The nominal height decides, not the pixels': a portrait or a film of 1920x800 has the sound of its rung.
    heights = [_audio_height(step, media) for step in steps]
    chosen = _outputs(profile.outputs if outputs is None else outputs)
    if chosen == (Output.HLS,):
        # HLS has one audio rate for all variants, see vodflow.contract.layout.hls_tracks.
        heights = [max(heights)] * len(heights)
    access = profile.access or access
    protected = obstacles(access, profile.encryption, chosen, profile.hls_segments, profile.segment_duration)
    if problem := next(protected, None):
        raise PlanError(f"Profile {profile.name}: {problem}.")
    audio = audio_renditions(media.audio, profile.audio, heights, media.container)
    if chosen == (Output.MP4,):
        # An MP4 carries its rung's sound; nobody would get the other languages.
        heard = {rung_audio(audio, profile.audio, height) for height in heights}
        audio = tuple(item for item in audio if item.name in heard)
    plan = TranscodePlan(
        source=source,
        media=media,
        tenant=tenant,
        video=video,
        profile=profile.name,
        renditions=tuple(
            _rendition(step, profile, rate, gop, audio=rung_audio(audio, profile.audio, height))
            for step, height in zip(steps, heights, strict=True)
        ),
        audio=audio,
        packaging=Packaging(
            outputs=chosen,
            segment_duration=segment_seconds(rate, gop, profile.gop_duration, profile.segment_duration),
            hls_segments=profile.hls_segments,
            encryption=profile.encryption,
        ),
        thumbnails=_thumbnails(media, profile, thumbnail_interval),
        revision=revision,
        access=access,
        warnings=(*left_out(media, rate, audio), *too_large(track, asked, (step.name for step in steps))),
    )
    _check_keys(plan)
    return plan


def _check_keys(plan: TranscodePlan) -> None:
    used = plan.packaging.encryption
    if used is None or used.by_segment:  # whose keys are fetched one by one
        return
    if (count := len(labels(plan)) * periods(plan)) > MOST_KEYS:
        raise PlanError(
            f"Profile {plan.profile}: a rotation of {used.rotation} s makes {count} keys of a video of "
            f"{plan.media.duration:.0f} s, and players get {MOST_KEYS} at most. Let a key hold longer."
        )


def _rendition(step: Step, profile: Profile, rate: Fraction, gop: int, *, audio: str | None) -> VideoRendition:
    rung = step.rung
    preset = rung.preset or profile.preset
    max_bitrate = round(step.bitrate * rung.max_ratio)
    buffer_size = round(step.bitrate * rung.buffer_ratio)
    level = h264_level(
        step.width,
        step.height,
        rate,
        max_bitrate=max_bitrate,
        buffer_size=buffer_size,
        profile=rung.h264_profile,
    )
    if level is None:
        raise PlanError(
            f"Rung {step.name} ({step.width}x{step.height} at {float(rate):.2f} frames/s, {max_bitrate} b/s) exceeds "
            f"every H.264 level. Lower the top rung of profile {profile.name}."
        )
    return VideoRendition(
        name=step.name,
        width=step.width,
        height=step.height,
        frame_rate=f"{rate.numerator}/{rate.denominator}",
        gop=gop,
        bitrate=step.bitrate,
        max_bitrate=max_bitrate,
        buffer_size=buffer_size,
        h264_profile=rung.h264_profile,
        h264_level=level.name,
        preset=preset,
        reference_frames=reference_frames(step.width, step.height, level, preset),
        audio=audio,
    )


def _audio_height(step: Step, media: MediaInfo) -> int:
    source = nominal_height(media.video.display_width, media.video.display_height)
    return round(min(Fraction(step.rung.height), source))


def chosen_rungs(profile: Profile, qualities: Iterable[str]) -> tuple[Rung, ...]:
    """The rungs of these names, highest first, whatever their order and however often each is named.

    :raises PlanError: naming the unknown ones and the profile's
    """
    wanted = set(qualities)
    unknown = wanted - {rung.name for rung in profile.rungs}
    if unknown or not wanted:
        raise PlanError(
            f"Profile {profile.name} has no quality {', '.join(sorted(unknown)) or 'of no name'}. Choose from: "
            f"{', '.join(rung.name for rung in profile.rungs)}."
        )
    return tuple(rung for rung in profile.rungs if rung.name in wanted)


def _outputs(wanted: Iterable[Output]) -> tuple[Output, ...]:
    chosen = set(wanted)
    if not chosen:
        raise PlanError("No output is asked for. Choose at least one of: " + ", ".join(Output) + ".")
    return tuple(output for output in Output if output in chosen)


def _worthwhile_rate(media: MediaInfo, profile: Profile) -> float | None:
    rate = media.video.bit_rate
    if rate is None and media.bit_rate is not None:
        rate = media.bit_rate - sum(track.bit_rate or _USUAL_AUDIO_RATE for track in media.audio)
    if profile.source_headroom is None or rate is None or rate <= 0:
        return None
    return rate * profile.source_headroom * _CODEC_FACTOR.get(media.video.codec, 1.0)


def _thumbnails(media: MediaInfo, profile: Profile, interval: float) -> Thumbnails | None:
    wanted = profile.thumbnails
    if wanted is None:
        return None
    track = media.video
    long = max(track.display_width, track.display_height)
    # The longer side decides, so that portrait and landscape pictures fill the same square in a player.
    box = nominal_height(track.display_width, track.display_height) * min(Fraction(1), Fraction(wanted.size, long))
    width, height = fit(track.display_width, track.display_height, box)
    return Thumbnails(
        interval=wanted.interval or interval,
        width=width,
        height=height,
        poster_time=round(min(media.duration * _POSTER_SHARE, _POSTER_LATEST), 3),
    )
