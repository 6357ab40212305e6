"""Writing facts to the catalog that must not be lost."""

from __future__ import annotations

import logging
from collections.abc import Callable

from sqlalchemy import Connection
from tenacity import before_sleep_log, retry, retry_if_exception, stop_after_delay, wait_exponential_jitter

from vodflow.catalog.database import transaction
from vodflow.errors import VodflowError

log = logging.getLogger(__name__)

#: Seconds for which the catalog may be away at the end of a step before the work is left to a retry.
CATALOG_PATIENCE = 120.0


def _is_retryable(error: BaseException) -> bool:
    return isinstance(error, VodflowError) and error.retryable


@retry(
    retry=retry_if_exception(_is_retryable),
    wait=wait_exponential_jitter(multiplier=0.5, max=10),
    stop=stop_after_delay(CATALOG_PATIENCE),
    before_sleep=before_sleep_log(log, logging.WARNING),
    reraise=True,
)
def record(actor: str, change: Callable[[Connection], object]) -> None:
    """Write a fact that must not be lost, with patience for a catalog that restarts.

    :raises CatalogError: the catalog stayed away, or refuses the change
    """
    with transaction(actor) as connection:
        change(connection)
