"""Session fixtures for every test: real PostgreSQL, real S3 and SQS, an Airflow metadata database.

Pytest loads these modules before any test module, so Airflow finds its environment set when it is first imported.
"""

import pytest
from vodflow.settings import get_settings

pytest_plugins = [
    "fixtures.airflow",
    "fixtures.aws",
    "fixtures.dynamodb",
    "fixtures.golden",
    "fixtures.mediaconvert",
    "fixtures.mediaconvert_site",
    "fixtures.parts",
    "fixtures.postgres",
    "fixtures.receiver",
    "fixtures.stack",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of the whole stack come last: it starts when the others are done, and takes no processor from them."""
    items.sort(key=lambda item: "/e2e/" in item.nodeid or item.nodeid.startswith("tests/e2e/"))


@pytest.fixture(autouse=True)
def _own_settings() -> None:
    """No test finds the settings that another one made of its environment."""
    get_settings.cache_clear()
