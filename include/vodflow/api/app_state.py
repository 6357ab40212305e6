"""What routes work with."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from starlette.requests import Request

from vodflow.api.callers import Caller
from vodflow.api.metrics import Metrics
from vodflow.jobs.airflow_client import AirflowClient
from vodflow.settings import Settings


@dataclasses.dataclass(frozen=True)
class Services:
    """What every route may use.

    :param airflow: a client, to be closed, with the rights of a caller
    """

    settings: Settings
    airflow: Callable[[Caller], AirflowClient]
    metrics: Metrics = dataclasses.field(default_factory=Metrics)


def services(request: Request) -> Services:
    """Those of the application that answers this request."""
    found: Services = request.app.state.services
    return found
