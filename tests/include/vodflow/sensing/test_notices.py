from __future__ import annotations

import json
from typing import Any

import pytest
from vodflow.sensing.notices import Notice, ProblemName, parse_message


def record(key: str, event: str = "ObjectCreated:Put", **item: Any) -> dict[str, Any]:
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "eventName": event,
        "s3": {"bucket": {"name": "footage"}, "object": {"key": key, "size": 7, "eTag": "abc", **item}},
    }


def message(*records: Any) -> str:
    return json.dumps({"Records": list(records)})


def bridge(detail_type: str = "Object Created", **item: Any) -> dict[str, Any]:
    return {
        "source": "aws.s3",
        "detail-type": detail_type,
        "detail": {"bucket": {"name": "footage"}, "object": {"key": "a+b c.mp4", "size": 7, "etag": "abc", **item}},
    }


def sns(inner: object) -> str:
    return json.dumps({"Type": "Notification", "TopicArn": "arn:aws:sns:x", "Message": json.dumps(inner)})


def test_a_record_becomes_a_notice() -> None:
    parsed = parse_message(message(record("a.mp4", versionId="v1", sequencer="0055AED6DCD90281E5")))
    assert parsed.notices == [Notice("footage", "a.mp4", 7, "abc", "v1", "0055AED6DCD90281E5")]
    assert not parsed.problems


@pytest.mark.parametrize(
    ("encoded", "key"),
    [
        ("acme/my+holiday+film.mp4", "acme/my holiday film.mp4"),
        ("acme/1%2B1.mp4", "acme/1+1.mp4"),
        ("acme/%C3%89v%C3%A9nement.mov", "acme/Événement.mov"),
        ("%E6%98%A0%E7%94%BB/%E6%98%A0%E7%94%BB.mp4", "映画/映画.mp4"),
        ("acme/100%25.mp4", "acme/100%.mp4"),
        ("acme/a%2526b.mp4", "acme/a%26b.mp4"),
    ],
)
def test_keys_of_s3_are_decoded_once(encoded: str, key: str) -> None:
    assert [notice.key for notice in parse_message(message(record(encoded))).notices] == [key]


def test_every_record_counts() -> None:
    parsed = parse_message(message(record("a.mp4"), record("b.mp4"), record("c.mp4")))
    assert [notice.key for notice in parsed.notices] == ["a.mp4", "b.mp4", "c.mp4"]


def test_keys_of_eventbridge_are_plain() -> None:
    parsed = parse_message(json.dumps(bridge(**{"version-id": "v2"})))
    assert parsed.notices == [Notice("footage", "a+b c.mp4", 7, "abc", "v2")]


@pytest.mark.parametrize("depth", [1, 2])
def test_sns_envelopes_are_opened(depth: int) -> None:
    body: Any = {"Records": [record("a.mp4")]}
    for _ in range(depth):
        body = json.loads(sns(body))
    assert [notice.key for notice in parse_message(body).notices] == ["a.mp4"]


def test_sns_around_eventbridge() -> None:
    assert [notice.key for notice in parse_message(sns(bridge())).notices] == ["a+b c.mp4"]


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "footage"}),
        message(record("a.mp4", "ObjectRemoved:Delete")),
        message(record("a.mp4", "ObjectRestore:Post")),
        json.dumps(bridge("Object Deleted")),
    ],
)
def test_other_events_are_ignored(body: str) -> None:
    parsed = parse_message(body)
    assert (parsed.notices, parsed.problems, parsed.ignored) == ([], [], 1)


def test_a_removal_does_not_hide_its_neighbours() -> None:
    parsed = parse_message(message(record("old.mp4", "ObjectRemoved:Delete"), record("new.mp4")))
    assert [notice.key for notice in parsed.notices] == ["new.mp4"]
    assert parsed.ignored == 1


def test_event_names_may_carry_the_prefix_of_configurations() -> None:
    assert parse_message(message(record("a.mp4", "s3:ObjectCreated:CompleteMultipartUpload"))).notices


