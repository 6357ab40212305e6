from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from integration.sensing.conftest import Place
from mypy_boto3_s3 import S3Client
from vodflow.errors import SourceNotFound
from vodflow.sensing.rules import Ignored
from vodflow.sensing.sweep import sweep
from vodflow.settings import Settings, get_settings
from vodflow.storage.clients import s3_client

pytestmark = pytest.mark.integration

WEIRD = [
    "acme/with space.mp4",
    "acme/two  spaces .mp4",
    "acme/plus+plus.mp4",
    "acme/Événement à l'été.mov",
    "acme/映画/新作.mkv",
    "acme/кино.webm",
    "acme/100%25 & more?#=.mp4",
    "acme/quo\"te'.mp4",
    "acme/😀.MP4",
    "no-tenant.mp4",
]


def test_finds_what_no_event_told_once(place: Place) -> None:
    etag = place.put("acme/a.mp4")
    first, second = sweep(), sweep()
    assert (first.registered, second.registered, second.matched) == (1, 0, 1)
    columns = "bucket, key, version, version_id, etag, size_bytes, discovered_by, status"
    assert place.rows(columns) == [(place.bucket, "acme/a.mp4", etag, None, etag, 5, "sweep", "DISCOVERED")]


def test_keys_of_every_kind(place: Place) -> None:
    for key in WEIRD:
        place.put(key)
    assert sweep().registered == len(WEIRD)
    assert {key for (key,) in place.rows()} == set(WEIRD)


def test_an_overwritten_key_is_a_new_source_of_the_same_video(place: Place) -> None:
    versions = [place.put("acme/a.mp4", b"one")]
    sweep()
    versions.append(place.put("acme/a.mp4", b"two"))
    assert sweep().registered == 1
    rows = place.rows("version, video_id")
    assert [row[0] for row in rows] == versions
    assert rows[0][1] == rows[1][1]


def test_versioned_buckets_are_identified_by_version(place: Place) -> None:
    place.put("acme/before.mp4")
    place.s3.put_bucket_versioning(Bucket=place.bucket, VersioningConfiguration={"Status": "Enabled"})
    place.put("acme/a.mp4", b"one")
    sweep()
    place.put("acme/a.mp4", b"two")
    place.put("acme/gone.mp4")
    place.s3.delete_object(Bucket=place.bucket, Key="acme/gone.mp4")
    assert sweep().registered == 1
    rows = place.rows("key, version, version_id, etag")
    assert [row[0] for row in rows] == ["acme/a.mp4", "acme/before.mp4", "acme/a.mp4"]
    assert rows[0][1] == rows[0][2] != rows[2][1]
    place.put("acme/a.mp4", b"two")
    assert sweep().registered == 0, "another version, not other bytes"
    assert rows[1][1] == rows[1][3]
    assert rows[1][2] is None


def test_what_does_not_count_is_counted(watch: Callable[..., Place]) -> None:
    place = watch(prefix="in/", minimum_size=3, maximum_size=6)
    for key, size in [("in/a.mp4", 5), ("in/b.txt", 5), ("in/c.mp4", 2), ("in/d.mp4", 7), ("out/e.mp4", 5)]:
        place.put(key, b"x" * size)
    result = sweep()
    assert result.registered == 1
    assert result.ignored == {Ignored.SUFFIX: 1, Ignored.TOO_SMALL: 1, Ignored.TOO_LARGE: 1}


def test_a_young_object_is_left_to_a_later_sweep(watch: Callable[..., Place]) -> None:
    place = watch(minimum_age=3600)
    place.put("acme/a.mp4")
    assert sweep().ignored == {Ignored.TOO_YOUNG: 1}
    watch(minimum_age=0)
    assert sweep().registered == 1


def test_a_prefix_narrows_the_sweep(place: Place) -> None:
    place.put("acme/a.mp4")
    place.put("globex/a.mp4")
    assert sweep(prefix="globex/").objects == 1
    assert place.rows() == [("globex/a.mp4",)]


def test_a_missing_bucket_is_named(catalog: Settings, aws: Settings, set_settings: Callable[..., Settings]) -> None:
    set_settings(watch='[{"bucket": "never-made"}]')
    with pytest.raises(SourceNotFound, match="never-made"):
        sweep()


def test_each_page_is_registered_by_itself_and_memory_is_flat(place: Place) -> None:
    place.s3.put_bucket_notification_configuration(Bucket=place.bucket, NotificationConfiguration={})
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: place.put(f"acme/{number:05}.mp4", b"x"), range(800)))
    # S3's own pages have 1,000 keys, which take long to put.
    s3_client(get_settings()).meta.events.register(
        "provide-client-params.s3.ListObjectsV2", lambda params, **_: {**params, "MaxKeys": 250}
    )
    pages: list[list[int]] = []
    peaks: list[int] = []
    tracemalloc.start()
    try:

        def note(new: list[int]) -> None:
            pages.append(new)
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.reset_peak()

        result = sweep(on_registered=note)
    finally:
        tracemalloc.stop()
    assert (result.pages, result.objects, result.registered) == (4, 800, 800)
    assert [len(page) for page in pages] == [250, 250, 250, 50]
    # While a page is fetched the one before is still there; beyond that nothing of a page is kept.
    assert peaks[2] < peaks[1] * 1.2
    assert sweep().registered == 0


def test_sweeps_at_once_register_each_source_once(place: Place) -> None:
    for number in range(40):
        place.put(f"acme/{number}.mp4", b"x")
    with ThreadPoolExecutor(4) as pool:
        registered = [result.registered for result in pool.map(lambda _: sweep(), range(4))]
    assert sum(registered) == 40
    assert len(place.rows()) == 40


def test_outputs_in_a_watched_bucket_are_left_alone(place: Place, set_settings: Callable[..., Settings]) -> None:
    set_settings(media_bucket=place.bucket)
    place.put("vod/acme/a-1/0123/mp4/video_360p.mp4")
    assert sweep().ignored == {Ignored.OUTPUT: 1}


def test_other_buckets_are_not_listed(place: Place, s3: S3Client, make_bucket: Callable[[], str]) -> None:
    s3.put_object(Bucket=make_bucket(), Key="acme/a.mp4", Body=b"x")
    assert sweep().objects == 0
