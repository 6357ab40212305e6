"""Lines of a log say whose work they are about."""

from __future__ import annotations

import logging
from contextvars import Context

import structlog
from vodflow.catalog.database import acting_for
from vodflow.tenancy.log_context import TenantFilter, current_tenant, working_for


def test_records_have_a_tenant() -> None:
    def written() -> str:
        record = logging.LogRecord("vodflow", logging.INFO, "", 0, "x", (), None)
        assert TenantFilter().filter(record)
        return str(record.tenant)  # type: ignore[attr-defined]

    def work() -> list[str]:
        told = [written()]
        working_for("acme")
        told.append(written())
        with acting_for("globex"):
            told.append(written())
        return told

    before = current_tenant()
    assert Context().run(work) == ["", "acme", "globex"]
    assert current_tenant() == before


def test_airflows_lines_have_it() -> None:
    def work() -> object:
        working_for("acme")
        return structlog.contextvars.get_contextvars().get("tenant")

    assert Context().run(work) == "acme"
