"""Uploads by signed requests, to a real S3 over HTTP: what it takes, what it refuses, and how they end."""

from __future__ import annotations

import base64
import contextvars
import json
import threading
import time
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import httpx
import pytest
from integration.jobs.conftest import Place
from sqlalchemy import text
from vodflow import jobs
from vodflow.catalog.database import acting_for, transaction
from vodflow.catalog.uploads import UploadRow
from vodflow.errors import CatalogError, ConfigurationError, NotInCatalog, QuotaExceeded, UploadIncomplete, VodflowError
from vodflow.sensing.ingest import ingest
from vodflow.settings import Settings
from vodflow.storage.presigning import SignedRequest

pytestmark = pytest.mark.integration

MIB = 1024**2
BODY = b"not a video, but bytes " * 100


def crc32(body: bytes) -> str:
    return base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()


def send(signed: SignedRequest, body: bytes, **headers: str) -> httpx.Response:
    return httpx.request(signed.method, signed.url, headers={**signed.headers, **headers}, content=body, timeout=60)


def signed(upload: UploadRow) -> SignedRequest:
    request = jobs.signed_upload(upload)
    assert request is not None
    return request


def content(part: int, upload: UploadRow) -> bytes:
    return bytes([part]) * upload.size_of(part)


@pytest.fixture
def small_parts(place: Place, set_settings: Callable[..., Settings]) -> Place:
    set_settings(upload_part_size=5 * MIB)
    return place


@pytest.fixture
def in_parts(small_parts: Place) -> UploadRow:
    """Three parts, the last one short."""
    return jobs.create_upload("film.mp4", 10 * MIB + 7, tenant="acme", method="multipart", part_checksums=True)


def send_parts(upload: UploadRow, *numbers: int) -> None:
    bodies = {number: content(number, upload) for number in numbers}
    for number, request in jobs.sign_parts(upload, {one: crc32(body) for one, body in bodies.items()}).items():
        assert send(request, bodies[number]).status_code == 200


def test_what_arrives_is_taken_in_once(place: Place) -> None:
    upload = jobs.create_upload(
        "My film.mp4", len(BODY), tenant="acme", outputs=["hls"], priority=80, crc32=crc32(BODY), by="user:ann"
    )
    assert (upload.tenant, upload.content_type, upload.created_by) == ("acme", "video/mp4", "user:ann")
    assert upload.uri == f"s3://{place.bucket}/acme/{upload.public_id}/My film.mp4"
    with pytest.raises(UploadIncomplete, match="has not arrived"):
        jobs.complete_upload(upload.public_id)
    assert send(signed(upload), BODY).status_code == 200
    assert place.s3.head_object(Bucket=place.bucket, Key=upload.key)["Metadata"] == {
        "vodflow-outputs": "hls", "vodflow-priority": "80", "upload-id": upload.public_id,
    }  # fmt: skip
    done, job = jobs.complete_upload(upload.public_id)
    assert (done.status, done.source_id, job.ref, job.tenant) == ("COMPLETED", 1, "source-1", "acme")
    assert place.airflow.runs["source-1"]["conf"] == {"source_id": 1, "outputs": ["hls"], "priority": 80}
    again, same = jobs.complete_upload(upload.public_id)
    assert (again, same.source_id) == (done, job.source_id)
    assert jobs.signed_upload(done) is None
    # Neither the sweep nor an event that comes late starts another one.
    counts = ingest(lambda _: pytest.fail("a second run"), sweeping=True).summary()
    assert (counts["registered_by_sweep"], counts["started"], list(place.airflow.runs)) == (0, 0, ["source-1"])


def test_its_arrival_alone_starts_it_and_completing_finds_that_run(place: Place) -> None:
    upload = jobs.create_upload("film.mp4", len(BODY), tenant="acme", priority=80)
    send(signed(upload), BODY)
    started: list[int] = []
    ingest(lambda source: started.append(source.id), sweeping=True)
    place.airflow.runs["source-1"] = {"state": "queued", "conf": {"source_id": 1, "priority": 80}}
    done, job = jobs.complete_upload(upload.public_id)
    assert (started, done.source_id, job.run_id) == ([1], 1, "source-1")
    assert list(place.airflow.runs) == ["source-1"]


