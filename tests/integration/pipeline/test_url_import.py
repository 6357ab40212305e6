"""Imports from real HTTP servers and buckets into a real S3: what arrives, what goes on, what is refused."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from cryptography.fernet import Fernet
from integration.jobs.conftest import Place, place
from sqlalchemy import text
from support.import_server import ImportServer, import_server
from vodflow import jobs
from vodflow.catalog.database import acting_for, transaction
from vodflow.catalog.url_imports import ImportRow
from vodflow.errors import (
    CatalogError,
    ConfigurationError,
    ImportRefused,
    NotInCatalog,
    QuotaExceeded,
    SourceUnavailable,
)
from vodflow.jobs.url_imports import start_waiting_imports
from vodflow.pipeline.url_import import fetch_import
from vodflow.sensing.ingest import ingest
from vodflow.settings import Settings

__all__ = ["place"]

pytestmark = pytest.mark.integration

MIB = 1024**2
BODY = bytes(range(251)) * (12 * MIB // 251)


@pytest.fixture(autouse=True)
def opened(place: Place, set_settings: Callable[..., Settings]) -> Settings:
    """Loopback is a private place, which only these tests may read from."""
    return set_settings(
        import_hosts='["127.0.0.1", "film.test"]',
        import_private='["127.0.0.1"]',
        upload_part_size=5 * MIB,
        import_read_timeout=5,
        sealing_keys=json.dumps([Fernet.generate_key().decode()]),
    )


@pytest.fixture
def server() -> Iterator[ImportServer]:
    with import_server(body=BODY) as made:
        yield made


def ask(url: str, **values: Any) -> ImportRow:
    return jobs.create_import(url, tenant="acme", **values)[0]


def stored(place: Place, row: ImportRow) -> bytes:
    body: bytes = place.s3.get_object(Bucket=row.bucket, Key=row.key)["Body"].read()
    return body


def left(place: Place) -> list[Any]:
    found: list[Any] = place.s3.list_multipart_uploads(Bucket=place.bucket).get("Uploads", [])
    return found


def test_a_video_is_fetched_and_its_run_is_the_only_one(place: Place, server: ImportServer) -> None:
    row = ask(f"{server.url('/a%20film.mp4')}?token=secret", outputs=["hls"], by="user:ann")
    assert (row.status, row.run_id, row.url) == ("QUEUED", "import-1", server.url("/a%20film.mp4"))
    assert row.key.startswith("acme/")
    assert row.key.endswith("/a film.mp4")
    assert place.airflow.runs["import-1"]["conf"] == {"import_id": 1}
    source = fetch_import(row.id)
    assert source is not None
    done = jobs.get_import(row.id)
    assert (done.status, done.source_id, done.size_bytes, done.total_bytes) == ("COMPLETED", 1, len(BODY), len(BODY))
    assert stored(place, done) == BODY
    assert server.asked == [("/a%20film.mp4?token=secret", None, None)]
    started: list[int] = []
    ingest(lambda found: started.append(found.id), sweeping=True)
    assert (started, source.id, left(place)) == ([1], 1, [])
    with transaction("test") as connection:
        assert "secret" not in str(connection.execute(text("SELECT * FROM url_import")).all())
    assert fetch_import(row.id) is None  # again, by a run that was cleared


def test_the_same_is_fetched_once(place: Place, server: ImportServer) -> None:
    first, new = jobs.create_import(server.url(), tenant="acme")
    for _ in range(2):
        assert jobs.create_import(server.url(), tenant="acme") == (first, False)
    assert (new, list(place.airflow.runs)) == (True, ["import-1"])
    others = [ask(server.url(), name="named.mp4"), ask(server.url("/other.mp4"))]
    assert [one.id for one in others] == [2, 3]
    assert others[0].key == "acme/named.mp4"
    assert jobs.create_import(server.url(), tenant="globex")[1]


def test_the_same_at_once_is_one(place: Place, server: ImportServer) -> None:
    made: list[tuple[ImportRow, bool]] = []
    threads = [
        threading.Thread(target=lambda: made.append(jobs.create_import(server.url(), tenant="acme"))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {row.id for row, _ in made} == {1}
    assert sorted(new for _, new in made) == [False, False, False, True]


def test_a_connection_that_breaks_goes_on_where_it_was(place: Place, server: ImportServer) -> None:
    server.cut_after = [6 * MIB, 100, 3 * MIB]
    row = ask(server.url())
    assert fetch_import(row.id)
    assert [one[1] for one in server.asked] == [
        None, f"bytes={6 * MIB}-", f"bytes={6 * MIB + 100}-", f"bytes={9 * MIB + 100}-",
    ]  # fmt: skip
    assert stored(place, row) == BODY


@pytest.mark.parametrize("values", [{"ranges": False}, {"etag": None}, {"etag": 'W/"weak"'}])
def test_a_server_without_ranges_is_read_from_the_beginning(
    place: Place, server: ImportServer, values: dict[str, Any]
) -> None:
    for name, value in values.items():
        setattr(server, name, value)
    server.cut_after = [11 * MIB]
    row = ask(server.url())
    assert fetch_import(row.id)
    assert (len(server.asked), stored(place, row), left(place)) == (2, BODY, [])


def test_bytes_that_change_meanwhile_are_read_anew(place: Place, server: ImportServer) -> None:
    server.cut_after = [6 * MIB]

    def change(number: int) -> None:
        if number == 2:
            server.body, server.etag = BODY[::-1] + b"x", '"two"'

    server.on_request = change
    row = ask(server.url())
    assert fetch_import(row.id)
    assert stored(place, row) == BODY[::-1] + b"x"
    assert left(place) == []


def test_another_process_goes_on(place: Place, server: ImportServer) -> None:
    """As after a worker was killed: the catalog knows the upload, S3 its parts."""
    row = ask(server.url())
    server.cut_after = [7 * MIB] + [0] * 5
    with pytest.raises(SourceUnavailable, match=rf"ends at byte {7 * MIB} of {len(BODY)}"):
        fetch_import(row.id)
    stopped = jobs.get_import(row.id)
    assert (stopped.status, len(left(place))) == ("FETCHING", 1)
    server.asked.clear()
    server.cut_after = []
    assert fetch_import(row.id)
    assert [one[1] for one in server.asked] == [f"bytes={5 * MIB}-"]
    assert stored(place, row) == BODY
    assert jobs.get_import(row.id).attempts == 2


def test_a_try_that_ends_at_the_last_moment(
    place: Place, server: ImportServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The object was made, and the process died before it could say so."""
    row = ask(server.url())

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("vodflow.pipeline.url_import.register_object", die)
        with pytest.raises(KeyboardInterrupt):
            fetch_import(row.id)
    assert fetch_import(row.id)
    assert (len(server.asked), jobs.get_import(row.id).status) == (1, "COMPLETED")


