"""Items follow the catalog, whatever is lost, repeated or late: real PostgreSQL, a real DynamoDB API."""

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from support.fixtures.dynamodb import TestTable
from support.fixtures.values import (
    artifact,
    engine_result,
    probed_source,
    published_job,
    queued_job,
    rendition,
    verified_job,
)
from vodflow.catalog import jobs, sources, video_states
from vodflow.catalog.database import transaction
from vodflow.catalog.publications import publish
from vodflow.catalog.rows import SourceRow
from vodflow.catalog.states import ArtifactKind
from vodflow.catalog.video_states import VideoState
from vodflow.errors import CatalogError, EngineError, RejectionReason
from vodflow.outcomes.dynamodb import sync
from vodflow.outcomes.dynamodb.items import VERSION
from vodflow.settings import Settings

pytestmark = pytest.mark.integration


@pytest.fixture
def settings(catalog: Settings, table: TestTable, set_settings: Callable[..., Settings]) -> Settings:
    return set_settings(public_base_url="https://cdn.example")


@pytest.fixture
def source(settings: Settings) -> SourceRow:
    with transaction("test") as connection:
        return probed_source(connection)


def rows() -> list[Any]:
    with transaction("test") as connection:
        return list(connection.execute(text("SELECT * FROM metadata_sync ORDER BY video_id")).mappings())


def pending() -> list[int]:
    return [row["video_id"] for row in rows() if row["synced_version"] < row["version"]]


def make_due() -> None:
    with transaction("test") as connection:
        connection.execute(text("UPDATE metadata_sync SET due_at = now() - interval '1 s'"))


def test_an_item_from_probe_to_publication(source: SourceRow, table: TestTable) -> None:
    assert pending() == [source.video_id]
    sync.sync_video(source.video_id)
    item = table.item()
    assert item["video_id"] == f"acme/{source.video_slug}"
    assert (item["status"], item["duration"], item["height"], item["source_uri"]) == (
        "PROBED", 60, 720, "s3://footage/acme/a.mp4",
    )  # fmt: skip
    assert "error" not in item
    assert "job_id" not in item

    with transaction("test") as connection:
        job = queued_job(connection, source)
        jobs.begin(connection, job.id, engine="local", worker="host")
        jobs.record_progress(connection, job.id, "encode", 41.27, 2.0, 9.0)
    sync.sync_video(source.video_id)
    item = table.item()
    assert (item["status"], item["stage"], item["job_id"], item["engine"]) == ("PROGRESSING", "encode", job.id, "local")
    assert str(item["progress"]) == "41.3"
    assert "outputs" not in item

    with transaction("test") as connection:
        jobs.store_result(connection, job.id, engine_result(job))
        names = ["hls/master.m3u8", "hls/video_720p.m3u8", "hls/iframe_720p.m3u8", "hls/audio.m3u8"]
        extra = [
            artifact("dash/manifest.mpd").model_copy(update={"kind": ArtifactKind.DASH}),
            artifact("mp4/video_720p.mp4").model_copy(update={"kind": ArtifactKind.MP4}),
            artifact("thumbnails/poster.jpg").model_copy(update={"kind": ArtifactKind.POSTER}),
            *(
                artifact(f"thumbnails/thumb_{number:05d}.jpg").model_copy(update={"kind": ArtifactKind.THUMBNAIL})
                for number in range(1, 4)
            ),
        ]
        publish(connection, job.id, [rendition()], [*map(artifact, names), *extra], "s3://media/x/manifest.json")
    assert sync.sync_due() == sync.SyncResult(written=1)
    item, base, url = table.item(), f"s3://media/{job.prefix}", f"https://cdn.example/{job.prefix}"
    assert (item["status"], item["progress"], item["published_job_id"]) == ("PUBLISHED", 100, job.id)
    assert item["outputs"] == {
        "hls": {
            "uri": f"{base}/hls/master.m3u8",
            "url": f"{url}/hls/master.m3u8",
            "qualities": {"720p": f"{base}/hls/video_720p.m3u8"},
            "audio": {"audio": f"{base}/hls/audio.m3u8"},
        },
        "dash": {"uri": f"{base}/dash/manifest.mpd", "url": f"{url}/dash/manifest.mpd"},
        "mp4": {"qualities": {"720p": f"{base}/mp4/video_720p.mp4"}},
    }
    assert item["thumbnails"] == {
        "count": 3,
        "poster_uri": f"{base}/thumbnails/poster.jpg",
        "poster_url": f"{url}/thumbnails/poster.jpg",
        "pattern": f"{base}/thumbnails/thumb_%05d.jpg",
    }
    assert item["renditions"]["720p"]["measured_bitrate"] == 2_900_000
    assert "stage" not in item
    assert pending() == []
    assert sync.sync_due() == sync.SyncResult()


