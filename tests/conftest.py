"""Session fixtures for every test: real PostgreSQL, real S3 and SQS, an Airflow metadata database.

Pytest loads these modules before any test module, so Airflow finds its environment set when it is first imported.
"""

import os
from collections.abc import Iterator

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


@pytest.hookimpl(tryfirst=True)  # before xdist reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The whole stack's tests begin: they take longest and mostly wait, while another worker does the rest.

    The tests of a file share its fixtures, those of the whole stack share that: each is one worker's.
    """
    items.sort(key=lambda item: not _of_whole_stack(item))
    for item in items:
        group = "stack" if _of_whole_stack(item) else item.nodeid.partition("::")[0]
        item.add_marker(pytest.mark.xdist_group(group))


def _of_whole_stack(item: pytest.Item) -> bool:
    return "e2e" in item.path.parts


@pytest.fixture(autouse=True)
def _own_environment() -> Iterator[None]:
    """No test finds what another one made of the environment, nor the settings read from it."""
    before = dict(os.environ)
    get_settings.cache_clear()
    yield
    if dict(os.environ) != before:
        os.environ.clear()
        os.environ.update(before)
