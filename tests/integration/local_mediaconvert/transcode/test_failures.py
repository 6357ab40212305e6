"""How jobs end badly: MediaConvert's codes, cancelling, and nothing left behind."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from local_mediaconvert.transcode import JobFailed, Phase
from local_mediaconvert.transcode.http_inputs import ALLOWED
from support.transcode_jobs import TranscodeBench
from support.transcode_settings import aac, group, job, output, source, video
from vodflow.errors import EngineCanceled
from vodflow.stack.processes import is_alive

pytestmark = pytest.mark.integration


def fails(bench: TranscodeBench, settings: dict[str, Any]) -> JobFailed:
    with pytest.raises(JobFailed) as caught:
        bench.run(settings)
    assert list(bench.work_dir.iterdir()) == []
    return caught.value


def files(bench: TranscodeBench, bucket: str | None = None) -> dict[str, Any]:
    return group(bucket or bench.bucket, "FILE", output("_v", "MP4", video(), aac()))


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("text", 1010, "Unable to open input file"),
        ("empty", 1010, "Unable to open input file"),
        ("playlist", 1010, "Unable to open input file"),
        ("audio_only", 1020, "doesn't have video that the transcoder can consume"),
        ("truncated", 1076, "truncated"),
        ("truncated_no_index", 1076, "truncated"),
        ("unknown_codec", 1030, "is not a supported input video codec"),
        ("undecodable", 1010, "decode"),
    ],
)
def test_bad_inputs(name: str, code: int, words: str, transcoder: TranscodeBench) -> None:
    error = fails(transcoder, job(source(transcoder.put(name)), files(transcoder)))
    assert (error.error_code, words in str(error)) == (code, True), str(error)
    assert transcoder.names() == set()


def test_inputs_and_destinations_that_are_not_there(
    transcoder: TranscodeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = fails(transcoder, job(source(f"s3://{transcoder.bucket}/in/none.mp4"), files(transcoder)))
    assert missing.error_code == 1404
    assert "HeadObject failed" in str(missing)
    nowhere = fails(transcoder, job(source("s3://no-such-bucket-here/in.mp4"), files(transcoder)))
    assert nowhere.error_code == 1404
    target = fails(transcoder, job(source(transcoder.put("small")), files(transcoder, "no-such-bucket-here")))
    assert target.error_code == 1404
    nothing = fails(transcoder, job(source("file:///etc/hostname"), files(transcoder)))
    assert (nothing.error_code, "neither in Amazon S3" in str(nothing)) == (1010, True)
    private = fails(transcoder, job(source("http://127.0.0.1:9/none.mp4"), files(transcoder)))
    assert (private.error_code, "private address" in str(private)) == (3403, True)
    monkeypatch.setenv(ALLOWED, '["127.0.0.1"]')
    http = fails(transcoder, job(source("http://127.0.0.1:9/none.mp4"), files(transcoder)))
    assert http.error_code == 3451


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"InputClippings": [{"StartTimecode": "00:00:05:00"}]}, 1060, "clipping start timecode [00:00:05:00]"),
        ({"InputClippings": [{"StartTimecode": "00:00:01:00", "EndTimecode": "00:00:00:10"}]}, 1060, "region"),
        ({"AudioSelectors": {}}, 1040, "Invalid selector_sequence_id [0] specified for audio_description [1]"),
        ({"Crop": {"X": 600, "Y": 0, "Width": 200, "Height": 100}}, 1040, "not inside the picture of 640x360"),
        ({"VideoOverlays": [{"Input": {"FileInput": "s3://b/k"}}]}, 1040, "/inputs/0/videoOverlays is refused"),
        ({"VideoSelector": {"Pid": 99}}, 1020, "No video found"),
    ],
)
def test_settings_that_do_not_fit_the_input(
    changes: dict[str, Any], code: int, words: str, transcoder: TranscodeBench
) -> None:
    error = fails(transcoder, job(source(transcoder.put("small"), **changes), files(transcoder)))
    assert (error.error_code, words in str(error)) == (code, True), str(error)


CAPTURE = {"Codec": "FRAME_CAPTURE", "FrameCaptureSettings": {}}


@pytest.mark.parametrize(
    ("kind", "outputs", "words"),
    [
        ("FILE", [output("_v", "MP4", video()), output("_v", "MP4", video(Height=180))], "Duplicate output path"),
        ("HLS", [output("_v", "M3U8", video(CAPTURE))], "Frame captures are outputs of file groups"),
        ("DASH_ISO", [output("_$Number$", "MPD", video())], "numbers segments"),
        ("FILE", [output("_v", "MP4")], "neither video nor audio nor captions"),
    ],
)
def test_outputs_that_cannot_be(
    kind: str, outputs: list[dict[str, Any]], words: str, transcoder: TranscodeBench
) -> None:
    error = fails(transcoder, job(source(transcoder.put("small")), group(transcoder.bucket, kind, *outputs)))
    assert (error.error_code, words in str(error)) == (1040, True), str(error)


def test_outputs_never_overwrite_inputs(transcoder: TranscodeBench) -> None:
    uri = transcoder.put("small")
    modifier = output("+1", "MP4", video())
    files = group(transcoder.bucket, "FILE", modifier, base="in/small é")
    assert "Duplicate input and output path" in str(fails(transcoder, job(source(uri), files)))


def test_odd_sizes_are_refused_as_the_service_does(transcoder: TranscodeBench) -> None:
    settings = job(
        source(transcoder.put("small")), group(transcoder.bucket, "FILE", output("_v", "MP4", video(Height=91)))
    )
    assert "only even values are supported" in str(fails(transcoder, settings))


def test_a_cancelled_job_ends_at_once(transcoder: TranscodeBench) -> None:
    slow = {"Codec": "AV1", "Av1Settings": {"RateControlMode": "QVBR", "MaxBitrate": 8_000_000}}
    settings = job(
        source(transcoder.put("fast")),
        group(transcoder.bucket, "FILE", output("_v", "MP4", video(slow, Width=1920, Height=1080))),
    )
    cancel = threading.Event()
    raised: list[BaseException] = []

    def run() -> None:
        try:
            transcoder.run(settings, cancel)
        except EngineCanceled as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    deadline = time.monotonic() + 60
    while (Phase.TRANSCODING, 0) not in transcoder.progress and time.monotonic() < deadline:
        time.sleep(0.02)
    mine = psutil.Process().children(recursive=True)
    cancel.set()
    thread.join(60)
    assert raised, "it was cancelled before it was through"
    assert not thread.is_alive()
    assert not [child for child in mine if is_alive(child) and "ffmpeg" in child.name()]
    assert list(transcoder.work_dir.iterdir()) == []
    assert transcoder.names() == set()


def test_nothing_of_the_source_is_told_by_the_outputs(transcoder: TranscodeBench, tmp_path: Path) -> None:
    transcoder.run(job(source(transcoder.put("two_languages")), files(transcoder)))
    data = next(transcoder.fetch(tmp_path).glob("*.mp4")).read_bytes()
    assert b"Version fran" not in data
