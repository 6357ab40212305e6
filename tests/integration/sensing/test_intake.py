from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import quote_plus

import pytest
from integration.sensing.conftest import Place
from integration.sensing.test_sweep import WEIRD
from vodflow.errors import CatalogUnavailable, ConfigurationError
from vodflow.sensing import intake
from vodflow.sensing.intake import take_in
from vodflow.sensing.queue import Message
from vodflow.sensing.rules import Ignored
from vodflow.sensing.sweep import sweep
from vodflow.settings import Settings
from vodflow.storage.clients import s3_client, sqs_client

pytestmark = pytest.mark.integration


def notice(place: Place, *keys: str, **item: object) -> str:
    records = [
        {
            "eventName": "ObjectCreated:Put",
            "s3": {"bucket": {"name": place.bucket}, "object": {"key": quote_plus(key), **item}},
        }
        for key in keys
    ]
    return json.dumps({"Records": records})


def visible_or_hidden(place: Place) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    answer = sqs_client().get_queue_attributes(QueueUrl=place.queue_url, AttributeNames=names)  # type: ignore[arg-type]
    return sum(int(answer["Attributes"][name]) for name in names)  # type: ignore[index]


def test_real_events_of_keys_of_every_kind(place: Place) -> None:
    for key in WEIRD:
        place.put(key)
    messages = place.wait_for_events(len(WEIRD))
    result = take_in(messages)
    assert (len(result.registered), result.problems, result.gone) == (len(WEIRD), 0, 0)
    assert {key for (key,) in place.rows()} == set(WEIRD)
    assert {discoverer for (discoverer,) in place.rows("discovered_by")} == {"event"}


def test_event_and_sweep_agree_on_the_identity(place: Place) -> None:
    place.put("acme/a.mp4")
    take_in(place.wait_for_events(1))
    assert sweep().registered == 0
    place.s3.put_bucket_versioning(Bucket=place.bucket, VersioningConfiguration={"Status": "Enabled"})
    place.put("acme/b.mp4")
    take_in(place.wait_for_events(1))
    assert sweep().registered == 0
    assert len(place.rows()) == 2


def test_duplicates_and_multi_record_messages_make_one_row_each(place: Place) -> None:
    place.lose_events()
    for key in ("acme/a.mp4", "acme/b.mp4"):
        place.put(key)
    body = notice(place, "acme/a.mp4", "acme/b.mp4", "acme/a.mp4")
    for _ in range(3):
        place.send(body)
    result = take_in([Message(body)])
    assert (result.messages, result.notices, len(result.registered)) == (4, 12, 2)
    assert len(place.rows()) == 2


def test_messages_leave_the_queue_once_they_are_registered(place: Place) -> None:
    place.put("acme/a.mp4")
    messages = place.wait_for_events(1)
    take_in(messages)
    assert visible_or_hidden(place) == 0


def test_s3_tells_of_a_restore(place: Place) -> None:
    place.s3.put_object(Bucket=place.bucket, Key="acme/a.mp4", Body=b"video", StorageClass="GLACIER")
    assert take_in(place.wait_for_events(1)).registered == []
    place.s3.restore_object(Bucket=place.bucket, Key="acme/a.mp4", RestoreRequest={"Days": 1})
    assert len(take_in(place.wait_for_events(1)).registered) == 1


def test_messages_stay_when_the_catalog_fails(place: Place, set_settings: Callable[..., Settings]) -> None:
    place.put("acme/a.mp4")
    messages = place.wait_for_events(1)
    url = place.settings.catalog_url.get_secret_value()
    set_settings(catalog_url="postgresql+psycopg2://nobody@127.0.0.1:1/none", catalog_timeout=2)
    with pytest.raises(CatalogUnavailable):
        take_in(messages)
    assert visible_or_hidden(place) == 1
    set_settings(catalog_url=url)
    assert len(take_in(messages).registered) == 1


