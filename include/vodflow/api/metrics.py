"""Figures of the API for Prometheus. Labels are names of our own, so that nobody's request makes a new series."""

from __future__ import annotations

import os
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

#: The folder in which several processes of one server share their figures; prometheus_client reads this variable.
SHARED_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """The figures of one application."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "vodflow_api_requests",
            "Requests that were answered",
            ("method", "route", "status", "tenant"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "vodflow_api_request_seconds", "Seconds until the answer was sent", ("method", "route"),
            registry=self._registry, buckets=_BUCKETS,
        )  # fmt: skip
        self.in_progress = Gauge(
            "vodflow_api_requests_in_progress", "Requests that are being answered",
            registry=self._registry, multiprocess_mode="livesum",
        )  # fmt: skip

    def answered(self, method: str, route: str | None, status: int, seconds: float, tenant: str | None = None) -> None:
        """Count an answer.

        :param route: as it is written: ``/api/v1/jobs/{job_id}``; none for addresses that there are not
        :param tenant: slug of the caller's; none where it is the installation's, or nobody's
        """
        named = method if method in _METHODS else "other"
        where = route or "none"
        self._requests.labels(named, where, str(status), tenant or "").inc()
        self._seconds.labels(named, where).observe(seconds)

    def text(self) -> bytes:
        """All figures, in Prometheus' own form."""
        if SHARED_FOLDER in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
            return generate_latest(registry)
        return generate_latest(self._registry)
