"""The two databases of the stack: roles, schema migrations and pools, each done only when something changed.

What was applied is remembered as the database's own comment, so it can never disagree with the data folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import importlib.util
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vodflow.catalog.analyst import make_role
from vodflow.catalog.tenant_role import make_tenant_role
from vodflow.contract.engine_names import EngineName
from vodflow.errors import StackError
from vodflow.settings import get_settings
from vodflow.settings.engines import available_engines
from vodflow.stack.config import StackConfig
from vodflow.stack.home import Home
from vodflow.stack.postgres import connect

_CONNECT_TIMEOUT = 30.0
_MIGRATION_TIMEOUT = 300.0

#: Airflow pools and their slots: one engine each; ``default_pool`` takes the short tasks.
_DEFAULT_POOL_SLOTS = 64
#: Of parts that pods make, whose tasks wait without a worker.
PARTS_POOL = "vodflow_parts"
#: Of measuring quality, which gives way to encodes.
QUALITY_POOL = "vodflow_quality"


def pools() -> dict[str, int]:
    """Airflow pools of the embedded stack, name → slots."""
    settings = get_settings()
    made = {"default_pool": _DEFAULT_POOL_SLOTS, "vodflow_local": settings.local_slots, QUALITY_POOL: 1}
    return made | ({PARTS_POOL: settings.kubernetes_parts} if EngineName.KUBERNETES in available_engines() else {})


def prepare_databases(home: Home, config: StackConfig, environment: Mapping[str, str]) -> None:
    """Bring both databases to the state that this version of the code needs. Safe to run twice.

    :raises StackError: a migration failed; the message names its log
    """
    with contextlib.closing(connect(config, "postgres", _CONNECT_TIMEOUT)) as connection:
        _save_rounds_of_passwords(connection)
        make_database(connection, "airflow", config.secrets.airflow_password)
        make_database(connection, "vodflow", config.secrets.catalog_password)
        # Before the migrations, which grant these roles what they may read.
        make_role(connection, config.secrets.analyst_password)
        make_tenant_role(connection, "vodflow")
        _commit_without_waiting(connection, "airflow")
        airflow, catalog = _airflow_stamp(), _catalog_stamp()
        started = []
        if _comment(connection, "airflow") != airflow:
            setup = home.repository / "scripts" / "prepare_airflow.py"
            arguments = [str(setup), *(f"{name}={slots}" for name, slots in pools().items())]
            started.append(("airflow", airflow, _start(home, environment, "prepare-airflow", arguments)))
        if catalog is not None and _comment(connection, "vodflow") != catalog:
            arguments = ["-c", "from vodflow.catalog.migrate import upgrade; upgrade()"]
            started.append(("vodflow", catalog, _start(home, environment, "prepare-catalog", arguments)))
        _finish(home, connection, started)


def make_database(connection: Any, role: str, password: str, database: str | None = None) -> None:
    """Make a role and the database it owns, each if it is missing; the role has this password afterwards.

    :param connection: a psycopg2 connection in autocommit mode, of somebody who may make both
    :param database: none means the role's name
    """
    from psycopg2 import sql  # noqa: PLC0415 - only where a database is asked

    owner, name = sql.Identifier(role), database or role
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,))
        verb = "ALTER" if cursor.fetchone() else "CREATE"
        statement = sql.SQL(verb + " ROLE {} LOGIN PASSWORD {}")
        cursor.execute(statement.format(owner, sql.Literal(password)))
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
        if not cursor.fetchone():
            # Not template1, whose encoding is whatever the server was made with.
            make = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING 'UTF8'")
            cursor.execute(make.format(sql.Identifier(name), owner))


def _save_rounds_of_passwords(connection: Any) -> None:
    """Passwords that this connection sets cost a login one round, not 4,096: ours are random, nobody guesses them."""
    with connection.cursor() as cursor:
        cursor.execute("SET scram_iterations = 1")


def _commit_without_waiting(connection: Any, role: str) -> None:
    """Let a role's transactions end before they are on disk: Airflow makes dozens for a video, at 2 to 5 ms each.

    After a crash of the server or the machine its last half second may be missing, but never anything that a later
    commit of the catalog rests on: both share one log, and the catalog waits for all of it. A task whose end is missing
    is run again, as after any crash.
    """
    from psycopg2 import sql  # noqa: PLC0415 - only where a database is asked

    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("ALTER ROLE {} SET synchronous_commit = off").format(sql.Identifier(role)))


def _comment(connection: Any, database: str) -> str | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s", (database,))
        row = cursor.fetchone()
    return None if row is None else row[0]


def _airflow_stamp() -> str:
    versions = [
        f"{distribution.name}=={distribution.version}"
        for distribution in importlib.metadata.distributions(name="apache-airflow")
    ]
    return f"{','.join(versions)} pools {pools()}"


def _catalog_stamp() -> str | None:
    """Hash of the migration files, or none in a checkout without a catalog."""
    if importlib.util.find_spec("vodflow.catalog.migrate") is None:
        return None
    migrations = Path(__file__).resolve().parents[1] / "catalog" / "migrations"
    digest = hashlib.sha256()
    for path in sorted(path for path in migrations.rglob("*") if path.suffix in {".py", ".sql"}):
        digest.update(path.name.encode() + path.read_bytes())
    return f"migrations {digest.hexdigest()[:16]}"


def _start(
    home: Home, environment: Mapping[str, str], name: str, arguments: list[str]
) -> tuple[str, subprocess.Popen[bytes]]:
    folder = home.part_folder(name)
    folder.mkdir(parents=True, exist_ok=True)
    with home.log_file(name).open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=folder,
            env={**environment, "VODFLOW_PART": name},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    return name, process


def _finish(home: Home, connection: Any, started: list[tuple[str, str, tuple[str, subprocess.Popen[bytes]]]]) -> None:
    from psycopg2 import sql  # noqa: PLC0415 - only where a database is asked

    failed = []
    for database, stamp, (name, process) in started:
        try:
            code: int | str = process.wait(timeout=_MIGRATION_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            code = f"none after {_MIGRATION_TIMEOUT:.0f} s"
        if code:
            failed.append(f"{name} ended with exit code {code}, see {home.log_file(name)}")
            continue
        with connection.cursor() as cursor:
            statement = sql.SQL("COMMENT ON DATABASE {} IS {}")
            cursor.execute(statement.format(sql.Identifier(database), sql.Literal(stamp)))
    if failed:
        raise StackError("; ".join(failed))
