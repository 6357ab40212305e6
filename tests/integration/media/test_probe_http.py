"""Sources over HTTP: little is read, and a failing server is never the input's fault."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from mypy_boto3_s3 import S3Client
from support.clips import clip
from support.range_server import serve
from vodflow.errors import InputRejected, RejectionReason, SourceNotFound, SourceUnavailable
from vodflow.ffmpeg.tools import ffmpeg_path
from vodflow.media.probe import probe

pytestmark = pytest.mark.integration
TIMEOUT = 60.0


def outcome(source: str, size: int) -> object:
    try:
        return probe(source, size, TIMEOUT)
    except InputRejected as rejected:
        return rejected.reason
    except (SourceUnavailable, SourceNotFound) as error:
        return type(error) if "secret" not in str(error) else error


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """46 MB of uncompressed video with the index at the end."""
    path = tmp_path_factory.mktemp("large") / "large.mov"
    source = "testsrc2=size=640x360:rate=25:duration=4,format=uyvy422"
    argv = [ffmpeg_path(), "-v", "error", "-f", "lavfi", "-i", source, "-c:v", "rawvideo", path]
    subprocess.run(argv, check=True, timeout=60)
    return path


@pytest.mark.parametrize(
    "name",
    ["plain", "index_last", "stream", "flv", "lively", "slides", "odd", "two_languages", "late_start", "no_duration",
     "truncated", "truncated_no_index", "open_ended", "truncated_flv", "truncated_mkv", "undecodable", "text",
     "cover_art"],
)  # fmt: skip
def test_the_same_as_from_a_file(name: str) -> None:
    path = clip(name)
    size = path.stat().st_size
    with serve(path) as server:
        assert outcome(server.url, size) == outcome(str(path), size)


def test_little_of_a_large_file_is_read(large: Path) -> None:
    size = large.stat().st_size
    assert size > 40_000_000
    with serve(large) as server:
        info = probe(server.url, size, TIMEOUT)
    assert info.duration == pytest.approx(4)
    assert server.sent < 10_000_000


def test_of_an_mp4_the_index_tells_the_rate(tmp_path: Path) -> None:
    """A recording whose pictures are large and whose index is at the end."""
    path = tmp_path / "lively.mov"
    argv = [ffmpeg_path(), "-v", "error", "-i", clip("lively"), "-vf", "scale=640:360,format=uyvy422"]
    times = ["-fps_mode", "passthrough", "-enc_time_base", "1:90000", "-video_track_timescale", "90000"]
    subprocess.run([*argv, "-c:v", "rawvideo", *times, path], check=True, timeout=60)
    size = path.stat().st_size
    with serve(path) as server:
        video = probe(server.url, size, TIMEOUT).video
    assert (round(video.fps), video.variable_frame_rate) == (30, True)
    # ffprobe and the first frame take 10 MB each; the index tells the rest.
    assert server.sent < size


@pytest.mark.parametrize("name", ["stream", "open_ended", "index_last"])
@pytest.mark.parametrize("status", [0, 404, 503])
def test_a_failure_at_any_request_is_never_a_rejection(name: str, status: int) -> None:
    """From every request on, the server cuts the connection (0) or answers with an error."""
    path = clip(name)
    size = path.stat().st_size
    with serve(path) as server:
        expected = outcome(server.url, size)
        requests = len(server.requests)
    for number in range(1, requests + 1):
        with serve(path) as server:
            server.failing, server.from_request = status, number
            answer = outcome(server.url, size)
        # Expected: the failure came too late to matter.
        allowed = {SourceUnavailable, SourceNotFound} if status == 404 else {SourceUnavailable}
        assert answer == expected or answer in allowed, number


@pytest.mark.parametrize("name", ["stream", "open_ended", "lively", "slides"])
def test_one_failing_request_gives_no_wrong_answer(name: str) -> None:
    path = clip(name)
    size = path.stat().st_size
    with serve(path) as server:
        expected = outcome(server.url, size)
        requests = len(server.requests)
    for number in range(1, requests + 1):
        with serve(path) as server:
            server.failing, server.from_request, server.until_request = 503, number, number
            answer = outcome(server.url, size)
        assert answer in (expected, SourceUnavailable), number


def test_another_size_means_overwritten() -> None:
    with serve(clip("small")) as server, pytest.raises(SourceNotFound, match="overwritten"):
        probe(server.url, clip("small").stat().st_size - 1, TIMEOUT)
    with serve(clip("text")) as server, pytest.raises(SourceNotFound, match="overwritten"):
        probe(server.url, 10_000_000, TIMEOUT)


def test_gone() -> None:
    with serve(clip("small")) as server:
        server.failing = 404
        with pytest.raises(SourceNotFound, match="does not exist"):
            probe(server.url, 1000, TIMEOUT)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/clip.mp4?X=secret", "http://name.invalid/clip.mp4?X=secret"])
def test_nobody_answers(url: str) -> None:
    with pytest.raises(SourceUnavailable, match="cannot be read now") as caught:
        probe(url, 1000, 5)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("key", ["clip.mp4", "ümläut + spaces/視頻 & more?.mp4"])
def test_presigned_url_of_s3(s3: S3Client, make_bucket: Callable[[], str], key: str) -> None:
    bucket, path = make_bucket(), clip("index_last")
    s3.upload_file(str(path), bucket, key)
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=600)
    assert outcome(url, path.stat().st_size) == outcome(str(path), path.stat().st_size)


@pytest.mark.parametrize(
    ("name", "reason"),
    [("truncated", RejectionReason.TRUNCATED), ("text", RejectionReason.NOT_A_VIDEO),
     ("audio_only", RejectionReason.NO_VIDEO_TRACK), ("undecodable", RejectionReason.UNDECODABLE)],
)  # fmt: skip
def test_bad_objects_in_s3(s3: S3Client, make_bucket: Callable[[], str], name: str, reason: RejectionReason) -> None:
    bucket = make_bucket()
    s3.upload_file(str(clip(name)), bucket, "bad.mp4")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "bad.mp4"}, ExpiresIn=600)
    assert outcome(url, clip(name).stat().st_size) == reason


def test_no_such_object_in_s3(s3: S3Client, make_bucket: Callable[[], str]) -> None:
    params = {"Bucket": make_bucket(), "Key": "gone.mp4"}
    url = s3.generate_presigned_url("get_object", Params=params, ExpiresIn=600)
    with pytest.raises(SourceNotFound):
        probe(url, 1000, TIMEOUT)
