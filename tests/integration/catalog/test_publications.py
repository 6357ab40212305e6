import threading
from datetime import timedelta

import pytest
from sqlalchemy import select
from support.fixtures.values import MOMENT, artifact, probed_source, published_job, queued_job, rendition, verified_job
from vodflow.catalog import jobs
from vodflow.catalog.database import transaction
from vodflow.catalog.overview import overview
from vodflow.catalog.publications import get_publication, publish
from vodflow.catalog.states import JobStatus
from vodflow.catalog.tables import artifact as artifact_table
from vodflow.catalog.tables import metadata, publication
from vodflow.errors import CatalogError, IllegalTransition

pytestmark = pytest.mark.integration

_URI = "s3://media/manifest.json"


def _everything():
    with transaction("test") as conn:
        return {name: sorted(map(str, conn.execute(select(table)))) for name, table in metadata.tables.items()}


def _publish(job_id, renditions=None, artifacts=None):
    with transaction("publish") as conn:
        return publish(
            conn,
            job_id,
            [rendition()] if renditions is None else renditions,
            [artifact()] if artifacts is None else artifacts,
            _URI,
        )


def test_publishing_twice_is_publishing_once(catalog):
    with transaction("test") as conn:
        job = verified_job(conn, probed_source(conn))
    first = _publish(job.id)
    before = _everything()
    assert _publish(job.id) == first
    assert _publish(job.id, renditions=[], artifacts=[]) == first
    assert _everything() == before
    assert first.current
    assert first.manifest_uri == _URI
    with transaction("test") as conn:
        done = jobs.get_job(conn, job.id)
        assert conn.scalar(select(artifact_table.c.uri)) == f"s3://{job.bucket}/{job.prefix}/hls/master.m3u8"
    assert (done.status, done.progress, done.published) == (JobStatus.PUBLISHED, 100, True)
    assert done.encoded_at < done.verified_at <= done.finished_at


def test_publishing_at_once_is_publishing_once(catalog):
    with transaction("test") as conn:
        job = verified_job(conn, probed_source(conn))
    results, start = [], threading.Barrier(5)

    def run():
        start.wait()
        results.append(_publish(job.id))

    threads = [threading.Thread(target=run) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 5
    assert len(set(results)) == 1
    assert len(_everything()["rendition"]) == 1


@pytest.mark.parametrize("newest_first", [True, False])
def test_an_older_version_never_replaces_a_newer_one(catalog, newest_first):
    with transaction("test") as conn:
        # Registered in either order: S3's time decides, not ours.
        ages = {"old": MOMENT, "new": MOMENT + timedelta(seconds=5)}
        names = ["new", "old"] if newest_first else ["old", "new"]
        done = {name: verified_job(conn, probed_source(conn, version=name, last_modified=ages[name])) for name in names}
    assert done["old"].video_id == done["new"].video_id
    assert _publish(done["new"].id).current
    late = _publish(done["old"].id)
    assert (late.job_id, late.current) == (done["new"].id, False)
    assert not _publish(done["old"].id).current
    with transaction("test") as conn:
        assert jobs.get_job(conn, done["old"].id).published
        assert get_publication(conn, done["new"].video_id).job_id == done["new"].id


def test_a_newer_version_and_a_newer_job_replace(catalog):
    with transaction("test") as conn:
        old = verified_job(conn, probed_source(conn))
        source = probed_source(conn, version="v2")
        new, forced = verified_job(conn, source), verified_job(conn, source, revision=1, run_id="run-2")
    first = _publish(old.id)
    assert [_publish(job.id).job_id for job in (new, forced, new)] == [new.id, forced.id, forced.id]
    with transaction("test") as conn:
        row = conn.execute(select(publication)).one()
    assert row.first_published_at == first.published_at < row.published_at


def test_a_job_that_is_not_verified_is_not_published(catalog):
    with transaction("test") as conn:
        job = queued_job(conn, probed_source(conn))
    before = _everything()
    with pytest.raises(IllegalTransition, match="is QUEUED: it cannot become PUBLISHED"):
        _publish(job.id)
    assert _everything() == before
    with pytest.raises(CatalogError, match="no job 99"):
        _publish(99)
    with pytest.raises(CatalogError, match="Nothing of video"), transaction("test") as conn:
        get_publication(conn, job.video_id)


@pytest.mark.parametrize(
    ("renditions", "constraint"),
    [
        ([rendition(), rendition()], "uq_rendition_job_id_name"),
        ([rendition(width=None)], "ck_rendition_video_has_size"),
        ([rendition(kind="smell")], "ck_rendition_kind"),
    ],
)
def test_one_bad_row_publishes_nothing(catalog, renditions, constraint):
    with transaction("test") as conn:
        job = verified_job(conn, probed_source(conn))
    before = _everything()
    with pytest.raises(CatalogError, match=constraint):
        _publish(job.id, renditions=renditions)
    assert _everything() == before


def test_overview(catalog):
    with transaction("test") as conn:
        done = published_job(conn, probed_source(conn, key="acme/done.mp4"))
        waiting = probed_source(conn, key="beta/waiting.mp4", tenant="beta")
        refused = queued_job(conn, probed_source(conn, key="acme/bad.mp4"))
        jobs.reject_job(conn, refused.id, "truncated", "ends after 3 s of 10 s")
        rows = overview(conn)
        by_key = {row.key: row for row in rows}
        assert [row.source_id for row in rows] == sorted((row.source_id for row in rows), reverse=True)
        published, bad = by_key["acme/done.mp4"], by_key["acme/bad.mp4"]
        assert (published.verdict, published.rungs, published.bitrate, published.output_bytes) == (
            "PUBLISHED", ["720p"], 2_900_000, 5000,
        )  # fmt: skip
        assert published.over
        assert published.time_to_publish >= 0
        assert published.manifest_uri.endswith("manifest.json")
        assert (bad.verdict, bad.reason, bad.rungs) == ("REJECTED", "truncated: ends after 3 s of 10 s", [])
        assert (by_key["beta/waiting.mp4"].verdict, by_key["beta/waiting.mp4"].over) == ("PROBED", False)

        def keys(**filters):
            return [row.key for row in overview(conn, **filters)]

        assert keys(tenant_slug="beta") == ["beta/waiting.mp4"]
        assert keys(verdicts=["PUBLISHED"]) == ["acme/done.mp4"]
        assert keys(source_ids=[waiting.id, done.source_id]) == ["beta/waiting.mp4", "acme/done.mp4"]
        assert keys(source_ids=[]) == []
        assert keys(bucket="footage", keys=["acme/bad.mp4"]) == ["acme/bad.mp4"]
        assert keys(limit=1, before_id=rows[0].source_id) == [rows[1].key]
