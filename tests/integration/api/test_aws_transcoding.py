"""The earlier service's routes: its own examples, with its own words."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable

import httpx
import pytest
from support.clips import clip
from support.fixtures.doors import Doors
from support.fixtures.values import probed_source, queued_job
from vodflow import jobs
from vodflow.api.callers import Scope
from vodflow.catalog.database import transaction
from vodflow.settings import Settings

pytestmark = pytest.mark.integration

#: "Basic Transcoding Job" of its documentation: TranscodingJobConfig(...), as JSON.
BASIC = {
    "input_s3_path": "s3://bucket/input/video.mp4",
    "output_s3_prefix": "s3://bucket/output/transcoded",
    "video_id": "video-123",
    "project_id": "project-456",
    "output_formats": ["HLS", "DASH"],
    "quality_levels": ["1080p", "720p", "480p"],
}
#: "Integrated Upload with Transcoding": IntegratedTranscodingUploadRequest(...), as JSON.
INTEGRATED = {
    "video_file_path": "/path/to/video.mp4",
    "project_id": "project-123",
    "video_id": "video-456",
    "title": "My Video",
    "output_formats": ["HLS", "DASH"],
    "quality_levels": ["1080p", "720p", "480p"],
    "wait_for_transcoding": False,
}


@pytest.fixture
def bucket(doors: Doors, set_settings: Callable[..., Settings]) -> str:
    """The bucket of the examples, watched."""
    if "bucket" not in {one["Name"] for one in doors.place.s3.list_buckets()["Buckets"]}:
        doors.place.s3.create_bucket(Bucket="bucket")
    set_settings(watch=json.dumps([{"bucket": "bucket"}, {"bucket": doors.place.bucket}]))
    doors.place.bucket = "bucket"
    return "bucket"


@pytest.mark.parametrize("levels", [["1080p", "720p", "480p"], ["HD_1080P", "HD_720P", "SD_480P"]])
def test_the_basic_example(doors: Doors, bucket: str, levels: list[str]) -> None:
    doors.place.put("input/video.mp4")
    answer = doors.client.post("/aws/transcoding/job", json=BASIC | {"quality_levels": levels})
    assert answer.status_code == 200
    made = answer.json()
    assert made["status"] == "SUBMITTED"
    assert {name: made[name] for name in ("video_id", "project_id", "input_s3_path")} == {
        "video_id": "video-123", "project_id": "project-456", "input_s3_path": "s3://bucket/input/video.mp4",
    }  # fmt: skip
    (run,) = doors.place.airflow.runs.values()
    assert (run["conf"]["outputs"], run["conf"]["qualities"]) == (["hls", "dash"], ["1080p", "720p", "480p"])
    doors.place.carry_out(next(iter(doors.place.airflow.runs)))
    path = f"/aws/transcoding/job/{made['job_id']}"
    done = doors.client.get(path).json()
    assert (done["status"], done["progress_percentage"], done["video_id"], done["project_id"]) == (
        "COMPLETE", 100.0, "video-123", "project-456",
    )  # fmt: skip
    assert done["output_files"] == {
        "HLS": f"{done['output_s3_prefix']}/hls/master.m3u8", "DASH": f"{done['output_s3_prefix']}/dash/manifest.mpd",
    }  # fmt: skip
    (listed,) = doors.client.get("/aws/transcoding/jobs", params={"status": "COMPLETE"}).json()["jobs"]
    assert listed["input_s3_path"] == BASIC["input_s3_path"]
    for status in ("SUBMITTED", "PROGRESSING", "CANCELED", "ERROR"):
        assert doors.client.get("/aws/transcoding/jobs", params={"status": status}).json()["jobs"] == []
    assert doors.client.delete(path).status_code == 409, "it is complete"


def test_a_job_is_cancelled(doors: Doors, bucket: str) -> None:
    doors.place.put("input/video.mp4")
    made = doors.client.post("/aws/transcoding/job", json=BASIC).json()
    doors.place.carry_out(next(iter(doors.place.airflow.runs)), until="plan")
    answer = doors.client.delete(f"/aws/transcoding/job/{made['job_id']}")
    assert (answer.status_code, answer.json()["status"], answer.json()["video_id"]) == (200, "CANCELED", "video-123")
    assert doors.client.get(f"/aws/transcoding/job/{made['job_id']}").json()["status"] == "CANCELED"


@pytest.mark.parametrize("wait", [False, True])
def test_an_integrated_upload_of_what_is_in_s3(doors: Doors, bucket: str, wait: bool) -> None:
    doors.publish(doors.place.put("input/video.mp4"))
    wanted = INTEGRATED | {"video_file_path": "s3://bucket/input/video.mp4", "wait_for_transcoding": wait}
    wanted |= {"quality_levels": ["480p"], "output_formats": ["HLS", "DASH", "MP4"]}
    doors.client.post("/aws/transcoding/upload", json=wanted | {"wait_for_transcoding": False})
    doors.place.carry_out(list(doors.place.airflow.runs)[-1])
    told = doors.client.post("/aws/transcoding/upload", json=wanted).json()
    assert (told["video_id"], told["project_id"], told["title"]) == ("video-456", "project-123", "My Video")
    assert told["transcoding_status"] == "COMPLETE"
    assert told["transcoding_job_id"] == told["job"]["job_id"]


@pytest.mark.parametrize("tenant", [None, "acme"])
def test_the_integrated_example(doors: Doors, tenant: str | None) -> None:
    """A path of its client's machine: the answer says where to send the file, and its arrival starts the job."""
    client = doors.of(tenant) if tenant else doors.client
    refused = client.post("/aws/transcoding/upload", json=INTEGRATED)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "body.file_size"
    body = clip("small").read_bytes()
    told = client.post("/aws/transcoding/upload", json=INTEGRATED | {"file_size": len(body)}).json()
    assert (told["transcoding_job_id"], told["video_id"], told["title"]) == (None, "video-456", "My Video")
    where = told["upload"]
    sent = httpx.request(where["method"], where["upload_url"], headers=where["headers"], content=body)
    assert sent.status_code == 200
    _, job = jobs.complete_upload(where["upload_id"], airflow=doors.place.client)
    assert job is not None
    assert job.tenant == (tenant or "project-123")
    assert job.source.endswith("/acme/project-123/video-456.mp4" if tenant else "/project-123/video-456.mp4")
    (run,) = doors.place.airflow.runs.values()
    assert (run["conf"]["outputs"], run["conf"]["qualities"]) == (["hls", "dash"], ["1080p", "720p", "480p"])
    may_not = doors.api.client_as({Scope.JOBS_WRITE}).post("/aws/transcoding/upload", json=INTEGRATED)
    assert may_not.status_code == 403