def test_messages_stay_when_s3_does_not_answer(
    place: Place, set_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    place.put("acme/a.mp4")
    messages = place.wait_for_events(1)
    # Only S3 is away: its client was made for an address where nobody listens.
    away = s3_client(set_settings().model_copy(update={"aws_endpoint_url": "http://127.0.0.1:1", "aws_attempts": 1}))
    with monkeypatch.context() as patch:
        patch.setattr("vodflow.storage.objects.s3_client", lambda _settings=None: away)
        result = take_in(messages)
    assert (result.registered, result.postponed) == ([], 1)
    assert visible_or_hidden(place) == 1
    assert len(take_in(messages).registered) == 1


def test_an_object_that_is_gone_is_no_problem(place: Place) -> None:
    result = take_in([Message(notice(place, "acme/gone.mp4"))])
    assert (result.gone, result.registered, result.problems) == (1, [], 0)


def test_the_object_as_it_is_now_counts(place: Place) -> None:
    old = place.put("acme/a.mp4", b"old")
    new = place.put("acme/a.mp4", b"newer")
    take_in([Message(notice(place, "acme/a.mp4", eTag=old, size=3))])
    assert place.rows("version, size_bytes") == [(new, 5)]


def test_filters_apply_to_events(watch: Callable[..., Place]) -> None:
    place = watch(prefix="in/", maximum_size=6)
    place.lose_events()
    place.put("in/a.mp4")
    place.put("in/long.mp4", b"x" * 10)
    keys = ["in/a.mp4", "in/b.txt", "other/a.mp4", "in/long.mp4"]
    result = take_in([Message(notice(place, *keys))])
    assert len(result.registered) == 1
    assert result.ignored == {Ignored.SUFFIX: 1, Ignored.UNWATCHED: 1, Ignored.TOO_LARGE: 1}


def test_a_young_object_is_left_to_the_sweep(watch: Callable[..., Place]) -> None:
    place = watch(minimum_age=3600)
    place.lose_events()
    place.put("acme/a.mp4")
    assert take_in([Message(notice(place, "acme/a.mp4"))]).ignored == {Ignored.TOO_YOUNG: 1}
    watch(minimum_age=0)
    assert sweep().registered == 1


def test_garbage_becomes_one_dead_letter_and_stops_nothing(place: Place) -> None:
    place.lose_events()
    place.put("acme/a.mp4")
    for body in ("garbage", "garbage", '{"odd": "\\u0000"}', notice(place, "acme/a.mp4")):
        place.send(body)
    result = take_in([Message(None)])
    assert (len(result.registered), result.problems) == (1, 4)
    assert visible_or_hidden(place) == 0
    assert set(place.letters()) == {
        ("not_json", "garbage", 2),
        ("unknown_shape", '{"odd": "\\u0000"}', 1),
        ("unknown_shape", None, 1),
    }


def test_only_the_bad_record_of_a_message_is_a_dead_letter(place: Place) -> None:
    place.put("acme/a.mp4")
    message = json.loads(notice(place, "acme/a.mp4"))
    message["Records"].append({"eventName": "ObjectCreated:Put", "s3": "?"})
    result = take_in([Message(json.dumps(message))])
    assert (len(result.registered), result.problems) == (1, 1)
    assert [letter[0] for letter in place.letters()] == ["bad_record"]


def test_refused_access_is_a_dead_letter(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ConfigurationError("S3 refused to read s3://x (403).", code="403")

    monkeypatch.setattr(intake, "resolve_source", refuse)
    assert take_in([Message(notice(place, "acme/a.mp4"))]).problems == 1
    assert [letter[0] for letter in place.letters()] == ["forbidden"]


def test_without_a_queue_only_the_given_messages_are_taken(
    place: Place, set_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    place.put("acme/a.mp4")
    monkeypatch.delenv("VODFLOW_EVENT_QUEUE_URL")
    set_settings()
    assert len(take_in([Message(notice(place, "acme/a.mp4"), "1", "receipt")]).registered) == 1


def test_a_missing_queue_is_named(place: Place, set_settings: Callable[..., Settings]) -> None:
    set_settings(event_queue_url=place.queue_url + "-never-made")
    with pytest.raises(ConfigurationError, match="VODFLOW_EVENT_QUEUE_URL"):
        take_in([])
