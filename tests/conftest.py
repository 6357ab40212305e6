"""Session fixtures for every test: real PostgreSQL, real S3 and SQS, an Airflow metadata database.

Pytest loads these modules before any test module, so Airflow finds its environment set when it is first imported.
"""

import gc
import os
import threading
from collections.abc import Iterator

import psutil
import pytest
from support import covered
from vodflow.settings import get_settings
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

WHOLE_STACK = "tests/e2e/"

#: For one test of pages: above that of one playback, below that of all tests.
PAGE_SECONDS = 280.0

pytest_plugins = [
    "support.fixtures.airflow",
    "support.fixtures.api",
    "support.fixtures.aws",
    "support.fixtures.dynamodb",
    "support.fixtures.golden",
    "support.fixtures.kubernetes",
    "support.fixtures.mediaconvert",
    "support.fixtures.mediaconvert_site",
    "support.fixtures.pages",
    "support.fixtures.parts",
    "support.fixtures.postgres",
    "support.fixtures.june",
    "support.fixtures.receiver",
    "support.fixtures.doors",
    "support.fixtures.small_disk",
    "support.fixtures.stack",
    "support.fixtures.today",
]


class ByFixtures(LoadFileScheduling):
    """Gives each file to one worker, for its tests share fixtures; so do all files of the whole stack's tests."""

    def _split_scope(self, nodeid: str) -> str:
        return WHOLE_STACK if nodeid.startswith(WHOLE_STACK) else super()._split_scope(nodeid)


def pytest_configure(config: pytest.Config) -> None:
    if covered.PLUGIN is not None:
        config.pluginmanager.register(covered.PLUGIN)


def pytest_collection_finish() -> None:
    """What is imported stays: the collector need not look at millions of objects again and again."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(optionalhook=True)  # for runs without xdist
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling:
    return ByFixtures(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The whole stack's tests begin: they take longest and mostly wait, while another worker does the rest.

    Those that need a cluster, or long, are left out unless ``-m`` asks for them.
    """
    for marker in ("kubernetes", "soak"):
        if marker not in config.option.markexpr:
            left_out = [item for item in items if item.get_closest_marker(marker)]
            config.hook.pytest_deselected(items=left_out)
            items[:] = [item for item in items if item not in left_out]
    items.sort(key=lambda item: not item.nodeid.startswith(WHOLE_STACK))


@pytest.fixture(autouse=True)
def _own_environment() -> Iterator[None]:
    """No test finds what another one made of the environment, nor the settings read from it."""
    os.environ.pop("COLUMNS", None)  # some programs of the session set it; commands would fold what they print
    before = dict(os.environ)
    get_settings.cache_clear()
    yield
    if dict(os.environ) != before:
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture(autouse=True)
def _end_hanging_pages(request: pytest.FixtureRequest) -> Iterator[None]:
    """What a page is asked and never answers has no limit, and Playwright's loop swallows the one that pytest sets."""
    if request.node.get_closest_marker("browser") is None:
        yield
        return
    timer = threading.Timer(PAGE_SECONDS, _kill_browsers)
    timer.daemon = True
    timer.start()
    yield
    timer.cancel()


def _kill_browsers() -> None:
    for process in psutil.Process().children(recursive=True):
        if "chrom" in process.name():
            process.kill()
