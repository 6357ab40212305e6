"""What a page of failed, refused and given-up work is made of."""

import pytest
from support.fixtures.values import probed_source, queued_job
from vodflow.catalog import jobs, sources
from vodflow.catalog.database import transaction
from vodflow.catalog.dead_letters import FAILED_RUN, NewDeadLetter, open_letters, record_dead_letters
from vodflow.catalog.work_list import WorkFilter, list_work
from vodflow.errors import EngineError, RejectionReason, UnreadableReason

pytestmark = pytest.mark.integration


def _letter(origin, identity, **more):
    return NewDeadLetter(origin=origin, identity=identity, code="odd", message="It cannot be read.", **more)


def test_work_is_found_by_its_code_and_names_its_video(catalog):
    with transaction("test") as conn:
        failed, refused, gone = (probed_source(conn, key=f"in/{name}.mp4") for name in "abc")
        job = queued_job(conn, failed)
        jobs.fail_job(conn, job.id, EngineError("No space is left.", code="disk"))
        sources.reject_source(conn, refused.id, RejectionReason.TRUNCATED, "The file ends early.")
        sources.mark_unreadable(conn, gone.id, UnreadableReason.ARCHIVED, "It is in Glacier.")
        found = {code: list_work(conn, WorkFilter(code=code), 10)[0] for code in ("disk", "truncated", "archived", "x")}
    names = {code: [(row.video_id, row.status) for row in rows] for code, rows in found.items()}
    assert names == {
        "disk": [(failed.video_id, "FAILED")],
        "truncated": [(refused.video_id, "REJECTED")],
        "archived": [(gone.video_id, "UNREADABLE")],
        "x": [],
    }


def test_open_letters_come_page_by_page_and_runs_that_are_listed_as_work_are_not_among_them(catalog):
    with transaction("test") as conn:
        waiting, made = probed_source(conn, key="in/a.mp4"), probed_source(conn, key="in/b.mp4")
        queued_job(conn, made)
        record_dead_letters(conn, [_letter("ingest_videos.intake", "message-1")])
        record_dead_letters(conn, [_letter(FAILED_RUN, "source-1", source_id=waiting.id)])
        listed = [_letter(FAILED_RUN, "manual-1"), _letter(FAILED_RUN, "source-2-again", source_id=made.id)]
        record_dead_letters(conn, listed)
        first = open_letters(conn, 1)
        rest = open_letters(conn, 5, before_id=first[0].id)
    assert [(row.run_id, row.video_id) for row in first] == [("source-1", waiting.video_id)]
    assert [(row.identity, row.run_id, row.video_id) for row in rest] == [("message-1", None, None)]
