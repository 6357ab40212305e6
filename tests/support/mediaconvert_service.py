"""The local MediaConvert over HTTP, with a stand-in for its transcoder: jobs take as long as their metadata says."""

from __future__ import annotations

import functools
import json
import time
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from local_mediaconvert.api.app import FAULTS
from local_mediaconvert.service import Service
from vodflow_airflow.hooks.mediaconvert import MediaConvertHook

WORKER = Path(__file__).with_name("mediaconvert_worker.py")
ROLE = "arn:aws:iam::111122223333:role/MediaConvert"
SETTINGS = {
    "Inputs": [{"FileInput": "s3://footage/a.mp4", "VideoSelector": {}}],
    "OutputGroups": [
        {
            "OutputGroupSettings": {
                "Type": "FILE_GROUP_SETTINGS",
                "FileGroupSettings": {"Destination": "s3://media/a/"},
            },
            "Outputs": [
                {
                    "ContainerSettings": {"Container": "MP4"},
                    "VideoDescription": {
                        "CodecSettings": {
                            "Codec": "H_264",
                            "H264Settings": {"RateControlMode": "QVBR", "MaxBitrate": 1_000_000},
                        }
                    },
                }
            ],
        }
    ],
}


#: What callers of a service in this process sign with.
KEYS = ("AKIATEST", "testing")


def put_faults(url: str, secret: str, plan: dict[str, Any]) -> None:
    """Put a service's fault plan in force."""
    headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
    request = urllib.request.Request(url + FAULTS, json.dumps(plan).encode(), headers, method="PUT")  # noqa: S310
    with urllib.request.urlopen(request, timeout=10):  # noqa: S310
        pass


class MediaConvert:
    """A running service; counts the calls of AWS's operations."""

    def __init__(self, url: str, inside: Service) -> None:
        self.url = url
        self.inside = inside
        self.calls: list[tuple[str, bytes]] = []

    @property
    def counted(self) -> Counter[str]:
        return Counter(operation for operation, _ in self.calls)

    def faults(self, **plan: Any) -> None:
        put_faults(self.url, KEYS[1], plan)

    def copies(self, job_id: str, number: int) -> list[str]:
        """So many more jobs like this one, as fast as the service's database takes them."""
        columns = "created, status, queue, priority, hop_at, token, digest, crashes, inputs, codecs"
        made = [f"{int(time.time() * 1000)}-{place:06d}" for place in range(number)]
        with self.inside.store.transaction() as db:
            for copy in made:
                db.execute(
                    f"INSERT INTO job (id, {columns}, request, work, state) SELECT ?, {columns}, "  # noqa: S608
                    "replace(request, id, ?), work, replace(state, id, ?) FROM job WHERE id = ?",
                    (copy, copy, copy, job_id),
                )
        return made

    def finish(self, job_ids: list[str]) -> None:
        """Make jobs COMPLETE that never ran."""
        with self.inside.store.transaction() as db:
            for job_id in job_ids:
                db.execute(
                    "UPDATE job SET status = 'COMPLETE', state = json_set(state, '$.status', 'COMPLETE') WHERE id = ?",
                    (job_id,),
                )

    def counting(self, app: Any) -> Any:
        """The application, with a count in front."""

        async def counted(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http" and not scope["path"].startswith("/_vodflow/"):
                self.calls.append((_operation(scope["method"], scope["path"]), scope["query_string"]))
            await app(scope, receive, send)

        return counted


def _operation(method: str, path: str) -> str:
    names = {
        ("POST", 2): {"jobs": "CreateJob", "endpoints": "DescribeEndpoints"},
        ("GET", 2): {"jobs": "ListJobs", "search": "SearchJobs"},
        ("GET", 3): {"jobs": "GetJob"},
        ("DELETE", 3): {"jobs": "CancelJob"},
    }
    parts = path.strip("/").split("/")
    return names.get((method, len(parts)), {}).get(parts[1], f"{method} {path}")


@functools.cache
def shared_hook(endpoint: str) -> MediaConvertHook:
    """A hook to look at jobs with; making a client takes a tenth of a second."""
    hook = MediaConvertHook()
    assert hook.conn.meta.endpoint_url == endpoint
    return hook


def connect(monkeypatch: pytest.MonkeyPatch, **extra: Any) -> None:
    """Set the connection ``aws_default``."""
    connection = {"conn_type": "aws", "login": KEYS[0], "password": KEYS[1]}
    monkeypatch.setenv(
        "AIRFLOW_CONN_AWS_DEFAULT", json.dumps(connection | {"extra": {"region_name": "us-east-1"} | extra})
    )


class Store(dict[str, Any]):
    """A task state store as a context has it."""

    def set(self, key: str, value: Any) -> None:
        self[key] = json.loads(json.dumps(value))


class TaskInstance:
    """What operators use of a task instance."""

    def __init__(self, task_id: str, try_number: int) -> None:
        self.dag_id, self.run_id, self.task_id, self.map_index = "a_dag", "manual__1", task_id, -1
        self.try_number = try_number
        self.xcoms: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.xcoms[key] = value
