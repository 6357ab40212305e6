"""Every operation of the service, over HTTP, with boto3. No job is awaited here."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from mypy_boto3_s3 import S3Client
from support.clips import clip
from support.fixtures.mediaconvert import LocalMediaConvert
from support.mediaconvert_jobs import MP4_OUTPUT, ROLE, file_job
from vodflow.engines.mediaconvert.request.service_model import to_python

pytestmark = pytest.mark.integration

Unique = Callable[[str], str]


def request(queue: str, **more: Any) -> dict[str, Any]:
    """A job in boto3's names; it waits for ever in a paused queue."""
    made: dict[str, Any] = to_python({**file_job(), "queue": queue}, "CreateJobRequest")
    return {**made, **more}


@pytest.fixture
def paused(mediaconvert: Any, unique: Unique) -> Any:
    """A queue in which nothing runs."""
    name = unique("paused")
    mediaconvert.create_queue(Name=name, Status="PAUSED")
    yield name
    for page in mediaconvert.get_paginator("list_jobs").paginate(Queue=name, Status="SUBMITTED"):
        for job in page["Jobs"]:
            mediaconvert.cancel_job(Id=job["Id"])
    mediaconvert.delete_queue(Name=name)


def refused(code: str, status: int, call: Callable[..., Any], **given: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**given)
    assert caught.value.response["Error"]["Code"] == code
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    return str(caught.value.response["Error"]["Message"])


def test_endpoints_lead_back_here(mediaconvert: Any, mediaconvert_server: LocalMediaConvert) -> None:
    assert mediaconvert.describe_endpoints(Mode="DEFAULT")["Endpoints"] == [{"Url": mediaconvert_server.url}]


def test_a_job_has_what_aws_gives_it(mediaconvert: Any, paused: str) -> None:
    before = datetime.now(UTC)
    answer = mediaconvert.create_job(**request(paused, UserMetadata={"video": "7"}, Tags={"project": "films"}))
    job = answer["Job"]
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert job["Status"] == "SUBMITTED"
    assert job["Arn"] == f"arn:aws:mediaconvert:us-east-1:000000000000:jobs/{job['Id']}"
    assert job["Queue"].endswith(f":queues/{paused}")
    second = timedelta(seconds=1)
    assert before - second <= job["CreatedAt"] <= datetime.now(UTC) + second
    assert job["Timing"]["SubmitTime"] == job["CreatedAt"]
    assert (job["Priority"], job["RetryCount"], job["BillingTagsSource"]) == (0, 0, "JOB")
    assert (job["StatusUpdateInterval"], job["AccelerationStatus"]) == ("SECONDS_60", "NOT_APPLICABLE")
    assert job["Settings"] == request(paused)["Settings"]
    assert mediaconvert.get_job(Id=job["Id"])["Job"] == job
    assert mediaconvert.list_tags_for_resource(Arn=job["Arn"])["ResourceTags"]["Tags"] == {"project": "films"}


def test_lists_are_paged_ordered_and_filtered(mediaconvert: Any, paused: str) -> None:
    made = [mediaconvert.create_job(**request(paused))["Job"]["Id"] for _ in range(7)]
    queue = mediaconvert.get_queue(Name=paused)["Queue"]
    assert queue["SubmittedJobsCount"] == 7
    pages = list(mediaconvert.get_paginator("list_jobs").paginate(Queue=queue["Arn"], PaginationConfig={"PageSize": 3}))
    assert [len(page["Jobs"]) for page in pages] == [3, 3, 1]
    assert [job["Id"] for page in pages for job in page["Jobs"]] == made[::-1]  # newest first
    oldest = mediaconvert.list_jobs(Queue=paused, Order="ASCENDING", MaxResults=2)
    assert [job["Id"] for job in oldest["Jobs"]] == made[:2]
    assert mediaconvert.list_jobs(Queue=paused, Status="COMPLETE")["Jobs"] == []
    mediaconvert.cancel_job(Id=made[0])
    assert [job["Id"] for job in mediaconvert.list_jobs(Queue=paused, Status="CANCELED")["Jobs"]] == made[:1]
    refused("BadRequestException", 400, mediaconvert.list_jobs, NextToken="nonsense")
    assert "/maxResults" in refused("BadRequestException", 400, mediaconvert.list_jobs, MaxResults=21)


