"""Task of ``deliver_outcomes``: call one function of vodflow, return its counts."""

from __future__ import annotations

from airflow.sdk import task
from vodflow_airflow.errors import airflow_outcome


@task
def deliver() -> dict[str, int]:
    """Send the notifications and metadata updates that are due."""
    from vodflow.outcomes.announce import deliver_outcomes  # noqa: PLC0415

    with airflow_outcome():
        return deliver_outcomes()
