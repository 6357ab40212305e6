"""What of an older plan's outputs, or of its own, a plan can take as it is: pure.

A rung that was encoded with the same parameters is not encoded again: adding one to a profile costs one rung, and
another packaging costs none. Tracks are taken out of the older plan's MP4s, which hold them packet by packet.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from vodflow.contract import layout
from vodflow.contract.plan import AudioRendition, Output, TranscodePlan, VideoRendition
from vodflow.contract.strategy import Reused, Strategy, StrategyKind


def reuse(plan: TranscodePlan, older: TranscodePlan, bucket: str, prefix: str) -> Strategy | None:
    """How a plan is carried out with what an older one has made; none where it has nothing of use.

    :param bucket: of the older plan's outputs
    :param prefix: key prefix of the older plan's outputs
    """
    if Output.MP4 not in older.packaging.outputs or (older.source, older.media) != (plan.source, plan.media):
        return None
    largest = max(plan.renditions, key=_size)
    # Pictures are made while the largest rung is: without them it is of no use.
    older_largest = max(older.renditions, key=_size)
    pictures = plan.thumbnails in {None, older.thumbnails} and (
        plan.thumbnails is None or _pure(older_largest) == _pure(largest)
    )
    found = {
        rung.name: layout.mp4_file(same)
        for rung in plan.renditions
        if (same := _same(rung, older)) and (pictures or rung is not largest)
    }
    if not found:
        return None
    sound = {item.name: mp4 for item in plan.audio if item in older.audio and (mp4 := _mp4_with(item, older))}
    tracks = [rung for rung in plan.renditions if rung.name in found]
    made = [
        Reused(track=layout.track_name(rung), bucket=bucket, prefix=prefix, mp4=found[rung.name]) for rung in tracks
    ]
    if len(sound) == len(plan.audio):
        made += [Reused(track=name, bucket=bucket, prefix=prefix, mp4=mp4) for name, mp4 in sound.items()]
    missing = tuple(rung.name for rung in plan.renditions if rung.name not in found)
    return Strategy(
        kind=StrategyKind.RENDITIONS,
        reason=f"{', '.join(found)} {'is' if len(found) == 1 else 'are'} there already, from {prefix}.",
        groups=(missing,) if missing else (),
        reused=tuple(made),
        pictures=prefix if plan.thumbnails and largest.name in found else None,
    )


def remake(
    plan: TranscodePlan,
    bucket: str,
    prefix: str,
    *,
    left: Collection[str],
    pictures: bool,
    checksums: Mapping[str, tuple[str, ...]],
    cause: str,
) -> Strategy:
    """How a plan is carried out once more with what is left of its own outputs.

    :param bucket: of its outputs
    :param prefix: key prefix of its outputs
    :param left: names in paths of the tracks that may be taken, each out of its own MP4s
    :param pictures: whether its pictures may be taken, too
    :param checksums: of all MP4s that may be read, by name below the prefix
    :param cause: why it is carried out once more: a sentence without its full stop
    """
    rungs = tuple(
        rung for rung in plan.renditions if layout.track_name(rung) in left and layout.mp4_file(rung) in checksums
    )
    sound = tuple(item for item in plan.audio if layout.track_name(item) in left)
    kept = plan.model_copy(
        update={"renditions": rungs, "audio": sound, "thumbnails": plan.thumbnails if pictures else None}
    )
    found = reuse(plan, kept, bucket, prefix) if rungs else None
    if found is None:
        names = tuple(rung.name for rung in plan.renditions)
        return Strategy(kind=StrategyKind.RENDITIONS, reason=f"{cause}. Everything is encoded again.", groups=(names,))
    taken = tuple(item.model_copy(update={"checksums": checksums[item.mp4]}) for item in found.reused)
    there = {item.track for item in taken}
    names_of = {layout.track_name(track): track.name for track in layout.tracks(plan)}
    again = [name for track, name in names_of.items() if track not in there]
    as_made = ", ".join(name for track, name in names_of.items() if track in there)
    reason = f"{cause}. Taken as they were made: {as_made}. Encoded again: {', '.join(again) or 'nothing'}."
    return found.model_copy(update={"reused": taken, "reason": reason})


def _size(rung: VideoRendition) -> tuple[int, float, int]:
    return rung.width * rung.height, float(rung.fps), rung.bitrate


def _same(rung: VideoRendition, older: TranscodePlan) -> VideoRendition | None:
    """The older plan's rung with the same pictures, whatever sound goes with it."""
    return next((item for item in older.renditions if _pure(item) == _pure(rung)), None)


def _pure(rung: VideoRendition) -> VideoRendition:
    return rung.model_copy(update={"audio": None})


def _mp4_with(item: AudioRendition, older: TranscodePlan) -> str | None:
    return next((layout.mp4_file(rung) for rung in older.renditions if rung.audio == item.name), None)
