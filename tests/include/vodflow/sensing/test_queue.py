from __future__ import annotations

import pytest
from vodflow.sensing.queue import Message, messages_of_event


def test_messages_of_an_sqs_event() -> None:
    payload = {
        "status": "success",
        "message_batch": [{"MessageId": "1", "ReceiptHandle": "r", "Body": "b", "Other": 1}],
    }
    assert messages_of_event(payload) == [Message("b", "1", "r")]


@pytest.mark.parametrize(
    "payload",
    [
        None,
        "",
        [],
        {},
        {"message_batch": None},
        {"message_batch": "x"},
        {"message_batch": [None, 1, {"MessageId": "1"}]},
    ],
)
def test_other_payloads_hold_none(payload: object) -> None:
    assert messages_of_event(payload) == []
