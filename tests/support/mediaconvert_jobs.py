"""A MediaConvert service inside the test's process: no HTTP, and a stand-in for the transcoder's process."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from local_mediaconvert.api.handlers import HANDLERS
from local_mediaconvert.api.routes import operations
from local_mediaconvert.service import Config, Service

ROLE = "arn:aws:iam::111122223333:role/MediaConvert"
FAKE_WORKER = Path(__file__).with_name("fake_worker.py")

MP4_OUTPUT: dict[str, Any] = {
    "containerSettings": {"container": "MP4"},
    "videoDescription": {
        "width": 160,
        "height": 90,
        "codecSettings": {
            "codec": "H_264",
            "h264Settings": {"rateControlMode": "QVBR", "maxBitrate": 200_000, "qvbrSettings": {"qvbrQualityLevel": 6}},
        },
    },
    "audioDescriptions": [
        {"codecSettings": {"codec": "AAC", "aacSettings": {
            "bitrate": 96_000, "codingMode": "CODING_MODE_2_0", "sampleRate": 48_000}}},
    ],
}  # fmt: skip


def file_job(
    source: str = "s3://in/film.mp4", destination: str = "s3://out/film/", output: dict[str, Any] | None = None
) -> dict[str, Any]:
    """A small CreateJob request in the names of the wire."""
    return {
        "role": ROLE,
        "settings": {
            "inputs": [{"fileInput": source, "audioSelectors": {"Audio Selector 1": {"defaultSelection": "DEFAULT"}}}],
            "outputGroups": [
                {
                    "name": "File Group",
                    "outputGroupSettings": {
                        "type": "FILE_GROUP_SETTINGS",
                        "fileGroupSettings": {"destination": destination},
                    },
                    "outputs": [output or MP4_OUTPUT],
                }
            ],
        },
    }


class Bench:
    """A service, and all events it sends."""

    def __init__(self, state: Path, **options: Any) -> None:
        config = Config(state=state, worker=(sys.executable, "-S", str(FAKE_WORKER)), **options)
        self.service = Service(config, {"queue": self._take})
        self.events: list[dict[str, Any]] = []
        self.queue_is_away = False
        self._stopped = False

    def _take(self, bodies: list[str]) -> list[int]:
        if self.queue_is_away:
            raise ConnectionError("the queue is away")
        self.events += [json.loads(body) for body in bodies]
        return []

    def start(self) -> Bench:
        self.service.start()
        return self

    def stop(self) -> None:
        if not self._stopped:
            self._stopped = True
            self.service.stop()

    def call(self, operation: str, **given: Any) -> dict[str, Any]:
        """An operation as its route does it, without HTTP."""
        route = next(item for item in operations() if item.name == operation)
        in_body = route.method in {"POST", "PUT"}
        path = {name: value for name, value in given.items() if f"{{{name}}}" in route.path}
        parameters = route.parameters(path, {} if in_body else given, json.dumps(given).encode() if in_body else b"")
        return HANDLERS[operation](self.service, parameters)

    def submit(self, metadata: Mapping[str, str] | None = None, **more: Any) -> str:
        """A job whose worker does what ``metadata`` says; returns its id."""
        job = self.call("CreateJob", **file_job(), userMetadata=dict(metadata or {}), **more)["job"]
        return str(job["id"])

    def job(self, job_id: str) -> dict[str, Any]:
        return self.service.jobs.get(job_id)

    def wait(self, *job_ids: str, status: str = "COMPLETE") -> list[dict[str, Any]]:
        """The jobs, once all have the status."""
        until(lambda: all(self.job(item)["status"] == status for item in job_ids))
        return [self.job(item) for item in job_ids]

    def told(self, job_id: str) -> list[str]:
        """Statuses of the events of a job, in order."""
        return [item["detail"]["status"] for item in self.events if item["detail"]["jobId"] == job_id]


def until(condition: Callable[[], bool], patience: float = 60.0, pause: float = 0.01) -> None:
    """Wait for something that happens in another thread or process."""
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(pause)
