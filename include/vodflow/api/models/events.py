"""What is answered to senders of events."""

from __future__ import annotations

from pydantic import BaseModel, Field

from vodflow.listeners import EventSource, Outcome


class EventTaken(BaseModel):
    """An event was taken."""

    status: Outcome = Field(
        description="`queued`: the pipelines read it soon; `ignored`: well formed and none of our business; "
        "`repeated`: it was queued when it came first; `subscribed`: the SNS topic sends its messages from now on"
    )
    source: EventSource | None = Field(description="who the event is from")
    event_id: str | None = Field(description="the sender's own id, where there is one")
