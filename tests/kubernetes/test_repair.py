"""Outputs of pods that verification refuses: the next pods make only what is missing."""

from __future__ import annotations

import asyncio

import pytest
from support.fixtures.kubernetes import Pods, attempt, reread
from vodflow.catalog.rows import JobRow
from vodflow.catalog.states import JobStatus
from vodflow.engines.chunks.steps import parts_to_make
from vodflow.engines.kubernetes.collect import collect_job
from vodflow.engines.kubernetes.submit import submit_job
from vodflow.engines.kubernetes.wait import wait_for_pod
from vodflow.errors import VerificationError
from vodflow.pipeline.publish import verify_and_publish
from vodflow.storage.objects import list_objects

pytestmark = pytest.mark.kubernetes

RUN = "manual-1"


def carried_out(job: JobRow, *, join: bool = False) -> None:
    submission = submit_job(job.id, run_id=RUN, join=join)
    assert submission.external_id is not None
    asyncio.run(wait_for_pod(job.id, submission.external_id))
    collect_job(job.id, run_id=RUN)


def refused(pods: Pods, job: JobRow, name: str) -> None:
    pods.s3.delete_object(Bucket=job.bucket, Key=f"{job.prefix}/{name}")
    with pytest.raises(VerificationError):
        verify_and_publish(job.id)
    assert reread(job).status == JobStatus.FAILED


def test_pods_make_what_is_missing_and_nothing_else(pods: Pods) -> None:
    job = pods.planned("small")
    carried_out(job)
    refused(pods, job, "mp4/video_240p.mp4")
    assert reread(job).plan.strategy.groups == (("240p",),)
    carried_out(job)
    assert attempt(job).number == 2
    # What is packaged again needs no source, by which nobody could encode it.
    refused(pods, job, "cmaf/video_360p/00001.m4s")
    pods.s3.delete_object(Bucket=job.plan.source.bucket, Key=job.plan.source.key)
    assert parts_to_make(job.id) == []
    carried_out(job, join=True)
    verify_and_publish(job.id)
    assert reread(job).published
    assert list_objects(job.bucket, "work") == {}
    pods.nothing_left(job)
