"""Single, renditions and chunks publish the same files, and the same verifier passes them."""

from __future__ import annotations

import pytest
from support.clips import clip
from support.engine_jobs import Bench
from vodflow.contract.parts import PartRecord
from vodflow.contract.strategy import Strategy, StrategyKind
from vodflow.engines.chunks.run import run_divided
from vodflow.media.picture_index import read_index
from vodflow.pipeline.publish import renditions
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
        made: list[PartRecord] = []
        at = bench.media_bucket, divided.prefix
        result = run_divided(divided, *at, on_part=made.append, settings=bench.settings)
        verification = verify(divided, *at, S3Store(bench.settings))
        assert set(bench.outputs(divided)) == single
        # Whoever was encoded apart has a speed of its own; the others have the job's.
        alone = {record.part: plan.media.duration / record.encode_seconds for record in made}
        for rung in (item for item in renditions(divided, verification, result) if item.kind == "video"):
            expected = alone.get(f"rungs-{rung.name}")
            assert rung.speed == (expected and pytest.approx(expected, rel=0.05))