def test_jobs_are_found_by_part_of_an_input(mediaconvert: Any, paused: str, unique: Unique) -> None:
    name = unique("a 100% söüree_film")
    job = request(paused)
    job["Settings"]["Inputs"][0]["FileInput"] = f"s3://in/{name}.mp4"
    made = mediaconvert.create_job(**job)["Job"]["Id"]
    mediaconvert.create_job(**request(paused))
    found = mediaconvert.search_jobs(InputFile=name, Queue=paused, Status="SUBMITTED")["Jobs"]
    assert [item["Id"] for item in found] == [made]
    assert mediaconvert.search_jobs(InputFile=f"{name}?")["Jobs"] == []


def test_queries_combine_filters(mediaconvert: Any, paused: str) -> None:
    made = mediaconvert.create_job(**request(paused))["Job"]["Id"]

    def found(*filters: tuple[str, list[str]]) -> list[str]:
        chosen = [{"Key": "queue", "Values": [paused]}, *({"Key": key, "Values": values} for key, values in filters)]
        query = mediaconvert.start_jobs_query(FilterList=chosen, Order="ASCENDING", MaxResults=5)["Id"]
        result = mediaconvert.get_jobs_query_results(Id=query)
        assert result["Status"] == "COMPLETE"
        return [job["Id"] for job in result["Jobs"]]

    assert found(("videoCodec", ["AV1", "H_264"]), ("audioCodec", ["AAC"]), ("status", ["SUBMITTED"])) == [made]
    assert found(("videoCodec", ["H_26"])) == []
    assert found(("fileInput", ["film.mp4"])) == [made]
    assert found(("errorCode", ["1404"])) == []
    assert found(("jobEngineVersionRequested", ["2017-08-29"])) == []
    refused("NotFoundException", 404, mediaconvert.get_jobs_query_results, Id="nope")


def test_queues_live_and_die(mediaconvert: Any, unique: Unique) -> None:
    name = unique("queue")
    made = mediaconvert.create_queue(Name=name, Description="d", ConcurrentJobs=2, Tags={"a": "1"})["Queue"]
    assert (made["Status"], made["PricingPlan"], made["Type"], made["ConcurrentJobs"]) == (
        "ACTIVE",
        "ON_DEMAND",
        "CUSTOM",
        2,
    )
    refused("ConflictException", 409, mediaconvert.create_queue, Name=name)
    paused = mediaconvert.update_queue(Name=name, Status="PAUSED", Description="e")["Queue"]
    assert (paused["Status"], paused["Description"], paused["ConcurrentJobs"]) == ("PAUSED", "e", 2)
    job = mediaconvert.create_job(**request(name))["Job"]
    refused("ConflictException", 409, mediaconvert.delete_queue, Name=name)
    mediaconvert.cancel_job(Id=job["Id"])
    mediaconvert.delete_queue(Name=name)
    refused("NotFoundException", 404, mediaconvert.get_queue, Name=name)
    refused("NotFoundException", 404, mediaconvert.list_tags_for_resource, Arn=made["Arn"])
    names = [queue["Name"] for queue in mediaconvert.list_queues(ListBy="CREATION_DATE")["Queues"]]
    assert "Default" in names
    refused("BadRequestException", 400, mediaconvert.delete_queue, Name="Default")


def test_reserved_queues_have_a_plan(mediaconvert: Any, unique: Unique) -> None:
    name = unique("reserved")
    refused("BadRequestException", 400, mediaconvert.create_queue, Name=name, PricingPlan="RESERVED")
    plan = {"Commitment": "ONE_YEAR", "RenewalType": "EXPIRE", "ReservedSlots": 3}
    queue = mediaconvert.create_queue(Name=name, PricingPlan="RESERVED", ReservationPlanSettings=plan)["Queue"]
    assert plan.items() <= queue["ReservationPlan"].items()
    assert queue["ReservationPlan"]["Status"] == "ACTIVE"
    assert (queue["ReservationPlan"]["ExpiresAt"] - queue["ReservationPlan"]["PurchasedAt"]).days == 365
    refused("ConflictException", 409, mediaconvert.delete_queue, Name=name)


