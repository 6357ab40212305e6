"""Whatever is killed in the embedded stack comes back by itself."""

from __future__ import annotations

import contextlib
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import boto3
import psutil
import pytest
from vodflow.catalog.migrations import versions
from vodflow.stack.config import StackConfig
from vodflow.stack.environment import EVENT_QUEUE, MEDIACONVERT_QUEUE
from vodflow.stack.postgres import connect
from vodflow.stack.processes import is_alive, load_records
from vodflow.stack.stack import Stack
from vodflow.stack.status import PartState, read_status

pytestmark = [pytest.mark.e2e, pytest.mark.soak, pytest.mark.timeout(900)]

HEAD = max(path.name for path in Path(versions.__file__).parent.glob("0*.py")).partition("_")[0]
PATIENCE = 240.0  # seconds; seconds are enough on a quiet machine
AIRFLOW = ("api-server", "scheduler", "dag-processor", "triggerer")


def wait_until(stack: Stack, true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        if time.monotonic() > deadline:
            pytest.fail(f"{read_status(stack.home)}\n{stack.home.log_file('supervisor').read_text()}")
        time.sleep(0.1)


def process_ids(stack: Stack) -> dict[str, int | None]:
    return {part.name: part.pid for part in read_status(stack.home).parts}


def kill(stack: Stack, *names: str) -> None:
    """SIGKILL the first process of each part and wait until the supervisor replaced them."""
    before = process_ids(stack)
    for name in names:
        pid = before[name]
        assert pid is not None
        psutil.Process(pid).kill()
    wait_until(
        stack,
        lambda: stack.is_healthy() and all(process_ids(stack)[name] not in {None, before[name]} for name in names),
    )


def aws(stack: Stack, service: str) -> object:
    environment = stack.environment()
    return boto3.client(
        service,
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        region_name=environment["AWS_REGION"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
    )


def query(config: StackConfig, role: str, statement: str) -> list[tuple[object, ...]]:
    with contextlib.closing(connect(config, role, 10)) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall()) if cursor.description else []


def test_everything_is_there(stack: Stack) -> None:
    status = stack.status()
    assert [part.name for part in status.parts] == ["postgres", "aws", "mediaconvert", *AIRFLOW, "api"]
    assert all(part.memory and part.pid and part.state is PartState.HEALTHY for part in status.parts)
    assert query(stack.config, "airflow", "SELECT slots FROM slot_pool WHERE pool = 'vodflow_local'") == [(1,)]
    assert query(stack.config, "vodflow", "SELECT version_num FROM alembic_version") == [(HEAD,)]


def test_objects_in_the_media_bucket_play_in_any_browser_without_a_signature(stack: Stack) -> None:
    body = {
        "Bucket": "vodflow-media",
        "Key": "vod/ü b.mpd",
        "Body": b"0123456789",
        "ContentType": "application/dash+xml",
    }
    aws(stack, "s3").put_object(**body)
    address = f"{stack.config.aws_url}/vodflow-media/vod/%C3%BC%20b.mpd"
    request = urllib.request.Request(address, headers={"Range": "bytes=2-4", "Origin": "http://localhost:3000"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        assert answer.status == 206
        assert answer.read() == b"234"
        assert answer.headers["Content-Type"] == "application/dash+xml"
        assert answer.headers["Access-Control-Allow-Origin"] == "http://localhost:3000"


def test_killed_airflow_parts_and_aws_services_come_back_with_all_resources(stack: Stack) -> None:
    aws(stack, "s3").put_object(Bucket="vodflow-media", Key="kept", Body=b"kept")
    sessions = {record.part: record.pid for record in load_records(stack.home)}
    members = [process for process in stack.processes() if _session(process) == sessions["scheduler"]]
    assert len(members) > 1, "the scheduler has workers that its death leaves behind"

    kill(stack, "aws", "mediaconvert", *AIRFLOW, "api")

    assert not [process for process in members if is_alive(process)]
    assert aws(stack, "s3").get_object(Bucket="vodflow-media", Key="kept")["Body"].read() == b"kept"
    assert (
        aws(stack, "sqs").get_queue_url(QueueName=EVENT_QUEUE)["QueueUrl"]
        == (stack.environment()["VODFLOW_EVENT_QUEUE_URL"])
    )
    jobs = stack.environment()["VODFLOW_MEDIACONVERT_EVENT_QUEUE_URL"]
    assert aws(stack, "sqs").get_queue_url(QueueName=MEDIACONVERT_QUEUE)["QueueUrl"] == jobs
    settings = aws(stack, "s3").get_bucket_notification_configuration(Bucket="vodflow-source")
    assert settings["QueueConfigurations"][0]["QueueArn"].endswith(EVENT_QUEUE)
    assert [rule["Name"] for rule in aws(stack, "events").list_rules()["Rules"]] == ["vodflow-object-created"]


def test_killed_database_comes_back_with_what_was_committed(stack: Stack) -> None:
    query(stack.config, "vodflow", "CREATE TABLE survivor AS SELECT 42 AS answer")
    kill(stack, "postgres")
    assert query(stack.config, "vodflow", "SELECT answer FROM survivor") == [(42,)]
    query(stack.config, "vodflow", "DROP TABLE survivor")


def test_queues_lost_by_the_emulator_are_made_again(stack: Stack) -> None:
    sqs = aws(stack, "sqs")
    sqs.delete_queue(QueueUrl=stack.environment()["VODFLOW_EVENT_QUEUE_URL"])
    wait_until(stack, lambda: any(url.endswith(EVENT_QUEUE) for url in sqs.list_queues().get("QueueUrls", [])))


def _session(process: psutil.Process) -> int | None:
    import os  # noqa: PLC0415

    with contextlib.suppress(ProcessLookupError):
        return os.getsid(process.pid)
    return None
