"""What the image of a team adds works together: releases of Celery have broken Airflow's provider."""

from __future__ import annotations

import subprocess
import sys

import pytest

MODULES = (
    "airflow.providers.celery.executors.celery_executor",
    "airflow.providers.celery.executors.celery_executor_utils",
    "airflow.providers.cncf.kubernetes.executors.kubernetes_executor",
    "airflow.providers.fab.auth_manager.fab_auth_manager",
    "authlib.integrations.flask_client",
    "celery.backends.database",
    "redis",
)


@pytest.mark.airflow
def test_the_providers_can_be_imported() -> None:
    """In a process of its own: they change what is imported after them."""
    script = "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)"
    done = subprocess.run(
        [sys.executable, "-c", script, *MODULES], capture_output=True, text=True, timeout=250, check=False
    )
    assert done.returncode == 0, done.stderr
