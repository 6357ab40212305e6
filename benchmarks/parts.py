"""Single parts of the embedded stack, without the rest: S3, S3 and PostgreSQL, S3 and the local MediaConvert."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import boto3
from botocore.config import Config
from mypy_boto3_s3 import S3Client
from vodflow.catalog.migrate import upgrade
from vodflow.stack import launch
from vodflow.stack.aws import aws_part
from vodflow.stack.config import prepare_config
from vodflow.stack.environment import child_environment
from vodflow.stack.home import Home
from vodflow.stack.mediaconvert import mediaconvert_part
from vodflow.stack.part import Part
from vodflow.stack.postgres import PostgresServer

START_TIMEOUT = 60.0


@contextmanager
def aws_services(root: Path) -> Iterator[dict[str, str]]:
    """S3 and its companions; the environment of a process that uses them. Nothing is left afterwards."""
    home = Home(root)
    config = prepare_config(home)
    environment = child_environment(home)
    with _clean(home), _running(aws_part(home, config, environment), home):
        yield environment


@contextmanager
def mediaconvert_service(root: Path) -> Iterator[dict[str, str]]:
    """The local MediaConvert with S3; the environment of a process that uses them. Nothing is left afterwards."""
    home = Home(root)
    config = prepare_config(home)
    environment = child_environment(home)
    with (
        _clean(home),
        _running(aws_part(home, config, environment), home),
        _running(mediaconvert_part(home, config, environment), home),
    ):
        yield environment


@contextmanager
def aws_and_catalog(root: Path) -> Iterator[dict[str, str]]:
    """S3 and an empty, migrated catalog; the environment of a process that uses them. Nothing is left afterwards."""
    home = Home(root)
    config = prepare_config(home)
    environment = child_environment(home)
    server = PostgresServer(home, config)
    with ExitStack() as stack:
        stack.enter_context(_clean(home, server.root))
        stack.enter_context(_running(aws_part(home, config, environment), home))
        stack.enter_context(_running(server.part(environment), home))
        url = config.database_url("postgres")
        upgrade(url)
        yield {**environment, "VODFLOW_CATALOG_URL": url}


@contextmanager
def all_parts(root: Path) -> Iterator[tuple[dict[str, str], int]]:
    """S3, the local MediaConvert and an empty, migrated catalog; also the service's process id. Nothing is left."""
    home = Home(root)
    config = prepare_config(home)
    environment = child_environment(home)
    server = PostgresServer(home, config)
    with ExitStack() as stack:
        stack.enter_context(_clean(home, server.root))
        stack.enter_context(_running(aws_part(home, config, environment), home))
        stack.enter_context(_running(server.part(environment), home))
        service = stack.enter_context(_running(mediaconvert_part(home, config, environment), home))
        url = config.database_url("postgres")
        upgrade(url)
        yield {**environment, "VODFLOW_CATALOG_URL": url}, service


@contextmanager
def _clean(home: Home, *more: Path) -> Iterator[None]:
    try:
        yield
    finally:
        for folder in (home.root, *more):
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _running(part: Part, home: Home) -> Iterator[int]:
    """A part in a session of its own that also dies with this process; its process id."""
    part.prepare()
    for folder in (part.folder, home.logs):
        folder.mkdir(parents=True, exist_ok=True)
    account = (-1, -1) if part.account is None else (part.account.uid, part.account.gid)
    launcher = [os.getpid(), int(part.stop_signal), *account]
    with home.log_file(part.name).open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-S", launch.__file__, *map(str, launcher), "--", *part.argv],
            cwd=part.folder, env=dict(part.environment), stdin=subprocess.DEVNULL, stdout=log,
            stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    try:
        _await(part, process, home)
        yield process.pid
    finally:
        process.send_signal(part.stop_signal)
        with suppress(subprocess.TimeoutExpired):
            process.wait(part.patience)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(part.patience)


def _await(part: Part, process: subprocess.Popen[bytes], home: Home) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while True:
        try:
            part.check(5.0)
        except Exception as error:
            if process.poll() is not None or time.monotonic() > deadline:
                said = home.log_file(part.name).read_text(encoding="utf-8", errors="replace")[-2000:]
                raise RuntimeError(f"{part.name} does not answer: {error}\n{said}") from error
            time.sleep(0.2)
        else:
            return


def s3_client(environment: Mapping[str, str]) -> S3Client:
    """A client of the S3 that ``environment`` names."""
    client: S3Client = boto3.client(
        "s3",
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        region_name=environment["AWS_REGION"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        config=Config(s3={"addressing_style": "path"}, max_pool_connections=32),
    )
    return client