def test_presets_and_templates_live_and_die(mediaconvert: Any, unique: Unique) -> None:
    settings = to_python(MP4_OUTPUT, "PresetSettings")
    name, category = unique("preset"), unique("category")
    made = mediaconvert.create_preset(Name=name, Category=category, Settings=settings, Tags={"a": "1"})["Preset"]
    assert (made["Type"], made["Settings"]) == ("CUSTOM", settings)
    changed = mediaconvert.update_preset(Name=made["Arn"], Description="new")["Preset"]
    assert (changed["Description"], changed["Settings"]) == ("new", settings)
    assert [item["Name"] for item in mediaconvert.list_presets(Category=category)["Presets"]] == [name]
    mediaconvert.delete_preset(Name=name)
    refused("NotFoundException", 404, mediaconvert.get_preset, Name=name)

    groups = {"OutputGroups": to_python(file_job()["settings"], "JobSettings")["OutputGroups"]}
    name = unique("template with spaces/and a slash")
    template = mediaconvert.create_job_template(Name=name, Settings=groups, Priority=4)["JobTemplate"]
    assert mediaconvert.get_job_template(Name=name)["JobTemplate"] == template
    assert mediaconvert.update_job_template(Name=name, Priority=5)["JobTemplate"]["Priority"] == 5
    mediaconvert.delete_job_template(Name=name)
    refused("NotFoundException", 404, mediaconvert.get_job_template, Name=name)


def test_wrong_presets_are_refused_by_their_path(mediaconvert_server: LocalMediaConvert, unique: Unique) -> None:
    unchecked = mediaconvert_server.client(checked=False)
    settings = to_python(MP4_OUTPUT, "PresetSettings")
    settings["VideoDescription"]["Width"] = 3
    said = refused("BadRequestException", 400, unchecked.create_preset, Name=unique("p"), Settings=settings)
    assert said == "/settings/videoDescription/width: Should be greater than or equal to 32"


def test_the_systems_presets_can_be_listed_and_not_changed(mediaconvert: Any) -> None:
    pages = mediaconvert.get_paginator("list_presets").paginate(ListBy="SYSTEM")
    presets = [preset for page in pages for preset in page["Presets"]]
    assert len(presets) > 40
    assert {preset["Type"] for preset in presets} == {"SYSTEM"}
    name = "System-Ott_Hls_Ts_Avc_Aac_16x9_1280x720p_30Hz_5.0Mbps"
    settings = mediaconvert.get_preset(Name=name)["Preset"]["Settings"]
    assert settings["VideoDescription"]["CodecSettings"]["H264Settings"]["Bitrate"] == 5_000_000
    refused("ForbiddenException", 403, mediaconvert.delete_preset, Name=name)
    refused("ConflictException", 409, mediaconvert.create_preset, Name=name, Settings=settings)


def test_tags_come_and_go(mediaconvert: Any, unique: Unique) -> None:
    arn = mediaconvert.create_queue(Name=unique("tagged"), Tags={"a": "1", "b": "2"})["Queue"]["Arn"]
    mediaconvert.tag_resource(Arn=arn, Tags={"b": "3", "ü/ö": "4"})
    mediaconvert.untag_resource(Arn=arn, TagKeys=["a", "never"])
    resource = mediaconvert.list_tags_for_resource(Arn=arn)["ResourceTags"]
    assert resource == {"Arn": arn, "Tags": {"b": "3", "ü/ö": "4"}}
    refused("NotFoundException", 404, mediaconvert.tag_resource, Arn=arn + "x", Tags={})