def test_failures_and_rejections_are_there_and_gone_when_they_are_over(source: SourceRow, table: TestTable) -> None:
    with transaction("test") as connection:
        job = queued_job(connection, source)
        jobs.begin(connection, job.id, engine="local", worker="host")
        jobs.fail_job(connection, job.id, EngineError("FFmpeg ended with 1", code="1", retryable=True))
    sync.sync_video(source.video_id)
    assert table.item()["error"] == {
        "class": "transient", "code": "1", "message": "FFmpeg ended with 1", "retryable": True,
    }  # fmt: skip
    with transaction("test") as connection:
        jobs.begin(connection, job.id, engine="local", worker="host")
        jobs.reject_job(connection, job.id, RejectionReason.TRUNCATED, "41 of 60 s")
    sync.sync_video(source.video_id)
    item = table.item()
    assert item["rejection"] == {"reason": "truncated", "detail": "41 of 60 s"}
    assert (item["status"], "error" in item) == ("REJECTED", False)


def test_attributes_of_others_stay(source: SourceRow, table: TestTable) -> None:
    key = {"video_id": {"S": f"acme/{source.video_slug}"}}
    table.put(**key, title={"S": "Holiday"}, project_id={"S": "p-1"})
    sync.sync_video(source.video_id)
    assert (table.item()["title"], table.item()["project_id"], table.item()["status"]) == ("Holiday", "p-1", "PROBED")


def test_a_new_version_of_the_bytes_keeps_the_outputs_of_the_old_one(settings: Settings, table: TestTable) -> None:
    with transaction("test") as connection:
        first = probed_source(connection)
        done = published_job(connection, first)
    with transaction("test") as connection:
        second = probed_source(connection, version="v2")
    assert second.video_id == first.video_id
    sync.sync_video(first.video_id)
    item = table.item()
    assert (item["status"], item["source_version"], item["published_job_id"]) == ("PROBED", "v2", done.id)
    assert item["outputs"]["hls"]["uri"].endswith("hls/master.m3u8")
    with transaction("test") as connection:
        # Somebody transcodes the older version once more.
        again = queued_job(connection, first, revision=1)
    sync.sync_video(first.video_id)
    assert (table.item()["status"], table.item()["source_version"]) == ("QUEUED", "v1")
    assert table.item()["job_id"] == again.id


def states_of(source: SourceRow, count: int) -> list[VideoState]:
    """As many readings as asked for, each after more progress."""
    found = []
    with transaction("test") as connection:
        job = queued_job(connection, source)
        jobs.begin(connection, job.id, engine="local", worker="host")
    for number in range(count):
        with transaction("test") as connection:
            jobs.record_progress(connection, job.id, "encode", 10.0 * number)
        with transaction("test") as connection:
            found.append(video_states.read(connection, source.video_id, lease=timedelta()))
    return found


def test_in_every_order_and_however_often_the_newest_update_wins(
    source: SourceRow, table: TestTable, settings: Settings
) -> None:
    states = states_of(source, 4)
    assert [state.version for state in states] == sorted({state.version for state in states})
    orders = list(itertools.permutations(states))
    chance = random.Random(7)
    for order in orders:
        table.client.delete_item(TableName=table.name, Key={"video_id": {"S": f"acme/{source.video_slug}"}})
        highest = 0
        for state in [*order, *chance.choices(order, k=2)]:
            refused = sync._write(state, settings)
            assert (refused is not None) == (state.version <= highest)
            highest = max(highest, state.version)
            item = table.item()
            assert item[VERSION] == highest
            assert item["progress"] == next(s.job.progress for s in states if s.job and s.version == highest)


