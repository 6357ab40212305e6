"""Plans for tests of engines and packaging, written by hand so that goldens do not follow the planner."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from support.clips import clip
from vodflow.contract.media_info import AudioTrack, MediaInfo, VideoTrack
from vodflow.contract.plan import AudioRendition, Packaging, SourceRef, Thumbnails, TranscodePlan, VideoRendition
from vodflow.media.probe import probe
from vodflow.planning.planner import make_plan
from vodflow.planning.profiles import load_profile

#: Name, width, height, bits a second.
LADDER = (("1080p", 1920, 1080, 5_000_000), ("720p", 1280, 720, 3_000_000), ("360p", 640, 360, 800_000))


def written_plan(
    *,
    ladder: tuple[tuple[str, int, int, int], ...] = LADDER,
    rate: str = "24/1",
    duration: float = 10.0,
    sound: tuple[int, str] | None = (6, "5.1"),
    packaging: Packaging | None = None,
    thumbnails: Thumbnails | None = Thumbnails(interval=10, width=320, height=180, poster_time=1.0),  # noqa: B008
    languages: tuple[str | None, ...] = (None,),
    **video: Any,
) -> TranscodePlan:
    """A plan of a 1080p source; rungs below 480 lines have the 96 kb/s audio."""
    track = {"width": 1920, "height": 1080, "display_width": 1920, "display_height": 1080} | video
    audio = sound is not None
    return TranscodePlan(
        source=SourceRef(bucket="vodflow-source", key="demo/a film.mp4", version="v1", size=1_000_000),
        media=MediaInfo(
            container="mov",
            duration=duration,
            size=1_000_000,
            video=VideoTrack(index=0, codec="h264", frame_rate=rate, duration=duration, **track),
            audio=tuple(
                AudioTrack(index=1 + i, codec="aac", channels=sound[0], layout=sound[1], sample_rate=48_000)
                for i, _ in enumerate(languages)
            )
            if sound
            else (),
        ),
        tenant="demo",
        video="a-film",
        profile="standard",
        renditions=tuple(
            VideoRendition(
                name=name, width=width, height=height, frame_rate=rate, gop=round(2 * Fraction(rate)),
                bitrate=bitrate, max_bitrate=bitrate * 3 // 2, buffer_size=bitrate * 2, h264_level="4.0",
                audio=None if not audio else "audio" if height >= 480 else "audio_96k",
            )
            for name, width, height, bitrate in ladder
        ),
        audio=tuple(_audio(i, name, sound, rate) for i, name in enumerate(languages) for rate in (128, 96) if sound),
        packaging=packaging or Packaging(),
        thumbnails=thumbnails,
    )  # fmt: skip


def _audio(place: int, language: str | None, sound: tuple[int, str], kilobits: int) -> AudioRendition:
    stem = "audio" if place == 0 else f"audio_{language}"
    return AudioRendition(
        name=stem if kilobits == 128 else f"{stem}_{kilobits}k",
        source_index=1 + place,
        source_channels=sound[0],
        source_layout=sound[1],
        bitrate=kilobits * 1000,
        language=language,
    )


def planned(name: str, source: SourceRef, **changes: Any) -> TranscodePlan:
    """What the planner makes of a clip of the corpus, at a quick preset."""
    path = clip(name)
    info = probe(str(path), path.stat().st_size, 60)
    plan = make_plan(source, info, load_profile("standard"), tenant="demo", video=name, thumbnail_interval=1.0)
    return quick(plan).model_copy(update=changes)


def quick(plan: TranscodePlan) -> TranscodePlan:
    """The same plan at a preset for tests."""
    return plan.model_copy(
        update={"renditions": tuple(rung.model_copy(update={"preset": "superfast"}) for rung in plan.renditions)}
    )