def test_policy_certificates_versions_and_shares(mediaconvert: Any, paused: str) -> None:
    everything = {"HttpInputs": "ALLOWED", "HttpsInputs": "ALLOWED", "S3Inputs": "ALLOWED"}
    assert mediaconvert.get_policy()["Policy"] == everything
    put = mediaconvert.put_policy(Policy={"HttpInputs": "DISALLOWED"})["Policy"]
    assert put == everything | {"HttpInputs": "DISALLOWED"} == mediaconvert.get_policy()["Policy"]
    mediaconvert.delete_policy()
    assert mediaconvert.get_policy()["Policy"] == everything

    certificate = "arn:aws:acm:us-east-1:111122223333:certificate/01234567-89ab"
    mediaconvert.associate_certificate(Arn=certificate)
    mediaconvert.disassociate_certificate(Arn=certificate)
    refused("NotFoundException", 404, mediaconvert.disassociate_certificate, Arn=certificate)
    refused("BadRequestException", 400, mediaconvert.associate_certificate, Arn="arn:aws:s3:::bucket")

    assert mediaconvert.list_versions()["Versions"][0]["Version"]
    job = mediaconvert.create_job(**request(paused))["Job"]
    mediaconvert.create_resource_share(JobId=job["Id"], SupportCaseId="case-1")
    assert mediaconvert.get_job(Id=job["Id"])["Job"]["ShareStatus"] == "SHARED"


def test_probe_tells_what_a_file_is(mediaconvert: Any, s3: S3Client, make_bucket: Callable[[], str]) -> None:
    bucket = make_bucket()
    path = clip("plain")
    s3.upload_file(str(path), bucket, "a film (1).mp4")
    (result,) = mediaconvert.probe(InputFiles=[{"FileUrl": f"s3://{bucket}/a film (1).mp4"}])["ProbeResults"]
    assert result["Container"]["Format"] == "mp4"
    assert result["Metadata"]["FileSize"] == path.stat().st_size
    assert result["Metadata"]["MimeType"] == "video/mp4"
    assert result["Metadata"]["ETag"] == s3.head_object(Bucket=bucket, Key="a film (1).mp4")["ETag"].strip('"')
    video, audio = result["Container"]["Tracks"]
    assert (video["TrackType"], video["Codec"], video["Index"]) == ("video", "AVC", 1)
    assert (audio["TrackType"], audio["Codec"], audio["Index"]) == ("audio", "AAC", 2)
    assert video["VideoProperties"]["CodecMetadata"]["ScanType"] == "progressive"
    assert video["VideoProperties"]["Width"] > 0
    assert result["TrackMappings"] == [{"VideoTrackIndexes": [1], "AudioTrackIndexes": [2], "DataTrackIndexes": []}]
    address = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "a film (1).mp4"})
    (again,) = mediaconvert.probe(InputFiles=[{"FileUrl": address}])["ProbeResults"]
    assert again["Container"] == result["Container"]


class _Careless(BaseHTTPRequestHandler):
    """Serves one file with headers that mean nothing."""

    def do_GET(self) -> None:
        self.send_response(200)
        for name in ("Last-Modified", "Content-Length", "ETag"):
            self.send_header(name, "²nonsense")
        self.end_headers()
        with suppress(ConnectionError):  # who has read enough
            self.wfile.write(clip("plain").read_bytes())

    def log_message(self, *arguments: object) -> None:
        pass


def test_probe_passes_over_headers_that_mean_nothing(mediaconvert: Any) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Careless) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/film.mp4"
        (result,) = mediaconvert.probe(InputFiles=[{"FileUrl": address}])["ProbeResults"]
        server.shutdown()
    assert result["Container"]["Format"] == "mp4"
    assert not {"FileSize", "LastModified"} & set(result["Metadata"])


def test_probe_refuses_what_is_no_media_file(mediaconvert: Any, s3: S3Client, make_bucket: Callable[[], str]) -> None:
    bucket = make_bucket()
    s3.put_object(Bucket=bucket, Key="notes.txt", Body=b"no media at all\n" * 100)
    s3.put_object(Bucket=bucket, Key="empty.mp4", Body=b"")
    for key in ("notes.txt", "empty.mp4"):
        refused(
            "UnprocessableEntityException", 422, mediaconvert.probe, InputFiles=[{"FileUrl": f"s3://{bucket}/{key}"}]
        )
    refused("NotFoundException", 404, mediaconvert.probe, InputFiles=[{"FileUrl": f"s3://{bucket}/gone.mp4"}])
    refused("BadRequestException", 400, mediaconvert.probe, InputFiles=[{"FileUrl": "file:///etc/passwd"}])
    refused("BadRequestException", 400, mediaconvert.probe, InputFiles=[])


