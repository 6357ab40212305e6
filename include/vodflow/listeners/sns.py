"""Messages that SNS posts itself: which they are, and whether SNS signed them for a topic that may send here. Pure.

What is signed, and how, is AWS's developer guide, "Verifying the signatures of Amazon SNS messages"
(https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html). Every topic of the world is signed by
the same keys, so a signature says that SNS sent it; the list of topics says whose.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from vodflow.sensing.notices import is_one_of
from vodflow.settings import Settings

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

NOTIFICATION: Final = "Notification"
SUBSCRIPTION: Final = "SubscriptionConfirmation"
UNSUBSCRIPTION: Final = "UnsubscribeConfirmation"

#: What is signed, in this order; ``Subject`` only where there is one.
_CONFIRMED: Final = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
_SIGNED: Final = {
    NOTIFICATION: ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    SUBSCRIPTION: _CONFIRMED,
    UNSUBSCRIPTION: _CONFIRMED,
}
_OPTIONAL: Final = "Subject"

#: SNS tries for an hour at most (its longest delivery policy); its clock may be five minutes ahead of ours.
OLDEST: Final = 3_900.0
_NEWEST: Final = 300.0

#: Where SNS of AWS is, in any region and partition. Regions begin with letters alone: ``sns.s3-eu-west-1`` would be
#: somebody's bucket.
_AWS: Final = r"https://sns\.[a-z]{2,4}(-[a-z]{2,16}){1,4}-[0-9]{1,2}\.amazonaws\.com(\.cn)?"
_CERTIFICATE: Final = r"/SimpleNotificationService-[0-9a-f]{32}\.pem"


class SnsError(ValueError):
    """A message is not of SNS, or of a topic that may not send here; says what is wrong, and no secret."""


class SnsUnavailable(Exception):
    """SNS does not answer what is asked about a message; sending it again later can help."""


@dataclass(frozen=True, slots=True)
class SnsMessage:
    """A message as SNS posts it; every field is text."""

    fields: dict[str, str]

    @property
    def kind(self) -> str:
        """``Notification``, or a confirmation."""
        return self.fields["Type"]

    @property
    def topic(self) -> str:
        """ARN."""
        return self.fields["TopicArn"]

    @property
    def message_id(self) -> str:
        """The same whenever SNS sends it again."""
        return self.fields["MessageId"]


def read_message(body: bytes) -> SnsMessage | None:
    """The message of SNS that a body is; none when it is something else, or carries no signature."""
    try:
        document: Any = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or not is_one_of(document.get("Type"), _SIGNED) or "Signature" not in document:
        return None
    return SnsMessage({name: value for name, value in document.items() if isinstance(value, str)})


def check(message: SnsMessage, settings: Settings, now: float, certificate: Callable[[str], Certificate]) -> None:
    """See that SNS signed the message lately, for a topic that may send here.

    :param now: seconds since 1970
    :param certificate: the one at a URL, which is SNS's own by then
    :raises SnsError: it is not so
    :raises SnsUnavailable: the certificate cannot be had now
    """
    if message.fields.get("TopicArn") not in settings.sns_topics:
        raise SnsError(f"the topic {message.fields.get('TopicArn', '')[:256]!a} is not in VODFLOW_SNS_TOPICS")
    signed = text_to_sign(message)
    _check_age(message.fields["Timestamp"], now)
    url = message.fields.get("SigningCertURL", "")
    if not re.fullmatch(_base(settings) + _CERTIFICATE, url):
        raise SnsError("SigningCertURL is none of SNS")
    _check_signature(message, signed, certificate(url), now)


def text_to_sign(message: SnsMessage) -> bytes:
    """What the signature covers.

    :raises SnsError: a part of it is missing
    """
    lines = []
    for name in _SIGNED[message.kind]:
        if (value := message.fields.get(name)) is not None:
            lines.append(f"{name}\n{value}\n")
        elif name != _OPTIONAL:
            raise SnsError(f"its field {name} is missing")
    return "".join(lines).encode("utf-8", "surrogatepass")


def confirmation_url(message: SnsMessage, settings: Settings) -> str:
    """What to ask so that the topic sends its messages here; made of the signed fields, whatever else the URL says.

    :raises SnsError: ``SubscribeURL`` is not SNS's
    """
    found = re.match(f"({_base(settings)})/\\?", message.fields["SubscribeURL"])
    if found is None:
        raise SnsError("SubscribeURL is none of SNS")
    token = quote(message.fields["Token"], safe="")
    return f"{found[1]}/?Action=ConfirmSubscription&TopicArn={quote(message.topic, safe=':')}&Token={token}"


def _base(settings: Settings) -> str:
    return re.escape(settings.sns_url.rstrip("/")) if settings.sns_url else _AWS


def _check_age(text: str, now: float) -> None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise SnsError("its Timestamp is no time") from error
    age = now - (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if not -_NEWEST <= age <= OLDEST:
        raise SnsError(f"it is {age:.0f} s old; {OLDEST:.0f} s are accepted")


def _check_signature(message: SnsMessage, signed: bytes, certificate: Certificate, now: float) -> None:
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - slow to import, and seldom needed
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey  # noqa: PLC0415

    # SHA-1 is what SNS signs version 1 with; a topic's attribute SignatureVersion makes it 2.
    algorithms = {"1": hashes.SHA1(), "2": hashes.SHA256()}  # noqa: S303
    version = message.fields.get("SignatureVersion", "")
    if version not in algorithms:
        raise SnsError("its SignatureVersion is neither 1 nor 2")
    if not certificate.not_valid_before_utc.timestamp() <= now <= certificate.not_valid_after_utc.timestamp():
        raise SnsError("its certificate is not valid now")
    key = certificate.public_key()
    try:
        if not isinstance(key, RSAPublicKey):
            raise SnsError("its certificate has no RSA key")
        signature = base64.b64decode(message.fields.get("Signature", ""), validate=True)
        key.verify(signature, signed, PKCS1v15(), algorithms[version])
    except (InvalidSignature, binascii.Error, ValueError) as error:
        raise error if isinstance(error, SnsError) else SnsError("its signature does not fit") from None