@pytest.mark.parametrize("given", [None, "", "null"])
def test_no_version_is_none(given: str | None) -> None:
    assert parse_message(message(record("a.mp4", versionId=given))).notices[0].version_id is None


def test_etags_are_unquoted() -> None:
    assert parse_message(message(record("a.mp4", eTag='"abc-2"'))).notices[0].etag == "abc-2"


def test_size_and_etag_may_be_missing() -> None:
    bare = record("a.mp4")
    del bare["s3"]["object"]["size"], bare["s3"]["object"]["eTag"]
    assert parse_message(message(bare)).notices == [Notice("footage", "a.mp4")]


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("", ProblemName.NOT_JSON),
        ("hello", ProblemName.NOT_JSON),
        ("[" * 100_000, ProblemName.NOT_JSON),
        (b"\xff\xfe", ProblemName.NOT_JSON),
        ("null", ProblemName.UNKNOWN_SHAPE),
        ("[]", ProblemName.UNKNOWN_SHAPE),
        ("{}", ProblemName.UNKNOWN_SHAPE),
        (None, ProblemName.UNKNOWN_SHAPE),
        (17, ProblemName.UNKNOWN_SHAPE),
        ('{"Records": "many"}', ProblemName.UNKNOWN_SHAPE),
        ('{"detail-type": "Object Created"}', ProblemName.BAD_RECORD),
        (message(None), ProblemName.BAD_RECORD),
        (message({"eventName": "ObjectCreated:Put"}), ProblemName.BAD_RECORD),
        (message({"s3": {}}), ProblemName.BAD_RECORD),
        (message(record("")), ProblemName.BAD_RECORD),
        (message(record("a%00b.mp4")), ProblemName.BAD_RECORD),
        (message(record("a%FF.mp4")), ProblemName.BAD_RECORD),
        (message(record("\ud800.mp4")), ProblemName.BAD_RECORD),
        (message(record("a.mp4", size=-1)), ProblemName.BAD_RECORD),
        (message(record("a.mp4", size="big")), ProblemName.BAD_RECORD),
        (message(record("a.mp4", size=True)), ProblemName.BAD_RECORD),
        (message(record("a.mp4", eTag=5)), ProblemName.BAD_RECORD),
        (json.dumps({"Type": "SubscriptionConfirmation", "TopicArn": "t"}), ProblemName.UNCONFIRMED_SUBSCRIPTION),
    ],
)
def test_garbage_is_a_named_problem(body: object, problem: ProblemName) -> None:
    parsed = parse_message(body)
    assert [found.name for found in parsed.problems] == [problem]
    assert parsed.problems[0].detail
    assert not parsed.notices


def test_a_bad_record_does_not_hide_its_neighbours() -> None:
    parsed = parse_message(message(record("a.mp4"), {"eventName": "ObjectCreated:Put"}, record("b.mp4")))
    assert [notice.key for notice in parsed.notices] == ["a.mp4", "b.mp4"]
    assert parsed.problems[0].detail.startswith("Records[1]:")


def test_endless_envelopes_end() -> None:
    body: Any = {}
    for _ in range(10):
        body = {"Type": "Notification", "Message": body}
    assert [problem.name for problem in parse_message(body).problems] == [ProblemName.UNKNOWN_SHAPE]


@pytest.mark.parametrize("field", ["detail-type", "Type", "source", "Event", "Records", "detail", "Message"])
@pytest.mark.parametrize("value", [[], {}, [["Object Created"]], 1, True, None])
def test_values_of_other_kinds_are_no_fault_of_the_reader(field: str, value: object) -> None:
    for around in ({}, bridge(), {"Type": "Notification"}, json.loads(message(record("a.mp4")))):
        parsed = parse_message({**around, field: value})
        assert len(parsed.notices) + len(parsed.problems) + parsed.ignored <= 1
    told = parse_message({**bridge(), "detail-type": value}) if value is not None else None
    assert told is None or [problem.name for problem in told.problems] == [ProblemName.BAD_RECORD]
