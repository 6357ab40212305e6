from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser
from support import clips, playback
from vodflow.contract.plan import TranscodePlan
from vodflow.contract.result import EngineResult
from vodflow.engines.local import transcode
from vodflow.media.probe import probe
from vodflow.planning.planner import make_plan
from vodflow.planning.profiles import load_profile
from vodflow.settings import Settings
from vodflow.stack.aws_server import ORIGINS
from vodflow.stack.environment import stack_environment
from vodflow.stack.home import Home
from vodflow.stack.policies import let_players_read
from vodflow.storage.clients import s3_client
from vodflow.storage.objects import resolve_source
from vodflow.verification import S3Store, Verification, verify

BUCKET = "playback"


@dataclass(frozen=True)
class Transcoded:
    """What the engine made of a clip, verified, and where it is served."""

    plan: TranscodePlan
    result: EngineResult
    verification: Verification
    bucket_url: str

    @property
    def prefix(self) -> str:
        return self.result.prefix

    def url(self, name: str) -> str:
        return f"{self.bucket_url}/{self.prefix}/{name}"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for a module and no longer: Playwright keeps this thread's event loop while it is open."""
    with playback.chromium() as opened:
        yield opened


@pytest.fixture(scope="session")
def transcoded(aws_server: str, stack_home: Home) -> dict[str, Transcoded]:
    """A clip of 4 s, transcoded by the local engine to two rungs in segments of 2 s, as fMP4 and as TS."""
    own = stack_environment(stack_home)
    with pytest.MonkeyPatch.context() as patch:
        for name in own:
            if name.startswith("AWS_"):
                patch.setenv(name, own[name])
        settings = Settings(aws_endpoint_url=aws_server, aws_region=os.environ["AWS_REGION"], disk_reserve=0)
        return {kind: _transcode(settings, kind) for kind in ("fmp4", "ts")}


def _transcode(settings: Settings, kind: str) -> Transcoded:
    s3, path = s3_client(settings), clips.clip("plain")
    s3.create_bucket(Bucket=BUCKET)
    let_players_read(s3, BUCKET, "vod", ORIGINS)
    s3.upload_file(str(path), BUCKET, path.name)
    source = resolve_source(BUCKET, path.name, settings=settings).ref
    media = probe(str(path), source.size, 30)
    plan = make_plan(source, media, load_profile("standard"), tenant="test", video=kind, thumbnail_interval=1.0)
    ends = [rung.model_copy(update={"preset": "ultrafast"}) for rung in (plan.renditions[0], plan.renditions[-1])]
    packaging = plan.packaging.model_copy(update={"segment_duration": 2.0, "hls_segments": kind})
    plan = plan.model_copy(update={"renditions": tuple(ends), "packaging": packaging})
    result = transcode.run(plan, BUCKET, f"vod/{plan.prefix}", settings=settings)
    verification = verify(plan, BUCKET, result.prefix, S3Store(settings))
    return Transcoded(plan, result, verification, f"{settings.aws_endpoint_url}/{BUCKET}")
