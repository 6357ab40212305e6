"""boto3 clients with this project's endpoint, timeouts and retries."""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from botocore.loaders import create_loader

from vodflow.errors import ConfigurationError
from vodflow.settings import Settings, get_settings

# One line for each client that finds its credentials; that is what they are for.
logging.getLogger("botocore.credentials").setLevel(logging.WARNING)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient


@lru_cache(maxsize=1)
def _loader() -> Any:
    return create_loader()


#: Sessions that nobody has used yet, made before a fork; each process has these for itself.
_spare_sessions: list[boto3.session.Session] = []


def new_session() -> boto3.session.Session:
    """A session that shares the service descriptions read by others of this process, and no credentials.

    Reading them is most of what a client costs: a second service takes 15 ms of CPU time instead of 50.
    """
    try:
        return _spare_sessions.pop()
    except IndexError:
        return _made_session()


def _made_session() -> boto3.session.Session:
    session = botocore.session.get_session()
    session.register_component("data_loader", _loader())
    return boto3.session.Session(botocore_session=session)


@lru_cache(maxsize=8)
def _client(service: str, settings: Settings, endpoint_url: str | None = None) -> Any:
    config = Config(
        connect_timeout=settings.aws_connect_timeout,
        read_timeout=settings.aws_read_timeout,
        retries={"mode": "standard", "total_max_attempts": settings.aws_attempts},
        max_pool_connections=max(10, settings.upload_concurrency * 2),
        # S3 presigns with version 2 in us-east-1 otherwise, which newer buckets refuse.
        signature_version="s3v4" if service == "s3" else None,
        s3={"addressing_style": "path"} if settings.aws_endpoint_url else {},
    )
    try:
        return new_session().client(
            service,  # type: ignore[call-overload]
            region_name=settings.aws_region,
            endpoint_url=endpoint_url or settings.aws_endpoint_url,
            config=config,
        )
    except (BotoCoreError, ValueError) as error:  # an unknown profile, half a key, an endpoint that is no URL
        raise ConfigurationError(f"AWS cannot be used as it is set up here: {error}.") from error


def preload_services() -> None:
    """Parse the descriptions of the services now, for the processes that will be forked from this one.

    Opens no connection and looks for no credentials: the placeholders are of clients that are thrown away. For each
    service a session is left for those processes, with nothing in it yet.
    """
    for service, operation in (("s3", "get_object"), ("sqs", "receive_message")):
        session: Any = _made_session()
        client = session.client(
            service,
            region_name="us-east-1",
            aws_access_key_id="none",
            aws_secret_access_key="none",  # noqa: S106
        )
        client.can_paginate(operation)  # whatever the answer: the description of pages, a file of its own, is read
        _spare_sessions.append(_made_session())


def forget_clients() -> None:
    """Make new clients from here on, for tests."""
    _client.cache_clear()


def s3_client(settings: Settings | None = None) -> S3Client:
    """An S3 client; one for a process and its settings (boto3 clients are thread-safe)."""
    client: S3Client = _client("s3", settings or get_settings())
    return client


def sqs_client(settings: Settings | None = None) -> SQSClient:
    """An SQS client; one for a process and its settings."""
    client: SQSClient = _client("sqs", settings or get_settings())
    return client


def mediaconvert_client(settings: Settings | None = None) -> Any:
    """A MediaConvert client; one for a process and its settings. The Region's own endpoint needs no discovery."""
    used = settings or get_settings()
    return _client("mediaconvert", used, used.mediaconvert_endpoint_url)
