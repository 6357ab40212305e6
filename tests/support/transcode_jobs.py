"""Jobs of the local MediaConvert's transcoder: real FFmpeg, packager and S3."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local_mediaconvert.settings import Settings
from local_mediaconvert.transcode import JobOutputs, Phase, run_job
from mypy_boto3_s3 import S3Client
from support.clips import clip
from vodflow.ffmpeg.tools import ffprobe_path
from vodflow.storage.objects import list_objects


@dataclass
class TranscodeBench:
    """One bucket for inputs and outputs, and an empty work folder."""

    bucket: str
    work_dir: Path
    settings: Settings
    s3: S3Client
    progress: list[tuple[Phase, int]] = field(default_factory=list)
    information: list[dict[str, Any]] = field(default_factory=list)

    def put(self, name: str, path: Path | None = None) -> str:
        """A clip of the corpus, or this file, as an input's URI."""
        path = path or clip(name)
        key = f"in/{name} é+1{path.suffix}"
        self.s3.upload_file(str(path), self.bucket, key)
        return f"s3://{self.bucket}/{key}"

    def run(self, settings: Mapping[str, Any], cancel: threading.Event | None = None) -> JobOutputs:
        """Run a job with these settings."""
        self.progress.clear()
        return run_job(
            {"Settings": settings},
            work_dir=self.work_dir,
            on_progress=lambda phase, percent: self.progress.append((phase, percent)),
            on_information=self.information.extend,
            cancel=cancel or threading.Event(),
            settings=self.settings,
        )

    def names(self, prefix: str = "out") -> set[str]:
        """Names below the prefix."""
        return set(list_objects(self.bucket, prefix))

    def fetch(self, folder: Path, prefix: str = "out") -> Path:
        """All outputs in a folder that mirrors the prefix."""
        for name in self.names(prefix):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            self.s3.download_file(self.bucket, f"{prefix}/{name}", str(folder / name))
        return folder


def probe(path: Path) -> dict[str, Any]:
    """What ffprobe says of a file."""
    argv = [ffprobe_path(), "-v", "error", "-show_format", "-show_streams", "-of", "json", str(path)]
    found: dict[str, Any] = json.loads(subprocess.run(argv, capture_output=True, check=True, timeout=60).stdout)
    return found


def stream(path: Path, kind: str) -> dict[str, Any]:
    """The first stream of a kind."""
    return next(item for item in probe(path)["streams"] if item["codec_type"] == kind)
