"""A job as library users and ``vodflow jobs --json`` see it."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import Any, Final, Self

from vodflow.catalog.states import JobStatus, SourceStatus
from vodflow.catalog.work_rows import WorkRow
from vodflow.errors import (
    EngineCanceled,
    EngineError,
    InputRejected,
    RejectionReason,
    SourceUnreadable,
    UnreadableReason,
)
from vodflow.publication.manifest import public_url
from vodflow.publication.player import player_url
from vodflow.settings import Settings
from vodflow.storage.objects import parse_s3_uri

#: States of an Airflow run after which nothing more happens by itself.
_RUN_OVER: Final = frozenset({"success", "failed"})

#: What a source keeps of an earlier run until one that was asked for since has looked at it.
_EARLIER: Final = frozenset({SourceStatus.REJECTED, SourceStatus.UNREADABLE})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Job:
    """One request for outputs of one source. Sizes in bytes, times in seconds, percent 0 to 100, money in US dollars.

    :param id: none until the run has planned it; ``source_id`` and ``run_id`` name it before that
    :param source_id: none of a run that failed before it had found its source, or beside jobs of that source
    :param video_id: of the video that the source is a version of; none of a run that failed before it had one
    :param source: ``s3://bucket/key`` of what is transcoded; empty where a run named none
    :param version: S3 version id, or the ETag where the bucket keeps no versions
    :param status: of the job; of the source while there is no job; ``FAILED`` when the run failed without making one
    :param run_id: run of ``transcode_video`` that works on it
    :param run_state: that run's state, where Airflow was asked: ``queued``, ``running``, ``success``, ``failed``
    :param external_id: the engine's own id of the job
    :param stage: what the worker is doing
    :param progress: percent of the whole job
    :param speed: media seconds encoded a wall second
    :param error_class: ``throttled``, ``transient`` or ``permanent``; none unless it failed
    :param error_code: the rejection's name, the other side's code, or a verification rule
    :param reason: why it was rejected or failed, for a person
    :param retryable: whether trying again can help
    :param outputs: of ``hls``, ``dash``, ``mp4``; planned, and there once it is published
    :param qualities: names of the planned renditions, highest first
    :param warnings: what of the source its outputs do not have, a sentence each
    :param estimated_cost: of the last attempt, before it began; of an engine of our own by the CPU time that its plan
        should take
    :param actual_cost: of all attempts that made outputs, by their measured durations; of an engine of our own by the
        CPU time that it took, once it is over
    :param output: ``s3://bucket/prefix`` of the outputs
    :param manifest: URI of ``manifest.json``, when this job is what the video shows now
    :param public: whether this job is what the video shows now
    :param player: address of the page that plays it; none unless it is public
    """

    id: int | None
    source_id: int | None
    video_id: int | None = None
    source: str
    version: str
    size: int
    tenant: str
    status: str
    profile: str | None
    engine: str | None
    priority: int | None
    run_id: str | None
    run_state: str | None = None
    external_id: str | None
    stage: str | None
    progress: float
    speed: float | None
    eta: float | None
    error_class: str | None
    error_code: str | None
    reason: str | None
    retryable: bool | None
    outputs: tuple[str, ...]
    qualities: tuple[str, ...]
    warnings: tuple[str, ...]
    estimated_cost: float | None
    actual_cost: float | None
    created_at: datetime
    queued_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    output: str | None
    manifest: str | None
    public: bool
    player: str | None = None

    @classmethod
    def of(cls, row: WorkRow, settings: Settings | None = None) -> Self:
        """From a row of the catalog.

        :param settings: say where players read the media bucket
        """
        same = {
            name: getattr(row, name)
            for name in (
                "source_id", "video_id", "version", "tenant", "status", "profile", "engine", "priority", "run_id",
                "external_id", "stage", "speed", "error_class", "error_code", "retryable", "created_at", "queued_at",
                "started_at", "finished_at", "public",
            )
        }  # fmt: skip
        return cls(
            **same,
            id=row.job_id,
            source=f"s3://{row.bucket}/{row.key}" if row.bucket else row.key,
            size=row.size_bytes,
            progress=row.progress or 0.0,
            eta=row.eta_seconds,
            reason=row.error_message,
            outputs=tuple(row.outputs or ()),
            qualities=tuple(row.qualities or ()),
            warnings=tuple(row.warnings or ()),
            estimated_cost=None if row.estimated_cost is None else float(row.estimated_cost),
            actual_cost=None if row.actual_cost is None else float(row.actual_cost),
            output=f"s3://{row.output_bucket}/{row.output_prefix}" if row.output_prefix is not None else None,
            manifest=row.manifest_uri,
            player=None if row.manifest_uri is None else _player(row.manifest_uri, settings),
        )

    @property
    def ref(self) -> str:
        """What names this job on the command line and in :func:`vodflow.jobs.get`."""
        if self.source_id is None:
            return str(self.run_id)
        return str(self.id) if self.id is not None else f"source-{self.source_id}"

    @property
    def over(self) -> bool:
        """Whether nothing more will happen by itself. A failed job whose run goes on is about to be tried again."""
        if self.status in {JobStatus.FAILED, JobStatus.CANCELED}:
            return self.run_state is None or self.run_state in _RUN_OVER
        return self.status in {JobStatus.PUBLISHED, JobStatus.REJECTED, SourceStatus.UNREADABLE}

    @property
    def succeeded(self) -> bool:
        """Whether its outputs are published."""
        return self.status == JobStatus.PUBLISHED

    def with_run(self, state: str | None) -> Self:
        """The job with what Airflow says of its run: one that ended without a job has failed.

        While a run of a later request goes on, what an earlier one found of the source is no answer.
        """
        later = self.id is None and self.run_id not in {None, f"source-{self.source_id}"}
        if later and self.status in _EARLIER and state is not None and state not in _RUN_OVER:
            return dataclasses.replace(
                self, run_state=state, status=SourceStatus.DISPATCHED.value, error_class=None, error_code=None,
                reason=None, retryable=None, finished_at=None,
            )  # fmt: skip
        ended = self.id is None and not self.over and state in _RUN_OVER
        if not ended:
            return dataclasses.replace(self, run_state=state)
        reason = self.reason or f"run {self.run_id} ended ({state}) without making a job; its log says why"
        return dataclasses.replace(self, run_state=state, status=JobStatus.FAILED.value, reason=reason)

    def raise_for_status(self) -> Self:
        """Return the job itself, unless it ended otherwise than published.

        :raises InputRejected: the input cannot be transcoded, with its named reason
        :raises SourceUnreadable: the object is gone, archived or refused; it goes on when it can be read again
        :raises EngineCanceled: somebody cancelled it
        :raises EngineError: it failed; ``retryable`` says whether :func:`vodflow.jobs.retry` can help
        """
        name, said = f"Job {self.ref}", self.reason or "no reason is recorded"
        match self.status:
            case JobStatus.REJECTED:
                raise InputRejected(RejectionReason(str(self.error_code)), said)
            case SourceStatus.UNREADABLE:
                raise SourceUnreadable(UnreadableReason(str(self.error_code)), said)
            case JobStatus.CANCELED:
                raise EngineCanceled(f"{name} was cancelled.", job_id=self.id)
            case JobStatus.FAILED:
                code, again = self.error_code, bool(self.retryable)
                raise EngineError(f"{name} failed: {said}", job_id=self.id, code=code, retryable=again)
        return self

    def to_json(self) -> dict[str, Any]:
        """Values for JSON: times in ISO 8601, UTC. The names are those of the fields; see docs/library.md."""
        return {name: _plain(value) for name, value in dataclasses.asdict(self).items()}


def _player(manifest_uri: str, settings: Settings | None) -> str | None:
    bucket, key = parse_s3_uri(manifest_uri)
    base = public_url(bucket, settings)
    return base and player_url(base, key)


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else value


@dataclasses.dataclass(frozen=True)
class Page:
    """Some jobs, newest first.

    :param cursor: hand it to the next call for the page after this; none when this is the last
    """

    jobs: tuple[Job, ...]
    cursor: str | None
