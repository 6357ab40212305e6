import os
import threading
import time

import pytest
from sqlalchemy import text
from support.fixtures.values import new_source
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed
from vodflow.catalog import sightings, sources
from vodflow.catalog.database import get_engine, transaction
from vodflow.catalog.dead_letters import NewDeadLetter, record_dead_letters
from vodflow.catalog.locks import try_lock
from vodflow.errors import CatalogError, CatalogUnavailable

pytestmark = pytest.mark.integration


def test_a_transaction_is_all_or_nothing(catalog):
    with pytest.raises(ZeroDivisionError), transaction("test") as conn:
        sightings.register_sources(conn, [new_source()])
        raise ZeroDivisionError
    with transaction("test") as conn:
        assert sources.undispatched_sources(conn, 1) == []


def test_the_pool_is_bounded(catalog, set_settings):
    settings = set_settings(catalog_pool_size=2, catalog_pool_limit=3, catalog_timeout=0.2)
    with transaction("a", settings), transaction("b", settings), transaction("c", settings):  # noqa: SIM117
        with (
            pytest.raises(CatalogUnavailable, match="VODFLOW_CATALOG_POOL_LIMIT") as error,
            transaction("d", settings),
        ):
            pass
    assert error.value.retryable
    with transaction("d", settings) as conn:
        assert conn.scalar(text("SELECT 1")) == 1


def test_a_statement_has_a_timeout(catalog, set_settings):
    set_settings(catalog_statement_timeout=0.1)
    with pytest.raises(CatalogUnavailable, match="statement timeout"), transaction("test") as conn:
        conn.execute(text("SELECT pg_sleep(30)"))


def test_errors_are_typed(catalog):
    with pytest.raises(CatalogError, match="no_such_table") as error, transaction("test") as conn:
        conn.execute(text("SELECT * FROM no_such_table"))
    assert not error.value.retryable
    assert error.value.code == "42P01"


def test_deadlock_is_retryable(catalog):
    with transaction("test") as conn:
        sightings.register_sources(conn, [new_source("a"), new_source("b")])
    errors, both = [], threading.Barrier(2)

    def lock(first, second):
        try:
            with transaction("test") as conn:
                conn.execute(text("SELECT FROM source WHERE key = :key FOR UPDATE"), {"key": first})
                both.wait()
                conn.execute(text("SELECT FROM source WHERE key = :key FOR UPDATE"), {"key": second})
        except CatalogUnavailable as error:
            errors.append(error)

    threads = [threading.Thread(target=lock, args=pair) for pair in ("ab", "ba")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [error.code for error in errors] == ["40P01"]


def test_the_next_call_works_after_a_restart_of_the_server(catalog, postgres):
    with transaction("test") as conn:
        sightings.register_sources(conn, [new_source("kept")])
    with pytest.raises(CatalogUnavailable) as lost, transaction("test") as conn:
        sightings.register_sources(conn, [new_source("lost")])
        postgres.part.kill()
        conn.execute(text("SELECT 1"))
    assert lost.value.retryable
    with pytest.raises(CatalogUnavailable), transaction("test"):
        pass
    postgres.part.start()
    with transaction("test") as conn:
        assert [row.key for row in sources.undispatched_sources(conn, 9)] == ["kept"]


def test_nothing_is_lost_or_doubled_when_the_server_dies_under_load(catalog, postgres):
    """Writers that try again on retryable errors, as tasks do, while the server is killed three times."""
    pages = [[new_source(f"acme/{page}/{number}") for number in range(50)] for page in range(60)]
    errors, killed = [], threading.Event()

    @retry(retry=retry_if_exception_type(CatalogUnavailable), wait=wait_fixed(0.05), stop=stop_after_delay(60))
    def register(page):
        with transaction("writer") as conn:
            sources.mark_dispatched(conn, sightings.register_sources(conn, page))

    def write(seed):
        try:
            number = seed
            while not killed.is_set() or number < seed + len(pages):
                register(pages[number % len(pages)])
                number += 1
        except Exception as error:  # noqa: BLE001
            errors.append(error)

    threads = [threading.Thread(target=write, args=(seed * 15,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        time.sleep(0.1)
        postgres.part.kill()
        postgres.part.start()
    killed.set()
    for thread in threads:
        thread.join()
    assert errors == []
    with transaction("test") as conn:
        rows = conn.execute(text("SELECT count(*), count(DISTINCT key), count(run_id) FROM source")).one()
    assert tuple(rows) == (3000, 3000, 3000)


def test_a_forked_child_opens_its_own_connections(catalog):
    with transaction("test") as conn:
        parent = conn.scalar(text("SELECT pg_backend_pid()"))
    read, write = os.pipe()
    child = os.fork()
    if child == 0:  # no pytest in the child: it ends here, whatever happens
        try:
            with transaction("child") as conn:
                os.write(write, str(conn.scalar(text("SELECT pg_backend_pid()"))).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(write)
    assert int(os.read(read, 20)) != parent
    os.close(read)
    with transaction("test") as conn:
        assert conn.scalar(text("SELECT pg_backend_pid()")) == parent


def test_dead_letters_are_counted(catalog):
    letter = NewDeadLetter(origin="test", identity="1", code="not_json", message="m\x00", payload={"body": "\ud800"})
    other = letter.model_copy(update={"identity": "0"})
    with transaction("test") as conn:
        record_dead_letters(conn, [letter, other])
        record_dead_letters(conn, [letter])
        conn.execute(text("UPDATE dead_letter SET resolved_at = now(), resolution = 'seen' WHERE identity = '1'"))
        record_dead_letters(conn, [letter])
        rows = conn.execute(text("SELECT identity, occurrences, message FROM dead_letter ORDER BY id")).all()
    assert [tuple(row) for row in rows] == [("0", 1, "m"), ("1", 2, "m"), ("1", 1, "m")]


def test_a_lock_is_for_one(catalog):
    with try_lock("sweep") as mine, try_lock("sweep") as theirs, try_lock("other") as other:
        assert (mine, theirs, other) == (True, False, True)
    with try_lock("sweep") as again:
        assert again
    deadline = time.monotonic() + 5
    while get_engine().pool.checkedout() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert get_engine().pool.checkedout() == 0
