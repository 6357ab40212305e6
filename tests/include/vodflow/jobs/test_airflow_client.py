"""The client of Airflow's REST API, over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from support.airflow_server import AirflowServer
from vodflow.errors import AirflowError, ConfigurationError
from vodflow.jobs.airflow_client import AirflowClient
from vodflow.settings import Settings


@pytest.fixture
def server() -> Iterator[AirflowServer]:
    with AirflowServer() as server:
        yield server


@pytest.fixture
def client(server: AirflowServer, set_settings: Callable[..., Settings]) -> Iterator[AirflowClient]:
    settings = set_settings(airflow_url=server.url, airflow_user=server.USER, airflow_password=server.PASSWORD)
    assert server.PASSWORD not in repr(settings)
    with AirflowClient.of(settings) as client:
        yield client


def test_a_run_is_started_once(client: AirflowClient, server: AirflowServer) -> None:
    conf = {"source_id": 7, "outputs": ["hls"]}
    assert client.ensure_run("transcode_video", "source-7 ü/+", conf)
    assert not client.ensure_run("transcode_video", "source-7 ü/+", {})
    run = client.run("transcode_video", "source-7 ü/+")
    assert run is not None
    assert (run.run_id, run.state, run.conf, run.over) == ("source-7 ü/+", "queued", conf, False)
    assert client.fail_run("transcode_video", "source-7 ü/+")
    assert client.run_state("transcode_video", "source-7 ü/+") == "failed"
    assert client.clear_run("transcode_video", "source-7 ü/+")
    assert server.runs["source-7 ü/+"]["state"] == "queued"
    assert client.run("transcode_video", "none") is None
    assert not client.fail_run("transcode_video", "none")
    assert not client.clear_run("transcode_video", "none")
    assert server.calls["token"] == 1


def test_a_run_that_was_lost_behind_the_answer_is_started_again(client: AirflowClient, server: AirflowServer) -> None:
    server.lost = 1
    assert client.ensure_run("transcode_video", "source-7", {"source_id": 7})
    assert server.runs["source-7"]["conf"] == {"source_id": 7}
    server.lost = 9
    with pytest.raises(
        AirflowError, match=r"source-8 of transcode_video was started 3 times and is not there"
    ) as caught:
        client.ensure_run("transcode_video", "source-8", {})
    assert caught.value.retryable


def test_a_token_that_ran_out_is_renewed(client: AirflowClient, server: AirflowServer) -> None:
    client.authenticate()
    server.expire_tokens()
    client.authenticate()
    assert server.calls["token"] == 2


def test_wrong_credentials_are_said(server: AirflowServer, set_settings: Callable[..., Settings]) -> None:
    settings = set_settings(airflow_url=server.url, airflow_user="robot", airflow_password="wrong")
    with AirflowClient.of(settings) as client, pytest.raises(AirflowError, match=r"401.*Check the token") as caught:
        client.authenticate()
    assert not caught.value.retryable
    assert "wrong" not in str(caught.value)
    settings = set_settings(airflow_token="stale")
    with AirflowClient.of(settings) as client, pytest.raises(AirflowError, match="401"):
        client.authenticate()
    assert server.calls["token"] == 1, "a given token is not replaced"


def test_trouble_says_whether_to_try_again(client: AirflowClient, server: AirflowServer) -> None:
    client.authenticate()
    server.broken = 503
    with pytest.raises(AirflowError, match="503") as caught:
        client.run("transcode_video", "source-1")
    assert caught.value.retryable
    server.broken = 422
    with pytest.raises(AirflowError, match=r"422.*broken") as caught:
        client.ensure_run("transcode_video", "source-1", {})
    assert not caught.value.retryable
    with AirflowClient("http://127.0.0.1:9", token="t", timeout=2) as away, pytest.raises(AirflowError) as caught:
        away.authenticate()
    assert caught.value.retryable


def test_the_settings_must_name_airflow_and_who_asks(set_settings: Callable[..., Settings]) -> None:
    with pytest.raises(ConfigurationError, match="Set VODFLOW_AIRFLOW_URL"):
        AirflowClient.of(set_settings())
    with pytest.raises(ConfigurationError, match="VODFLOW_AIRFLOW_TOKEN"):
        AirflowClient.of(set_settings(airflow_url="http://127.0.0.1:9", airflow_user="robot"))
