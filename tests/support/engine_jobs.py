"""Jobs of the local engine: real FFmpeg, packager and S3."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mypy_boto3_s3 import S3Client
from support.clips import clip
from support.engine_plans import planned
from vodflow.contract.plan import SourceRef, TranscodePlan
from vodflow.contract.result import EngineResult, Progress
from vodflow.engines.local import transcode
from vodflow.settings import Settings
from vodflow.storage.objects import list_objects, resolve_source


@dataclass
class Bench:
    """Sources in one bucket, outputs in another, and an empty work folder."""

    source_bucket: str
    media_bucket: str
    settings: Settings
    s3: S3Client

    def source(self, name: str, path: Path | None = None) -> SourceRef:
        """A clip of the corpus, or this file, in S3."""
        path = path or clip(name)
        key = f"demo/{name} é+{path.suffix}"
        self.s3.upload_file(str(path), self.source_bucket, key)
        return resolve_source(self.source_bucket, key).ref

    def plan(self, name: str, **changes: Any) -> TranscodePlan:
        return planned(name, self.source(name), **changes)

    def run(self, plan: TranscodePlan, on_progress: Callable[[Progress], None] | None = None) -> EngineResult:
        return transcode.run(plan, self.media_bucket, plan.prefix, on_progress, settings=self.settings)

    def outputs(self, plan: TranscodePlan) -> dict[str, int]:
        return list_objects(self.media_bucket, plan.prefix)

    def fetch(self, plan: TranscodePlan, folder: Path, *names: str) -> Path:
        """Download outputs; the folder mirrors the prefix."""
        for name in names or tuple(self.outputs(plan)):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            self.s3.download_file(self.media_bucket, f"{plan.prefix}/{name}", str(folder / name))
        return folder

    @property
    def work_dir(self) -> Path:
        assert self.settings.work_dir is not None
        return self.settings.work_dir
