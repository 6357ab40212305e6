"""boto3 clients with this project's endpoint, timeouts and retries."""

from __future__ import annotations

import logging
from functools import cached_property, lru_cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

import boto3
import botocore.session
from botocore.config import Config
from botocore.credentials import Credentials
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


class _CredentialsLater(Credentials):
    """Looked for by whoever signs first: not by the process that others are forked from, which would hold them long."""

    def __init__(self) -> None:
        super().__init__("", "")
        self._session = new_session()

    @cached_property
    def _found(self) -> Credentials | None:
        try:
            return self._session.get_credentials()
        except BotoCoreError as error:
            raise _unusable(error) from error

    def get_frozen_credentials(self) -> Any:
        """None where there are none, which botocore then says."""
        return self._found and self._found.get_frozen_credentials()


def new_session(*, later: bool = False) -> boto3.session.Session:
    """A session that shares the service descriptions read by others of this process, and no credentials.

    Reading them is most of what a client costs: a second service takes 15 ms of CPU time instead of 50.

    :param later: credentials are looked for when a client needs them, not when it is made
    """
    session = botocore.session.get_session()
    session.register_component("data_loader", _loader())
    if later:
        session.register_component("credential_provider", SimpleNamespace(load_credentials=_CredentialsLater))
    return boto3.session.Session(botocore_session=session)


def _unusable(error: Exception) -> ConfigurationError:
    return ConfigurationError(f"AWS cannot be used as it is set up here: {error}.")


#: Connections that are kept for the next request, at least: as many viewers may be read for at once, and beyond them
#: each request would begin with a handshake.
_KEPT: Final = 64


class _Made(NamedTuple):
    """What a client is made of."""

    service: str
    region: str
    endpoint_url: str | None
    connect_timeout: float
    read_timeout: float
    attempts: int
    connections: int
    own_endpoint: bool
    regional: bool = False

    @classmethod
    def of(cls, service: str, settings: Settings, endpoint_url: str | None = None) -> Self:
        return cls(
            service,
            settings.aws_region,
            endpoint_url or settings.aws_endpoint_url,
            settings.aws_connect_timeout,
            settings.aws_read_timeout,
            settings.aws_attempts,
            max(_KEPT, settings.upload_concurrency * 2),
            bool(settings.aws_endpoint_url),
        )


#: boto3 clients are thread-safe.
_clients: dict[_Made, Any] = {}


def _client(service: str, settings: Settings, endpoint_url: str | None = None, *, regional: bool = False) -> Any:
    made = _Made.of(service, settings, endpoint_url)._replace(regional=regional)
    if made not in _clients:
        _clients[made] = _made_client(new_session(), made)
    return _clients[made]


def _made_client(session: Any, made: _Made) -> Any:
    style: Any = "path" if made.own_endpoint else "virtual" if made.regional else "auto"
    config = Config(
        connect_timeout=made.connect_timeout,
        read_timeout=made.read_timeout,
        retries={"mode": "standard", "total_max_attempts": made.attempts},
        max_pool_connections=made.connections,
        # S3 presigns with version 2 in us-east-1 otherwise, which newer buckets refuse.
        signature_version="s3v4" if made.service == "s3" else None,
        s3={"addressing_style": style},
    )
    try:
        return session.client(made.service, region_name=made.region, endpoint_url=made.endpoint_url, config=config)
    except (BotoCoreError, ValueError) as error:  # an unknown profile, half a key, an endpoint that is no URL
        raise _unusable(error) from error


def preload_services() -> None:
    """Make the clients now that the processes will use that are forked from this one: 20 ms of CPU time each.

    Opens no connection and looks for no credentials; each process does that for itself.

    :raises ConfigurationError: an endpoint that is no URL
    """
    settings = get_settings()
    for service, operation in (("s3", "get_object"), ("sqs", "receive_message")):
        made = _Made.of(service, settings)
        client = _made_client(new_session(later=True), made)
        client.can_paginate(operation)  # whatever the answer: the description of pages, a file of its own, is read
        _clients[made] = client


def forget_clients() -> None:
    """Make new clients from here on, for tests."""
    _clients.clear()


def s3_client(settings: Settings | None = None) -> S3Client:
    """An S3 client; one for a process and its settings (boto3 clients are thread-safe)."""
    client: S3Client = _client("s3", settings or get_settings())
    return client


def signing_client(settings: Settings | None = None) -> S3Client:
    """An S3 client whose signed addresses are the Region's own.

    Others name S3's common host, which redirects requests for young buckets; a browser's preflight follows no redirect.
    """
    client: S3Client = _client("s3", settings or get_settings(), regional=True)
    return client


def sqs_client(settings: Settings | None = None) -> SQSClient:
    """An SQS client; one for a process and its settings."""
    client: SQSClient = _client("sqs", settings or get_settings())
    return client


def foreign_s3_client(
    region: str | None, role: str | None, external_id: str | None, settings: Settings | None = None
) -> S3Client:
    """An S3 client with the permissions of a role, of another account too, for about an hour.

    :param region: none means the settings' own
    :param role: ARN; none means the permissions of this process
    :param external_id: what the role's trust policy asks for, where it does
    :raises ClientError, BotoCoreError: the role cannot be taken on
    """
    used = settings or get_settings()
    made = _Made.of("s3", used)._replace(region=region or used.aws_region)
    session = new_session()
    if role is not None:
        named: dict[str, Any] = {"ExternalId": external_id} if external_id else {}
        answer = _client("sts", used).assume_role(RoleArn=role, RoleSessionName="vodflow-import", **named)
        keys = answer["Credentials"]
        session = boto3.session.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    client: S3Client = _made_client(session, made)
    return client


def mediaconvert_client(settings: Settings | None = None) -> Any:
    """A MediaConvert client; one for a process and its settings. The Region's own endpoint needs no discovery."""
    used = settings or get_settings()
    return _client("mediaconvert", used, used.mediaconvert_endpoint_url)
