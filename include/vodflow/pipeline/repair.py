"""After verification refused a job's outputs: what of them its next try may take, so that only the rest is made again.

Tracks are taken out of MP4s that S3 has as they were made. What verification found bad is never taken, and what it did
not come to is judged when all is there again.
"""

from __future__ import annotations

import logging
from pathlib import PurePosixPath
from typing import Final

from vodflow.catalog.rows import JobRow
from vodflow.catalog.states import JobStatus
from vodflow.contract import layout
from vodflow.contract.engine_names import EngineName
from vodflow.contract.plan import Output, TranscodePlan
from vodflow.contract.strategy import Strategy
from vodflow.engines.chunks.stored import clear_parts
from vodflow.errors import VerificationError, VodflowError
from vodflow.planning.reuse import remake
from vodflow.storage.copies import Outputs
from vodflow.storage.objects import list_objects
from vodflow.verification.rules import Rule

log = logging.getLogger(__name__)

#: Rules that judge what is in one track, whatever became of other objects.
_OF_ONE_TRACK: Final = frozenset(
    {
        Rule.CONTAINER, Rule.SEGMENT_KEYFRAME, Rule.CODEC_AS_PLANNED, Rule.RESOLUTION_AS_PLANNED,
        Rule.NO_HIDDEN_CAPTIONS, Rule.AUDIO_AS_PLANNED, Rule.DECODES, Rule.MP4_TRACKS,
    }
)  # fmt: skip
#: Folders of the objects that the next try would take.
_TAKEN: Final = ("mp4/", "thumbnails/")


def next_strategy(job: JobRow, error: VodflowError) -> Strategy | None:
    """How the next try carries a job's plan out; none where it does so as this one did.

    :param error: why its outputs were refused
    :raises EngineError: when S3 does not answer (retryable)
    """
    result, plan = job.result, job.plan
    if not isinstance(error, VerificationError) or job.status != JobStatus.VERIFYING or result is None:
        return None
    if job.engine == EngineName.MEDIACONVERT:  # makes everything itself
        return None
    clear_parts(job.bucket, job.prefix)  # whatever was joined and not removed is no part of the next try
    made = {item.name: item for item in result.objects}
    sizes = list_objects(job.bucket, job.prefix)
    name = error.uri.removeprefix(f"s3://{job.bucket}/{job.prefix}/")
    listed = {item.name for item in result.objects if sizes.get(item.name) == item.size}
    looked_at = {one: made[one].checksums for one in listed if one == name or one.startswith(_TAKEN)}
    intact = Outputs(job.bucket, job.prefix).unchanged(looked_at)
    lost = (made.keys() - listed) | (looked_at.keys() - intact)
    bad = _bad_tracks(plan, name, error.rule, explained=bool(lost)) if name in intact else frozenset()
    mp4s = {one: made[one].checksums for one in intact if one.startswith("mp4/")}
    if Output.MP4 not in plan.packaging.outputs and not bad:
        return None
    pictures = {one for one in {*made, name} if one.startswith("thumbnails/")}
    strategy = remake(
        plan,
        job.bucket,
        job.prefix,
        left={layout.track_name(track) for track in layout.tracks(plan)} - bad,
        pictures=pictures <= intact and name not in pictures,
        checksums=mp4s,
        cause=f"Verification refused {name} ({error.rule})",
    )
    if not strategy.reused and not plan.strategy.reused:
        return None
    log.info("The next try: %s", strategy.reason)
    return strategy


def _bad_tracks(plan: TranscodePlan, name: str, rule: str, *, explained: bool) -> frozenset[str]:
    """The tracks that an object speaks against, which is as it was made and was refused.

    :param explained: other objects are gone or damaged, and may be why
    """
    if name.startswith("thumbnails/"):
        return frozenset()
    everything = frozenset(layout.track_name(track) for track in layout.tracks(plan))
    if rule not in _OF_ONE_TRACK:
        return frozenset() if explained else everything
    path = PurePosixPath(name)
    track = path.stem if path.parts[0] == "mp4" else path.parts[min(1, len(path.parts) - 1)]
    sound = {rung.audio for rung in plan.renditions if layout.mp4_file(rung) == name and rung.audio}
    return frozenset({track, *sound}) if track in everything else everything
