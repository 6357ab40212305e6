"""MediaConvert's events as EventBridge delivers them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from vodflow.engines.mediaconvert.events import NotAnEvent, output_groups, paths, read_event, warning_text

JOB = "1515368087458-qnoxtd"
QUEUE = "arn:aws:mediaconvert:us-west-2:111122223333:queues/Default"


def event(status: str, **detail: Any) -> dict[str, Any]:
    """In the form of the user guide's examples."""
    return {
        "version": "0",
        "id": "1234abcd-12ab-34cd-56ef-1234567890ab",
        "detail-type": "MediaConvert Job State Change",
        "source": "aws.mediaconvert",
        "account": "111122223333",
        "time": "2026-01-07T23:35:20Z",
        "region": "us-west-2",
        "resources": [f"arn:aws:mediaconvert:us-west-2:111122223333:jobs/{JOB}"],
        "detail": {
            "timestamp": 1767828920764,
            "accountId": "111122223333",
            "queue": QUEUE,
            "jobId": JOB,
            "status": status,
            "userMetadata": {"vodflow-job-id": "42"},
            **detail,
        },
    }


PROGRESS = {
    "framesDecoded": 353,
    "jobProgress": {
        "phaseProgress": {"TRANSCODING": {"status": "PROGRESSING", "percentComplete": 2}},
        "jobPercentComplete": 8,
        "currentPhase": "TRANSCODING",
        "retryCount": 0,
    },
}
OUTPUTS = [
    {
        "outputDetails": [
            {
                "outputFilePaths": ["s3://media/vod/cmaf/master_video_720p.m3u8"],
                "durationInMs": 30041,
                "videoDetails": {"widthInPx": 1280, "heightInPx": 720, "averageBitrate": 2_900_000,
                                 "qvbrAvgQuality": 7.38},
            },
            {"durationInMs": 30000},
        ],
        "playlistFilePaths": ["s3://media/vod/cmaf/master.m3u8", "s3://media/vod/cmaf/master.mpd"],
        "type": "CMAF_GROUP",
    },
    {
        "outputDetails": [{"outputFilePaths": ["s3://media/vod/mp4/video_720p.mp4"], "durationInMs": 30041,
                           "videoDetails": {"averageQVBRScore": 7.5}}],
        "type": "FILE_GROUP",
    },
]  # fmt: skip


def test_status_update() -> None:
    read = read_event(json.dumps(event("STATUS_UPDATE", **PROGRESS)))
    assert (read.kind, read.job_id, read.percent, read.phase) == ("STATUS_UPDATE", JOB, 8.0, "TRANSCODING")
    assert read.at == datetime(2026, 1, 7, 23, 35, 20, 764_000, UTC)
    assert read.metadata == {"vodflow-job-id": "42"}
    assert read.running
    assert not read.terminal


def test_complete_tells_outputs() -> None:
    read = read_event(event("COMPLETE", outputGroupDetails=OUTPUTS))
    assert read.terminal
    assert paths(read.groups) == (
        "s3://media/vod/cmaf/master.m3u8",
        "s3://media/vod/cmaf/master.mpd",
        "s3://media/vod/cmaf/master_video_720p.m3u8",
        "s3://media/vod/mp4/video_720p.mp4",
    )
    cmaf, files = read.groups
    assert (cmaf.kind, cmaf.outputs[0].duration, cmaf.outputs[0].bitrate) == ("CMAF_GROUP", 30.041, 2_900_000)
    # AWS's own examples name the score in two ways.
    assert (cmaf.outputs[0].quality, files.outputs[0].quality, cmaf.outputs[1].quality) == (7.38, 7.5, None)
    assert output_groups(read.detail) == read.groups


