"""What routes work with."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import quote

from starlette.requests import Request

from vodflow.api.callers import Caller
from vodflow.api.metrics import Metrics
from vodflow.errors import ConfigurationError
from vodflow.jobs.airflow_client import AirflowClient
from vodflow.settings import Settings


@dataclasses.dataclass(frozen=True)
class Services:
    """What every route may use.

    :param airflow: a client, to be closed, with the rights of a caller
    :param run_priority: gives a run's tasks another priority, where Airflow itself serves the application; none means
        that a new priority holds in the catalog alone, for Airflow's REST API cannot change that of a run
    """

    settings: Settings
    airflow: Callable[[Caller], AirflowClient]
    metrics: Metrics = dataclasses.field(default_factory=Metrics)
    run_priority: Callable[[str, int], None] | None = None


def services(request: Request) -> Services:
    """Those of the application that answers this request."""
    found: Services = request.app.state.services
    return found


def address_of(request: Request, *path: object) -> str:
    """Path of a thing below ours, as who asks this application reaches it, wherever it is mounted.

    :param path: its parts: ``address_of(request, "api/v1/jobs", 12)``
    """
    first, *names = map(str, path)
    return "/".join([request.scope.get("root_path", ""), first, *(quote(name, safe="") for name in names)])


@contextmanager
def airflow_of(request: Request, caller: Caller) -> Iterator[AirflowClient | None]:
    """Airflow with the caller's rights, for as long as the block lasts; none where no Airflow is named."""
    try:
        client = services(request).airflow(caller)
    except ConfigurationError:
        yield None
        return
    with client:
        yield client
