"""Errors of the library as callers see them."""

from __future__ import annotations

import pytest
from vodflow.api.problems import Problem
from vodflow.catalog.database import NO_TENANT_ROLE
from vodflow.errors import CatalogError, CatalogUnavailable, ConfigurationError


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        (ConfigurationError("There is no profile x."), 422, True),
        (ConfigurationError("GRANT vodflow_tenant", code=NO_TENANT_ROLE), 503, False),
        (CatalogError("refused", code="22003"), 422, True),
        (CatalogError("refused", code="23505"), 409, True),
        (CatalogUnavailable("postgresql://10.0.0.1 is away"), 503, False),
    ],
)
def test_errors_have_a_status_and_what_stands_behind_is_for_the_log(error: Exception, status: int, told: bool) -> None:
    problem = Problem.of(error)  # type: ignore[arg-type]
    assert problem.status == status
    assert (problem.detail == str(error)) is told
