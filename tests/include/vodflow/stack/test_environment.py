from __future__ import annotations

import json
from pathlib import Path

import pytest
from vodflow.errors import StackError
from vodflow.stack.config import StackConfig, prepare_config
from vodflow.stack.environment import child_environment, client_environment, password_file, stack_environment
from vodflow.stack.home import REPOSITORY, Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "state")


@pytest.fixture
def config(home: Home) -> StackConfig:
    return prepare_config(home)


def test_everything_points_into_the_stack(home: Home, config: StackConfig) -> None:
    environment = stack_environment(home.root)
    assert environment == stack_environment(home)
    assert environment["VODFLOW_CATALOG_URL"] == config.database_url("vodflow")
    assert environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == config.database_url("airflow")
    assert environment["AIRFLOW__CORE__DAGS_FOLDER"] == str(REPOSITORY / "dags")
    assert environment["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == f"{config.airflow_url}/execution/"
    assert environment["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"] == str(password_file(home))
    assert environment["VODFLOW_EVENT_QUEUE_URL"] == f"{config.aws_url}/000000000000/vodflow-s3-events"
    connection = json.loads(environment["AIRFLOW_CONN_AWS_DEFAULT"])
    assert connection["extra"]["endpoint_url"] == config.aws_url == environment["AWS_ENDPOINT_URL"]


def test_every_sdk_finds_the_local_mediaconvert(home: Home, config: StackConfig) -> None:
    environment = stack_environment(home)
    connection = json.loads(environment["AIRFLOW_CONN_AWS_DEFAULT"])
    names = ("AWS_ENDPOINT_URL_MEDIACONVERT", "AWS_MEDIACONVERT_ENDPOINT", "MEDIACONVERT_ENDPOINT")
    assert {environment[name] for name in names} == {config.mediaconvert_url}
    assert connection["extra"]["service_config"]["mediaconvert"]["endpoint_url"] == config.mediaconvert_url
    queue = f"{config.aws_url}/000000000000/vodflow-mediaconvert-events"
    assert environment["VODFLOW_MEDIACONVERT_EVENT_QUEUE_URL"] == queue


def test_commands_may_ask_airflow_and_parts_get_no_password(home: Home, config: StackConfig) -> None:
    environment = client_environment(home)
    assert environment["VODFLOW_AIRFLOW_URL"] == config.airflow_url
    assert environment["VODFLOW_AIRFLOW_PASSWORD"] == config.secrets.admin_password
    assert not {*config.passwords.values()} & {*child_environment(home).values()}


def test_servers_listen_on_loopback_only(home: Home, config: StackConfig) -> None:
    environment = stack_environment(home)
    assert environment["AIRFLOW__API__HOST"] == "127.0.0.1"
    for value in (config.aws_url, config.airflow_url, config.database_url("vodflow")):
        assert "127.0.0.1" in value


def test_a_part_inherits_neither_profiles_nor_another_airflow(home: Home, config: StackConfig) -> None:
    inherited = {
        "PATH": "/bin",
        "AWS_PROFILE": "production",
        "AWS_SESSION_TOKEN": "token",
        "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
        "PGHOST": "db.example",
        "PYTHONDONTWRITEBYTECODE": "1",
        "VODFLOW_LOCAL_SLOTS": "3",
    }
    environment = child_environment(home, inherited)
    assert not {"AWS_PROFILE", "AWS_SESSION_TOKEN", "PGHOST", "PYTHONDONTWRITEBYTECODE"} & set(environment)
    assert environment["AIRFLOW__CORE__EXECUTOR"] == "LocalExecutor"
    assert environment["PATH"] == "/bin"
    assert environment["VODFLOW_LOCAL_SLOTS"] == "3"
    assert environment["VODFLOW_STACK_ID"] == config.stack_id


def test_only_parts_carry_the_mark_by_which_processes_are_ended(home: Home, config: StackConfig) -> None:
    assert "VODFLOW_STACK_ID" not in stack_environment(home)


def test_without_a_stack_there_is_no_environment(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="There is no stack"):
        stack_environment(tmp_path)
