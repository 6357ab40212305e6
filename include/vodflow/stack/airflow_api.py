"""Airflow's REST API as the embedded stack's admin."""

from __future__ import annotations

from typing import Self

from vodflow.errors import StackError, VodflowError
from vodflow.jobs.airflow_client import FINAL_STATES, AirflowClient
from vodflow.stack.config import StackConfig

__all__ = ["ADMIN", "FINAL_STATES", "AirflowApi"]

#: Airflow's user in the embedded stack.
ADMIN = "admin"


class AirflowApi(AirflowClient):
    """Airflow's REST API as the stack's admin. Use it as a context manager. Its errors are ``StackError``."""

    def __init__(self, config: StackConfig) -> None:
        super().__init__(config.airflow_url, user=ADMIN, password=config.secrets.admin_password)

    def __enter__(self) -> Self:
        """Log in.

        :raises StackError: Airflow does not answer or refuses the password
        """
        self._log_in()
        return self

    def _error(self, message: str, *, code: str | None = None, retryable: bool = False) -> VodflowError:
        advice = "; see `make status`" if retryable else ""
        return StackError(f"{message}{advice}", code=code)
