"""Bring Airflow's database to the installed version and set its pools: ``prepare_airflow.py [POOL=SLOTS ...]``.

One process for both, because importing Airflow costs more than either. Without arguments the pools are those of the
settings. Where ``AIRFLOW_ADMIN_PASSWORD`` is set, the simple auth manager is given it for the user admin.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from airflow.models.pool import Pool
from airflow.utils.db import upgradedb
from vodflow.stack.config import write_private
from vodflow.stack.databases import pools

_PASSWORDS = "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"


def main(arguments: list[str]) -> None:
    """Migrate, then create or resize the pools."""
    wanted = {name: int(slots) for name, _, slots in (argument.partition("=") for argument in arguments)} or pools()
    upgradedb()
    for name, slots in wanted.items():
        Pool.create_or_update_pool(name, slots=slots, description="Set by Vodflow", include_deferred=False)
    if password := os.environ.get("AIRFLOW_ADMIN_PASSWORD"):
        write_private(Path(os.environ[_PASSWORDS]), json.dumps({"admin": password}))


if __name__ == "__main__":
    main(sys.argv[1:])