TAMPERED: dict[str, Callable[[SignedRequest], tuple[str, bytes, dict[str, str]]]] = {
    "a bigger file": lambda one: (one.url, BODY + b"x", {}),
    "a smaller file": lambda one: (one.url, BODY[:-1], {}),
    "no length": lambda one: (one.url, BODY, {"Transfer-Encoding": "chunked"}),
    "another type": lambda one: (one.url, BODY, {"Content-Type": "text/html"}),
    "another key": lambda one: (one.url.replace("/acme/", "/other/"), BODY, {}),
    "other wishes": lambda one: (one.url, BODY, {"x-amz-meta-vodflow-priority": "100"}),
    "another owner": lambda one: (one.url, BODY, {"x-amz-meta-upload-id": "another"}),
    "other bytes": lambda one: (one.url, BODY[::-1], {}),
    "another checksum": lambda one: (one.url, BODY[::-1], {"x-amz-checksum-crc32": crc32(BODY[::-1])}),
    "another signature": lambda one: (one.url[:-1] + ("0" if one.url[-1] != "0" else "1"), BODY, {}),
    "a longer life": lambda one: (one.url.replace("X-Amz-Expires=3600", "X-Amz-Expires=36000"), BODY, {}),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_s3_takes_nothing_else(place: Place, what: str) -> None:
    upload = jobs.create_upload("film.mp4", len(BODY), tenant="acme", priority=80, crc32=crc32(BODY))
    request = signed(upload)
    url, body, headers = TAMPERED[what](request)
    chunked = headers.pop("Transfer-Encoding", None)
    answer = httpx.put(url, headers={**request.headers, **headers}, content=iter([body]) if chunked else body)
    assert answer.status_code in {400, 403, 411}, answer.text
    assert "Contents" not in place.s3.list_objects_v2(Bucket=place.bucket)
    with pytest.raises(UploadIncomplete):
        jobs.complete_upload(upload.public_id)


def test_a_place_of_its_own_is_written_once(place: Place) -> None:
    upload = jobs.create_upload("film.mp4", len(BODY), tenant="acme")
    request = signed(upload)
    assert send(request, BODY).status_code == 200
    assert send(request, BODY[::-1]).status_code == 412
    assert place.s3.get_object(Bucket=place.bucket, Key=upload.key)["Body"].read() == BODY


def test_a_version_of_a_name_is_written_once(place: Place) -> None:
    """However long the address lives: each would be another version, and a run."""
    place.put("acme/film.mp4", b"before")
    upload = jobs.create_upload("film.mp4", len(BODY), tenant="acme", name="film.mp4")
    request = signed(upload)
    assert request.headers["If-Match"]
    assert send(request, BODY).status_code == 200
    for again in (request, signed(upload)):
        assert send(again, BODY[::-1]).status_code == 412
    assert jobs.complete_upload(upload.public_id)[0].status == "COMPLETED"
    assert place.s3.get_object(Bucket=place.bucket, Key=upload.key)["Body"].read() == BODY


def test_an_address_runs_out(place: Place, set_settings: Callable[..., Settings]) -> None:
    upload = jobs.create_upload("film.mp4", len(BODY), tenant="acme")
    with transaction("test") as connection:
        connection.execute(text("UPDATE upload SET expires_at = now() - interval '1 hour'"))
    request = signed(jobs.get_upload(upload.public_id))
    assert "X-Amz-Expires=1&" in request.url
    time.sleep(2.1)
    answer = send(request, BODY)
    assert (answer.status_code, "expired" in answer.text) == (403, True)


def test_parts_go_on_after_everything_was_lost(in_parts: UploadRow, small_parts: Place) -> None:
    assert (in_parts.parts, in_parts.part_size, in_parts.size_of(3)) == (3, 5 * MIB, 7)
    send_parts(in_parts, 3, 1)
    with pytest.raises(UploadIncomplete, match=r"1 of 3 parts of film\.mp4 have not arrived: 2\.") as caught:
        jobs.complete_upload(in_parts.public_id)
    assert caught.value.missing == (2,)
    # All that anybody needs to know is the id.
    upload = jobs.get_upload(in_parts.public_id)
    received = jobs.received_parts(upload)
    assert [(part.number, part.size, part.crc32) for part in received] == [
        (number, upload.size_of(number), crc32(content(number, upload))) for number in (1, 3)
    ]
    send_parts(upload, 2)
    done, job = jobs.complete_upload(upload.public_id)
    assert (done.status, job.run_id, jobs.received_parts(done)) == ("COMPLETED", "source-1", [])
    stored = small_parts.s3.get_object(Bucket=upload.bucket, Key=upload.key)["Body"].read()
    assert stored == b"".join(content(number, upload) for number in (1, 2, 3))
    assert jobs.complete_upload(upload.public_id)[0] == done
    with pytest.raises(CatalogError, match="COMPLETED"):
        jobs.sign_parts(done, {1: crc32(b"")})


@pytest.mark.parametrize("what", ["bigger", "other bytes", "another number", "another upload"])
def test_a_part_is_what_was_signed(in_parts: UploadRow, what: str) -> None:
    body = content(3, in_parts)
    request = jobs.sign_parts(in_parts, {3: crc32(body)})[3]
    url = request.url
    if what == "bigger":
        body += b"x"
    elif what == "other bytes":
        body = b"\xff" * len(body)
    elif what == "another number":
        url = url.replace("partNumber=3", "partNumber=1")
    else:
        url = url.replace("uploadId=", "uploadId=x")
    assert httpx.put(url, headers=dict(request.headers), content=body).status_code in {400, 403, 404}
    assert jobs.received_parts(in_parts) == []


def test_parts_without_checksums(small_parts: Place) -> None:
    upload = jobs.create_upload("film.mov", 5 * MIB + 1, method="multipart")
    assert upload.uri == f"s3://{small_parts.bucket}/default/{upload.public_id}/film.mov"
    for number, request in jobs.sign_parts(upload, {1: None, 2: None}).items():
        assert send(request, content(number, upload)).status_code == 200
    assert jobs.complete_upload(upload.public_id)[1].tenant == "default"
    with pytest.raises(ConfigurationError, match="must come without"):
        jobs.sign_parts(jobs.create_upload("film.mov", 5 * MIB + 1, method="multipart"), {1: crc32(b"")})


def test_which_parts_may_be_signed(in_parts: UploadRow, place: Place) -> None:
    with pytest.raises(ConfigurationError, match="has parts 1 to 3, not 4"):
        jobs.sign_parts(in_parts, {1: crc32(b""), 4: crc32(b"")})
    with pytest.raises(ConfigurationError, match="Part 1 needs its CRC-32"):
        jobs.sign_parts(in_parts, {1: None})
    with pytest.raises(ConfigurationError, match="is no CRC-32"):
        jobs.sign_parts(in_parts, {1: "abc"})
    with pytest.raises(CatalogError, match="has no parts"):
        jobs.sign_parts(jobs.create_upload("film.mp4", 1), {1: None})


def test_a_cancelled_upload_leaves_nothing(in_parts: UploadRow, small_parts: Place) -> None:
    send_parts(in_parts, 1)
    for _ in range(2):
        assert jobs.cancel_upload(in_parts.public_id).status == "CANCELED"
    assert "Uploads" not in small_parts.s3.list_multipart_uploads(Bucket=in_parts.bucket)
    for refused in (jobs.complete_upload, lambda one: jobs.sign_parts(jobs.get_upload(one), {2: crc32(b"")})):
        with pytest.raises(CatalogError, match="CANCELED"):
            refused(in_parts.public_id)
    arrived = jobs.create_upload("film.mp4", len(BODY), tenant="acme")
    send(signed(arrived), BODY)
    for _ in range(2):
        with pytest.raises(CatalogError, match="has arrived: cancel its job, source-1"):
            jobs.cancel_upload(arrived.public_id)


def test_what_nobody_completes_is_given_up_or_taken_in(in_parts: UploadRow, small_parts: Place) -> None:
    send_parts(in_parts, 1, 2, 3)
    arrived, lost, young = (jobs.create_upload(f"{name}.mp4", len(BODY), tenant="acme") for name in "abc")
    send(signed(arrived), BODY)
    with transaction("test") as connection:
        ids = [in_parts.id, arrived.id, lost.id]
        connection.execute(
            text("UPDATE upload SET expires_at = now() - interval '1 second' WHERE id = ANY(:ids)"), {"ids": ids}
        )
    assert jobs.end_overdue_uploads() == 3
    assert [jobs.get_upload(one.public_id).status for one in (in_parts, arrived, lost, young)] == [
        "ABANDONED", "COMPLETED", "ABANDONED", "OPEN",
    ]  # fmt: skip
    assert "Uploads" not in small_parts.s3.list_multipart_uploads(Bucket=in_parts.bucket)
    started: list[str] = []
    ingest(lambda source: started.append(source.key), sweeping=True)
    assert started == [arrived.key]
    assert jobs.end_overdue_uploads() == 0


def test_parts_that_s3_has_removed_are_not_waited_for(in_parts: UploadRow, small_parts: Place) -> None:
    send_parts(in_parts, 1)
    small_parts.s3.abort_multipart_upload(Bucket=in_parts.bucket, Key=in_parts.key, UploadId=str(in_parts.multipart_id))
    with pytest.raises(CatalogError, match=r"S3 has removed what was sent of film\.mp4") as caught:
        jobs.complete_upload(in_parts.public_id)
    assert not caught.value.retryable
    assert jobs.cancel_upload(in_parts.public_id).status == "CANCELED"


@pytest.mark.parametrize("others", [[], [jobs.cancel_upload, lambda _: jobs.end_overdue_uploads()]])
def test_many_who_end_it_at_once_agree(in_parts: UploadRow, small_parts: Place, others: list[Any]) -> None:
    send_parts(in_parts, 1, 2, 3)
    with transaction("test") as connection:
        connection.execute(text("UPDATE upload SET expires_at = now() - interval '1 second'"))
    together = threading.Barrier(3 + len(others))

    def end(how: Callable[[str], Any]) -> None:
        together.wait()
        with suppress(CatalogError):
            how(in_parts.public_id)

    with ThreadPoolExecutor(3 + len(others)) as pool:
        list(pool.map(end, [jobs.complete_upload] * 3 + others))
    ended = jobs.get_upload(in_parts.public_id).status
    arrived = "Contents" in small_parts.s3.list_objects_v2(Bucket=in_parts.bucket)
    assert ended in ({"COMPLETED"} if arrived else {"CANCELED", "ABANDONED"})
    assert arrived or others
    assert "Uploads" not in small_parts.s3.list_multipart_uploads(Bucket=in_parts.bucket)
    assert list(small_parts.airflow.runs) == ["source-1"] * arrived


@pytest.mark.parametrize("bucket", ["gone-for-good", "no bucket"])
def test_a_bucket_that_is_lost_keeps_no_other_upload(small_parts: Place, bucket: str) -> None:
    made = [jobs.create_upload(f"{name}.mp4", 6 * MIB, tenant="acme", method="multipart") for name in "ab"]
    with transaction("test") as connection:
        connection.execute(text("UPDATE upload SET expires_at = now() - interval '1 second'"))
        connection.execute(
            text("UPDATE upload SET bucket = :bucket WHERE id = :id"), {"bucket": bucket, "id": made[0].id}
        )
    assert jobs.end_overdue_uploads() == 2
    assert jobs.get_upload(made[1].public_id).status == "ABANDONED"
    assert jobs.get_upload(made[0].public_id).status == ("ABANDONED" if bucket == "gone-for-good" else "OPEN")


def test_rules_of_one_place_may_differ_by_size(place: Place, set_settings: Callable[..., Settings]) -> None:
    rules = [{"maximum_size": 1000, "profile": "sd", "default_tenant": "small"}, {"profile": "hd"}]
    set_settings(watch=json.dumps([{"bucket": place.bucket, "tenant_pattern": "", **rule} for rule in rules]))
    made = [jobs.create_upload(f"{size}.mp4", size, name=f"{size}.mp4") for size in (len(BODY), 1000)]
    assert [one.tenant for one in made] == ["default", "small"]
    for upload in made:
        send(signed(upload), BODY[: upload.size_bytes])
        jobs.complete_upload(upload.public_id)
    with transaction("test") as connection:
        query = (
            "SELECT profile, slug FROM source JOIN video ON video.id = video_id "
            "JOIN tenant ON tenant.id = video.tenant_id ORDER BY source.id"
        )
        found = connection.execute(text(query)).all()
    assert found == [("hd", "default"), ("sd", "small")]


def test_what_is_not_as_promised_is_refused(place: Place) -> None:
    """Where something else than S3 keeps the objects, signatures may bind less."""
    for body, kind, wish in ((BODY + b"x", "video/mp4", {}), (BODY, "text/html", {}), (BODY, "video/mp4", {"a": "b"})):
        upload = jobs.create_upload("film.mp4", len(BODY), tenant="acme")
        place.put(upload.key, body, ContentType=kind, Metadata={"upload-id": upload.public_id, **wish})
        for _ in range(2):
            with pytest.raises(CatalogError, match=rf"What arrived is {len(body)} bytes of {kind} with metadata"):
                jobs.complete_upload(upload.public_id)
        assert jobs.get_upload(upload.public_id).status == "REFUSED"
    other = jobs.create_upload("film.mp4", len(BODY), tenant="acme")
    place.put(other.key, BODY, ContentType="video/mp4")
    with pytest.raises(UploadIncomplete):
        jobs.complete_upload(other.public_id)


def test_a_named_upload_is_a_new_version(place: Place) -> None:
    first = jobs.create_upload("a.mp4", len(BODY), tenant="acme", name="summer/film.mp4")
    assert first.key == "acme/summer/film.mp4"
    with pytest.raises(CatalogError, match=f"Upload {first.public_id} of that name is open"):
        jobs.create_upload("b.mp4", len(BODY), tenant="acme", name="summer/film.mp4")
    send(signed(first), BODY)
    video = jobs.complete_upload(first.public_id)[1]
    second = jobs.create_upload("b.mp4", len(BODY), tenant="acme", name="summer/film.mp4")
    with pytest.raises(UploadIncomplete):  # what lies there is the first one's
        jobs.complete_upload(second.public_id)
    assert send(signed(second), BODY[::-1]).status_code == 200
    assert jobs.complete_upload(second.public_id)[1].source_id != video.source_id
    with transaction("test") as connection:
        assert connection.scalar(text("SELECT count(DISTINCT video_id) FROM source")) == 1


def test_a_tenant_has_so_many_at_a_time(place: Place, set_settings: Callable[..., Settings]) -> None:
    set_settings(uploads_open=3)
    with ThreadPoolExecutor(6) as pool:
        made = [
            pool.submit(contextvars.copy_context().run, jobs.create_upload, "film.mp4", len(BODY), tenant="acme")
            for _ in range(6)
        ]
    refused = [one for one in made if isinstance(one.exception(), QuotaExceeded)]
    assert len(refused) == 3
    assert "acme has 3 unfinished uploads and imports of 3" in str(refused[0].exception())
    assert jobs.create_upload("film.mp4", 1, tenant="globex")
    jobs.cancel_upload(next(one.result() for one in made if not one.exception()).public_id)
    assert jobs.create_upload("film.mp4", 1, tenant="acme")


def test_a_tenant_sends_so_much_a_day(place: Place, set_settings: Callable[..., Settings]) -> None:
    set_settings(uploads_bytes_day=100)
    jobs.create_upload("film.mp4", 60, tenant="acme")
    with pytest.raises(QuotaExceeded, match="acme has brought 60 bytes within 24 hours; 41 more would be above"):
        jobs.create_upload("film.mp4", 41, tenant="acme", method="multipart")
    assert "Uploads" not in place.s3.list_multipart_uploads(Bucket=place.bucket)
    last = jobs.create_upload("film.mp4", 40, tenant="acme")
    # Its address is good for a while yet; that of parts without their upload is not.
    jobs.cancel_upload(last.public_id)
    with pytest.raises(QuotaExceeded, match="acme has brought 100 bytes"):
        jobs.create_upload("film.mp4", 1, tenant="acme")
    with transaction("test") as connection:
        connection.execute(text("UPDATE upload SET created_at = now() - interval '25 hours'"))
    assert jobs.create_upload("film.mp4", 100, tenant="acme")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"filename": "a/b.mp4"}, "without folders"),
        ({"filename": "a\\b.mp4"}, "without folders"),
        ({"filename": ""}, "without folders"),
        ({"filename": "notes.txt", "content_type": "video/mp4"}, "suffix"),
        ({"filename": "a\n.mp4"}, "cannot be a video's name"),
        ({"filename": "..", "content_type": "video/mp4"}, "cannot be a video's name"),
        ({"filename": "a\0.mp4"}, "cannot be a video's name"),
        ({"filename": "a\x85.mp4"}, "cannot be a video's name"),
        ({"filename": "a\u202e4pm.mp4"}, "cannot be a video's name"),
        ({"filename": "a\ud800.mp4"}, "cannot be a video's name"),
        ({"filename": "ü" * 600 + ".mp4"}, "1 to 255 characters"),
        ({"name": "ü" * 600 + ".mp4"}, "too long"),
        ({"name": "../x.mp4"}, "cannot be a video's name"),
        ({"name": "x" * 1030 + ".mp4"}, "too long"),
        ({"size": 0}, "1 to"),
        ({"size": 10**15}, "1 to"),
        ({"size": 6 * 1024**3, "method": "single"}, "do not go into one request"),
        ({"content_type": "text/html"}, "is no media type of a video"),
        ({"content_type": "video/mp4\n"}, "is no media type of a video"),
        ({"content_type": "video/mp4\r\nx: y"}, "is no media type of a video"),
        ({"crc32": "AAAA"}, "is no CRC-32"),
        ({"crc32": "AAAAAA==", "method": "multipart"}, "one request"),
        ({"part_checksums": True}, "sent in parts"),
        ({"tenant": "Not A Slug"}, "noticed nowhere"),
        ({"filename": "notes.txt", "content_type": "video/mp4"}, "takes only keys that end with"),
        ({"profile": "no-such"}, "no-such"),
        ({"qualities": ["9000p"]}, "9000p"),
        ({"outputs": ["avi"]}, "outputs"),
        ({"priority": 101}, "priority"),
    ],
)
def test_what_cannot_be_meant_opens_nothing(place: Place, values: dict[str, Any], said: str) -> None:
    with pytest.raises(VodflowError, match=said):
        jobs.create_upload(**{"filename": "film.mp4", "size": 10, **values})
    assert jobs.list_uploads() == []
    assert "Uploads" not in place.s3.list_multipart_uploads(Bucket=place.bucket)


def test_pages_and_other_tenants(place: Place) -> None:
    made = [jobs.create_upload(f"{number}.mp4", 10, tenant=("acme", "globex")[number % 2]) for number in range(5)]
    assert [one.filename for one in jobs.list_uploads(limit=2)] == ["4.mp4", "3.mp4"]
    assert [one.filename for one in jobs.list_uploads(limit=2, before_id=made[3].id)] == ["2.mp4", "1.mp4"]
    assert [one.filename for one in jobs.list_uploads(tenant="globex", status="OPEN")] == ["3.mp4", "1.mp4"]
    with acting_for("globex"):
        assert [one.filename for one in jobs.list_uploads()] == ["3.mp4", "1.mp4"]
        for ask in (jobs.get_upload, jobs.complete_upload, jobs.cancel_upload):
            with pytest.raises(NotInCatalog):
                ask(made[0].public_id)
        # Everything works with the rights of one tenant.
        own = jobs.create_upload("own.mp4", len(BODY), tenant="globex")
        assert send(signed(own), BODY).status_code == 200
        assert jobs.complete_upload(own.public_id)[1].tenant == "globex"
    with pytest.raises(NotInCatalog):
        jobs.get_upload("no such id")
