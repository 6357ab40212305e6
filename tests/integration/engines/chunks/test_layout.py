"""Single, renditions and chunks publish the same files, and the same verifier passes them."""

from __future__ import annotations

import pytest
from support.clips import clip
from support.engine_jobs import Bench
from vodflow.contract.strategy import Strategy, StrategyKind
from vodflow.engines.chunks.run import run_divided
from vodflow.media.picture_index import read_index
from vodflow.planning.strategy import Division, choose
from vodflow.verification.store import S3Store
from vodflow.verification.verify import verify

pytestmark = pytest.mark.integration


def test_every_strategy_publishes_the_same_layout(bench: Bench) -> None:
    plan = bench.plan("moving")
    assert plan.thumbnails is not None
    # The second of three chunks has no thumbnail at all.
    plan = plan.model_copy(update={"thumbnails": plan.thumbnails.model_copy(update={"interval": 10.0})})
    groups = tuple((rung.name,) for rung in plan.renditions)
    strategies = (
        Strategy(kind=StrategyKind.RENDITIONS, groups=groups),
        choose(plan, Division("chunks", chunk_seconds=4), lambda: read_index(str(clip("moving")), plan.media, 60)),
    )
    assert [strategy.kind for strategy in strategies] == [StrategyKind.RENDITIONS, StrategyKind.CHUNKS]
    bench.run(plan)
    single = set(bench.outputs(plan))
    for revision, strategy in enumerate(strategies, 1):
        divided = plan.model_copy(update={"strategy": strategy, "revision": revision})
        run_divided(divided, bench.media_bucket, divided.prefix, settings=bench.settings)
        verify(divided, bench.media_bucket, divided.prefix, S3Store(bench.settings))
        assert set(bench.outputs(divided)) == single
