"""What a pod makes of a plan, undivided or divided, is what the local engine makes of it."""

from __future__ import annotations

import pytest
from support.clips import clip
from support.fixtures.kubernetes import Pods, reread
from vodflow.catalog.database import transaction
from vodflow.catalog.jobs import open_job
from vodflow.catalog.states import JobStatus
from vodflow.contract.plan import TranscodePlan
from vodflow.contract.strategy import SINGLE, Strategy, StrategyKind
from vodflow.engines.local import transcode
from vodflow.media.picture_index import read_index
from vodflow.pipeline.publish import verify_job
from vodflow.planning.strategy import Division, choose
from vodflow.storage.objects import list_objects

from benchmarks.parity import RUN, through_pods

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(600)]


def divided(plan: TranscodePlan, kind: StrategyKind) -> Strategy:
    if kind is StrategyKind.CHUNKS:
        return choose(
            plan, Division("chunks", chunk_seconds=4), lambda: read_index(str(clip("moving")), plan.media, 60)
        )
    if kind is StrategyKind.RENDITIONS:
        return Strategy(kind=kind, groups=tuple((rung.name,) for rung in plan.renditions))
    return SINGLE


def test_every_strategy_publishes_in_pods_what_the_local_engine_does(pods: Pods) -> None:
    whole = pods.planned("moving")
    transcode.run(whole.plan, whole.bucket, "vod/local", settings=pods.settings)
    local = set(list_objects(whole.bucket, "vod/local"))
    for revision, kind in enumerate(StrategyKind, 1):
        plan = whole.plan.model_copy(update={"revision": revision, "strategy": divided(whole.plan, kind)})
        assert plan.strategy.kind == kind
        made = {"engine": "kubernetes", "priority": 50, "run_id": RUN, "bucket": whole.bucket}
        with transaction("test") as connection:
            job = open_job(connection, whole.source_id, plan, **made, prefix=f"vod/{kind}")
        through_pods(job)
        verify_job(job.id)
        assert reread(job).status == JobStatus.VERIFYING
        pods.nothing_left(job)
        assert set(list_objects(job.bucket, job.prefix)) == local
