"""``vodflow notifications`` and ``vodflow metadata`` on real services."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from support.fixtures.dynamodb import TestTable
from support.fixtures.receiver import Receiver
from support.fixtures.values import probed_source, published_job
from typer.testing import CliRunner
from vodflow.catalog.database import transaction
from vodflow.cli.metadata import app as metadata
from vodflow.cli.notifications import app as notifications
from vodflow.errors import ConfigurationError
from vodflow.outcomes.notifications.signing import verify
from vodflow.settings import Settings

pytestmark = pytest.mark.integration

run = CliRunner().invoke


@pytest.fixture
def hook(catalog: Settings, set_settings: Callable[..., Settings], receiver: Receiver) -> Receiver:
    channel = {"type": "webhook", "name": "crm", "url": receiver.url, "secret": "s3cret"}
    set_settings(notifications=json.dumps([channel]))
    return receiver


def publish() -> None:
    with transaction("test") as connection:
        published_job(connection, probed_source(connection))


def test_a_log_a_retry_and_a_sending(hook: Receiver) -> None:
    publish()
    hook.answers = [404]
    assert "given up: 1" in run(notifications, ["send"]).output
    shown = json.loads(run(notifications, ["list", "--status", "failed", "--json"]).output)
    assert (shown[0]["channel"], shown[0]["response_code"], shown[0]["event"]) == ("crm", 404, "published")
    assert "404" in run(notifications, ["list", "--channel", "crm"]).output
    assert json.loads(run(notifications, ["list", "--channel", "other", "--json"]).output) == []
    hook.answers = [200]
    assert run(notifications, ["retry", "--channel", "other"]).output == "0 queued again.\n"
    assert run(notifications, ["retry", str(shown[0]["id"])]).output == "1 queued again.\n"
    assert "delivered: 1" in run(notifications, ["send"]).output
    known = str(shown[0]["id"])
    for arguments, why in [
        ([known], "is DELIVERED: only"), (["999"], "no notification 999"), ([known, "--channel", "x"], "not x"),
    ]:  # fmt: skip
        assert why in str(run(notifications, ["retry", *arguments]).exception)


def test_a_channel_can_be_tried(hook: Receiver) -> None:
    assert run(notifications, ["test", "crm"]).output == "crm took it.\n"
    (request,) = hook.requests
    timestamp = float(request.headers["webhook-timestamp"])
    assert verify(["s3cret"], request.headers, request.body, timestamp).startswith("test-")
    assert request.document["test"] is True
    hook.answers = [500]
    result = run(notifications, ["test", "crm"])
    assert (result.exit_code, "HTTP 500" in result.output) == (1, True)
    assert json.loads(run(notifications, ["list", "--json"]).output) == []
    unknown = run(notifications, ["test", "nobody"])
    assert isinstance(unknown.exception, ConfigurationError)
    assert "it has: crm" in str(unknown.exception)


def test_items_are_written_by_hand(catalog: Settings, table: TestTable, set_settings: Callable[..., Settings]) -> None:
    publish()
    assert run(metadata, ["sync"]).output == "1 items written, 0 failed.\n"
    assert table.item()["status"] == "PUBLISHED"
    table.drop()
    failed = run(metadata, ["sync", "--all"])
    assert (failed.exit_code, "0 items written, 1 failed" in failed.output) == (1, True)
    table.create()
    assert run(metadata, ["sync", "--all"]).output == "1 videos to write.\n1 items written, 0 failed.\n"
    set_settings(dynamodb_table="")
    assert "VODFLOW_DYNAMODB_TABLE" in str(run(metadata, ["sync"]).exception)
