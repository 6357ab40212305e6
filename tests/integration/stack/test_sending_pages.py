"""The embedded stack lets pages of this machine send to watched buckets, and no others."""

from __future__ import annotations

import httpx
import pytest
from mypy_boto3_s3 import S3Client
from vodflow.settings import Settings
from vodflow.stack.aws import Resources
from vodflow.stack.config import StackConfig

pytestmark = pytest.mark.integration


def test_pages_may_send_to_watched_buckets(
    aws: Settings, s3: S3Client, source_bucket: str, media_bucket: str, stack_config: StackConfig
) -> None:
    Resources(str(aws.aws_endpoint_url), stack_config.keys).check(30)
    (rule,) = s3.get_bucket_cors(Bucket=source_bucket)["CORSRules"]
    assert rule["AllowedMethods"] == ["PUT"]

    def preflight(origin: str) -> str | None:
        asked = {"Origin": origin, "Access-Control-Request-Method": "PUT"}
        answer = httpx.options(f"{aws.aws_endpoint_url}/{source_bucket}/acme/film.mp4", headers=asked)
        return answer.headers.get("access-control-allow-origin")

    assert preflight("http://127.0.0.1:8081") == "http://127.0.0.1:8081"
    assert preflight("https://evil.example") is None
