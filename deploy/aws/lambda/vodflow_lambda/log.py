"""One JSON object a line, which CloudWatch Logs Insights reads as fields."""

from __future__ import annotations

import json
import sys
from contextvars import ContextVar

#: The invocation that is carried out.
request_id: ContextVar[str | None] = ContextVar("request_id", default=None)


def log(level: str, event: str, **fields: object) -> None:
    """Write one line.

    :param event: what happened, the same words whenever the same thing happens
    """
    line = {"level": level, "event": event, "request_id": request_id.get(), **fields}
    sys.stdout.write(json.dumps({name: value for name, value in line.items() if value is not None}) + "\n")
    sys.stdout.flush()
