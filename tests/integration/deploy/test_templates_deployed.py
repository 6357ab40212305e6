"""The templates of deploy/aws, deployed: what they make works together."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest
import yaml
from support.fixtures.parts import RunningPart
from support.fixtures.receiver import Receiver
from vodflow.sensing.notices import parse_message
from vodflow.stack import aws as local_aws
from vodflow.stack.config import StackConfig
from vodflow.stack.environment import child_environment
from vodflow.stack.home import Home
from vodflow.stack.ports import choose_ports

from scripts.build_lambda import build
from scripts.generate_permissions import FOLDER, load_template

pytestmark = pytest.mark.integration

SERVICES = "s3,sqs,events,dynamodb,sns,secretsmanager,sts,iam,cloudformation,lambda,logs,monitoring,cloudfront"


LOGS = "/vodflow/vodflow-lambda-start-videos"


@pytest.fixture
def client(
    aws_server: str, stack_home: Home, stack_config: StackConfig, tmp_path: Any
) -> Iterator[Callable[[str], Any]]:
    """Clients of AWS services of this test's own, which know CloudFormation; ``aws_server`` has installed them."""
    ports = dict(choose_ports(["aws"], tmp_path))
    config = replace(stack_config, ports={**stack_config.ports, **ports})
    part = local_aws.aws_part(stack_home, config, child_environment(stack_home))
    folders = {name: str(tmp_path / name) for name in ("S3_DATA_DIR", "STATE_DIR", "TMPDIR")}
    for folder in folders.values():
        (tmp_path / folder).mkdir()
    part = replace(
        part,
        environment={**part.environment, **folders, "SERVICES": SERVICES, "AWS_ENDPOINT_URL": config.aws_url},
        name="aws-deploy",
    )

    def make(service: str) -> Any:
        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=config.aws_url,
            region_name="us-east-1",
            aws_access_key_id=config.keys[0],
            aws_secret_access_key=config.keys[1],
        )

    running = RunningPart(part, stack_home, lambda: make("s3").list_buckets())
    try:
        running.start()
        yield make
    finally:
        running.stop()


def deploy(client: Callable[[str], Any], name: str, template: dict[str, Any], **parameters: str) -> dict[str, str]:
    """A stack's outputs."""
    formation = client("cloudformation")
    formation.create_stack(
        StackName=name,
        TemplateBody=yaml.safe_dump(template),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        Capabilities=["CAPABILITY_IAM"],
    )
    deadline = time.monotonic() + 60
    while (stack := formation.describe_stacks(StackName=name)["Stacks"][0])["StackStatus"] == "CREATE_IN_PROGRESS":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert stack["StackStatus"] == "CREATE_COMPLETE", formation.describe_stack_events(StackName=name)["StackEvents"]
    return {item["OutputKey"]: item["OutputValue"] for item in stack["Outputs"]}


@pytest.fixture
def made(client: Callable[[str], Any]) -> dict[str, str]:
    """Outputs of resources.yaml."""
    resources = load_template("resources.yaml")
    # The one thing that this CloudFormation does not make.
    del resources["Resources"]["TranscodeQueue"]
    resources["Outputs"]["TranscodeQueueArn"]["Value"] = "arn:aws:mediaconvert:us-east-1:000000000000:queues/vodflow"
    return deploy(client, "vodflow", resources)


