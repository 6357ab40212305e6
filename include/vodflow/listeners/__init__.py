"""Events that arrive over HTTP: checked, and put into the queues that the pipelines read. See ``docs/listeners.md``.

:func:`handle` decides and changes nothing; :func:`listen` decides and queues. An HTTP server around them only reads the
request, calls :func:`listen`, and answers with the status and message it gets.
"""

from vodflow.listeners.handling import handle, listen
from vodflow.listeners.requests import Accepted, EventSource, Outcome, Refused, Request

__all__ = ["Accepted", "EventSource", "Outcome", "Refused", "Request", "handle", "listen"]
