"""Bring Airflow's database to the installed version and set its pools: ``prepare_airflow.py [POOL=SLOTS ...]``.

One process for both, because importing Airflow costs more than either.
"""

from __future__ import annotations

import sys

from airflow.models.pool import Pool
from airflow.utils.db import upgradedb


def main(arguments: list[str]) -> None:
    """Migrate, then create or resize the pools."""
    note = "Set by the embedded stack"
    upgradedb()
    for argument in arguments:
        name, _, slots = argument.partition("=")
        Pool.create_or_update_pool(name, slots=int(slots), description=note, include_deferred=False)


if __name__ == "__main__":
    main(sys.argv[1:])