def test_health_is_about_mediaconvert(doors: Doors) -> None:
    told = doors.client.get("/aws/transcoding/health").json()
    (check,) = (one for one in jobs.health().checks if one.name == "engine mediaconvert")
    said = {True: "healthy", False: "unhealthy", None: "disabled"}[check.ok]
    assert told == {"service": "mediaconvert", "status": said, "detail": check.detail}


def test_what_mediaconvert_says_is_for_the_installation(doors: Doors) -> None:
    told = doors.of("acme").get("/aws/transcoding/health").json()
    assert told["detail"] == ""
    assert told["status"] == doors.client.get("/aws/transcoding/health").json()["status"]


@pytest.mark.parametrize("names", ['["\\ud800", "a"]', "[{}, 1]", '{"a": 1, "b": 2}', '["", ""]', '["a"]', "[" * 900])
def test_names_that_no_client_gave(doors: Doors, names: str) -> None:
    with transaction("test") as connection:
        job = queued_job(connection, probed_source(connection))
    for said, status in (('["project", "video"]', 200), (names, 404)):
        job_id = f"{job.id}~{base64.urlsafe_b64encode(said.encode()).decode().rstrip('=')}"
        assert doors.client.get(f"/aws/transcoding/job/{job_id}").status_code == status


@pytest.mark.parametrize("job_id", ["999", "999~nonsense", "999~" + "W1tb" * 900, "~", "999~bnVsbA", "%00"])
def test_ids_that_are_none(doors: Doors, job_id: str) -> None:
    for answer in (
        doors.client.get(f"/aws/transcoding/job/{job_id}"),
        doors.client.delete(f"/aws/transcoding/job/{job_id}"),
    ):
        assert answer.status_code == (422 if job_id == "%00" else 404)


@pytest.mark.parametrize(
    "change",
    [{"output_formats": ["AVI"]}, {"output_formats": []}, {"quality_levels": ["4k"]}, {"input_s3_path": "video.mp4"},
     {"video_id": ""}, {"project_id": None}],
)  # fmt: skip
def test_wrong_requests(doors: Doors, bucket: str, change: dict[str, object]) -> None:
    doors.place.put("input/video.mp4")
    assert doors.client.post("/aws/transcoding/job", json=BASIC | change).status_code == 422
    assert doors.place.airflow.runs == {}
