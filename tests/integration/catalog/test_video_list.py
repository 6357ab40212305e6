"""The list of videos: what it holds, how it is filtered and paged, and that it is always what the rows say."""

from datetime import timedelta

import pytest
from sqlalchemy import select, text
from support.fixtures.values import MOMENT, let_it_be_noon, new_source, probed_source, published_job, queued_job
from vodflow.catalog import jobs, sightings, sources
from vodflow.catalog.database import transaction
from vodflow.catalog.tables import listing
from vodflow.catalog.video_details import video_details
from vodflow.catalog.video_list import Place, VideoFilter, choices, list_videos, live_videos
from vodflow.errors import CatalogError

pytestmark = pytest.mark.integration


def _keys(conn, limit=50, **wanted):
    return [line.key for line in list_videos(conn, VideoFilter(**wanted), limit).lines]


def _is_right(conn):
    kept = conn.execute(select(listing).order_by(listing.c.video_id)).all()
    assert kept == conn.execute(text("SELECT * FROM video_newest ORDER BY video_id")).all()


def test_a_video_is_listed_as_it_is_now(catalog):
    with transaction("test") as conn:
        sightings.register_sources(conn, [new_source()])
        _is_right(conn)
        source = probed_source(conn, key="acme/b.mp4")
        _is_right(conn)
        job = queued_job(conn, source)
        _is_right(conn)
        jobs.begin(conn, job.id, engine="local", worker="host")
        jobs.cancel_job(conn, job.id)
        _is_right(conn)
        # New bytes under the same key begin anew, whatever became of the old ones.
        sightings.register_sources(conn, [new_source("acme/b.mp4", version="v2", last_modified=MOMENT + timedelta(1))])
        _is_right(conn)
        (newest, _) = list_videos(conn, VideoFilter(), 10).lines
        assert (newest.key, newest.status, newest.job_id) == ("acme/b.mp4", "DISCOVERED", None)


def test_filters_and_words(catalog):
    with transaction("test") as conn:
        published_job(conn, probed_source(conn, key="inbox/2026-03/Summer_holiday.mov"))
        queued_job(conn, probed_source(conn, key="inbox/party.mp4", tenant="other"), profile="sd")
        sightings.register_sources(conn, [new_source("100%_done.mp4")])
        everything = ["100%_done.mp4", "inbox/party.mp4", "inbox/2026-03/Summer_holiday.mov"]
        assert _keys(conn) == everything
        assert _keys(conn, tenant="other") == ["inbox/party.mp4"]
        assert _keys(conn, tenant="nobody") == []
        assert _keys(conn, statuses=frozenset({"PUBLISHED", "QUEUED"})) == everything[1:]
        assert _keys(conn, profile="sd") == ["inbox/party.mp4"]
        assert _keys(conn, engine="local") == everything[1:]
        assert _keys(conn, search="holi summer") == everything[2:]
        assert _keys(conn, search="2026-03") == everything[2:]
        assert _keys(conn, search="s3://footage/inbox/p") == ["inbox/party.mp4"]
        assert _keys(conn, search="s3://footage/") == everything
        assert _keys(conn, search="100%") == ["100%_done.mp4"]
        # What tsquery takes for an operator is but a gap between words.
        assert _keys(conn, search="' | !party:*") == ["inbox/party.mp4"]
        for nothing in ("nothing", "s3://elsewhere/inbox", "a & b:*"):
            assert _keys(conn, search=nothing) == [], nothing
        assert choices(conn) == {"tenant": ["acme", "other"], "profile": ["sd", "standard"], "engine": ["local"]}
        let_it_be_noon(conn)
        assert _keys(conn, since=MOMENT, until=MOMENT + timedelta(days=1)) == everything
        assert _keys(conn, since=MOMENT + timedelta(days=1)) == []


def test_pages_both_ways_while_videos_come(catalog):
    with transaction("test") as conn:
        sightings.register_sources(conn, [new_source(f"{number:03}.mp4") for number in range(25)])
        first = list_videos(conn, VideoFilter(), 10)
        assert (first.newer, first.older, len(first.lines)) == (False, True, 10)
        sightings.register_sources(conn, [new_source("late.mp4")])
        pages = [first]
        while pages[-1].older:
            last = pages[-1].lines[-1]
            pages.append(list_videos(conn, VideoFilter(), 10, after=Place(last.registered_at, last.video_id)))
        seen = [line.key for page in pages for line in page.lines]
        assert sorted(seen) == [f"{number:03}.mp4" for number in range(25)]
        begin = pages[2].lines[0]
        back = list_videos(conn, VideoFilter(), 10, before=Place(begin.registered_at, begin.video_id))
        assert (back.lines, back.newer, back.older) == (pages[1].lines, True, True)


def test_details_of_a_video(catalog):
    with transaction("test") as conn:
        job = published_job(conn, probed_source(conn))
        other = queued_job(conn, probed_source(conn, key="acme/b.mp4"))
        found = video_details(conn, job.video_id)
        assert found is not None
        assert found.public_job_id == job.id
        assert [found.events[place]["new_status"] for place in (0, -1)] == ["QUEUED", "PUBLISHED"]
        assert [(row["name"], row["vmaf"]) for row in found.renditions] == [("720p", None)]
        assert len(found.publications) == len(found.attempts) == len(found.jobs) == 1
        assert video_details(conn, 999) is None
        assert video_details(conn, job.video_id, other.id) is None
        bare = sightings.register_sources(conn, [new_source("acme/c.mp4")])
        assert bare
        source = sources.find_source(conn, "footage", "acme/c.mp4", "v1")
        assert source is not None
        without = video_details(conn, source.video_id)
        assert without is not None
        assert (without.job, without.jobs, without.line.status) == (None, [], "DISCOVERED")


def test_priority_changes_while_a_job_is_open(catalog):
    with transaction("test") as conn:
        job = queued_job(conn, probed_source(conn))
        assert jobs.set_priority(conn, job.id, 90).priority == 90
        assert live_videos(conn, [job.video_id, 999])[job.video_id].priority == 90
        jobs.cancel_job(conn, job.id)
        with pytest.raises(CatalogError, match="CANCELED"):
            jobs.set_priority(conn, job.id, 10)
