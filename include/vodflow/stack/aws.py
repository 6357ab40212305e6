"""The AWS services of one machine (ministack, in an environment of its own) and the resources the pipelines need.

After a SIGKILL the emulator has its objects but neither queues nor notification settings, so everything is made
idempotently, at the start and whenever a check misses something.
"""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from vodflow.errors import StackError
from vodflow.publication.player import player_files
from vodflow.settings import get_settings
from vodflow.stack.config import StackConfig
from vodflow.stack.environment import EVENT_QUEUE, MEDIACONVERT_QUEUE, PROTECTED_BUCKET, REGION
from vodflow.stack.home import REPOSITORY, Home
from vodflow.stack.outcome_resources import OutcomeResources
from vodflow.stack.part import Part
from vodflow.stack.policies import keep_private, let_pages_send, let_players_read, queue_arn, queue_policy
from vodflow.stack.ports import HOST

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType

PART = "aws"
#: Each queue of events has one for what cannot be handled.
QUEUES = (EVENT_QUEUE, MEDIACONVERT_QUEUE)
RULE = "vodflow-object-created"

#: What S3, or a program in its place, tells of objects: they were put, or are back from an archive.
_EVENTS: Any = ["s3:ObjectCreated:*", "s3:ObjectRestore:Completed"]
_DETAIL_TYPES = ["Object Created", "Object Restore Completed"]

#: Services that are switched on; the others cost memory at start.
_SERVICES = "s3,sqs,events,dynamodb,sns,secretsmanager,sts,iam"

#: Seconds a received notice stays hidden: longer than one `ingest_videos` run takes to register it.
_VISIBILITY = 120
_RETENTION = 4 * 24 * 3600
_MAX_RECEIVES = 5


def aws_part(home: Home, config: StackConfig, environment: Mapping[str, str]) -> Part:
    """How to start, check and stop the AWS services."""
    own = {
        "AUTH": "true",
        "GATEWAY_PORT": str(config.ports[PART]),
        "BIND_HOST": HOST,
        "SERVICES": _SERVICES,
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(home.aws / "s3"),
        "PERSIST_STATE": "1",
        "STATE_DIR": str(home.aws / "state"),
        "TMPDIR": str(home.aws / "tmp"),
        "LOG_LEVEL": "WARNING",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "DOCKER_HOST": "unix:///nonexistent",  # it would clean up the machine's containers
        "PYTHONPATH": str(home.repository / "include"),
        "PYTHONUNBUFFERED": "1",
    }
    inherited = {name: value for name, value in environment.items() if not name.startswith(("AIRFLOW", "PYTHON"))}
    resources = Resources(config.aws_url, config.keys, PROTECTED_BUCKET)
    return Part(
        name=PART,
        argv=(str(home.aws_python), "-m", "vodflow.stack.aws_server"),
        environment={**inherited, **own},
        folder=home.part_folder(PART),
        prepare=functools.partial(_prepare, home),
        check=resources.check,
        stop_rank=1,
        url=config.aws_url,
    )


def _prepare(home: Home) -> None:
    if not home.aws_python.exists():
        raise StackError(f"{home.aws_python} is missing: run `make up`, which installs the AWS services.")
    for name in ("s3", "state", "tmp"):
        (home.aws / name).mkdir(parents=True, exist_ok=True)


