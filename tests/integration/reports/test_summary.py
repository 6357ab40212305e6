"""The three sentences reach the channels that ask for them, once for a day."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date

import pytest
from support.fixtures.receiver import Receiver
from support.fixtures.report_rows import fill
from vodflow.catalog.database import transaction
from vodflow.reports.summary import tell, what_matters
from vodflow.settings import Settings

pytestmark = pytest.mark.integration

DAY = date(2026, 11, 2)
URI = "s3://media/reports/html/2026-10-04_2026-11-02.html"


def test_a_day_is_told_once(catalog: Settings, set_settings: Callable[..., Settings], receiver: Receiver) -> None:
    common = {"url": receiver.url, "timeout": 5.0}
    set_settings(notifications=json.dumps([
        {**common, "type": "webhook", "name": "analysts", "secret": "s3cret", "events": ["reported"]},
        {**common, "type": "slack", "name": "team", "events": ["reported", "failed"]},
        {**common, "type": "webhook", "name": "crm", "secret": "s3cret"},
        {**common, "type": "webhook", "name": "acme", "secret": "s3cret", "events": ["reported"], "tenants": ["acme"]},
    ]))  # fmt: skip
    with transaction("test") as connection:
        fill(connection, DAY, 1)
    assert tell(DAY, URI) == 2
    assert tell(DAY, URI) == 2
    documents = [request.document for request in receiver.requests]
    assert len(documents) == 2
    (slack,) = [one for one in documents if "blocks" in one]
    (document,) = [one for one in documents if "blocks" not in one]
    assert document["id"] == "report-2026-11-02"
    assert document["type"] == "report.reported"
    sentences = what_matters(DAY, DAY)
    assert document["report"] == {"first": "2026-11-02", "last": "2026-11-02", "sentences": sentences, "uri": URI}
    assert slack["text"] == "Report: transcoding, 2026-11-02"
    assert [line for line in slack["blocks"][0]["text"]["text"].splitlines() if line[:3] in {"*1.", "*2.", "*3."}] == [
        f"*{number}.* {sentence}" for number, sentence in enumerate(sentences, 1)
    ]


def test_nobody_asked(catalog: Settings) -> None:
    assert tell(DAY, URI) == 0
