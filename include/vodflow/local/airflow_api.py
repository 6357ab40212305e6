"""The few calls to Airflow's public REST API that the demo and the tests make."""

from __future__ import annotations

import time
from typing import Any, Self
from urllib.parse import quote

import httpx

from vodflow.errors import StackError
from vodflow.local.config import StackConfig

_TIMEOUT = 20.0
_POLL = 0.5
#: States in which a DAG run stays.
FINAL_STATES = frozenset({"success", "failed"})


class AirflowApi:
    """Airflow's REST API as the stack's admin. Use it as a context manager."""

    def __init__(self, config: StackConfig) -> None:
        self._client = httpx.Client(base_url=config.airflow_url, timeout=_TIMEOUT)
        self._password = config.secrets.admin_password

    def __enter__(self) -> Self:
        """Log in.

        :raises StackError: Airflow does not answer or refuses the password
        """
        answer = self._call("POST", "/auth/token", json={"username": "admin", "password": self._password})
        self._client.headers["Authorization"] = f"Bearer {answer['access_token']}"
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self._client.close()

    def run_state(self, dag_id: str, run_id: str) -> str | None:
        """The state of a DAG run; none when there is no such run."""
        answer = self._request("GET", f"/api/v2/dags/{dag_id}/dagRuns/{quote(run_id, safe='')}")
        return None if answer.status_code == httpx.codes.NOT_FOUND else str(self._checked(answer)["state"])

    def start_run(self, dag_id: str, conf: dict[str, Any] | None = None) -> str:
        """Start a run by hand and return its id."""
        body = {"logical_date": None, "conf": conf or {}}
        return str(self._call("POST", f"/api/v2/dags/{dag_id}/dagRuns", json=body)["dag_run_id"])

    def wait_for_run(self, dag_id: str, run_id: str, timeout: float = 120.0) -> str:
        """Wait until a run is over and return its state.

        :raises StackError: it is not over in time
        """
        deadline = time.monotonic() + timeout
        while (state := self.run_state(dag_id, run_id)) not in FINAL_STATES:
            if time.monotonic() > deadline:
                raise StackError(
                    f"Run {run_id} of {dag_id} is {state} after {timeout:.0f} s; look at it in Airflow's UI"
                )
            time.sleep(_POLL)
        return str(state)

    def _call(self, method: str, path: str, **kwargs: Any) -> dict[str, Any]:
        return self._checked(self._request(method, path, **kwargs))

    def _request(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        try:
            return self._client.request(method, path, **kwargs)
        except httpx.HTTPError as error:
            raise StackError(
                f"Airflow does not answer at {self._client.base_url}: {error}; see `make status`"
            ) from error

    @staticmethod
    def _checked(answer: httpx.Response) -> dict[str, Any]:
        if answer.is_error:
            raise StackError(f"Airflow answered {answer.status_code} to {answer.request.url.path}: {answer.text[:500]}")
        document: dict[str, Any] = answer.json()
        return document
