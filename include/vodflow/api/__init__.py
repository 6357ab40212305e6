"""Vodflow over HTTP: one application, mounted in Airflow's API server or served alone. See docs/api.md.

It knows no Airflow: whoever serves it says who may call (:class:`~vodflow.api.callers.Authenticator`) and with which
rights Airflow is asked.
"""

from vodflow.api.app import make_api

__all__ = ["make_api"]
