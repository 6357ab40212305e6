"""Sends events to a queue and a bus. An event is a row until it was taken, so none is lost while they are away."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from vodflow.contract.backoff import backoff

from local_mediaconvert.jobs.faults import Faults
from local_mediaconvert.jobs.store import Store

log = logging.getLogger(__name__)

#: SendMessageBatch and PutEvents take ten each.
_BATCH: Final = 10
#: Seconds until the next try after a failure: doubled each time.
_FIRST_DELAY: Final = 0.5
_LONGEST_DELAY: Final = 30.0

#: EventBridge refuses PutEvents from sources that begin with ``aws.``.
BUS_SOURCE: Final = "local.mediaconvert"

Send = Callable[[list[str]], list[int]]


class Outbox:
    """The rows and the thread that sends them.

    :param targets: name → how to send a batch; returns the places of those that are refused for good
    """

    def __init__(self, store: Store, targets: Mapping[str, Send], faults: Faults) -> None:
        self._store = store
        self._faults = faults
        self._changed = threading.Condition()
        self._stopping = False
        self._threads = [
            threading.Thread(target=self._run, args=(name, send), name=f"events-{name}", daemon=True)
            for name, send in targets.items()
        ]
        self._targets = tuple(targets)
        self._news = dict.fromkeys(targets, True)

    def start(self) -> None:
        """Begin to send, what an earlier process left included."""
        for thread in self._threads:
            thread.start()

    def stop(self, patience: float = 2.0) -> None:
        """Stop sending; what is left is sent at the next start.

        :param patience: seconds to wait for a request that is under way
        """
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        deadline = time.monotonic() + patience
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(max(0.0, deadline - time.monotonic()))

    def put(self, event: Mapping[str, Any]) -> None:
        """Add an event; call it in the transaction that changes the job, and :meth:`wake` after that."""
        now = time.time()
        body = json.dumps(event)
        with self._store.transaction() as db:
            for name in self._targets:
                for delay in self._faults.deliveries(event["detail"]["status"]):
                    db.execute("INSERT INTO outbox (due, target, body) VALUES (?, ?, ?)", (now + delay, name, body))

    def wake(self) -> None:
        """Send what is due."""
        with self._changed:
            self._news = dict.fromkeys(self._targets, True)
            self._changed.notify_all()

    def _run(self, name: str, send: Send) -> None:
        failures, retry_at = 0, 0.0
        while self._await_work(name, retry_at):
            failures = self._drain(name, send, failures)
            retry_at = time.monotonic() + backoff(failures, first=_FIRST_DELAY, longest=_LONGEST_DELAY)

    def _await_work(self, name: str, retry_at: float) -> bool:
        """Sleep until an event is due, and not before ``retry_at`` (monotonic); False when it is time to stop."""
        while True:
            with self._changed:
                if self._stopping:
                    return False
                self._news[name] = False
            # Never with the condition held: who wakes us may hold the store.
            row = self._store.row("SELECT min(due) AS due FROM outbox WHERE target = ?", name)
            pause = None
            if row is not None and row["due"] is not None:
                pause = max(float(row["due"]) - time.time(), retry_at - time.monotonic())
                if pause <= 0:
                    return True
            with self._changed:
                if not self._news[name] and not self._stopping:
                    self._changed.wait(pause)

    def _drain(self, name: str, send: Send, failures: int) -> int:
        """Send all that is due; the number of failures in a row."""
        while not self._stopping:
            rows = self._store.rows(
                "SELECT seq, body FROM outbox WHERE target = ? AND due <= ? ORDER BY due, seq LIMIT ?",
                name,
                time.time(),
                _BATCH,
            )
            if not rows:
                return 0
            try:
                refused = send([row["body"] for row in rows])
            except Exception as error:  # noqa: BLE001 - whatever happens there, the events are kept
                log.warning("%d events wait for the %s: %s", len(rows), name, error)
                return failures + 1
            for place in refused:
                log.error("The %s refuses an event for good: %s", name, rows[place]["body"])
            with self._store.transaction() as db:
                db.executemany("DELETE FROM outbox WHERE seq = ?", [(row["seq"],) for row in rows])
            failures = 0
        return failures


def to_queue(url: str) -> Send:
    """Send to an SQS queue: the body of a message is the event."""

    def send(bodies: list[str]) -> list[int]:
        from local_mediaconvert.aws import client  # noqa: PLC0415 - slow to import, and only needed with jobs

        entries: Any = [{"Id": str(place), "MessageBody": body} for place, body in enumerate(bodies)]
        answer = client("sqs").send_message_batch(QueueUrl=url, Entries=entries)
        failed = answer.get("Failed", [])
        if any(not item["SenderFault"] for item in failed):
            raise ConnectionError(f"SQS took {len(bodies) - len(failed)} of {len(bodies)} events")
        return [int(item["Id"]) for item in failed]

    return send


def to_bus(name: str) -> Send:
    """Send to an event bus, from :data:`BUS_SOURCE` because ``aws.mediaconvert`` is AWS's own."""

    def send(bodies: list[str]) -> list[int]:
        from local_mediaconvert.aws import client  # noqa: PLC0415 - as above

        events = [json.loads(body) for body in bodies]
        answer = client("events").put_events(
            Entries=[
                {
                    "Time": item["time"],
                    "Source": BUS_SOURCE,
                    "DetailType": item["detail-type"],
                    "Resources": item["resources"],
                    "Detail": json.dumps(item["detail"]),
                    "EventBusName": name,
                }
                for item in events
            ]
        )
        failed = [place for place, entry in enumerate(answer["Entries"]) if "ErrorCode" in entry]
        codes = {answer["Entries"][place]["ErrorCode"] for place in failed}
        if codes & {"InternalFailure", "InternalException", "ThrottlingException"}:
            raise ConnectionError(f"The bus took {len(bodies) - len(failed)} of {len(bodies)} events: {codes}")
        return failed

    return send
