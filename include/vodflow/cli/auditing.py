"""Commands that change something say so in the audit trail, as routes do."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from typing import Any

from vodflow.catalog.audit import add_event
from vodflow.catalog.database import transaction


def person() -> str:
    """Who runs the command."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):  # an account without a name, as containers have
        return "cli"


def note(action: str, thing: str, *, tenant: str | None = None, detail: Mapping[str, Any] | None = None) -> None:
    """Note what a command has changed.

    :param action: ``tenants.suspend``
    :param thing: what was changed: ``tenant acme``
    :param tenant: slug of whose it is
    :param detail: what changed, for JSON and without secrets
    """
    with transaction("cli") as connection:
        add_event(connection, action, thing, actor=person(), actor_kind="command", tenant=tenant, detail=detail)
