"""A POST that is sent again is carried out once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient
from vodflow.catalog import idempotency as records
from vodflow.catalog.database import transaction

pytestmark = pytest.mark.integration
Call = Callable[..., TestClient]
KEY = "11111111-2222-3333-4444-555555555555"


def post(client: TestClient, name: str = "a", key: str | None = KEY, path: str = "/things"):
    return client.post(path, json={"name": name}, headers={"Idempotency-Key": key} if key else {})


def rows() -> list:
    with transaction("test") as connection:
        return list(connection.execute(text("SELECT * FROM idempotency_record")))


def change(statement: str) -> None:
    with transaction("test") as connection:
        connection.execute(text(statement))


def test_the_same_request_gets_the_same_answer(call: Call, small) -> None:
    client = call()
    first, again = post(client), post(client)
    assert first.status_code == again.status_code == 201
    assert first.content == again.content
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["location"] == first.headers["location"] == "/things/1"
    assert again.headers["content-type"] == first.headers["content-type"]
    assert small.made == ["a"]
    assert post(client, key=None).json()["made"] == 2
    assert post(client, key="another-key-1").json()["made"] == 3


def test_a_key_is_for_one_request(call: Call, small) -> None:
    client = call()
    post(client)
    for other in (post(client, "b"), post(client, path="/things?x=1")):
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert small.made == ["a"]


def test_keys_of_others_mean_nothing(call: Call, small) -> None:
    assert [post(call(tenant)).json()["made"] for tenant in (None, "acme", "globex", "acme")] == [1, 2, 3, 2]


@pytest.mark.parametrize("key", ["short", "x" * 256, "with space", "with\ttab"])
def test_a_key_has_a_form(call: Call, small, key: str) -> None:
    answer = post(call(), key=key)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert small.made == []


@pytest.mark.parametrize("name", ["refused", "away", "broken"])
def test_what_was_refused_is_not_kept(call: Call, small, name: str) -> None:
    client = call(raise_server_exceptions=False)
    assert post(client, name).status_code >= 400
    assert rows() == []
    assert post(client, "a").status_code == 201


def test_a_secret_in_an_answer_is_not_kept_in_clear(call: Call) -> None:
    client = call()
    answer = post(client, "hush")
    assert "secret of hush" in answer.text
    (row,) = rows()
    assert not any(word in str(value) for value in row for word in ("hush", KEY))
    assert post(client, "hush").content == answer.content


def test_a_race_is_carried_out_once(call: Call, small) -> None:
    client = call()
    small.gate.clear()
    with ThreadPoolExecutor(9) as pool:
        first = pool.submit(post, client)
        assert small.entered.wait(30)
        others = [pool.submit(post, client) for _ in range(8)]
        for other in others:
            answer = other.result(30)
            assert (answer.status_code, answer.json()["code"]) == (409, "request_in_progress")
            assert int(answer.headers["retry-after"]) > 0
        small.gate.set()
        assert first.result(30).status_code == 201
    assert small.made == ["a"]
    assert post(client).headers["idempotency-replayed"] == "true"


def test_many_at_the_same_moment_are_carried_out_once(call: Call, small) -> None:
    client, line = call(), threading.Barrier(8)

    def send(_: int):
        line.wait(30)
        return post(client).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(send, range(8)))
    assert set(statuses) <= {201, 409}
    assert 201 in statuses
    assert small.made == ["a"]


def test_a_process_that_died_holds_nobody_up_for_ever(call: Call, small) -> None:
    client = call()
    post(client)
    change(
        "UPDATE idempotency_record SET status = NULL, headers = NULL, body = NULL,"
        " locked_until = now() + interval '1 h'"
    )
    assert post(client).status_code == 409
    change("UPDATE idempotency_record SET locked_until = now() - interval '1 s'")
    # Another request is still another one.
    assert post(client, "b").status_code == 422
    assert post(client).json()["made"] == 2
    assert post(client).headers["idempotency-replayed"] == "true"


def test_whoever_was_thought_dead_changes_nothing_any_more(catalog) -> None:
    def begin() -> tuple[bool, records.Kept]:
        with transaction("test") as connection:
            return records.begin(connection, "me", "key", "print")

    _, slow = begin()
    change("UPDATE idempotency_record SET locked_until = now() - interval '1 s'")
    first, other = begin()
    assert first
    with transaction("test") as connection:
        records.finish(connection, slow, 201, {}, "of the slow one")
        records.give_up(connection, slow)
    assert begin() == (False, other)
    with transaction("test") as connection:
        records.finish(connection, other, 200, {"a": "b"}, "of the other one")
    _, kept = begin()
    assert (kept.status, kept.headers, kept.body) == (200, {"a": "b"}, "of the other one")


def test_answers_are_kept_for_a_day(call: Call, small) -> None:
    client = call()
    post(client)
    change("UPDATE idempotency_record SET created_at = now() - interval '23 h'")
    assert post(client).headers["idempotency-replayed"] == "true"
    change("UPDATE idempotency_record SET created_at = now() - interval '24 h 1 s'")
    assert post(client, "b").json()["made"] == 2
    change("UPDATE idempotency_record SET created_at = now() - interval '26 h'")
    post(client, key="another-key-1")
    assert len(rows()) == 1


def test_only_posts_of_known_callers_have_keys(call: Call, small) -> None:
    client = call()
    assert client.put("/things/1", headers={"Idempotency-Key": KEY}).status_code == 200
    assert client.put("/things/1", headers={"Idempotency-Key": KEY}).json() == {"version": 3}
    nobody = call(proof="")
    assert nobody.post("/hooks", headers={"Idempotency-Key": KEY}).status_code == 200
    assert rows() == []