class Resources:
    """Buckets, queues, notification settings and the event rule of the stack.

    :param url: endpoint of the AWS services
    :param keys: access key and secret; none means those of this process
    :param protected: bucket of protected videos; none means the settings' one, if there is any
    """

    def __init__(self, url: str, keys: tuple[str, str] | None = None, protected: str | None = None) -> None:
        self._url = url.rstrip("/")
        self._keys = keys or (None, None)
        self._made = False
        settings = get_settings()
        self._sources = sorted({rule.bucket for rule in settings.watch})
        self._settings, self._media = settings, settings.media_bucket
        self._protected = protected or settings.protected_bucket
        self._outcomes = OutcomeResources(settings)

    def check(self, timeout: float) -> None:
        """Answer, with everything in place; what is missing is made.

        :param timeout: seconds for each request
        """
        if not (self._made and self._complete(timeout)):
            self.make(timeout)

    def make(self, timeout: float) -> None:
        """Create or complete every resource. Safe to run twice."""
        s3, sqs = self._client("s3", timeout), self._client("sqs", timeout)
        for bucket in filter(None, {*self._sources, self._media, self._protected}):
            with contextlib.suppress(s3.exceptions.BucketAlreadyOwnedByYou):
                s3.create_bucket(Bucket=bucket)
        let_players_read(s3, self._media, self._settings.output_prefix, self._settings.local_origins)
        if self._protected:
            keep_private(s3, self._protected, self._settings.local_origins)
        for name, (body, kind) in player_files(REPOSITORY).items():
            s3.put_object(Bucket=self._media, Key=name, Body=body, ContentType=kind)
        for name in QUEUES:
            self._make_queue(sqs, name)
        for bucket in self._sources:
            let_pages_send(s3, bucket, self._settings.local_origins)
            s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=_notifications())
        self._make_rule(timeout)
        self._outcomes.make(lambda service: self._client(service, timeout))
        self._made = True

    def _complete(self, timeout: float) -> bool:
        from botocore.exceptions import ClientError  # noqa: PLC0415 - slow to import

        s3, sqs = self._client("s3", timeout), self._client("sqs", timeout)
        try:
            for name in QUEUES:
                sqs.get_queue_url(QueueName=name)
            for bucket in (*self._sources, self._media):
                s3.get_bucket_cors(Bucket=bucket)
            if self._protected:
                s3.head_bucket(Bucket=self._protected)
            return all(
                s3.get_bucket_notification_configuration(Bucket=bucket).get("QueueConfigurations")
                for bucket in self._sources
            ) and self._outcomes.complete(lambda service: self._client(service, timeout))
        except ClientError:
            return False

    @staticmethod
    def _make_queue(sqs: SQSClient, name: str) -> None:
        common: dict[QueueAttributeNameType, str] = {"MessageRetentionPeriod": str(_RETENTION)}
        dead = f"{name}-dead"
        sqs.create_queue(QueueName=dead, Attributes=common)
        redrive = json.dumps({"deadLetterTargetArn": queue_arn(dead), "maxReceiveCount": _MAX_RECEIVES})
        attributes: dict[QueueAttributeNameType, str] = {
            **common,
            "VisibilityTimeout": str(_VISIBILITY),
            "RedrivePolicy": redrive,
            "Policy": queue_policy(name),
        }
        queue_url = sqs.create_queue(QueueName=name)["QueueUrl"]
        sqs.set_queue_attributes(QueueUrl=queue_url, Attributes=attributes)

    def _make_rule(self, timeout: float) -> None:
        """Programs may also announce objects through EventBridge, in the form that S3 itself uses there."""
        events = self._client("events", timeout)
        pattern = {"detail-type": _DETAIL_TYPES, "detail": {"bucket": {"name": self._sources}}}
        events.put_rule(Name=RULE, EventPattern=json.dumps(pattern), State="ENABLED")
        events.put_targets(Rule=RULE, Targets=[{"Id": EVENT_QUEUE, "Arn": queue_arn(EVENT_QUEUE)}])

    def _client(self, service: str, timeout: float) -> Any:
        return _client(self._url, service, timeout, *self._keys)


@functools.lru_cache(maxsize=8)
def _client(url: str, service: str, timeout: float, access_key: str | None, secret_key: str | None) -> Any:
    import boto3  # noqa: PLC0415 - slow to import
    from botocore.config import Config  # noqa: PLC0415

    return boto3.session.Session(access_key, secret_key, region_name=REGION).client(
        service,  # type: ignore[call-overload]
        endpoint_url=url,
        config=Config(
            connect_timeout=timeout,
            read_timeout=timeout,
            retries={"total_max_attempts": 1},
            s3={"addressing_style": "path"},
        ),
    )


def _notifications() -> Any:
    return {"QueueConfigurations": [{"Id": "vodflow", "QueueArn": queue_arn(EVENT_QUEUE), "Events": _EVENTS}]}