def test_resources_and_access(client: Callable[[str], Any], made: dict[str, str]) -> None:
    access = deploy(client, "vodflow-access", load_template("access.yaml"), ResourcesStack="vodflow")

    # An upload is told, in a form that ingest understands.
    client("s3").put_object(Bucket=made["SourceBucketName"], Key="acme/a b+ü.mp4", Body=b"video")
    notice = receive(client, made["ObjectQueueUrl"])
    (told,) = parse_message(notice).notices
    assert (told.bucket, told.key) == (made["SourceBucketName"], "acme/a b+ü.mp4")

    # Vodflow's own jobs are told, and nobody else's.
    pattern = json.loads(client("events").describe_rule(Name="vodflow-job-state-change")["EventPattern"])
    detail = {"status": "COMPLETE", "jobId": "1", "userMetadata": {"vodflow-job-id": "7"}}
    event = {"source": "aws.mediaconvert", "detail-type": "MediaConvert Job State Change", "detail": detail}
    assert matches(client, pattern, event)
    assert not matches(client, pattern, {**event, "detail": {**detail, "userMetadata": {"their": "job"}}})

    policies = client("iam").list_attached_role_policies(RoleName=access["WorkerRoleArn"].rpartition("/")[2])
    assert len(policies["AttachedPolicies"]) == 1
    document = policy(client, policies["AttachedPolicies"][0]["PolicyArn"])
    by_sid = {statement["Sid"]: statement for statement in document["Statement"]}
    assert by_sid["ReadVideos"]["Resource"] == f"arn:aws:s3:::{made['SourceBucketName']}/*"
    assert by_sid["RemoveTemporaryOutputs"]["Resource"] == [
        f"arn:aws:s3:::{made[bucket]}/{prefix}/*"
        for prefix in ("vod", "work")
        for bucket in ("MediaBucketName", "ProtectedBucketName")
    ]
    assert by_sid["PassMediaConvertRole"]["Resource"] == access["MediaConvertRoleArn"]
    assert len(json.dumps(document).replace(" ", "")) < 6144, "IAM's limit of a managed policy"

    client("dynamodb").put_item(TableName=made["MetadataTableName"], Item={"video_id": {"S": "acme/a"}})
    secret = client("secretsmanager").get_secret_value(SecretId="vodflow/webhook-key")
    assert len(secret["SecretString"]) == 64


def test_an_upload_starts_work_through_the_function(
    client: Callable[[str], Any], made: dict[str, str], receiver: Receiver
) -> None:
    """With the rights of its role: this CloudFormation's services ask IAM."""
    client("s3").create_bucket(Bucket="code")
    client("s3").put_object(Bucket="code", Key="function.zip", Body=build())
    template = load_template("lambda.yaml")
    del template["Parameters"]["ApiUrl"]["AllowedPattern"]  # nothing on this machine speaks TLS
    api = receiver.url.partition("/hook")[0]
    told = deploy(client, "vodflow-lambda", template, ResourcesStack="vodflow", CodeBucket="code",
                  CodeKey="function.zip", ApiUrl=api)  # fmt: skip
    client("secretsmanager").put_secret_value(SecretId=told["ApiKeySecret"], SecretString="vf_key")
    for key in ("video/notes.txt", "other/a.mp4", "video/a b+ü.mp4"):
        client("s3").put_object(Bucket=made["SourceBucketName"], Key=key, Body=b"video")
    deadline = time.monotonic() + 150
    while not receiver.requests:
        assert time.monotonic() < deadline, client("logs").filter_log_events(logGroupName=LOGS)["events"]
        time.sleep(0.1)
    (request,) = receiver.requests
    assert (request.path, request.document) == (
        "/api/v1/jobs", {"source": f"s3://{made['SourceBucketName']}/video/a b+ü.mp4"},
    )  # fmt: skip
    assert request.headers["authorization"] == "Bearer vf_key"


def receive(client: Callable[[str], Any], queue_url: str) -> str:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        answer = client("sqs").receive_message(QueueUrl=queue_url, WaitTimeSeconds=1)
        for message in answer.get("Messages", ()):
            return str(message["Body"])
    pytest.fail(f"no message in {queue_url}")


def matches(client: Callable[[str], Any], pattern: dict[str, Any], event: dict[str, Any]) -> bool:
    whole = {"id": "1", "account": "1", "time": "2026-01-01T00:00:00Z", "region": "us-east-1", "resources": [], **event}
    answer = client("events").test_event_pattern(EventPattern=json.dumps(pattern), Event=json.dumps(whole))
    return bool(answer["Result"])


def policy(client: Callable[[str], Any], arn: str) -> dict[str, Any]:
    iam = client("iam")
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    return json.loads(document) if isinstance(document, str) else document


def test_the_templates_are_what_was_deployed() -> None:
    assert {path.name for path in FOLDER.glob("*.yaml")} == {
        "resources.yaml", "access.yaml", "lambda.yaml", "delivery.yaml",
    }  # fmt: skip
