"""The stack's two databases on a real server."""

from __future__ import annotations

import contextlib

import pytest
from vodflow.errors import StackError
from vodflow.stack import databases
from vodflow.stack.config import StackConfig
from vodflow.stack.databases import pools, prepare_databases
from vodflow.stack.environment import child_environment
from vodflow.stack.home import Home
from vodflow.stack.postgres import connect

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def _server(postgres: object, stack_home: Home) -> None:
    """The session's server; the stack's own databases are not used by other tests."""
    stack_home.airflow.mkdir(exist_ok=True)


def query(config: StackConfig, role: str, statement: str) -> list[tuple[object, ...]]:
    with contextlib.closing(connect(config, role, 30)) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall()) if cursor.description else []


def prepare(home: Home, config: StackConfig) -> None:
    prepare_databases(home, config, child_environment(home))


def test_both_databases_are_migrated_once_and_each_role_owns_its_own(
    stack_home: Home, stack_config: StackConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(stack_home, stack_config)

    slots = dict(query(stack_config, "airflow", "SELECT pool, slots FROM slot_pool"))
    assert slots == pools()
    assert query(stack_config, "vodflow", "SELECT count(*) FROM job") == [(0,)]
    owners = "SELECT datname, rolname FROM pg_database JOIN pg_roles ON datdba = pg_roles.oid"
    assert {("airflow", "airflow"), ("vodflow", "vodflow")} <= set(query(stack_config, "postgres", owners))
    assert query(stack_config, "vodflow", "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") == [(False,)]

    # Only Airflow may lose its last moments to a crash.
    assert query(stack_config, "airflow", "SHOW synchronous_commit") == [("off",)]
    assert query(stack_config, "vodflow", "SHOW synchronous_commit") == [("on",)]

    rounds = "SELECT DISTINCT rolpassword ~ '^SCRAM-SHA-256.1:' FROM pg_authid WHERE rolname IN ('airflow', 'vodflow')"
    assert query(stack_config, "postgres", rounds) == [(True,)]

    def no_process(*_: object) -> None:
        pytest.fail("nothing changed, so nothing may be started")

    monkeypatch.setattr(databases, "_start", no_process)
    prepare(stack_home, stack_config)


def test_a_failed_migration_names_its_log_and_is_tried_again(
    stack_home: Home, stack_config: StackConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(stack_home, stack_config)
    monkeypatch.setattr(databases, "_catalog_stamp", lambda: "another version")
    environment = {**child_environment(stack_home), "VODFLOW_CATALOG_URL": "postgresql+psycopg2://127.0.0.1:1/none"}
    with pytest.raises(StackError, match=r"prepare-catalog ended with exit code 1, see .*prepare-catalog\.log"):
        prepare_databases(stack_home, stack_config, environment)

    prepare(stack_home, stack_config)
    comment = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = 'vodflow'"
    assert query(stack_config, "postgres", comment) == [("another version",)]
