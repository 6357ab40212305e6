from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from vodflow.settings import Settings
from vodflow.tenancy import registry


@pytest.fixture
def settings(catalog: Settings) -> Settings:
    return catalog


@pytest.fixture
def configure(settings: Settings) -> Callable[..., None]:
    """``configure(profile="sd")`` gives the tenant acme these, and nothing else."""
    registry.create("acme", "Acme", settings)

    def change(**document: Any) -> None:
        registry.configure("acme", document, settings, by="test", assigned_too=True)

    return change
