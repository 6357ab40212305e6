"""What of the caller's environment reaches the installers."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts/bootstrap.py"


@pytest.fixture(scope="module")
def bootstrap() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bootstrap", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    "name", ["PATH", "HTTPS_PROXY", "PIP_INDEX_URL", "PIP_CERT", "UV_DEFAULT_INDEX", "UV_CACHE_DIR", "UV_HTTP_TIMEOUT"]
)
def test_how_to_fetch_is_the_callers(bootstrap: ModuleType, name: str) -> None:
    assert bootstrap.is_harmless(name)


@pytest.mark.parametrize(
    "name", ["PIP_TARGET", "PIP_PREFIX", "PIP_USER", "UV_PYTHON", "UV_SYSTEM_PYTHON", "VIRTUAL_ENV", "PYTHONPATH"]
)
def test_what_to_install_and_where_is_ours(bootstrap: ModuleType, name: str) -> None:
    assert not bootstrap.is_harmless(name)


def test_a_cache_folder_that_can_be_made(bootstrap: ModuleType, tmp_path: Path) -> None:
    assert bootstrap.can_write(tmp_path / "new" / "cache")
