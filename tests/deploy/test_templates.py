"""The policies of deploy/aws allow what the code calls and nothing else."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import botocore.session
import pytest
from botocore import xform_name
from vodflow.settings import Settings

from scripts.generate_permissions import END, FOLDER, README, load_template, permissions, updated

REPOSITORY = Path(__file__).resolve().parents[2]
SERVICES = ("s3", "sqs", "sns", "dynamodb", "mediaconvert", "events", "secretsmanager", "sts")

#: Folders whose modules may call AWS.
SCANNED = ("include/vodflow", "plugins", "deploy/aws/lambda")

#: IAM actions of each operation where they are not its own name (service authorization reference of each service).
ACTIONS = {
    ("s3", "head_object"): {"s3:GetObject"},
    ("s3", "list_objects_v2"): {"s3:ListBucket"},
    ("s3", "list_object_versions"): {"s3:ListBucketVersions"},
    ("s3", "delete_objects"): {"s3:DeleteObject"},
    ("s3", "copy_object"): {"s3:GetObject", "s3:PutObject"},
    ("s3", "put_file"): {"s3:PutObject", "s3:AbortMultipartUpload"},
    ("s3", "create_multipart_upload"): {"s3:PutObject"},
    ("s3", "upload_part"): {"s3:PutObject"},
    ("s3", "complete_multipart_upload"): {"s3:PutObject"},
    ("s3", "list_parts"): {"s3:ListMultipartUploadParts"},
    ("s3", "copy"): {"s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"},
    ("sqs", "delete_message_batch"): {"sqs:DeleteMessage"},
    ("sqs", "send_message_batch"): {"sqs:SendMessage"},
    ("s3", "list_multipart_uploads"): {"s3:ListBucketMultipartUploads"},
}
#: What goes with an operation that is called with a certain argument.
IMPLIED = {
    ("mediaconvert", "create_job"): {"iam:PassRole", "mediaconvert:TagResource"},
    ("s3", "head_object"): {"s3:GetObjectVersion"},
}
#: What is called from modules that the worker's tasks share: by Airflow's provider for the watchers, by those who wait
#: for MediaConvert's jobs (``vodflow.engines.mediaconvert.wait``), and by a cancellation from a trigger.
SHARED = {
    "TriggererPolicy": {
        "sqs:ReceiveMessage", "sqs:DeleteMessage", "mediaconvert:DescribeEndpoints", "mediaconvert:ListJobs",
        "mediaconvert:SearchJobs", "mediaconvert:GetJob", "mediaconvert:CancelJob", "dynamodb:UpdateItem",
        "sns:Publish",
    },
    # Beside what removes a tenant's objects stands whether a bucket keeps versions.
    "WorkerPolicy": {"s3:GetBucketVersioning"},
    # The worker without Airflow: what it calls is in modules that the tasks share.
    "EncoderPolicy": {
        "s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:AbortMultipartUpload", "s3:DeleteObject",
        "s3:ListBucket",
    },
    # Uploads and playback: looking at objects, signing addresses; cancellations; the health check.
    "ApiPolicy": {
        "s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:AbortMultipartUpload", "s3:ListBucket",
        "s3:ListMultipartUploadParts", "mediaconvert:DescribeEndpoints", "mediaconvert:ListQueues",
        "mediaconvert:GetJob", "mediaconvert:CancelJob", "mediaconvert:ListJobs", "mediaconvert:SearchJobs",
        "dynamodb:UpdateItem", "sns:Publish",
    },
    # S3 says 403 of a missing object, and not 404, to those who may not list.
    "UploaderPolicy": {"s3:ListBucket"},
}  # fmt: skip
#: What AWS's own services do, or whoever starts the parts.
ELSEWHERE = {
    "MediaConvertRole": {"s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:AbortMultipartUpload"},
    "SecretsPolicy": {"secretsmanager:GetSecretValue"},
    # Objects are deleted with their versions.
    "TenantsPolicy": {"s3:DeleteObjectVersion"},
    "FunctionRole": {
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "sqs:ReceiveMessage",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
    },
}
#: Methods of boto3's clients that are no operations, and our own function in their place.
TRANSFERS = {"copy"}
OWN = {"put_file"}
#: Names of operations that mean something else as well.
AMBIGUOUS = {"publish": "sns", "copy": "s3", "query": None, "scan": None}


def holder_of(path: Path) -> str | None:
    """Whose permissions a module needs; none for what runs on one machine only."""
    name = path.relative_to(REPOSITORY).as_posix()
    if (
        name.startswith(("include/vodflow/stack/", "include/local_mediaconvert/"))
        or "/cli/" in name
        or "/migrations/" in name
    ):
        return None
    for part, holder in {
        "plugins/vodflow_airflow/triggers/": "TriggererPolicy",
        "plugins/vodflow_airflow/hooks/mediaconvert_watchers.py": "TriggererPolicy",
        "include/vodflow/listeners/": "ListenerPolicy",
        "include/vodflow/storage/send.py": "UploaderPolicy",
        "include/vodflow/api/": "ApiPolicy",
        "include/vodflow/playback/": "ApiPolicy",
        "include/vodflow/storage/clearing.py": "TenantsPolicy",
        "include/vodflow/outcomes/dynamodb/removal.py": "TenantsPolicy",
        "deploy/aws/lambda/": "FunctionRole",
    }.items():
        if name.startswith(part):
            return holder
    return "WorkerPolicy"


def operations() -> dict[str, set[tuple[str, str]]]:
    """Every name by which code can mean an operation, ``create_job`` or ``CreateJob``, with services and method."""
    session = botocore.session.get_session()
    found: dict[str, set[tuple[str, str]]] = {name: {("s3", name)} for name in TRANSFERS | OWN}
    for service in SERVICES:
        for operation in session.get_service_model(service).operation_names:
            method = xform_name(operation)
            if AMBIGUOUS.get(method, service) == service:
                for name in (method, operation):
                    found.setdefault(name, set()).add((service, method))
    return found


def calls(path: Path, known: dict[str, set[tuple[str, str]]]) -> Iterator[tuple[str, str]]:
    """Operations that a module calls, by attribute or by name (paginators, wrappers around a client)."""
    text = path.read_text("utf-8")
    for node in ast.walk(ast.parse(text)):
        name = node.attr if isinstance(node, ast.Attribute) else node.value if isinstance(node, ast.Constant) else None
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in OWN:
            name = node.func.id
        receiver = ast.unparse(node.value) if isinstance(node, ast.Attribute) else ""
        if isinstance(name, str) and (name not in TRANSFERS or "client" in receiver):
            yield from (one for one in known.get(name, ()) if one[0] in text.lower())


@lru_cache(maxsize=1)
def needed() -> dict[str, set[str]]:
    known = operations()
    found: dict[str, set[str]] = {holder: set(actions) for holder, actions in SHARED.items()}
    for path in (path for folder in SCANNED for path in (REPOSITORY / folder).rglob("*.py")):
        holder = holder_of(path)
        for service, method in calls(path, known) if holder else ():
            own = {f"{service}:{''.join(part.capitalize() for part in method.split('_'))}"}
            actions = ACTIONS.get((service, method), own) | IMPLIED.get((service, method), set())
            found.setdefault(str(holder), set()).update(actions)
    return found


def granted() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for item in permissions():
        found.setdefault(item.holder, set()).update(item.actions)
    return found


def test_the_readme_lists_every_permission() -> None:
    text = README.read_text("utf-8")
    assert updated(text) == text, "run scripts/generate_permissions.py"
    assert text.rstrip().endswith(END)
    for item in permissions():
        assert item.serves, f"{item.holder}: Metadata.Serves says nothing of {item.sid}"


def test_cfn_lint_finds_nothing() -> None:
    command = [Path(sys.executable).parent / "cfn-lint", "--non-zero-exit-code", "informational"]
    done = subprocess.run(
        [*command, *sorted(FOLDER.glob("*.yaml"))], capture_output=True, text=True, timeout=200, check=False
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_every_setting_that_a_template_names_is_one() -> None:
    settings = {f"VODFLOW_{name.upper()}" for name in Settings.model_fields}
    for path in FOLDER.glob("*.yaml"):
        variables = set(load_template("lambda.yaml")["Resources"]["Function"]["Properties"]["Environment"]["Variables"])
        named = set(re.findall(r"VODFLOW_[A-Z_]+", path.read_text("utf-8")))
        assert named <= settings | (variables if path.name == "lambda.yaml" else set()), path.name


def test_the_scan_sees_what_is_known_to_be_called() -> None:
    """So that the next test cannot pass because the scan is blind."""
    found = needed()
    assert {"s3:GetObject", "s3:PutObject", "sqs:DeleteMessage", "mediaconvert:CreateJob", "dynamodb:UpdateItem",
            "sns:Publish", "s3:ListBucketVersions"} <= found["WorkerPolicy"]  # fmt: skip
    assert "mediaconvert:CancelJob" in found["TriggererPolicy"]


def test_every_call_is_allowed() -> None:
    allowed = granted()
    # The triggerer takes the endpoint's discovery and the hook from modules that are the worker's as well.
    missing = {holder: actions - allowed.get(holder, set()) for holder, actions in needed().items()}
    assert not {holder: actions for holder, actions in missing.items() if actions}


def test_nothing_else_is_allowed() -> None:
    used = needed()
    for holder, actions in granted().items():
        called = used.get(holder, set()) | ELSEWHERE.get(holder, set())
        assert actions <= called, f"{holder} may do what nothing calls"
    for holder, actions in SHARED.items():
        assert actions <= used["WorkerPolicy"], f"nothing that {holder} shares calls this any more"


def test_no_permission_is_unbounded() -> None:
    # Actions without a resource type of their own (service authorization reference of MediaConvert).
    lists = {"DescribeEndpoints", "ListJobs", "SearchJobs", "ListQueues"}
    for item in permissions():
        assert not any("*" in action for action in item.actions), item
        assert "*" not in item.resources or {action.partition(":")[2] for action in item.actions} <= lists, item


@pytest.mark.parametrize(
    ("template", "buckets", "queues"), [("resources.yaml", 3, 4), ("lambda.yaml", 0, 2)]
)  # fmt: skip
def test_everything_at_rest_is_encrypted_and_private(template: str, buckets: int, queues: int) -> None:
    resources = load_template(template)["Resources"]
    kinds = [resource["Type"] for resource in resources.values()]
    assert kinds.count("AWS::S3::Bucket") == buckets
    assert kinds.count("AWS::SQS::Queue") == queues
    for resource in resources.values():
        properties = resource["Properties"]
        if resource["Type"] == "AWS::S3::Bucket":
            assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
            assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
            assert properties["BucketEncryption"]
            assert resource["DeletionPolicy"] == "Retain"
        if resource["Type"] == "AWS::SQS::Queue":
            assert properties["SqsManagedSseEnabled"]
            assert "RedrivePolicy" in properties or properties["QueueName"]["Fn::Sub"].endswith("-dead")