@pytest.mark.parametrize(
    ("status", "detail", "wanted"),
    [
        ("ERROR", {"errorCode": 1040, "errorMessage": "Bad settings"}, {"code": 1040, "message": "Bad settings"}),
        ("CANCELED", {}, {"code": None}),
        ("PROGRESSING", {}, {"percent": None}),
        ("INPUT_INFORMATION", {"inputDetails": [{"id": 1, "uri": "s3://footage/a.mp4"}]}, {"running": True}),
        ("NEW_WARNING", {"warningCode": "000123", "warningMessage": "Look"}, {"code": 123, "message": "Look"}),
        ("QUEUE_HOP", {"previousQueue": f"{QUEUE}2", "priority": 0}, {"queue": QUEUE, "previous_queue": f"{QUEUE}2"}),
        ("SOMETHING_NEW", {"it": 1}, {"running": False, "terminal": False}),
    ],
)
def test_other_kinds(status: str, detail: dict[str, Any], wanted: dict[str, Any]) -> None:
    read = read_event(event(status, **detail))
    assert read.kind == status
    assert {name: getattr(read, name) for name in wanted} == wanted


def test_what_a_warning_says() -> None:
    assert warning_text(event("NEW_WARNING", warningCode="000123", warningMessage="Look")["detail"]) == (
        "MediaConvert warning 000123: Look"
    )
    assert "no message" in warning_text({})
    assert warning_text({"warningMessage": "\ud800"}).endswith(r": \ud800")


def test_inside_an_sns_notification() -> None:
    body = json.dumps({"Type": "Notification", "MessageId": "1", "Message": json.dumps(event("PROGRESSING"))})
    assert read_event(body).kind == "PROGRESSING"


def test_a_rule_may_send_the_detail_alone() -> None:
    whole, bare = (
        read_event(event("STATUS_UPDATE", **PROGRESS)),
        read_event(event("STATUS_UPDATE", **PROGRESS)["detail"]),
    )
    assert (bare.job_id, bare.kind, bare.percent, bare.at) == (whole.job_id, whole.kind, whole.percent, whole.at)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("null", "not a JSON object"),
        (None, "not a JSON object but a NoneType"),
        ([1], "not a JSON object"),
        ({}, "no event of aws.mediaconvert, but has the fields none"),
        ({"Type": "Notification", "Message": "hello"}, "not JSON"),
        ({"source": "aws.s3", "detail": {}}, "no event of aws.mediaconvert"),
        ({"source": "aws.mediaconvert", "detail": "x"}, "no event of aws.mediaconvert"),
        ({"source": "aws.mediaconvert", "detail": {"jobId": "1"}}, "names no jobId or no status"),
        ({"source": "aws.mediaconvert", "detail": {"jobId": 7, "status": "COMPLETE"}}, "names no jobId or no status"),
    ],
)
def test_what_is_no_event(body: object, problem: str) -> None:
    with pytest.raises(NotAnEvent, match=problem):
        read_event(body)


@pytest.mark.parametrize(
    "detail",
    [
        {"timestamp": None}, {"timestamp": "soon"}, {"timestamp": 1e30}, {"timestamp": True}, {"userMetadata": None},
        {"userMetadata": ["x"]}, {"jobProgress": "x"}, {"jobProgress": {"jobPercentComplete": "many"}},
        {"outputGroupDetails": "x"}, {"outputGroupDetails": [None, {"outputDetails": [7], "type": 3}]},
        {"outputGroupDetails": [{"outputDetails": {"a": 1}, "playlistFilePaths": [7]}]}, {"errorCode": "many"},
        {"errorCode": 1e300},
    ],
)  # fmt: skip
def test_odd_details_are_left_out(detail: dict[str, Any]) -> None:
    read = read_event(event("COMPLETE", **detail))
    assert read.job_id == JOB
    assert read.at.tzinfo is not None
    assert (read.percent, read.code, paths(read.groups)) == (None, None, ())


def test_percent_stays_a_percent() -> None:
    assert read_event(event("STATUS_UPDATE", jobProgress={"jobPercentComplete": 250})).percent == 100
    assert read_event(event("STATUS_UPDATE", jobProgress={"jobPercentComplete": -1})).percent == 0


def test_without_an_id_an_event_is_known_by_what_it_says() -> None:
    one, same = event("PROGRESSING"), event("PROGRESSING")
    del one["id"], same["id"]
    later = event("PROGRESSING", timestamp=1)
    del later["id"]
    assert read_event(one).event_id == read_event(same).event_id != read_event(later).event_id
