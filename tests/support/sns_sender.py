"""Stands for SNS towards those who receive its messages: signs them, shows its certificate, hears confirmations."""

from __future__ import annotations

import base64
import json
import threading
import uuid
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

TOPIC = "arn:aws:sns:us-east-1:123456789012:uploads"
CERTIFICATE_PATH = "/SimpleNotificationService-7ff5318490ec183fbaddaa2a969abfda.pem"

#: In the order of AWS's developer guide.
NOTIFIED = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
CONFIRMED = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")


@cache
def private_key(name: str) -> rsa.RSAPrivateKey:
    """One key for each name and session: making them takes long."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def certificate(
    begins: datetime | None = None,
    ends: datetime | None = None,
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | None = None,
) -> x509.Certificate:
    whose = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    now, key = datetime.now(UTC), key or private_key("sns")
    builder = x509.CertificateBuilder().subject_name(whose).issuer_name(whose).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(begins or now - timedelta(days=30))
    return builder.not_valid_after(ends or now + timedelta(days=3650)).sign(key, hashes.SHA256())


def signed(document: dict[str, Any], version: str = "1", key: str = "sns") -> dict[str, Any]:
    """The message with its signature, as SNS makes it."""
    names = NOTIFIED if document["Type"] == "Notification" else CONFIRMED
    text = "".join(f"{name}\n{document[name]}\n" for name in names if name in document)
    algorithm = hashes.SHA1() if version == "1" else hashes.SHA256()  # noqa: S303 - as SNS does
    signature = private_key(key).sign(text.encode(), padding.PKCS1v15(), algorithm)
    return {**document, "SignatureVersion": version, "Signature": base64.b64encode(signature).decode()}


class SnsSender:
    """``with SnsSender() as sns:``; ``sns.url`` is where its certificate is, ``sns.confirmed`` what it was asked."""

    def __init__(self) -> None:
        self.confirmed: list[str] = []
        self.certificate = certificate()
        self.broken: int | None = None
        """A status that everything is answered with."""
        self.asked = 0
        sender = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                sender.asked += 1
                body = sender.certificate.public_bytes(serialization.Encoding.PEM)
                if self.path != CERTIFICATE_PATH:
                    sender.confirmed.append(self.path)
                    body = b"<ConfirmSubscriptionResponse/>"
                self.send_response(sender.broken or 200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def notification(self, message: Any, version: str = "1", **changes: str) -> dict[str, Any]:
        """A notification; ``changes`` are made before it is signed."""
        document = {
            "Type": "Notification",
            "MessageId": str(uuid.uuid4()),
            "TopicArn": TOPIC,
            "Subject": "Amazon S3 Notification",
            "Message": message if isinstance(message, str) else json.dumps(message),
            "Timestamp": timestamp(),
            "SigningCertURL": self.url + CERTIFICATE_PATH,
            "UnsubscribeURL": f"{self.url}/?Action=Unsubscribe&SubscriptionArn={TOPIC}:c9135db0",
        }
        return signed(document | changes, version)

    def subscription(self, kind: str = "SubscriptionConfirmation", **changes: str) -> dict[str, Any]:
        """A topic's question whether it is wanted."""
        token = "2336412f37fb687f5d51e6e241d09c805a5a57b30d712f794cc5f6a988666d92"
        document = {
            "Type": kind,
            "MessageId": str(uuid.uuid4()),
            "Token": token,
            "TopicArn": TOPIC,
            "Message": f"You have chosen to subscribe to the topic {TOPIC}.\nTo confirm, visit the SubscribeURL.",
            "SubscribeURL": f"{self.url}/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token={token}",
            "Timestamp": timestamp(),
            "SigningCertURL": self.url + CERTIFICATE_PATH,
        }
        return signed(document | changes)


def timestamp(seconds: float = 0.0) -> str:
    """As SNS writes times, so many seconds from now."""
    moment = datetime.now(UTC) + timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
