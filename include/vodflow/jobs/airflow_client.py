"""Airflow's public REST API, for programs and people outside Airflow: start, look at, stop and restart runs.

Tasks inside Airflow need none of it; they start runs over their own channel to the API server.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import quote

import httpx

from vodflow.errors import AirflowError, ConfigurationError, VodflowError
from vodflow.settings import Settings, get_settings

#: States in which a DAG run stays.
FINAL_STATES = frozenset({"success", "failed"})

#: Seconds between two looks at a run.
_POLL = 0.5
#: How often a run is asked for until it is known to be there.
_STARTS = 3


@dataclass(frozen=True, slots=True)
class Run:
    """One DAG run.

    :param state: ``queued``, ``running``, ``success`` or ``failed``
    :param conf: what it was started with
    """

    run_id: str
    state: str
    conf: Mapping[str, Any]

    @property
    def over(self) -> bool:
        """Whether it ended; a person may still clear it."""
        return self.state in FINAL_STATES


class AirflowClient:
    """One Airflow, by its REST API. Thread-safe; use it as a context manager, or call :meth:`close`.

    :param token: bearer token; none means that user and password get one from ``/auth/token``
    :param timeout: seconds for one call
    """

    def __init__(
        self,
        url: str,
        *,
        user: str | None = None,
        password: str | None = None,
        token: str | None = None,
        timeout: float = 20.0,
    ) -> None:
        self._client = httpx.Client(base_url=url.rstrip("/"), timeout=timeout)
        self._login = {"username": user, "password": password}
        self._token = token
        if token:
            self._client.headers["Authorization"] = f"Bearer {token}"

    @classmethod
    def of(cls, settings: Settings | None = None) -> Self:
        """The Airflow that the settings name.

        :raises ConfigurationError: they name none, or no credentials for it
        """
        used = settings or get_settings()
        if used.airflow_url is None:
            raise ConfigurationError(
                "Set VODFLOW_AIRFLOW_URL and either VODFLOW_AIRFLOW_TOKEN or VODFLOW_AIRFLOW_USER and "
                "VODFLOW_AIRFLOW_PASSWORD: runs are started and stopped over Airflow's REST API."
            )
        token, password = used.airflow_token, used.airflow_password
        if token is None and (used.airflow_user is None or password is None):
            raise ConfigurationError(
                "Airflow asks who you are: set VODFLOW_AIRFLOW_TOKEN, or VODFLOW_AIRFLOW_USER and "
                "VODFLOW_AIRFLOW_PASSWORD."
            )
        return cls(
            used.airflow_url,
            user=used.airflow_user,
            password=password.get_secret_value() if password else None,
            token=token.get_secret_value() if token else None,
            timeout=used.airflow_timeout,
        )

    def __enter__(self) -> Self:
        """Nothing is sent before the first call."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def health(self) -> dict[str, str]:
        """Each component with its status, ``healthy`` or not.

        :raises AirflowError: Airflow does not answer
        """
        answer = self._checked(self._send("GET", "/api/v2/monitor/health"))
        return {name: str(part.get("status")) for name, part in answer.items() if isinstance(part, dict)}

    def authenticate(self) -> None:
        """Find out whether the credentials work.

        :raises AirflowError: they do not, or Airflow does not answer
        """
        self._call("GET", "/api/v2/dags", params={"limit": 1})

    def run(self, dag_id: str, run_id: str) -> Run | None:
        """A DAG run; none when there is no such run."""
        document = self._of_run("GET", _run_path(dag_id, run_id))
        if document is None:
            return None
        return Run(str(document["dag_run_id"]), str(document["state"]), document.get("conf") or {})

    def run_state(self, dag_id: str, run_id: str) -> str | None:
        """The state of a DAG run; none when there is no such run."""
        found = self.run(dag_id, run_id)
        return None if found is None else found.state

    def start_run(self, dag_id: str, conf: Mapping[str, Any] | None = None) -> str:
        """Start a run by hand and return its id."""
        body = {"logical_date": None, "conf": dict(conf or {})}
        return str(self._call("POST", _runs_path(dag_id), json=body)["dag_run_id"])

    def ensure_run(self, dag_id: str, run_id: str, conf: Mapping[str, Any], *, note: str | None = None) -> bool:
        """Start the run of this id, once: true when it is new, false when it exists already.

        It is believed when Airflow refuses another run of this id: Airflow answers before it commits, and the run is
        lost where the API server, or its database, dies in between.

        :raises AirflowError: the DAG is unknown, the conf breaks its Params, or Airflow does not answer (retryable)
        """
        body = {"dag_run_id": run_id, "logical_date": None, "conf": dict(conf), "note": note}
        for started in range(_STARTS):
            answer = self._request("POST", _runs_path(dag_id), json=body)
            if answer.status_code == httpx.codes.CONFLICT:
                return started > 0
            self._checked(answer)
        raise self._error(f"Run {run_id} of {dag_id} was started {_STARTS} times and is not there", retryable=True)

    def fail_run(self, dag_id: str, run_id: str) -> bool:
        """Mark a run failed, which kills its running tasks; false when there is no such run.

        A task that is killed, or deferred, ends what it started; the others of the run are skipped.
        """
        return self._of_run("PATCH", _run_path(dag_id, run_id), json={"state": "failed"}) is not None

    def has_running_tasks(self, dag_id: str, run_id: str) -> bool:
        """Whether a process works on one of the run's tasks just now; deferred tasks have none."""
        query = {"state": "running", "limit": 1}
        found = self._of_run("GET", f"{_run_path(dag_id, run_id)}/taskInstances", params=query)
        return found is not None and bool(found["task_instances"])

    def clear_run(self, dag_id: str, run_id: str) -> bool:
        """Run all tasks of a run again, from the first on; false when there is no such run."""
        what = {"dry_run": False, "only_failed": False}
        return self._of_run("POST", f"{_run_path(dag_id, run_id)}/clear", json=what) is not None

    def wait_for_run(self, dag_id: str, run_id: str, timeout: float = 120.0) -> str:
        """Wait until a run is over and return its state.

        :raises AirflowError: it is not over in time
        """
        deadline = time.monotonic() + timeout
        while (state := self.run_state(dag_id, run_id)) not in FINAL_STATES:
            if time.monotonic() > deadline:
                raise self._error(
                    f"Run {run_id} of {dag_id} is {state} after {timeout:.0f} s; look at it in Airflow's UI",
                    retryable=True,
                )
            time.sleep(_POLL)
        return str(state)

    def _of_run(self, method: str, path: str, **kwargs: Any) -> dict[str, Any] | None:
        """What Airflow answers about a run; none when there is no such run."""
        answer = self._request(method, path, **kwargs)
        return None if answer.status_code == httpx.codes.NOT_FOUND else self._checked(answer)

    def _call(self, method: str, path: str, **kwargs: Any) -> dict[str, Any]:
        return self._checked(self._request(method, path, **kwargs))

    def _request(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        """Send with a token; once more with a new one when it has run out."""
        if "Authorization" not in self._client.headers:
            self._log_in()
        answer = self._send(method, path, **kwargs)
        if answer.status_code == httpx.codes.UNAUTHORIZED and not self._token:
            self._log_in()
            answer = self._send(method, path, **kwargs)
        return answer

    def _log_in(self) -> None:
        answer = self._checked(self._send("POST", "/auth/token", json=self._login))
        self._client.headers["Authorization"] = f"Bearer {answer['access_token']}"

    def _send(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        try:
            return self._client.request(method, path, **kwargs)
        except httpx.HTTPError as error:
            raise self._error(
                f"Airflow does not answer at {self._client.base_url}: {error or type(error).__name__}",
                code="connection",
                retryable=True,
            ) from error

    def _checked(self, answer: httpx.Response) -> dict[str, Any]:
        status = answer.status_code
        if answer.is_success:
            try:
                document = answer.json()
            except ValueError:
                document = None
            if isinstance(document, dict):
                return document
            raise self._error(f"{answer.request.url} did not answer as Airflow's REST API does", code=str(status))
        hints: dict[int, str] = {
            httpx.codes.UNAUTHORIZED: " Check the token, or user and password.",
            httpx.codes.FORBIDDEN: " The user may not do this.",
            httpx.codes.NOT_FOUND: " Is the DAG there, without import errors? Is it Airflow 3?",
        }
        raise self._error(
            f"Airflow answered {status} to {answer.request.method} {answer.request.url.path}: {answer.text[:500]}."
            f"{hints.get(status, '')}",
            code=str(status),
            retryable=answer.is_server_error or status == httpx.codes.TOO_MANY_REQUESTS,
        )

    def _error(self, message: str, *, code: str | None = None, retryable: bool = False) -> VodflowError:
        return AirflowError(message, code=code, retryable=retryable)


def _runs_path(dag_id: str) -> str:
    return f"/api/v2/dags/{quote(dag_id, safe='')}/dagRuns"


def _run_path(dag_id: str, run_id: str) -> str:
    return f"{_runs_path(dag_id)}/{quote(run_id, safe='')}"
