"""Verify one job's outputs: engine-independent, from what is in the object store alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vodflow.contract import layout
from vodflow.contract.content_keys import ContentKeys
from vodflow.contract.plan import AudioRendition, Output, TranscodePlan, VideoRendition
from vodflow.errors import ConfigurationError
from vodflow.verification.beginnings import check_beginnings
from vodflow.verification.bitrate import average_bitrate, peak_bitrate
from vodflow.verification.clear_store import ClearStore
from vodflow.verification.dash import check_dash
from vodflow.verification.decode import check_decoding
from vodflow.verification.encryption import check_encryption
from vodflow.verification.hls import check_hls
from vodflow.verification.mp4 import read_mp4
from vodflow.verification.outputs import Outputs
from vodflow.verification.result import MeasuredRendition, Verification
from vodflow.verification.rules import Rule
from vodflow.verification.store import ObjectStore
from vodflow.verification.sync import check_sync, places, reader_of
from vodflow.verification.thumbnails import check_thumbnails
from vodflow.verification.track_rules import check_tracks
from vodflow.verification.tracks import Track, read_cmaf_track, read_packed_audio, read_ts_video

Rendition = VideoRendition | AudioRendition


def verify(
    plan: TranscodePlan,
    bucket: str,
    prefix: str,
    store: ObjectStore,
    source: str | None = None,
    keys: ContentKeys | None = None,
) -> Verification:
    """Check everything that the plan asks for and measure it.

    Reads the listing, manifests, headers, the first bytes of every segment, and the first and last segment of each
    rendition; starts one FFmpeg process for video and one for audio. Of the source it reads what measuring sync needs.
    Of encrypted segments it decodes the first picture or frames as well.

    :param prefix: key prefix of the outputs, without a slash at the end
    :param source: path or URL of the source; without it sync is not measured
    :param keys: of a plan that asks for encryption: what is encrypted is opened with them, and checked like the rest
    :raises ConfigurationError: the plan asks for encryption, and there are no keys
    :raises VerificationError: at the first broken rule, naming object and rule
    :raises EngineError: the check itself was stopped; worth another try
    """
    if plan.packaging.encryption is not None:
        store = _opened(plan, bucket, prefix, store, keys)
    with Outputs(store, bucket, prefix) as outputs:
        outputs.prefetch(_small_objects(plan, outputs))
        _check_present(outputs, plan)
        segmented = _read_segmented(outputs, plan)
        mp4 = _read_mp4s(outputs, plan)
        for tracks in (*segmented.values(), mp4):
            check_tracks(outputs, plan, tracks)
        if Output.HLS in plan.packaging.outputs:
            playable = {layout.track_name(item) for item in layout.hls_tracks(plan)}
            tracks = segmented[plan.packaging.hls_segments]
            check_hls(outputs, plan, {track.name: track for track in tracks if track.name in playable})
        if Output.DASH in plan.packaging.outputs:
            check_dash(outputs, {track.name: track for track in segmented["fmp4"]})
        thumbnails = check_thumbnails(outputs, plan)
        _check_foreign(outputs, plan, [*segmented.values()], thumbnails)
        _check_content(outputs, plan, [tracks for tracks in (*segmented.values(), mp4) if tracks], source)
        if plan.packaging.encryption is not None and not plan.packaging.encryption.by_segment:
            check_beginnings(outputs, segmented["fmp4"])
        return _result(
            outputs, plan, segmented, mp4, thumbnails, bucket=bucket, prefix=prefix, rules=_checked_rules(plan, source)
        )


def _opened(plan: TranscodePlan, bucket: str, prefix: str, store: ObjectStore, keys: ContentKeys | None) -> ObjectStore:
    """The outputs in the clear, once it is known that they are encrypted as they should be."""
    if keys is None:
        raise ConfigurationError("These outputs are encrypted: only who has their keys can check them.")
    clear = ClearStore(store, plan, keys, bucket, prefix)
    with Outputs(store, bucket, prefix) as outputs:
        _check_present(outputs, plan)
        check_encryption(outputs, plan, keys, clear)
    return clear


def _required(plan: TranscodePlan) -> Iterator[str]:
    """Every object that the plan names by itself; segments and thumbnails are counted elsewhere."""
    if Output.HLS in plan.packaging.outputs:
        yield layout.HLS_MASTER
        yield from (layout.hls_playlist(rendition) for rendition in layout.hls_tracks(plan))
        yield from (layout.hls_iframe_playlist(rendition) for rendition in layout.trick_play(plan))
        if layout.has_fairplay_twins(plan):
            yield from map(layout.fairplay_twin, [layout.HLS_MASTER, *layout.hls_playlists(plan)])
    if Output.DASH in plan.packaging.outputs:
        yield layout.DASH_MANIFEST
    yield from (layout.cmaf_init(rendition) for rendition in layout.cmaf_tracks(plan))
    if Output.MP4 in plan.packaging.outputs:
        yield from (layout.mp4_file(rendition) for rendition in plan.renditions)
    if plan.thumbnails:
        yield layout.POSTER


def _templates(plan: TranscodePlan) -> Iterator[str]:
    yield from (layout.cmaf_segments(rendition) for rendition in layout.cmaf_tracks(plan))
    yield from (layout.ts_segments(rendition) for rendition in layout.ts_tracks(plan))


def _small_objects(plan: TranscodePlan, outputs: Outputs) -> list[str]:
    """Manifests, headers, and the segments at both ends: what is needed whole."""
    names = [name for name in _required(plan) if layout.is_manifest(name) or name.endswith("init.mp4")]
    for template in _templates(plan):
        head, tail = template.split("$Number%05d$")
        segments = sorted(name for name in outputs.sizes if name.startswith(head) and name.endswith(tail))
        names += [*segments[:1], *segments[-1:]]
    return names


def _check_present(outputs: Outputs, plan: TranscodePlan) -> None:
    if plan.media.audio and not plan.audio:
        outputs.fail(layout.MANIFEST, Rule.AUDIO_PRESENT, "the source has audio, but the plan has none")
    for name in _required(plan):
        outputs.size(name)


def _read_segmented(outputs: Outputs, plan: TranscodePlan) -> dict[str, list[Track]]:
    """Measured tracks by the container of their segments."""
    found: dict[str, list[Track]] = {}
    if layout.cmaf_tracks(plan):
        found["fmp4"] = [read_cmaf_track(outputs, rendition) for rendition in layout.cmaf_tracks(plan)]
    if layout.ts_tracks(plan):
        found["ts"] = [
            read_ts_video(outputs, item) if isinstance(item, VideoRendition) else read_packed_audio(outputs, item)
            for item in layout.ts_tracks(plan)
        ]
    return found


def _read_mp4s(outputs: Outputs, plan: TranscodePlan) -> list[Track]:
    if Output.MP4 not in plan.packaging.outputs:
        return []
    read = outputs.map(lambda rendition: read_mp4(outputs, plan, rendition), plan.renditions)
    return [track for tracks in read for track in tracks]


def _check_foreign(outputs: Outputs, plan: TranscodePlan, segmented: list[list[Track]], thumbnails: list[str]) -> None:
    known = {*_required(plan), *thumbnails, layout.MANIFEST}
    known.update(segment.name for tracks in segmented for track in tracks for segment in track.segments)
    for name in sorted(set(outputs.sizes) - known):
        outputs.fail(name, Rule.NO_FOREIGN_OBJECT, "the plan does not account for it")


def _check_content(outputs: Outputs, plan: TranscodePlan, containers: list[list[Track]], source: str | None) -> None:
    chosen = places(outputs, plan, containers) if source else []
    reader = reader_of(plan, source, chosen) if source and chosen else None
    if reader:
        reader.begin(outputs)  # while the outputs are decoded
    tracks = [track for tracks in containers for track in tracks]
    decoded = check_decoding(outputs, tracks, [(place.track, place.piece.gop) for place in chosen])
    if reader:
        check_sync(outputs, chosen, decoded, reader)


def _checked_rules(plan: TranscodePlan, source: str | None) -> tuple[str, ...]:
    skipped = set() if source else {Rule.SYNC.value}
    if Output.HLS not in plan.packaging.outputs:
        skipped.add("hls-")
    if Output.DASH not in plan.packaging.outputs:
        skipped.add("dash-")
    if Output.MP4 not in plan.packaging.outputs:
        skipped.add("mp4-")
    if not plan.thumbnails:
        skipped.add("thumbnail-")
    if plan.packaging.encryption is None:
        skipped.add("encrypt")
    elif plan.packaging.encryption.by_segment:
        skipped |= {"encryption-", Rule.HLS_IFRAMES.value}
    return tuple(rule.value for rule in Rule if not rule.value.startswith(tuple(skipped)))


def _result(
    outputs: Outputs,
    plan: TranscodePlan,
    segmented: dict[str, list[Track]],
    mp4: list[Track],
    thumbnails: Sequence[str],
    *,
    bucket: str,
    prefix: str,
    rules: tuple[str, ...],
) -> Verification:
    # What players of HLS get, else those of DASH, else the MP4's own tracks.
    ordered = [mp4, segmented.get("fmp4", []), segmented.get(plan.packaging.hls_segments, [])]
    by_name = {track.name: (track, tracks is not mp4) for tracks in ordered for track in tracks}
    measured = [_measure(outputs, plan, *by_name[layout.track_name(item)]) for item in layout.tracks(plan)]
    return Verification(
        bucket=bucket,
        prefix=prefix,
        rules=rules,
        renditions=tuple(measured),
        duration=round(max(item.duration for item in measured if item.kind == "video"), 6),
        objects=len(outputs.sizes),
        bytes=sum(outputs.sizes.values()),
        sizes=dict(sorted(outputs.sizes.items())),
        thumbnails=tuple(thumbnails),
    )


def _measure(outputs: Outputs, plan: TranscodePlan, track: Track, segmented: bool) -> MeasuredRendition:  # noqa: FBT001
    video = isinstance(track.rendition, VideoRendition)
    mp4 = layout.mp4_file(track.rendition) if isinstance(track.rendition, VideoRendition) else None
    rate = track.frame_rate
    return MeasuredRendition(
        name=track.rendition.name,
        kind="video" if video else "audio",
        codec=track.codec,
        bytes=sum(track.sizes),
        duration=round(track.duration, 6),
        segments=len(track.segments) if segmented else 0,
        average_bitrate=round(average_bitrate(track.sizes, track.durations)),
        peak_bitrate=round(peak_bitrate(track.sizes, track.durations, max(track.durations))),
        width=track.width,
        height=track.height,
        frame_rate=f"{rate.numerator}/{rate.denominator}" if video and rate else None,
        channels=track.channels,
        sample_rate=track.sample_rate,
        mp4_bytes=outputs.sizes.get(mp4) if mp4 and Output.MP4 in plan.packaging.outputs else None,
    )
