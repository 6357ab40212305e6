"""Messages of SNS and forgeries of them."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Event, Semaphore
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import Certificate
from support.sns_sender import CERTIFICATE_PATH, TOPIC, certificate, private_key, signed, timestamp
from vodflow.listeners import Accepted, Outcome, Refused, Request, handle, sns_calls
from vodflow.listeners.sns import OLDEST, SnsUnavailable
from vodflow.settings import Settings

SNS = "https://sns.us-east-1.amazonaws.com"
SETTINGS = Settings(sns_topics=(TOPIC,), event_queue_url="http://sqs/s3")
CREATED = {"Records": [{"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": "b"}, "object": {"key": "k"}}}]}


def notification(version: str = "2", key: str = "sns", **changes: str) -> dict[str, Any]:
    document = {
        "Type": "Notification",
        "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn": TOPIC,
        "Message": json.dumps(CREATED),
        "Timestamp": timestamp(),
        "SigningCertURL": SNS + CERTIFICATE_PATH,
    }
    return signed(document | changes, version, key)


def subscription(**changes: str) -> dict[str, Any]:
    document = {
        "Type": "SubscriptionConfirmation",
        "MessageId": "165545c9-2a5c-472c-8df2-7ff2be2b3b1b",
        "Token": "2336412f37",
        "TopicArn": TOPIC,
        "Message": "You have chosen to subscribe.",
        "SubscribeURL": f"{SNS}/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=2336412f37",
        "Timestamp": timestamp(),
        "SigningCertURL": SNS + CERTIFICATE_PATH,
    }
    return signed(document | changes)


def ask(
    document: dict[str, Any], found: Certificate | None = None, asked: list[str] | None = None, **changes: Any
) -> Accepted | Refused:
    def certificate_at(url: str) -> Certificate:
        (asked if asked is not None else []).append(url)
        return found or certificate()

    request = Request(changes.pop("headers", {}), json.dumps(document).encode())
    settings = SETTINGS.model_copy(update=changes.pop("settings", {}))
    return handle(request, settings, now=datetime.now(UTC).timestamp(), certificate=certificate_at, **changes)


def refusal(document: dict[str, Any], **changes: Any) -> str:
    answer = ask(document, **changes)
    assert isinstance(answer, Refused), answer
    assert answer.status == 401
    return answer.message


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("subject", [{}, {"Subject": "Amazon S3 Notification – größe"}])
def test_a_message_that_sns_signed(version: str, subject: dict[str, str]) -> None:
    asked: list[str] = []
    answer = ask(notification(version, **subject), asked=asked)
    assert isinstance(answer, Accepted), answer
    assert json.loads(answer.message) == CREATED
    assert answer.once == "sns:22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324"
    assert asked == [SNS + CERTIFICATE_PATH]


@pytest.mark.parametrize("name", ["Message", "MessageId", "Timestamp", "TopicArn", "Subject"])
def test_what_is_signed_cannot_be_changed(name: str) -> None:
    other = {"Timestamp": timestamp(-1), "TopicArn": TOPIC + "-2", "Message": json.dumps({**CREATED, "x": 1})}
    document = notification(Subject="a") | {name: other.get(name, "other")}
    assert "signature does not fit" in refusal(document, settings={"sns_topics": (TOPIC, TOPIC + "-2")})


@pytest.mark.parametrize("name", ["Message", "MessageId", "Timestamp", "TopicArn"])
def test_nothing_that_is_signed_may_be_missing(name: str) -> None:
    document = notification()
    del document[name]
    assert name in refusal(document) or name == "TopicArn"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"Signature": ""}, "signature does not fit"),
        ({"Signature": "???"}, "signature does not fit"),
        ({"Signature": "größe"}, "signature does not fit"),
        ({"Signature": notification(key="somebody else")["Signature"]}, "signature does not fit"),
        ({"Signature": notification("1")["Signature"]}, "signature does not fit"),
        ({"SignatureVersion": "3"}, "SignatureVersion"),
        ({"SignatureVersion": ""}, "SignatureVersion"),
    ],
)
def test_forged_signatures(changes: dict[str, str], message: str) -> None:
    assert message in refusal(notification() | changes)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://sns.us-east-1.amazonaws.com" + CERTIFICATE_PATH,
        "https://evil.example" + CERTIFICATE_PATH,
        "https://sns.us-east-1.amazonaws.com.evil.example" + CERTIFICATE_PATH,
        "https://sns.us-east-1.amazonaws.com@evil.example" + CERTIFICATE_PATH,
        "https://evil.example#sns.us-east-1.amazonaws.com" + CERTIFICATE_PATH,
        "https://evil.example/sns.us-east-1.amazonaws.com" + CERTIFICATE_PATH,
        "https://evil.sns.us-east-1.amazonaws.com" + CERTIFICATE_PATH,
        "https://sns.us-east-1.amazonaws.com:8443" + CERTIFICATE_PATH,
        "https://sns.us-east-1.amazonaws.com\\@evil.example" + CERTIFICATE_PATH,
        "https://sns.us-east-1.amazonaws.com" + CERTIFICATE_PATH + "?a=b",
        "https://sns.us-east-1.amazonaws.com" + CERTIFICATE_PATH + "\n",
        # What a caller of SNS can have it say is no certificate of SNS.
        "https://sns.us-east-1.amazonaws.com/?Action=ListTopics&x=.pem",
        "https://sns.us-east-1.amazonaws.com/../x.pem",
        "https://bucket.s3.amazonaws.com" + CERTIFICATE_PATH,
        # Buckets called sns.
        "https://sns.s3.amazonaws.com" + CERTIFICATE_PATH,
        "https://sns.s3-us-west-2.amazonaws.com" + CERTIFICATE_PATH,
        "https://sns.s3-website-eu-west-1.amazonaws.com" + CERTIFICATE_PATH,
        "https://sns.execute-api.amazonaws.com" + CERTIFICATE_PATH,
    ],
)
def test_certificates_of_others_are_not_even_asked_for(url: str) -> None:
    asked: list[str] = []
    assert "SigningCertURL" in refusal(notification() | {"SigningCertURL": url}, asked=asked)
    assert asked == []


@pytest.mark.parametrize("host", ["sns.eu-central-1", "sns.us-gov-west-1", "sns.ap-southeast-2", "sns.us-isob-east-1"])
def test_sns_of_every_region(host: str) -> None:
    url = f"https://{host}.amazonaws.com{CERTIFICATE_PATH}"
    assert isinstance(ask(notification(SigningCertURL=url)), Accepted)
    china = f"https://sns.cn-north-1.amazonaws.com.cn{CERTIFICATE_PATH}"
    assert isinstance(ask(notification(SigningCertURL=china)), Accepted)


@pytest.mark.parametrize("topic", [TOPIC + "2", TOPIC.replace("123456789012", "210987654321"), TOPIC.upper(), ""])
def test_other_topics_are_signed_by_sns_as_well_and_may_not_send(topic: str) -> None:
    asked: list[str] = []
    assert "VODFLOW_SNS_TOPICS" in refusal(notification(TopicArn=topic), asked=asked)
    assert "VODFLOW_SNS_TOPICS" in refusal(subscription(TopicArn=topic), asked=asked)
    assert asked == []


@pytest.mark.parametrize(("seconds", "good"), [(-OLDEST + 60, True), (200, True), (-OLDEST - 60, False), (400, False)])
def test_old_messages_are_refused(seconds: float, good: bool) -> None:
    answer = ask(notification(Timestamp=timestamp(seconds)))
    assert isinstance(answer, Accepted) == good
    assert "no time" in refusal(notification(Timestamp="yesterday"))


def test_certificates_end_and_have_an_rsa_key() -> None:
    now = datetime.now(UTC)
    for found in (certificate(ends=now - timedelta(days=1)), certificate(begins=now + timedelta(days=1))):
        assert "not valid now" in refusal(notification(), found=found)
    assert "signature does not fit" in refusal(notification(), found=certificate(key=private_key("somebody else")))


def test_a_certificate_that_cannot_be_had_asks_the_sender_to_try_again() -> None:
    def away(_: str) -> Certificate:
        raise SnsUnavailable("SNS answers 500 for its certificate")

    answer = handle(
        Request({}, json.dumps(notification()).encode()), SETTINGS, now=datetime.now(UTC).timestamp(), certificate=away
    )
    assert isinstance(answer, Refused)
    assert (answer.status, "answers 500" in answer.message) == (503, True)


def test_a_subscription_is_confirmed_where_sns_is() -> None:
    answer = ask(subscription())
    assert isinstance(answer, Accepted), answer
    assert (answer.status, answer.outcome, answer.queue_url) == (200, Outcome.SUBSCRIBED, None)
    assert answer.confirm == f"{SNS}/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=2336412f37"


@pytest.mark.parametrize("url", ["http://169.254.169.254/latest/meta-data", f"{SNS}.evil.example/?Action=x", "", SNS])
def test_no_other_address_is_called_even_where_sns_signed_it(url: str) -> None:
    assert "SubscribeURL" in refusal(subscription(SubscribeURL=url))


def test_of_the_url_only_where_sns_is_counts() -> None:
    answer = ask(subscription(SubscribeURL=f"{SNS}/?Action=DeleteTopic&TopicArn={TOPIC}#x", Token="a&b=c"))
    assert isinstance(answer, Accepted)
    assert answer.confirm == f"{SNS}/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=a%26b%3Dc"


def test_a_key_does_not_confirm_subscriptions() -> None:
    document = subscription() | {"Token": "other"}
    assert "signature does not fit" in refusal(document, trusted=True)
    answer = ask(subscription(), trusted=True)
    assert isinstance(answer, Accepted)
    assert answer.confirm is not None


def test_a_topic_that_was_told_to_stop_changes_nothing() -> None:
    answer = ask(signed({**subscription(), "Type": "UnsubscribeConfirmation"}))
    assert isinstance(answer, Accepted)
    assert (answer.outcome, answer.confirm) == (Outcome.IGNORED, None)


def test_without_topics_sns_is_nobody() -> None:
    answer = ask(notification(), settings={"sns_topics": ()})
    assert isinstance(answer, Refused)
    assert (answer.status, "closed" in answer.message) == (503, True)


def test_a_wrong_key_is_not_saved_by_a_signature_of_sns() -> None:
    assert "VODFLOW" not in refusal(notification(), headers={"x-api-key": "wrong"})


def test_only_rsa_keys_count() -> None:
    elliptic = certificate(key=ec.generate_private_key(ec.SECP256R1()))
    assert "no RSA key" in refusal(notification(), found=elliptic)


def test_no_crowd_of_certificates_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody may name ones that SNS has not; each question would hold a thread until it is answered."""
    monkeypatch.setattr(sns_calls, "_TIMES", (0.1, 0.1))
    asked, answer = Semaphore(0), Event()

    def slow(_: str) -> tuple[int, bytes]:
        asked.release()
        answer.wait()
        return 404, b""

    monkeypatch.setattr(sns_calls, "_get", slow)
    with ThreadPoolExecutor(3) as pool:
        first = [pool.submit(sns_calls.certificate_at, f"https://sns.example/{number}.pem") for number in range(2)]
        asked.acquire()
        asked.acquire()
        with pytest.raises(SnsUnavailable, match="others are asked for already"):
            sns_calls.certificate_at("https://sns.example/3.pem")
        answer.set()
        assert all("404" in str(one.exception()) for one in first)
    with pytest.raises(SnsUnavailable, match="404"):
        sns_calls.certificate_at("https://sns.example/3.pem")
