"""The application as ``vodflow api serve`` serves it: for callers outside Airflow."""

from __future__ import annotations

import gc
import os
import shutil
import socket
import tempfile
from typing import Final

import uvicorn

from vodflow.api.app import make_api
from vodflow.api.authentication.airflow_tokens import AirflowTokens
from vodflow.api.authentication.api_keys import ApiKeys
from vodflow.api.authentication.service_tokens import ServiceTokens
from vodflow.api.callers import Authenticator, Caller
from vodflow.api.connections import BoundedConnection
from vodflow.api.guard import Application
from vodflow.api.metrics import SHARED_FOLDER
from vodflow.jobs.airflow_client import AirflowClient
from vodflow.settings import Settings, get_settings
from vodflow.tenancy.log_context import TenantFilter

#: Of every process of the server, on standard error.
_LOGGING: Final = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"tenant": {"()": TenantFilter}},
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s [%(tenant)s] %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["tenant"]}},
    "root": {"level": "INFO", "handlers": ["stderr"]},
    "loggers": {"httpx": {"level": "WARNING"}},
}

#: Callers wait for what is asked of S3: where it is silent, they hear so sooner than tasks give up.
_PATIENCE: Final = {"VODFLOW_AWS_READ_TIMEOUT": "20", "VODFLOW_AWS_ATTEMPTS": "2"}

#: Seconds that requests have to end once the server is asked to stop.
GRACE: Final = 20


def make_app(settings: Settings | None = None) -> Application:
    """The application with every way to prove who one is that the settings know.

    :raises ConfigurationError: a key of the settings is none
    """
    used = settings or get_settings()
    ways: list[Authenticator] = [ApiKeys(used), ServiceTokens(used), AirflowTokens(used)]
    return make_api(ways, airflow=lambda caller: airflow_for(caller, used), settings=used)


def serving_app() -> Application:
    """The same, in a process that does nothing else."""
    app = make_app()
    # What is there now stays: the collector need not look at a million objects again and again, while players wait.
    gc.collect()
    gc.freeze()
    return app


def airflow_for(caller: Caller, settings: Settings) -> AirflowClient:
    """Airflow with the rights of its own user, and for all others with those of the settings.

    :raises ConfigurationError: the settings name no Airflow, or no credentials for it
    """
    if caller.credential is None or settings.airflow_url is None:
        return AirflowClient.of(settings)
    return AirflowClient(settings.airflow_url, token=caller.credential, timeout=settings.airflow_timeout)


def serve(host: str, port: int, workers: int = 1) -> None:
    """Serve until SIGTERM or SIGINT; requests that are being answered then have some seconds to end.

    :raises ConfigurationError: a setting is wrong
    :raises OSError: the address cannot be listened on
    """
    for name, value in _PATIENCE.items():
        os.environ.setdefault(name, value)
    get_settings.cache_clear()
    # What is wrong shows here, in one sentence, and not in every worker.
    make_app()
    with socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET):
        pass
    folder = tempfile.mkdtemp(prefix="vodflow-metrics-") if workers > 1 else None
    if folder is not None:
        os.environ[SHARED_FOLDER] = folder  # before the first worker is started
    try:
        uvicorn.run(
            "vodflow.api.served:serving_app", factory=True, host=host, port=port, workers=workers, loop="uvloop",
            http=BoundedConnection, ws="none", lifespan="off", server_header=False, timeout_keep_alive=30,
            timeout_graceful_shutdown=GRACE, log_level="info", log_config=_LOGGING,
            access_log=False,  # it would write down what is secret in addresses; the guard has lines of its own
        )  # fmt: skip
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
