"""Bring Airflow's database to the installed version and set its pools: ``prepare_airflow.py [POOL=SLOTS ...]``.

One process for both, because importing Airflow costs more than either. Without arguments the pools are those of the
settings. Where ``AIRFLOW_ADMIN_PASSWORD`` is set, the user admin has it afterwards: as an account of the FAB auth
manager, or in the file of the simple auth manager, and there likewise ``AIRFLOW_OPERATOR_PASSWORD`` and
``AIRFLOW_VIEWER_PASSWORD``.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from airflow.models.pool import Pool
from airflow.utils.db import upgradedb
from vodflow.errors import StackError
from vodflow.stack.config import ACCOUNTS, write_private
from vodflow.stack.databases import PARTS_POOL, pools

_MANAGER = "AIRFLOW__CORE__AUTH_MANAGER"
_PASSWORDS = "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"


def main(arguments: list[str]) -> None:
    """Migrate, then create or resize the pools."""
    wanted = {name: int(slots) for name, _, slots in (argument.partition("=") for argument in arguments)} or pools()
    upgradedb()
    for name, slots in wanted.items():
        # What pods do counts while its tasks wait for it without a worker.
        pods = name == PARTS_POOL
        Pool.create_or_update_pool(name, slots=slots, description="Set by Vodflow", include_deferred=pods)
    if password := os.environ.get("AIRFLOW_ADMIN_PASSWORD"):
        if os.environ.get(_MANAGER, "").endswith(".FabAuthManager"):
            keep_account("admin", "Admin", password)
        else:
            given = ((name, os.environ.get(f"AIRFLOW_{name.upper()}_PASSWORD")) for name in ACCOUNTS)
            write_private(Path(os.environ[_PASSWORDS]), json.dumps({name: word for name, word in given if word}))


def keep_account(name: str, role: str, password: str) -> None:
    """Make an account of the FAB auth manager, or give the one that is there this password; its roles stay.

    :raises StackError: the account cannot be made
    """
    from airflow.providers.fab.auth_manager.cli_commands.utils import (  # noqa: PLC0415 - only a team's image has it
        get_application_builder,
    )

    with get_application_builder() as builder:
        manager = builder.sm
        if user := manager.find_user(username=name):
            manager.reset_password(user.id, password)
        elif not manager.add_user(name, name, role, f"{name}@localhost", manager.find_role(role), password):
            raise StackError(f"Airflow has not made the account {name}: its log, above, says why.")


if __name__ == "__main__":
    main(sys.argv[1:])
