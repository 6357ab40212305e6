import random
import threading

import pytest
from pydantic import ValidationError
from sqlalchemy import event, func, select
from support.fixtures.values import MOMENT, media_info, new_source
from vodflow.catalog import sightings, sources
from vodflow.catalog.database import get_engine, transaction
from vodflow.catalog.states import SourceStatus
from vodflow.catalog.tables import metadata
from vodflow.errors import CatalogError, RejectionReason

pytestmark = pytest.mark.integration


def _count(table):
    with transaction("test") as conn:
        return conn.scalar(select(func.count()).select_from(metadata.tables[table]))


def _register(*new):
    with transaction("test") as conn:
        return sightings.register_sources(conn, new)


def test_registers_each_identity_once(catalog):
    first = new_source("acme/a b+ü/日本.mp4")
    assert len(_register(first, first, new_source("b.mp4", tenant="beta"))) == 2
    assert _register(first) == []
    newer = new_source(first.key, version="v2", tenant="moved")
    (newer_id,) = _register(first, newer)
    assert (_count("tenant"), _count("video"), _count("source")) == (3, 2, 3)
    with transaction("test") as conn:
        row = sources.get_source(conn, newer_id)
        old = sources.find_source(conn, first.bucket, first.key, "v1")
        assert sources.find_source(conn, first.bucket, first.key, "v3") is None
    assert (row.video_id, row.tenant, row.status) == (old.video_id, "acme", SourceStatus.DISCOVERED)
    assert row.ref.version == "v2"
    assert row.last_modified == MOMENT
    assert _register() == []


def test_many_by_a_few_statements(catalog):
    keys = [f"acme/{number:06}.mp4" for number in range(30_000)]
    random.Random(1).shuffle(keys)
    new = [new_source(key) for key in keys]
    statements = []
    event.listen(get_engine(), "before_cursor_execute", lambda *values: statements.append(values[2]))
    assert len(_register(*new)) == 30_000
    assert len(statements) < 10
    assert _register(*new[:1000]) == []
    assert _count("source") == 30_000


def test_known_sources_use_up_no_ids(catalog):
    _register(new_source("a"))
    for _ in range(5):
        _register(new_source("a"))
    assert _register(new_source("b")) == [2]


def test_registrations_at_once_make_each_row_once(catalog):
    """Overlapping pages of new keys and new versions, in different orders, from many threads."""
    everything = [new_source(f"acme/{number:03}.mp4", version=version) for number in range(400) for version in "12"]
    _register(*everything[:200:2])
    ids, errors = [], []
    start = threading.Barrier(8)

    def register(seed):
        mine = random.Random(seed).sample(everything, 600)
        start.wait()
        try:
            for part in (mine[:300], mine[300:], everything):
                ids.extend(_register(*part))
        except Exception as error:  # noqa: BLE001
            errors.append(error)

    threads = [threading.Thread(target=register, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert _count("source") == 800
    assert len(ids) == len(set(ids)) == 700


def test_dispatch_in_pages(catalog):
    ids = _register(*(new_source(str(number)) for number in range(5)))
    with transaction("test") as conn:
        page = sources.undispatched_sources(conn, 2)
        assert [row.id for row in page] == ids[:2]
        assert [row.id for row in sources.undispatched_sources(conn, 9, after_id=page[-1].id)] == ids[2:]
        assert sources.mark_dispatched(conn, ids[:3]) == 3
        assert sources.mark_dispatched(conn, ids[:4]) == 1
        assert sources.mark_dispatched(conn, [ids[4]], run_id="manual-1") == 1
        assert sources.mark_dispatched(conn, []) == 0
        assert sources.undispatched_sources(conn, 9) == []
        row = sources.get_source(conn, ids[0])
        assert (row.status, row.run_id) == (SourceStatus.DISPATCHED, f"source-{ids[0]}")
        assert row.dispatched_at is not None
        assert sources.get_source(conn, ids[4]).run_id == "manual-1"


def test_probed_rejected_and_accepted_again(catalog):
    (source_id,) = _register(new_source())
    with transaction("test") as conn:
        sources.reject_source(conn, source_id, RejectionReason.TOO_LONG, "13 h, at most 12 h\x00")
        rejected = sources.get_source(conn, source_id)
        sources.reject_source(conn, source_id, RejectionReason.TRUNCATED, "second opinion")
        again = sources.get_source(conn, source_id)
        sources.mark_probed(conn, source_id, media_info())
        accepted = sources.get_source(conn, source_id)
    assert (rejected.status, rejected.rejection_reason) == (SourceStatus.REJECTED, RejectionReason.TOO_LONG)
    assert rejected.rejection_detail == "13 h, at most 12 h"
    assert (again.rejection_reason, again.rejected_at) == (RejectionReason.TRUNCATED, rejected.rejected_at)
    assert (accepted.status, accepted.rejection_reason, accepted.rejected_at) == (SourceStatus.PROBED, None, None)
    assert accepted.media_info == media_info()


def test_unstorable_characters_in_tags_are_cleaned(catalog):
    (source_id,) = _register(new_source())
    info = media_info().model_copy(update={"container": "mov\x00\ud800"})
    with transaction("test") as conn:
        sources.mark_probed(conn, source_id, info)
        assert sources.get_source(conn, source_id).media_info.container == "mov\\ud800"


def test_unknown_source(catalog):
    for call in (
        lambda conn: sources.get_source(conn, 9),
        lambda conn: sources.reject_source(conn, 9, RejectionReason.EMPTY, ""),
        lambda conn: sources.mark_probed(conn, 9, media_info()),
    ):
        with pytest.raises(CatalogError, match="no source 9"), transaction("test") as conn:
            call(conn)


@pytest.mark.parametrize("changes", [{"tenant": "No Slug"}, {"key": ""}, {"key": "a\x00b"}, {"size": -1}])
def test_bad_new_sources_are_refused(changes):
    with pytest.raises(ValidationError):
        new_source(**changes)
