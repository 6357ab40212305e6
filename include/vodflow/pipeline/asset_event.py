"""What other DAGs are told of a published video."""

from __future__ import annotations

import dataclasses

from vodflow.catalog import jobs, publications
from vodflow.catalog.database import transaction
from vodflow.catalog.rows import JobRow
from vodflow.contract import layout
from vodflow.publication.manifest import public_url
from vodflow.publication.player import player_url


@dataclasses.dataclass(frozen=True)
class PublishedVideo:
    """A job whose outputs are verified and published: what others may want to know of it, all of it small.

    :param source: ``s3://bucket/key`` of what came in
    :param manifest: ``s3://`` URI of ``manifest.json``; ``manifest_url`` is where players find it
    :param player_url: where a person watches it, if the player page is in the media bucket; none, as ``manifest_url``,
        where watching needs a token
    """

    job_id: int
    source_id: int
    video_id: int
    tenant: str
    video: str
    source: str
    profile: str
    engine: str
    manifest: str
    manifest_url: str | None
    player_url: str | None

    @classmethod
    def of(cls, job: JobRow) -> PublishedVideo:
        """From a published job."""
        base, key = public_url(job.bucket), f"{job.prefix}/{layout.MANIFEST}"
        return cls(
            job_id=job.id,
            source_id=job.source_id,
            video_id=job.video_id,
            tenant=job.plan.tenant,
            video=job.plan.video,
            source=job.plan.source.uri,
            profile=job.profile,
            engine=str(job.engine),
            manifest=f"s3://{job.bucket}/{key}",
            manifest_url=base and f"{base}/{key}",
            player_url=base and player_url(base, key),
        )


def public_again(run_id: str) -> list[PublishedVideo]:
    """The videos that show an older job once more, because its bytes came back, and of which nobody has told yet.

    :param run_id: the run that tells of them now; no other run will, but a retry of it will again
    """
    with transaction(f"public_again:{run_id}") as connection:
        found = publications.take_again(connection, run_id)
        return [PublishedVideo.of(jobs.get_job(connection, job_id)) for job_id in found]
