"""What `vodflow init` makes, on real PostgreSQL and real AWS services; twice is the same as once."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import httpx
import psycopg2
import pytest
from sqlalchemy import make_url
from support.fixtures.postgres import TestPostgres
from typer.testing import CliRunner
from vodflow.cli.app import app
from vodflow.errors import CatalogUnavailable, ConfigurationError, StackError
from vodflow.settings import Settings
from vodflow.stack import deployment
from vodflow.stack.environment import EVENT_QUEUE, MEDIACONVERT_QUEUE
from vodflow.stack.heartbeats import check_heartbeat, main

pytestmark = pytest.mark.integration

AIRFLOW_URL = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"
ROLE = "deployed"


@pytest.fixture
def url(postgres: TestPostgres) -> Iterator[str]:
    """URL of a database that is not there yet, of a role that is not there yet."""
    admin = make_url(postgres.url("postgres"))
    wanted = admin.set(username=ROLE, password="first", database="deployed_catalog")
    yield wanted.render_as_string(hide_password=False)
    postgres.drop("deployed_catalog")
    postgres.drop("deployed_airflow")
    postgres.execute(f"DROP ROLE IF EXISTS {ROLE}")


def changed(url: str, **parts: str) -> str:
    return make_url(url).set(**parts).render_as_string(hide_password=False)


def ask(url: str, statement: str) -> list[tuple[Any, ...]]:
    plain = changed(url, drivername="postgresql")
    with contextlib.closing(psycopg2.connect(plain)) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall())


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["init", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def client(settings: Settings, service: str) -> Any:
    return boto3.client(service, endpoint_url=settings.aws_endpoint_url, region_name=settings.aws_region)


def test_everything_is_made_and_the_second_time_changes_nothing(
    postgres: TestPostgres,
    aws: Settings,
    url: str,
    set_settings: Callable[..., Settings],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watch = [{"bucket": "init-footage", "prefix": "inbox/"}, {"bucket": "init-archive"}]
    settings = set_settings(
        catalog_url=url, watch=json.dumps(watch), media_bucket="init-media", dynamodb_table="init-videos",
        protected_bucket="init-protected",
    )  # fmt: skip
    monkeypatch.setenv(AIRFLOW_URL, changed(url, database="deployed_airflow"))
    monkeypatch.setenv("VODFLOW_POSTGRES_ADMIN_URL", postgres.url("postgres"))

    first = run()
    assert "Databases: deployed_catalog, deployed_airflow." in first
    assert ask(url, "SELECT count(*) FROM job") == [(0,)]
    # Requests of tenants can be carried out: the owner may take on their role.
    assert ask(url, "SELECT set_config('role', 'vodflow_tenant', false)") == [("vodflow_tenant",)]
    assert ask(changed(url, database="deployed_airflow"), "SELECT current_user") == [(ROLE,)]
    s3, sqs = client(settings, "s3"), client(settings, "sqs")
    for bucket in ("init-footage", "init-archive"):
        assert s3.get_bucket_notification_configuration(Bucket=bucket)["QueueConfigurations"]
    s3.put_object(Bucket="init-media", Key="kept", Body=b"kept")
    s3.put_object(Bucket="init-protected", Key="vod/secret", Body=b"secret")
    assert httpx.get(f"{settings.aws_endpoint_url}/init-protected/vod/secret").status_code == 403
    assert all(s3.get_public_access_block(Bucket="init-protected")["PublicAccessBlockConfiguration"].values())
    queues = [sqs.get_queue_url(QueueName=name)["QueueUrl"] for name in (EVENT_QUEUE, MEDIACONVERT_QUEUE)]
    sqs.send_message(QueueUrl=queues[1], MessageBody="kept")
    client(settings, "dynamodb").describe_table(TableName="init-videos")

    assert run() == first
    assert s3.get_object(Bucket="init-media", Key="kept")["Body"].read() == b"kept"
    # Other tests' jobs may have sent their events there meanwhile.
    answers = [sqs.receive_message(QueueUrl=queues[1], MaxNumberOfMessages=10) for _ in range(5)]
    assert "kept" in [message["Body"] for answer in answers for message in answer.get("Messages", ())]
    for queue in queues:  # other tests of this session may make them too
        sqs.purge_queue(QueueUrl=queue)


def test_a_changed_password_is_set(postgres: TestPostgres, url: str) -> None:
    admin = postgres.url("postgres")
    assert deployment.make_databases(admin, [url], 5) == ["deployed_catalog"]
    odd = changed(url, password="it's 100% new / @:?")
    deployment.make_databases(admin, [odd], 5)
    assert ask(odd, "SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = current_database()") == [
        ("UTF8",)
    ]
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        ask(url, "SELECT 1")


def test_a_server_that_does_not_answer_is_waited_for_and_named(url: str, set_settings: Callable[..., Settings]) -> None:
    nowhere = changed(url, host="127.0.0.1", port="1", password="hidden")
    with pytest.raises(StackError, match=r"databases cannot be made: .*refused") as told:
        deployment.make_databases(nowhere, [url], 0)
    assert "hidden" not in str(told.value)
    with pytest.raises(CatalogUnavailable, match=r"refused.*VODFLOW_CATALOG_URL") as told:
        deployment.migrate_catalog(set_settings(catalog_url=nowhere), 0)
    assert "hidden" not in str(told.value)
    with pytest.raises(StackError, match=r"http://127\.0\.0\.1:1: the AWS resources cannot be made"):
        deployment.make_resources(set_settings(aws_endpoint_url="http://127.0.0.1:1"), 0)


@pytest.mark.parametrize("wrong", ["postgresql://127.0.0.1/x", "postgresql://role:hidden@127.0.0.1", "hidden"])
def test_a_url_that_names_too_little_is_refused_without_its_password(wrong: str) -> None:
    with pytest.raises(ConfigurationError) as told:
        deployment.make_databases("postgresql://admin@127.0.0.1/postgres", [wrong], 0)
    assert "hidden" not in str(told.value)


def test_on_aws_nothing_is_made_and_what_is_missing_is_told(
    catalog: Settings, aws: Settings, set_settings: Callable[..., Settings]
) -> None:
    missing = set_settings(media_bucket="never-made", event_queue_url=f"{aws.aws_endpoint_url}/000000000000/never")
    wrong = deployment.check_aws(missing)
    assert any("never-made" in sentence for sentence in wrong)
    assert any("/000000000000/never" in sentence for sentence in wrong)
    names = {bucket["Name"] for bucket in client(aws, "s3").list_buckets()["Buckets"]}
    assert "never-made" not in names
    assert not any(sentence.startswith(("catalog", "engine local")) for sentence in wrong)
    with pytest.raises(ConfigurationError, match="VODFLOW_AWS_ENDPOINT_URL is not set"):
        deployment.make_resources(set_settings(aws_endpoint_url=""), 0)


def test_a_part_on_this_machine_that_reports_is_healthy(
    empty_database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(AIRFLOW_URL, empty_database)
    monkeypatch.setattr("socket.gethostname", lambda: "here")
    with contextlib.closing(psycopg2.connect(changed(empty_database, drivername="postgresql"))) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute(
            "CREATE TABLE job (job_type text, state text, hostname text, start_date timestamptz,"
            " latest_heartbeat timestamptz)"
        )
        insert = "INSERT INTO job VALUES ('TriggererJob', 'running', %s, now() - interval %s, now() - interval %s)"
        cursor.execute(insert, ("elsewhere", "1 hour", "1 s"))
        assert main(["triggerer"]) == 1
        assert "has not reported yet" in capsys.readouterr().err
        check_heartbeat(connection, "triggerer")
        cursor.execute(insert, ("here", "2 hours", "90 s"))
        assert main(["triggerer"]) == 1
        assert "reported 9" in capsys.readouterr().err
        cursor.execute(insert, ("here", "1 minute", "2 s"))
        assert main(["triggerer"]) == 0
    assert main(["webserver"]) == 2
    monkeypatch.setenv(AIRFLOW_URL, "postgresql+psycopg2://nobody:hidden@127.0.0.1:1/none")
    assert main(["scheduler"]) == 1
    assert "hidden" not in capsys.readouterr().err
