"""Signatures as the Standard Webhooks specification has them."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest
from vodflow.errors import ConfigurationError
from vodflow.outcomes.notifications.signing import SignatureError, sign, verify

SECRET = "whsec_" + base64.b64encode(b"a key of thirty-two bytes, about").decode()
NOW = 1_800_000_000
BODY = b'{"type":"video.published","n":"\xc3\xbc"}'


def headers(secret: str = SECRET, *, timestamp: int = NOW, body: bytes = BODY) -> dict[str, str]:
    return {
        "Webhook-Id": "job-event-7",
        "Webhook-Timestamp": str(timestamp),
        "Webhook-Signature": sign(secret, "job-event-7", timestamp, body),
    }


def test_the_specifications_own_example() -> None:
    # From the specification's reference libraries (test of the payload {"test": 2432232314}).
    signature = sign(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_it_is_the_hmac_of_id_timestamp_and_body() -> None:
    digest = hmac.new(b"plain text", b"id.1.body", hashlib.sha256).digest()
    assert sign("plain text", "id", 1, b"body") == "v1," + base64.b64encode(digest).decode()


def test_what_we_sign_we_accept() -> None:
    assert verify([SECRET], headers(), BODY, NOW + 299) == "job-event-7"


def test_two_secrets_while_one_is_changed_on_either_side() -> None:
    assert verify(["new", SECRET], headers(), BODY, NOW)
    both = headers() | {"Webhook-Signature": f"v1,AAAA v1a,unknown {sign(SECRET, 'job-event-7', NOW, BODY)}"}
    assert verify([SECRET], both, BODY, NOW)


@pytest.mark.parametrize(
    ("given", "body", "now", "message"),
    [
        ({}, BODY, NOW, "webhook-id is missing"),
        (headers() | {"Webhook-Signature": ""}, BODY, NOW, "webhook-signature is missing"),
        (headers(), BODY + b" ", NOW, "no signature fits"),
        (headers("other"), BODY, NOW, "no signature fits"),
        (headers() | {"Webhook-Id": "job-event-8"}, BODY, NOW, "no signature fits"),
        (headers() | {"Webhook-Timestamp": str(NOW + 1)}, BODY, NOW, "no signature fits"),
        (headers(), BODY, NOW + 301, "301 s off"),
        (headers(timestamp=NOW + 400), BODY, NOW, "400 s off"),
        (headers() | {"Webhook-Timestamp": "1e9"}, BODY, NOW, "no number of seconds"),
        (headers() | {"Webhook-Timestamp": "٣"}, BODY, NOW, "no number of seconds"),
        (headers() | {"Webhook-Signature": "v1,ü\ud800"}, BODY, NOW, "no signature fits"),
        (headers() | {"Webhook-Signature": headers()["Webhook-Signature"][3:]}, BODY, NOW, "no signature fits"),
    ],
)
def test_everything_else_is_refused(given: dict[str, str], body: bytes, now: float, message: str) -> None:
    with pytest.raises(SignatureError, match=message) as caught:
        verify([SECRET], given, body, now)
    assert SECRET not in str(caught.value)


def test_no_secret_accepts_nothing() -> None:
    with pytest.raises(SignatureError, match="no signature fits"):
        verify([], headers(""), BODY, NOW)


def test_a_broken_secret_is_the_operators_error_and_is_not_repeated() -> None:
    with pytest.raises(ConfigurationError, match="base64") as caught:
        sign("whsec_not base64!", "id", 1, b"")
    assert "not base64!" not in str(caught.value)
