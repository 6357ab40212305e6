"""What keeps a source from being read, told apart: on a real S3 API, and by AWS's answers where that cannot be had."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from botocore.stub import Stubber
from mypy_boto3_s3 import S3Client
from support.restores import is_under_way, wait_for_restore
from vodflow.contract.plan import SourceRef
from vodflow.errors import EngineCanceled, EngineError, SourceUnreadable, UnreadableReason, VodflowError
from vodflow.settings import Settings
from vodflow.storage.objects import resolve_source
from vodflow.storage.readability import cause_of, check_readable

pytestmark = pytest.mark.integration

KEY = "acme/a.mp4"


@pytest.fixture
def bucket(make_bucket: Callable[[], str]) -> str:
    return make_bucket()


def why(ref: SourceRef) -> UnreadableReason | None:
    try:
        check_readable(ref)
    except SourceUnreadable as error:
        return error.reason
    return None


def test_gone_and_back(s3: S3Client, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key=KEY, Body=b"A")
    ref = resolve_source(bucket, KEY).ref
    assert why(ref) is None
    s3.put_object(Bucket=bucket, Key=KEY, Body=b"B")
    assert why(ref) is UnreadableReason.GONE
    s3.delete_object(Bucket=bucket, Key=KEY)
    assert why(ref) is UnreadableReason.GONE
    s3.put_object(Bucket=bucket, Key=KEY, Body=b"A")
    assert why(ref) is None


def test_a_version_stays_readable_until_it_is_deleted(s3: S3Client, bucket: str) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket=bucket, Key=KEY, Body=b"A")
    ref = resolve_source(bucket, KEY).ref
    s3.put_object(Bucket=bucket, Key=KEY, Body=b"B")
    s3.delete_object(Bucket=bucket, Key=KEY)
    assert why(ref) is None
    s3.delete_object(Bucket=bucket, Key=KEY, VersionId=str(ref.version_id))
    assert why(ref) is UnreadableReason.GONE


def test_an_empty_object_can_be_read(s3: S3Client, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key=KEY, Body=b"")
    assert why(resolve_source(bucket, KEY).ref) is None


@pytest.mark.parametrize("storage_class", ["GLACIER", "DEEP_ARCHIVE", "GLACIER_IR", "STANDARD_IA"])
def test_archives_and_what_only_sounds_like_them(s3: S3Client, bucket: str, storage_class: str) -> None:
    s3.put_object(Bucket=bucket, Key=KEY, Body=b"A", StorageClass=storage_class)  # type: ignore[arg-type]
    archived = storage_class in {"GLACIER", "DEEP_ARCHIVE"}
    found = resolve_source(bucket, KEY)
    assert (found.archived is not None) == archived
    assert why(found.ref) is (UnreadableReason.ARCHIVED if archived else None)


def test_a_restored_object_can_be_read(s3: S3Client, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key=KEY, Body=b"A", StorageClass="GLACIER")
    s3.restore_object(Bucket=bucket, Key=KEY, RestoreRequest={"Days": 1})
    under_way = resolve_source(bucket, KEY)
    if under_way.archived is not None or is_under_way(s3, bucket, KEY):
        assert "its restore is under way" in str(under_way.archived)
    wait_for_restore(s3, bucket, KEY)
    assert resolve_source(bucket, KEY).archived is None
    assert why(under_way.ref) is None


@pytest.fixture
def answers(s3: S3Client) -> Iterator[Stubber]:
    with Stubber(s3) as stubber:
        yield stubber


@pytest.mark.parametrize(
    ("code", "status", "reason"),
    [
        ("AccessDenied", 403, UnreadableReason.DENIED),
        ("KMS.DisabledException", 400, UnreadableReason.DENIED),
        ("InvalidObjectState", 403, UnreadableReason.ARCHIVED),
        ("NoSuchVersion", 404, UnreadableReason.GONE),
        ("NoSuchBucket", 404, UnreadableReason.GONE),
    ],
)
def test_what_aws_answers(aws: Settings, answers: Stubber, code: str, status: int, reason: UnreadableReason) -> None:
    answers.add_client_error(
        "get_object", code, http_status_code=status, service_error_meta={"AccessTier": "DEEP_ARCHIVE_ACCESS"}
    )
    with pytest.raises(SourceUnreadable) as caught:
        check_readable(SourceRef(bucket="footage", key=KEY, version="v", version_id="v", size=5), settings=aws)
    assert caught.value.reason is reason
    assert ("DEEP_ARCHIVE_ACCESS" in str(caught.value)) == (reason is UnreadableReason.ARCHIVED)


def test_intelligent_tiering_is_archived_by_its_tier(aws: Settings, answers: Stubber) -> None:
    head = {"ETag": '"e"', "ContentLength": 5, "LastModified": time.time(), "StorageClass": "INTELLIGENT_TIERING"}
    for more, archived in [
        ({}, False),
        ({"ArchiveStatus": "ARCHIVE_ACCESS"}, True),
        ({"ArchiveStatus": "DEEP_ARCHIVE_ACCESS", "Restore": 'ongoing-request="true"'}, True),
    ]:
        answers.add_response("head_object", head | more)
        assert (resolve_source("footage", KEY, settings=aws).archived is not None) == archived


def test_what_s3_does_not_answer_is_no_state_of_the_object(aws: Settings, answers: Stubber) -> None:
    ref = SourceRef(bucket="footage", key=KEY, version="e", version_id=None, size=5)
    answers.add_client_error("get_object", "SlowDown", http_status_code=503)
    with pytest.raises(EngineError) as caught:
        check_readable(ref, settings=aws)
    assert caught.value.retryable
    failure = EngineError("no", retryable=False)
    answers.add_client_error("get_object", "SlowDown", http_status_code=503)
    assert cause_of(failure, ref, settings=aws) is failure


def test_only_what_failed_for_good_has_another_cause(s3: S3Client, bucket: str) -> None:
    ref = SourceRef(bucket=bucket, key=KEY, version="e", version_id=None, size=5)
    for error in (EngineError("later"), EngineCanceled("stop", retryable=False)):
        assert cause_of(error, ref) is error
    failure = EngineError("broken", retryable=False)
    found = cause_of(failure, ref)
    assert isinstance(found, SourceUnreadable)
    assert found.__cause__ is failure
    assert isinstance(found, VodflowError)