def signed(server: LocalMediaConvert, method: str, path: str, body: bytes | None) -> dict[str, str]:
    """Headers of a request, as an SDK sends them; of a route of the service's own, as its supervisor does."""
    if path.startswith("/_"):
        return {"Content-Type": "application/json", "Authorization": f"Bearer {server.keys[1]}"}
    request = AWSRequest(method, server.url + path, {"Content-Type": "application/json"}, body or b"")
    SigV4Auth(Credentials(*server.keys), "mediaconvert", "us-east-1").add_auth(request)
    return dict(request.headers.items())


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "kind"),
    [
        ("POST", "/2017-08-29/jobs", b"{", 400, "BadRequestException"),
        ("POST", "/2017-08-29/jobs", b"[]", 400, "BadRequestException"),
        ("POST", "/2017-08-29/jobs", b"[" * 100_000, 400, "BadRequestException"),
        ("POST", "/2017-08-29/queues", b'{"name": "\\ud800"}', 400, "BadRequestException"),
        ("POST", "/2017-08-29/queues", b'{"name": " "}', 400, "BadRequestException"),
        ("POST", "/2017-08-29/jobs", b"\xff\xfe", 400, "BadRequestException"),
        ("POST", "/2017-08-29/jobs", b" " * (5 * 1024**2), 400, "BadRequestException"),
        ("GET", "/2017-08-29/jobs?maxResults=many", None, 400, "BadRequestException"),
        ("GET", "/2017-08-29/jobs?status=RUNNING", None, 400, "BadRequestException"),
        ("PATCH", "/2017-08-29/jobs", b"{}", 404, "NotFoundException"),
        ("GET", "/2018-01-01/jobs", None, 404, "NotFoundException"),
        ("PUT", "/_vodflow/faults", b'{"throttled": []}', 400, "BadRequestException"),
    ],
)
def test_raw_requests_get_aws_errors(
    mediaconvert_server: LocalMediaConvert, method: str, path: str, body: bytes | None, status: int, kind: str
) -> None:
    call = urllib.request.Request(  # noqa: S310
        mediaconvert_server.url + path, body, signed(mediaconvert_server, method, path, body), method=method
    )
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(call, timeout=10)  # noqa: S310
    assert caught.value.code == status
    assert caught.value.headers["x-amzn-ErrorType"] == kind
    assert set(json.loads(caught.value.read())) == {"message"}


def test_throttling_and_other_errors_come_as_planned(mediaconvert: Any, mediaconvert_server: LocalMediaConvert) -> None:
    mediaconvert_server.faults(
        seed=3,
        throttle=[
            {"percent": 50, "operations": ["ListJobs"]},
            {"operations": ["ListQueues"], "code": "InternalServerErrorException", "times": 1},
        ],
    )

    def outcomes() -> list[int]:
        found = []
        for _ in range(20):
            try:
                mediaconvert.list_jobs(MaxResults=1)
                found.append(200)
            except ClientError as error:
                found.append(error.response["ResponseMetadata"]["HTTPStatusCode"])
        return found

    first = outcomes()
    assert set(first) == {200, 429}
    refused("InternalServerErrorException", 500, mediaconvert.list_queues)
    mediaconvert.list_queues()
    mediaconvert_server.faults(seed=3, throttle=[{"percent": 50, "operations": ["ListJobs"]}])
    assert outcomes() == first


def test_roles_and_settings_are_checked_over_http_too(mediaconvert: Any) -> None:
    job = request("Default", Role="nobody")
    said = refused("BadRequestException", 400, mediaconvert.create_job, **job)
    assert said == "/role: Should be the ARN of an IAM role"
    assert ROLE in request("Default")["Role"]
