"""Whether a signed message came before. Without the catalog nobody knows, and it is taken in: whoever reads the queues
is used to events that come twice.
"""

from __future__ import annotations

import dataclasses
import hashlib
import logging
from collections.abc import Callable
from typing import Final

from vodflow.catalog import idempotency
from vodflow.catalog.database import acting_for, transaction
from vodflow.errors import CatalogError
from vodflow.listeners.requests import Accepted, Outcome, Refused
from vodflow.settings import Settings

log = logging.getLogger(__name__)

_CALLER: Final = "listener"


def once(decision: Accepted, settings: Settings, carry_out: Callable[[], Accepted | Refused]) -> Accepted | Refused:
    """Carry an event out unless the same message came before; what was refused may come again.

    :param decision: with the message's name in ``once``
    """
    name = hashlib.sha256(str(decision.once).encode("utf-8", "backslashreplace")).hexdigest()
    try:
        with acting_for(None), transaction(_CALLER, settings) as connection:
            first, kept = idempotency.begin(connection, _CALLER, name, name)
    except CatalogError as error:
        log.warning("Whether the message %s came before is not known: %s", decision.once, error)
        return carry_out()
    if not first:
        if kept.status is not None:
            return dataclasses.replace(decision, outcome=Outcome.REPEATED)
        return Refused(503, "The same message is being taken in just now; send it again later.")
    answer = carry_out()
    try:
        with acting_for(None), transaction(_CALLER, settings) as connection:
            if isinstance(answer, Accepted):
                idempotency.finish(connection, kept, answer.status, {}, "")
            else:
                idempotency.give_up(connection, kept)
    except CatalogError as error:
        log.warning("How the message %s ended is not noted: %s", decision.once, error)
    return answer
