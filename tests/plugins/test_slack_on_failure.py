"""Failed runs in Slack, through the real provider, posted to a server of our own."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable

import pytest
from airflow.sdk import DAG
from support.fixtures.receiver import Receiver
from vodflow.errors import ConfigurationError
from vodflow.settings import Settings
from vodflow_airflow.notifiers.slack import slack_on_failure

pytestmark = [pytest.mark.airflow]


@pytest.fixture
def team(airflow_db: None, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Receiver:
    connection = {"conn_type": "slackwebhook", "password": receiver.url}
    monkeypatch.setenv("AIRFLOW_CONN_TEAM", json.dumps(connection))
    return receiver


def test_off_unless_a_connection_is_named(set_settings: Callable[..., Settings]) -> None:
    set_settings(slack_conn_id="")
    assert slack_on_failure() is None


def test_a_failed_run_is_told(team: Receiver, set_settings: Callable[..., Settings]) -> None:
    set_settings(slack_conn_id="team")
    (notifier,) = slack_on_failure() or ()
    context = {"dag": DAG("transcode_video", schedule=None), "run_id": "manual__<!channel>", "reason": "task_failure"}
    notifier(context)  # type: ignore[arg-type]
    (request,) = team.requests
    assert request.document["text"] == ":x: *transcode_video* failed: `manual__&lt;!channel&gt;` (task_failure)"


def test_every_dag_of_ours_has_it(team: Receiver, set_settings: Callable[..., Settings]) -> None:
    import vodflow_dags.ingest.ingest_videos_dag as module  # noqa: PLC0415

    set_settings(slack_conn_id="team")
    with_it = importlib.reload(module).ingest_videos()
    assert with_it.on_failure_callback
    set_settings(slack_conn_id="")
    assert not importlib.reload(module).ingest_videos().on_failure_callback


def test_a_missing_provider_is_named(set_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "airflow.providers.slack.notifications.slack_webhook", None)
    with pytest.raises(ConfigurationError, match="apache-airflow-providers-slack"):
        slack_on_failure("team")
