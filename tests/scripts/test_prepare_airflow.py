"""The script that brings Airflow's database up to date, as `init` of docker-compose.yaml runs it: without arguments."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from vodflow.settings import Settings
from vodflow.stack.databases import pools

SCRIPT = Path(__file__).parents[2] / "scripts/prepare_airflow.py"


def test_without_pods_there_is_no_pool_for_them(set_settings: Callable[..., Settings]) -> None:
    set_settings(local_slots=2)
    assert pools() == {"default_pool": 64, "vodflow_local": 2, "vodflow_quality": 1}


@pytest.mark.airflow
def test_tables_pools_and_password_are_there_afterwards(tmp_path: Path) -> None:
    passwords, database = tmp_path / "passwords.json", tmp_path / "airflow.db"
    passwords.write_text('{"admin": "before"}')
    environment = {
        **os.environ,
        "AIRFLOW_HOME": str(tmp_path),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{database}",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
        "AIRFLOW_ADMIN_PASSWORD": 'it\'s "new"',
        "AIRFLOW_OPERATOR_PASSWORD": "operates",
        "AIRFLOW_VIEWER_PASSWORD": "views",
        "VODFLOW_LOCAL_SLOTS": "3",
        "VODFLOW_KUBERNETES_NAMESPACE": "video",
        "VODFLOW_KUBERNETES_IMAGE": "registry/vodflow-worker:1",
        "VODFLOW_KUBERNETES_PARTS": "20",
    }
    subprocess.run([sys.executable, str(SCRIPT)], check=True, env=environment, timeout=200, capture_output=True)
    with closing(sqlite3.connect(database)) as connection:
        made = dict(connection.execute("SELECT pool, slots FROM slot_pool").fetchall())
        counted = connection.execute("SELECT pool FROM slot_pool WHERE include_deferred").fetchall()
    assert made == {"default_pool": 64, "vodflow_local": 3, "vodflow_parts": 20, "vodflow_quality": 1}
    # Tasks whose pods work while they wait; others that wait take no slot.
    assert counted == [("vodflow_parts",)]
    assert json.loads(passwords.read_text()) == {"admin": 'it\'s "new"', "operator": "operates", "viewer": "views"}
    assert stat.S_IMODE(passwords.stat().st_mode) == 0o600