def test_a_length_that_is_too_long_is_never_reached(place: Place, server: ImportServer) -> None:
    server.length = len(BODY) + 1
    row = ask(server.url())
    with pytest.raises(SourceUnavailable, match=f"has {len(BODY)} bytes, not {len(BODY) + 1} as its server said"):
        fetch_import(row.id, last_try=True)
    failed = jobs.get_import(row.id)
    assert (failed.status, failed.source_id) == ("FAILED", None)
    assert str(len(BODY)) in str(failed.error)
    assert "Contents" not in place.s3.list_objects_v2(Bucket=place.bucket)
    server.length = None
    assert jobs.retry_import(row.id).status == "QUEUED"
    assert place.airflow.runs["import-1-1"]["conf"] == {"import_id": 1}
    assert fetch_import(row.id)


def test_a_length_that_is_too_short_ends_there(place: Place, server: ImportServer) -> None:
    server.length = 6 * MIB
    row = ask(server.url())
    assert fetch_import(row.id)
    assert stored(place, row) == BODY[: 6 * MIB]


def test_a_server_that_says_no_length(place: Place, server: ImportServer) -> None:
    server.length = 0
    row = ask(server.url())
    assert fetch_import(row.id)
    assert (stored(place, row), jobs.get_import(row.id).size_bytes) == (BODY, len(BODY))


@pytest.mark.parametrize("length", [None, 0])
def test_files_above_the_limit_are_refused(
    place: Place, server: ImportServer, set_settings: Callable[..., Settings], length: int | None
) -> None:
    """Whether the server says so, or only sends them."""
    set_settings(max_size=11 * MIB)
    server.length = length
    row = ask(server.url())
    assert fetch_import(row.id) is None
    refused = jobs.get_import(row.id)
    assert (refused.status, left(place)) == ("REFUSED", [])
    assert str(11 * MIB) in str(refused.error)
    assert "Contents" not in place.s3.list_objects_v2(Bucket=place.bucket)


