"""The HTTP API as a part of the embedded stack."""

from __future__ import annotations

import functools
import sys
import urllib.request
from collections.abc import Mapping
from typing import Final

from vodflow.stack.config import StackConfig
from vodflow.stack.home import Home
from vodflow.stack.part import Part
from vodflow.stack.ports import HOST

PART: Final = "api"

#: Of Airflow's accounts, as which it starts and stops runs for callers who have none there.
ACCOUNT: Final = "operator"


def airflow_account(config: StackConfig) -> dict[str, str]:
    """Variables with which the API asks Airflow, at either of its homes."""
    return {
        "VODFLOW_AIRFLOW_URL": config.airflow_url,
        "VODFLOW_AIRFLOW_USER": ACCOUNT,
        "VODFLOW_AIRFLOW_PASSWORD": config.passwords[ACCOUNT],
    }


def api_part(home: Home, config: StackConfig, environment: Mapping[str, str]) -> Part:
    """How to start, check and stop the API."""
    return Part(
        name=PART,
        argv=(
            sys.executable, "-m", "vodflow", "api", "serve", "--host", HOST, "--port", str(config.ports[PART]),
        ),
        environment={**environment, **airflow_account(config)},
        folder=home.part_folder(PART),
        check=functools.partial(_check, config.api_url),
        after=("postgres", "databases"),
        url=config.api_url,
        patience=25.0,  # as long as requests have to end, and some air
    )  # fmt: skip


def _check(url: str, timeout: float) -> None:
    with urllib.request.urlopen(f"{url}/health", timeout=timeout):  # noqa: S310 - our own URL
        pass
