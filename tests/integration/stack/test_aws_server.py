"""The AWS services serve those who hold the stack's keys, players of published media, and nobody else."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from mypy_boto3_s3 import S3Client
from vodflow.settings import Settings
from vodflow.stack.aws_server import ORIGINS
from vodflow.stack.config import StackConfig
from vodflow.stack.policies import let_players_read, queue_policy
from vodflow.storage.clients import sqs_client

pytestmark = pytest.mark.integration

EVIL = "http://evil.example"
CREDENTIAL = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={}/20260101/us-east-1/{}/aws4_request"
SIGNATURE = "X-Amz-Date=20260101T000000Z&X-Amz-SignedHeaders=host&X-Amz-Signature=00"


@dataclass(frozen=True)
class Answer:
    status: int
    body: str
    headers: dict[str, str]

    @property
    def cors(self) -> dict[str, str]:
        return {name: value for name, value in self.headers.items() if name.startswith("access-control-")}


@dataclass(frozen=True)
class Site:
    """A bucket with ``vod/film.m3u8`` for players and ``private.txt`` for nobody, and a queue with its events."""

    url: str
    keys: tuple[str, str]
    bucket: str
    queue: str

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(self.url + path, body, given, method=method)  # noqa: S310
        try:
            answer = urllib.request.urlopen(request, timeout=10)  # noqa: S310
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            told = {name.lower(): value for name, value in answer.headers.items()}
            return Answer(answer.status, answer.read().decode(errors="replace"), told)

    def client(self, service: str, key: str, secret: str) -> Any:
        config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
        session = boto3.session.Session(key, secret, region_name="us-east-1")
        return session.client(service, endpoint_url=self.url, config=config)  # type: ignore[call-overload]


@pytest.fixture
def site(s3: S3Client, aws: Settings, stack_config: StackConfig, make_bucket: Any) -> Site:
    bucket, queue = make_bucket(), f"access-{uuid.uuid4().hex[:8]}"
    let_players_read(s3, bucket, "vod", ORIGINS)
    s3.put_object(Bucket=bucket, Key="vod/film.m3u8", Body=b"#EXTM3U\n0123456789")
    s3.put_object(Bucket=bucket, Key="private.txt", Body=b"secret")
    sqs_client(aws).create_queue(QueueName=queue, Attributes={"Policy": queue_policy(queue)})
    return Site(stack_config.aws_url, stack_config.keys, bucket, queue)


def test_players_read_what_is_published_and_no_more(site: Site) -> None:
    film = site.ask("GET", f"/{site.bucket}/vod/film.m3u8", Range="bytes=8-10")
    assert (film.status, film.body, film.cors) == (206, "012", {})
    assert site.ask("HEAD", f"/{site.bucket}/vod/film.m3u8").status == 200
    for path in (
        "/", f"/{site.bucket}", f"/{site.bucket}?list-type=2", f"/{site.bucket}/private.txt", f"/{site.bucket}?policy",
        f"/{site.bucket}/vod/film.m3u8?acl", f"/{site.bucket}/vod/film.m3u8?tagging", f"/{site.bucket}/none",
        f"/000000000000/{site.queue}?Action=ReceiveMessage", "/?Action=ListQueues", "/?Action=ListTopics",
        "/?Action=ListUsers&Version=2010-05-08", "/?Action=GetCallerIdentity&Version=2011-06-15",
    ):  # fmt: skip
        assert site.ask("GET", path).status == 403, path


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "PATCH"])
def test_nobody_writes_without_a_signature(site: Site, method: str) -> None:
    for path in (f"/{site.bucket}/vod/film.m3u8", f"/{site.bucket}", f"/{site.bucket}?delete", "/new-bucket", "/"):
        for headers in ({}, {"Content-Type": "text/plain"}, {"Authorization": "AWS test:x"}):
            assert site.ask(method, path, b"Action=ListQueues", **headers).status == 403, path
    assert site.ask("GET", f"/{site.bucket}/vod/film.m3u8").status == 200


@pytest.mark.parametrize("path", ["reset", "config", "health", "ready", "sqs/messages", "ses/messages"])
def test_routes_for_administration_are_closed(site: Site, path: str) -> None:
    for method in ("GET", "POST", "PUT"):
        for prefix in ("/_ministack/", "//_ministack/", "/%5Fministack/", "/_localstack/", "/_aws/"):
            assert site.ask(method, prefix + path, b"{}", Authorization="Bearer test").status == 403
            assert site.ask(method, prefix + path, b"{}", Authorization="AWS4-HMAC-SHA256 x").status == 403
    assert site.ask("POST", "/_ministack/reset", b"", Authorization=f"Bearer {site.keys[1]}").status == 403
    assert site.ask("GET", "/_ministack/ready", Authorization=f"Bearer {site.keys[1]}").status == 200
    assert site.ask("GET", "/health").status == 403
    assert site.ask("GET", f"/{site.bucket}/vod/film.m3u8").status == 200


@pytest.mark.parametrize("headers", [{"Origin": EVIL}, {"Origin": "null"}, {"Host": "evil.example"}])
def test_pages_from_elsewhere_and_rebound_names_are_refused_everything(site: Site, headers: dict[str, str]) -> None:
    for method, path in (
        ("GET", f"/{site.bucket}/vod/film.m3u8"), ("PUT", f"/{site.bucket}/vod/film.m3u8"), ("POST", "/"),
        ("OPTIONS", f"/{site.bucket}/vod/film.m3u8"), ("POST", "/_ministack/reset"), ("GET", "/_ministack/health"),
    ):  # fmt: skip
        answer = site.ask(method, path, b"" if method in {"PUT", "POST"} else None, **headers)
        assert (answer.status, answer.cors) == (403, {}), path
    presigned = site.client("s3", *site.keys).generate_presigned_url(
        "get_object", Params={"Bucket": site.bucket, "Key": "private.txt"}
    )
    assert site.ask("GET", presigned.removeprefix(site.url), **headers).status == 403
    assert site.ask("GET", presigned.removeprefix(site.url)).body == "secret"


@pytest.mark.parametrize("origin", ["http://localhost:3000", "http://127.0.0.1:9"])
def test_pages_that_may_read_do_no_more(site: Site, origin: str) -> None:
    film = f"/{site.bucket}/vod/film.m3u8"
    read = site.ask("GET", film, Origin=origin)
    assert (read.status, read.cors["access-control-allow-origin"]) == (200, origin)
    wanted = {"Access_Control_Request_Method": "GET", "Access_Control_Request_Headers": "range"}
    assert site.ask("OPTIONS", film, Origin=origin, **wanted).cors["access-control-allow-methods"] == "GET, HEAD"
    for method, path in (("PUT", film), ("DELETE", film), ("POST", "/"), ("PUT", "/other-bucket/key")):
        asked = site.ask("OPTIONS", path, Origin=origin, Access_Control_Request_Method=method)
        assert "access-control-allow-origin" not in asked.cors, path
    for path in (f"/000000000000/{site.queue}?Action=ReceiveMessage", "/?Action=ListQueues", "/?Action=ListTopics"):
        assert site.ask("GET", path, Origin=origin).cors == {}


@pytest.mark.parametrize("keys", ["other", "secret", "test", "account"])
def test_wrong_keys_open_no_service(site: Site, keys: str) -> None:
    key, secret = {
        "other": ("AKIA0000000000000000", "x"), "secret": (site.keys[0], "x"),
        "test": ("test", "test"), "account": ("000000000000", "test"),
    }[keys]  # fmt: skip
    calls: dict[str, Any] = {
        "s3": lambda client: client.get_object(Bucket=site.bucket, Key="private.txt"),
        "sqs": lambda client: client.list_queues(),
        "dynamodb": lambda client: client.list_tables(),
        "sns": lambda client: client.list_topics(),
        "sts": lambda client: client.get_caller_identity(),
        "iam": lambda client: client.list_users(),
        "events": lambda client: client.list_rules(),
        "secretsmanager": lambda client: client.list_secrets(),
    }
    for service, call in calls.items():
        with pytest.raises(ClientError) as caught:
            call(site.client(service, key, secret))
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] in {400, 403}, service
        call(site.client(service, *site.keys))


@pytest.mark.parametrize("key", ["test", "000000000000", None])
def test_signatures_in_addresses_are_checked_too(site: Site, key: str | None) -> None:
    for service, query in (("sqs", "Action=ListQueues"), ("iam", "Action=ListUsers&Version=2010-05-08"), ("s3", "x=")):
        signed = f"{query}&{CREDENTIAL.format(key or site.keys[0], service)}&{SIGNATURE}"
        assert site.ask("GET", f"/?{signed}").status in {400, 403}
    for method in ("GET", "PUT", "DELETE"):
        signed = f"AWSAccessKeyId={key or site.keys[0]}&Signature=x&Expires=9999999999&X-Amz-Signature="
        assert site.ask(method, f"/{site.bucket}/private.txt?{signed}").status in {400, 403}


def test_events_still_come_and_polls_still_wait(site: Site, s3: S3Client, aws: Settings) -> None:
    arn = f"arn:aws:sqs:us-east-1:000000000000:{site.queue}"
    told = {"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]}
    s3.put_bucket_notification_configuration(Bucket=site.bucket, NotificationConfiguration=told)  # type: ignore[arg-type]
    upload = s3.create_multipart_upload(Bucket=site.bucket, Key="large ü.mov")["UploadId"]
    whole = {"Bucket": site.bucket, "Key": "large ü.mov", "UploadId": upload}
    parts: list[Any] = [
        {"PartNumber": number, "ETag": s3.upload_part(**whole, PartNumber=number, Body=b"x" * 6_000_000)["ETag"]}
        for number in (1, 2)
    ]
    s3.complete_multipart_upload(**whole, MultipartUpload={"Parts": parts})
    seen: list[str] = []
    for _ in range(5):
        messages = sqs_client(aws).receive_message(QueueUrl=f"{site.url}/000000000000/{site.queue}", WaitTimeSeconds=2)
        for message in messages.get("Messages", []):
            seen += [record["eventName"] for record in json.loads(message["Body"]).get("Records", [])]
        if seen:
            break
    assert seen == ["ObjectCreated:CompleteMultipartUpload"]
