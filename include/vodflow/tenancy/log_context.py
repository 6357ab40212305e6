"""Whose work a line of a log is about: known to every line that is written while it is done.

A task, a request or a command works for one tenant at a time; who formats the lines finds its slug in the attribute
``tenant`` of each record, empty where the work is nobody's alone.
"""

from __future__ import annotations

import logging
import sys
from contextvars import ContextVar

from vodflow.catalog.database import acting_tenant

_subject: ContextVar[str] = ContextVar("subject", default="")


def working_for(tenant: str) -> None:
    """From here on, what this context logs is about a tenant.

    :param tenant: slug
    """
    _subject.set(tenant)
    # Where Airflow runs a task, this is what makes the lines of its log; it is loaded then.
    if (structlog := sys.modules.get("structlog")) is not None:
        structlog.contextvars.bind_contextvars(tenant=tenant)


def current_tenant() -> str:
    """Slug of the tenant that this context works or acts for; empty where it is none's alone."""
    return acting_tenant() or _subject.get()


class TenantFilter(logging.Filter):
    """Gives each record of a handler the attribute ``tenant``."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let it pass, with its tenant."""
        record.tenant = current_tenant()
        return True