@pytest.mark.parametrize("length", [None, 0])
@pytest.mark.parametrize(
    ("rules", "status"),
    [
        ([{"maximum_size": 11 * MIB}], "REFUSED"),
        ([{"minimum_size": 13 * MIB}], "REFUSED"),
        ([{"maximum_size": 1000}, {"maximum_size": 13 * MIB, "profile": "hd"}], "COMPLETED"),
    ],
)
def test_a_watch_rules_bounds_are_those_of_imports(
    place: Place, server: ImportServer, set_settings: Callable[..., Settings], rules: list[dict[str, Any]],
    status: str, length: int | None,
) -> None:  # fmt: skip
    set_settings(watch=json.dumps([{"bucket": place.bucket, **rule} for rule in rules]))
    server.length = length
    row = ask(server.url())
    source = fetch_import(row.id)
    assert (jobs.get_import(row.id).status, left(place)) == (status, [])
    assert source is None or source.profile == "hd"


@pytest.mark.parametrize("length", [None, 0])
def test_a_tenants_bytes_of_a_day_are_those_of_imports_as_well(
    place: Place, server: ImportServer, set_settings: Callable[..., Settings], length: int | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    set_settings(uploads_bytes_day=len(BODY) + 99)
    monkeypatch.setattr("vodflow.pipeline.url_import._NOTE", 0)
    server.length = length
    row = ask(server.url())
    jobs.create_upload("other.mp4", 100, tenant="acme", method="multipart")
    assert fetch_import(row.id) is None
    refused = jobs.get_import(row.id)
    assert (refused.status, left(place)[1:]) == ("REFUSED", [])
    assert f"above its limit of {len(BODY) + 99}" in str(refused.error)
    jobs.cancel_upload(jobs.list_uploads()[0].public_id)
    jobs.retry_import(row.id)
    assert fetch_import(row.id)


def test_tries_that_are_asked_for_again_count(
    place: Place, server: ImportServer, set_settings: Callable[..., Settings]
) -> None:
    set_settings(uploads_open=1)
    first = ask(server.url("/a.mp4"))
    jobs.cancel_import(first.id)
    ask(server.url("/b.mp4"))
    for again in (lambda: jobs.retry_import(first.id), lambda: ask(server.url("/a.mp4"))):
        with pytest.raises(QuotaExceeded, match="1 unfinished"):
            again()
    assert jobs.get_import(first.id).status == "CANCELED"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((404, {}), r"answers 404 Not Found"),
        ((403, {}), r"answers 403"),
        ((304, {}), r"answers 304"),
        ((204, {}), r"answers 204"),
        ((200, {"Content-Encoding": "gzip"}), r"comes as gzip"),
        ((200, {}), r"has no bytes"),
        ((302, {"Location": "http://169.254.169.254/latest/meta-data/"}), r"VODFLOW_IMPORT_HOSTS"),
        ((302, {"Location": "http://localhost:9/film.mp4"}), r"VODFLOW_IMPORT_HOSTS"),
        ((302, {"Location": "file:///etc/passwd"}), r"Give an http"),
        ((302, {"Location": "ftp://127.0.0.1/film.mp4"}), r"Give an http"),
        ((302, {"Location": "s3://masters/film.mp4"}), r"VODFLOW_IMPORT_BUCKETS"),
        ((302, {"Location": "http://film.test/film.mp4"}), r"private address 10\.0\.0\.5, and VODFLOW_IMPORT_PRIVATE"),
    ],
)
def test_what_no_other_try_can_change_is_refused(
    place: Place, server: ImportServer, answer: tuple[int, dict[str, str]], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve_as(monkeypatch, "10.0.0.5")
    server.answers = [answer]
    row = ask(server.url())
    assert fetch_import(row.id) is None
    refused = jobs.get_import(row.id)
    assert refused.status == "REFUSED"
    assert re.search(said, str(refused.error))
    assert len(server.asked) == 1
    assert left(place) == []


def resolve_as(monkeypatch: pytest.MonkeyPatch, *answers: str) -> list[str]:
    """What film.test resolves to: the next answer each time, the last one for ever."""
    real, given = socket.getaddrinfo, list(answers)
    asked: list[str] = []

    def resolve(host: str, *arguments: Any, **options: Any) -> Any:
        if host == "film.test":
            asked.append(host)
            host = given.pop(0) if len(given) > 1 else given[0]
        return real(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return asked


def test_a_name_is_resolved_once(place: Place, server: ImportServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it stands for a moment later, the connection goes to the address that was checked."""
    asked = resolve_as(monkeypatch, "127.0.0.1", "10.0.0.5")
    row = ask(server.url(host="film.test"))
    assert fetch_import(row.id)
    assert (len(asked), len(server.asked)) == (1, 1)


def test_private_places_need_to_be_named(
    place: Place, server: ImportServer, set_settings: Callable[..., Settings]
) -> None:
    set_settings(import_private="[]")
    row = ask(server.url())
    assert fetch_import(row.id) is None
    assert "private address 127.0.0.1, and VODFLOW_IMPORT_PRIVATE allows" in str(jobs.get_import(row.id).error)
    assert server.asked == []


def test_redirects_are_followed_to_allowed_places(
    place: Place, server: ImportServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve_as(monkeypatch, "127.0.0.1")
    server.answers = [(code, {"Location": f"/{code}"}) for code in (301, 302, 303, 307)]
    server.answers += [(308, {"Location": server.url("/308", host="film.test")})]
    url = server.url().replace("http://", "http://ann:pa%3Ass@")
    row = ask(url)
    assert row.url == server.url()
    assert fetch_import(row.id)
    assert [one[0] for one in server.asked] == ["/film.mp4", "/301", "/302", "/303", "/307", "/308"]
    # The password goes to whom it was given for.
    assert [one[2] for one in server.asked] == [*["Basic YW5uOnBhOnNz"] * 5, None]
    server.answers = [(302, {"Location": f"/{number}"}) for number in range(6)]
    other = ask(server.url("/round.mp4"))
    assert fetch_import(other.id) is None
    assert "more than 5 redirects" in str(jobs.get_import(other.id).error)


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_what_passes_is_tried_again(place: Place, server: ImportServer, status: int) -> None:
    server.answers = [(status, {})] * 2
    row = ask(server.url())
    assert fetch_import(row.id)
    assert len(server.asked) == 3


def test_a_server_that_does_not_answer(place: Place, set_settings: Callable[..., Settings]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
    row = ask(f"http://127.0.0.1:{port}/film.mp4")
    with pytest.raises(SourceUnavailable, match="does not answer"):
        fetch_import(row.id)
    assert jobs.get_import(row.id).status == "FETCHING"


def test_no_try_takes_longer_than_it_may(
    place: Place, server: ImportServer, set_settings: Callable[..., Settings]
) -> None:
    set_settings(import_timeout=1e-9)
    row = ask(server.url())
    with pytest.raises(SourceUnavailable, match="takes more than 0 s"):
        fetch_import(row.id)
    assert len(server.asked) == 1


def test_a_cancelled_import_stops(place: Place, server: ImportServer) -> None:
    row = ask(server.url())

    def cancel(number: int) -> None:
        if number == 2:
            jobs.cancel_import(row.id)

    server.cut_after = [6 * MIB]
    server.on_request = cancel
    assert fetch_import(row.id) is None
    for _ in range(2):
        assert jobs.cancel_import(row.id).status == "CANCELED"
    assert left(place) == []
    assert "Contents" not in place.s3.list_objects_v2(Bucket=place.bucket)
    server.on_request = lambda _: None
    again, new = jobs.create_import(server.url(), tenant="acme")
    assert (again.status, again.run_id, new) == ("QUEUED", "import-1-1", False)
    assert fetch_import(row.id)
    with pytest.raises(CatalogError, match="cancel its job, source-1"):
        jobs.cancel_import(row.id)
    with pytest.raises(CatalogError, match="nothing to try again"):
        jobs.retry_import(row.id)


@pytest.mark.parametrize("answers", [[], [(503, {})], [(404, {})]])
def test_one_that_is_cancelled_ends_quietly_whatever_comes_of_it(
    place: Place, server: ImportServer, answers: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vodflow.pipeline.url_import._BREAKS", 0)
    row = ask(server.url())
    server.answers, server.on_request = answers, lambda _: jobs.cancel_import(row.id)
    assert fetch_import(row.id, last_try=True) is None
    assert (jobs.get_import(row.id).status, left(place)) == ("CANCELED", [])


def test_two_tries_at_once_make_one_object(place: Place, server: ImportServer) -> None:
    """As when a worker was thought lost, and goes on."""
    row = ask(server.url())
    server.on_request = lambda number: fetch_import(row.id) if number == 1 else None
    assert fetch_import(row.id, last_try=True) is None
    done = jobs.get_import(row.id)
    assert (done.status, done.attempts, left(place)) == ("COMPLETED", 2, [])
    assert stored(place, row) == BODY


def test_parts_that_were_removed_are_fetched_again(place: Place, server: ImportServer) -> None:
    """By a bucket's rule for unfinished uploads, for example."""

    def remove(number: int) -> None:
        if number == 2:
            for one in left(place):
                place.s3.abort_multipart_upload(Bucket=place.bucket, Key=one["Key"], UploadId=one["UploadId"])

    server.cut_after, server.on_request = [6 * MIB], remove
    row = ask(server.url())
    assert fetch_import(row.id)
    assert (stored(place, row), len(server.asked), left(place)) == (BODY, 3, [])


def test_one_that_was_cancelled_before_it_began_runs_anew(place: Place, server: ImportServer) -> None:
    row = ask(server.url())
    jobs.cancel_import(row.id)
    assert fetch_import(row.id) is None
    assert jobs.retry_import(row.id).run_id == "import-1-1"
    assert list(place.airflow.runs) == ["import-1", "import-1-1"]


def test_the_sweep_starts_what_airflow_did_not_hear_of(place: Place, server: ImportServer) -> None:
    place.airflow.broken = 503
    row = ask(server.url())
    assert place.airflow.runs == {}
    started: list[tuple[str, str, int]] = []
    assert start_waiting_imports(lambda *values: started.append(values)) == 1
    assert started == [("import_video", "import-1", row.id)]
    fetch_import(row.id)
    assert start_waiting_imports(lambda *values: started.append(values)) == 0


def test_a_worker_that_is_lost_ends_its_import_at_last(place: Place, server: ImportServer) -> None:
    server.cut_after = [0] * 5
    row = ask(server.url())
    with pytest.raises(SourceUnavailable):
        fetch_import(row.id)
    assert start_waiting_imports(lambda *_: None) == 0
    with transaction("test") as connection:
        connection.execute(text("UPDATE url_import SET begun_at = now() - interval '7 hours'"))
    assert start_waiting_imports(lambda *_: None) == 1
    assert jobs.get_import(row.id).status == "FAILED"


def let_a_role_read(settings: Settings, bucket: str) -> str:
    """The ARN of a role that reads a bucket, and that everybody may take on."""
    iam = boto3.client("iam", endpoint_url=settings.aws_endpoint_url, region_name=settings.aws_region)
    trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    may = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    name = f"vodflow-import-{bucket}"
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy(trust))["Role"]
    iam.put_role_policy(RoleName=name, PolicyName="read", PolicyDocument=policy(may))
    return str(role["Arn"])


def policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_from_a_bucket(
    place: Place, opened: Settings, make_bucket: Callable[[], str], set_settings: Callable[..., Settings]
) -> None:
    theirs = make_bucket()
    place.s3.put_object(Bucket=theirs, Key="out/film.mp4", Body=BODY)
    role = let_a_role_read(opened, theirs)
    set_settings(import_buckets=json.dumps([{"bucket": theirs, "prefix": "out/", "role": role, "external_id": "ours"}]))
    row = ask(f"s3://{theirs}/out/film.mp4")
    assert fetch_import(row.id)
    assert stored(place, row) == BODY


def test_what_cannot_be_meant(place: Place, server: ImportServer, set_settings: Callable[..., Settings]) -> None:
    with pytest.raises(ConfigurationError, match="names no file"):
        ask(server.url("/"))
    with pytest.raises(ConfigurationError, match="suffix"):
        ask(server.url("/download"))
    with pytest.raises(ImportRefused, match="VODFLOW_IMPORT_HOSTS"):
        ask("https://elsewhere.example/film.mp4")
    with pytest.raises(ConfigurationError, match="no-such"):
        ask(server.url(), profile="no-such")
    set_settings(uploads_open=1)
    ask(server.url())
    with pytest.raises(QuotaExceeded):
        ask(server.url("/b.mp4"))
    assert ask(server.url()).id == 1  # it is there already
    set_settings(sealing_keys="[]")
    with pytest.raises(ConfigurationError, match="VODFLOW_SEALING_KEYS"):
        ask(server.url("/c.mp4"))


def test_pages_and_other_tenants(place: Place, server: ImportServer) -> None:
    for number in range(4):
        jobs.create_import(server.url(f"/{number}.mp4"), tenant=("acme", "globex")[number % 2])
    assert [one.id for one in jobs.list_imports(limit=3)] == [4, 3, 2]
    assert [one.id for one in jobs.list_imports(before_id=3, status="QUEUED")] == [2, 1]
    with acting_for("globex"):
        assert [one.id for one in jobs.list_imports()] == [4, 2]
        for look in (jobs.get_import, jobs.cancel_import, jobs.retry_import):
            with pytest.raises(NotInCatalog):
                look(1)
        assert jobs.create_import(server.url("/new.mp4"), tenant="globex")[1]