def test_writers_at_once_leave_the_state_of_the_catalog(source: SourceRow, table: TestTable) -> None:
    with transaction("test") as connection:
        job = queued_job(connection, source)
        jobs.begin(connection, job.id, engine="local", worker="host")
    failures: list[BaseException] = []

    def work(start: int) -> None:
        try:
            for step in range(6):
                with transaction("test") as connection:
                    jobs.record_progress(connection, job.id, "encode", float(start + 4 * step))
                sync.sync_video(source.video_id)
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert table.item()["progress"] == 23
    assert table.item()[VERSION] == rows()[0]["synced_version"]
    assert pending() == []


def test_a_change_during_the_sending_is_sent_by_the_next_round(
    source: SourceRow, table: TestTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = sync._write

    def change_meanwhile(state: VideoState, settings: Settings) -> int | None:
        monkeypatch.undo()
        with transaction("test") as connection:
            queued_job(connection, source)
        return write(state, settings)

    monkeypatch.setattr(sync, "_write", change_meanwhile)
    sync.sync_video(source.video_id)
    assert table.item()["status"] == "PROBED"
    assert pending() == [source.video_id]
    assert sync.sync_due().written == 1
    assert table.item()["status"] == "QUEUED"


def test_a_crash_between_reading_and_writing_is_caught_up(source: SourceRow, table: TestTable) -> None:
    with transaction("test") as connection:
        video_states.read(connection, source.video_id, lease=timedelta(seconds=30))
    assert sync.sync_due() == sync.SyncResult(), "leased by the process that crashed"
    make_due()
    assert sync.sync_due().written == 1
    assert table.item()["status"] == "PROBED"


def test_a_table_that_is_away_costs_one_try_and_is_caught_up(source: SourceRow, table: TestTable) -> None:
    table.drop()
    assert sync.sync_video(source.video_id) is False
    assert sync.is_away()
    (row,) = rows()
    assert row["attempts"] == 1
    assert "ResourceNotFoundException" in row["error"]
    assert sync.sync_due() == sync.SyncResult(), "not due for some seconds"
    table.create()
    make_due()
    assert sync.sync_due().written == 1
    assert table.item()["status"] == "PROBED"
    assert (rows()[0]["attempts"], rows()[0]["error"]) == (0, None)
    assert not sync.is_away()


def test_a_round_ends_when_nobody_answers(
    settings: Settings, table: TestTable, set_settings: Callable[..., Settings]
) -> None:
    with transaction("test") as connection:
        for number in range(8):
            probed_source(connection, key=f"acme/{number}.mp4")
    make_due()
    # Nothing listens on port 9 (discard) of this machine.
    set_settings(aws_endpoint_url="http://127.0.0.1:9", dynamodb_timeout=0.5)
    assert sync.sync_due() == sync.SyncResult(failed=3)
    assert sum(row["attempts"] for row in rows()) == 3
    assert len(pending()) == 8


def test_a_catalog_that_was_restored_goes_on_above_the_tables_versions(source: SourceRow, table: TestTable) -> None:
    sync.sync_video(source.video_id)
    table.client.update_item(
        TableName=table.name,
        Key={"video_id": {"S": f"acme/{source.video_slug}"}},
        UpdateExpression="SET #v = :v, #s = :s",
        ExpressionAttributeNames={"#v": VERSION, "#s": "status"},
        ExpressionAttributeValues={":v": {"N": "900"}, ":s": {"S": "OF THE FUTURE"}},
    )
    assert sync.sync_video(source.video_id)
    assert (table.item()["status"], table.item()[VERSION]) == ("PROBED", 901)
    assert pending() == []


def test_an_attribute_of_another_owner_is_reported_and_a_prefix_helps(
    source: SourceRow, table: TestTable, set_settings: Callable[..., Settings]
) -> None:
    table.put(video_id={"S": f"acme/{source.video_slug}"}, **{VERSION: {"S": "theirs"}, "status": {"S": "theirs"}})
    assert sync.sync_video(source.video_id) is False
    assert "VODFLOW_DYNAMODB_ATTRIBUTE_PREFIX" in rows()[0]["error"]
    set_settings(dynamodb_attribute_prefix="vod_")
    assert sync.sync_video(source.video_id)
    item = table.item()
    assert (item["status"], item["vod_status"], item[VERSION]) == ("theirs", "PROBED", "theirs")


def test_an_item_that_others_have_filled_gets_what_matters(settings: Settings, table: TestTable) -> None:
    with transaction("test") as connection:
        source = probed_source(connection)
        job = verified_job(connection, source)
        many = [rendition(f"rung-{number}", codec="avc1." + "x" * 200) for number in range(40)]
        publish(connection, job.id, many, [artifact()], "s3://media/x/manifest.json")
    # 400 KB are allowed; with these bytes of somebody else's, our 10 KB are too much.
    table.put(video_id={"S": f"acme/{source.video_slug}"}, transcript={"S": "t" * (400 * 1024 - 3000)})
    assert sync.sync_video(source.video_id), rows()
    item = table.item()
    assert (item["status"], item["incomplete"]) == ("PUBLISHED", True)
    assert "renditions" not in item
    assert len(item["transcript"]) == 400 * 1024 - 3000


def test_who_writes_an_item_does_not_wait_for_who_publishes(
    catalog: Settings, table: TestTable, set_settings: Callable[..., Settings]
) -> None:
    set_settings(dynamodb_table="", catalog_statement_timeout=20)
    with transaction("test") as connection:
        job = verified_job(connection, probed_source(connection))
    with transaction("publisher") as connection:
        publish(connection, job.id, [rendition()], [artifact()], "s3://media/x/manifest.json")
        set_settings(dynamodb_table=table.name)
        assert sync.mark_all() == 1
        assert sync.sync_video(job.video_id)
        assert table.item()["status"] == "VERIFYING"


def test_two_part_keys_and_numbers(settings: Settings, table: TestTable, set_settings: Callable[..., Settings]) -> None:
    name = f"{table.name}-two"
    table.client.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "tenant", "KeyType": "HASH"}, {"AttributeName": "number", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": "tenant", "AttributeType": "S"},
            {"AttributeName": "number", "AttributeType": "N"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    key = '[{"name": "tenant", "value": "{tenant}"}, {"name": "number", "value": "{video_id}", "type": "N"}]'
    set_settings(dynamodb_table=name, dynamodb_key=key)
    with transaction("test") as connection:
        source = probed_source(connection)
    assert sync.sync_video(source.video_id), rows()
    table.name = name
    assert (table.item()["tenant"], table.item()["number"]) == ("acme", source.video_id)


def test_everything_again_for_a_new_table(settings: Settings, table: TestTable) -> None:
    with transaction("test") as connection:
        for number in range(3):
            probed_source(connection, key=f"acme/{number}.mp4")
    make_due()
    assert sync.sync_due().written == 3
    table.drop()
    table.create()
    assert sync.mark_all() == 3
    assert sync.sync_due(limit=2).written == 2
    assert sync.sync_due().written == 1
    assert len(table.items()) == 3


def test_without_a_table_nothing_is_noted(catalog: Settings) -> None:
    with transaction("test") as connection:
        published_job(connection, probed_source(connection))
        other = probed_source(connection, key="acme/b.mp4")
        sources.reject_source(connection, other.id, RejectionReason.EMPTY, "0 bytes")
        counted = connection.execute(
            text("SELECT (SELECT count(*) FROM metadata_sync), (SELECT count(*) FROM notification_delivery)")
        ).one()
    assert tuple(counted) == (0, 0)


def test_a_source_that_nobody_has_is_an_error_of_the_catalog(settings: Settings) -> None:
    with pytest.raises(CatalogError, match="refuses this row"):
        sync.sync_video(999)
