"""One event in the words of Slack and SNS."""

from __future__ import annotations

import json
from typing import Any

import pytest
from vodflow.outcomes.notifications import messages

DOCUMENT: dict[str, Any] = {
    "id": "job-event-7",
    "type": "video.published",
    "schema_version": 1,
    "occurred_at": "2026-05-01T12:00:00.000+00:00",
    "tenant": "acme",
    "video": {"id": 3, "name": "a-123", "bucket": "footage", "key": "acme/<!here> & `größe`\n.mp4"},
    "source": {"id": 4, "uri": "s3://footage/acme/<!here> & `größe`\n.mp4", "version": "v1", "size_bytes": 10},
    "job": {"id": 5, "profile": "standard", "engine": "local", "run_id": "r", "output_uri": "s3://m/p"},
    "publication": {"manifest_url": "https://cdn.example/a|b>.json", "qualities": ["1080p", "720p"]},
}
FAILED = DOCUMENT | {
    "type": "video.failed",
    "publication": None,
    "error": {"class": "permanent", "code": "1", "message": "``` <boom> " * 500, "retryable": False},
}


def test_slack_shows_names_as_they_are_and_nobody_is_called() -> None:
    message = messages.slack(DOCUMENT)
    text = message["blocks"][0]["text"]["text"]
    assert message["text"].startswith("Published: &lt;!here&gt; &amp; `größe`")
    assert "<!here>" not in json.dumps(message)
    assert "<https://cdn.example/a%7Cb%3E.json|manifest.json>" in text
    assert "1080p 720p" in text


def test_slack_messages_keep_slacks_limit() -> None:
    text = messages.slack(FAILED)["blocks"][0]["text"]["text"]
    assert len(text) <= 3000
    assert "<boom>" not in text


def test_rejections_name_the_reason() -> None:
    rejection = {"reason": "truncated", "detail": "41 of 60 s"}
    message = messages.slack(DOCUMENT | {"type": "video.rejected", "job": None, "rejection": rejection})
    assert "*Reason* truncated: 41 of 60 s" in message["blocks"][0]["text"]["text"]


def test_sns_subjects_are_one_line_of_ascii() -> None:
    arguments = messages.sns(DOCUMENT, fifo=False)
    assert arguments["Subject"] == "Published: <!here> & `gr??e` .mp4"
    assert arguments["MessageAttributes"]["type"]["StringValue"] == "video.published"
    assert json.loads(arguments["Message"]) == DOCUMENT
    assert "MessageGroupId" not in arguments
    assert len(messages.sns(DOCUMENT | {"video": DOCUMENT["video"] | {"key": "k" * 900}}, fifo=True)["Subject"]) == 100


def test_fifo_topics_keep_the_order_of_a_video_and_know_repeats() -> None:
    first, again = messages.sns(DOCUMENT, fifo=True), messages.sns(dict(DOCUMENT), fifo=True)
    assert first["MessageGroupId"] == "video-3"
    assert first["MessageDeduplicationId"] == again["MessageDeduplicationId"]
    assert first["MessageDeduplicationId"] != messages.sns(FAILED | {"id": "x"}, fifo=True)["MessageDeduplicationId"]


@pytest.mark.parametrize("key", ["a.mp4", "x/", "/"])
def test_every_key_has_a_name(key: str) -> None:
    assert messages.slack(DOCUMENT | {"video": {"key": key}})["text"].split(": ", 1)[1] != " (acme)"
