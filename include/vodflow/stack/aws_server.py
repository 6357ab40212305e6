"""``python -m vodflow.stack.aws_server``: the AWS services behind a gate, in the environment that has them.

The emulator checks signatures, bucket policies and the buckets' CORS rules by itself (``AUTH``); its keys are the
process's own. What it leaves open is closed here: other hosts and pages, its routes for administration, requests
without a signature that are not reads, and the leave it gives to every page on what is no bucket.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final

from local_mediaconvert.gate import App, Gate, Message, Receive, Scope, Send, has_key, names

#: Pages that may read what is published, beside the player's own; the default of the setting ``local_origins``.
ORIGINS: Final = ("http://localhost:*", "http://127.0.0.1:*")

#: Whether it is up; for whoever supervises it, with the secret key as a bearer token.
HEALTH: Final = frozenset({"/_ministack/health", "/_ministack/ready"})

_READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def refusal(scope: Scope, headers: Mapping[str, str]) -> str | None:
    """Why a request goes no further, or nothing. Bucket names never begin with an underscore."""
    path, authorization = scope["path"], headers.get("authorization", "")
    if scope["type"] != "http":
        return "Nothing here speaks over WebSockets."
    if path in HEALTH and scope["method"] == "GET":
        return None if has_key(headers, os.environ["AWS_SECRET_ACCESS_KEY"]) else "Only its supervisor may ask."
    if path.lstrip("/").startswith("_") or path.rstrip("/") == "/health":
        return "The routes for administration are closed."
    # The emulator lists its buckets to anybody.
    public = scope["method"] in _READS and path.strip("/")
    signed = authorization.startswith("AWS4-") or b"X-Amz-Signature=" in scope["query_string"]
    return None if signed or public else "Sign the request: `vodflow env` prints the keys."


def is_signed_read(scope: Scope, headers: Mapping[str, str]) -> bool:
    """Whether a browser was led to a signed address, by another origin than its page's: it tells no origin then."""
    signed = scope["type"] == "http" and b"X-Amz-Signature=" in scope["query_string"]
    return signed and scope["method"] in {"GET", "HEAD"} and headers.get("origin") == "null"


def without_general_leave(app: App) -> App:
    """The application without CORS headers that allow every page; what a bucket's own rule allows stays."""

    async def served(scope: Scope, receive: Receive, send: Send) -> None:
        async def filtered(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                if any(name.lower() == b"access-control-allow-origin" and value == b"*" for name, value in headers):
                    message["headers"] = [
                        item for item in headers if not item[0].lower().startswith(b"access-control-")
                    ]
            await send(message)

        await app(scope, receive, filtered)

    return served


def main() -> None:
    """Serve until SIGTERM."""
    from ministack import app as emulator  # noqa: PLC0415 - only in its own environment
    from ministack.core import iam_evaluator  # noqa: PLC0415

    # It would take its own keys without a look at the signature.
    iam_evaluator._is_root_key = lambda _key: False  # noqa: SLF001
    inner: Any = emulator.app
    emulator.app = Gate(
        without_general_leave(inner),
        hosts=names("VODFLOW_LOCAL_HOSTS"),
        origins=names("VODFLOW_LOCAL_ORIGINS", ORIGINS),
        proven=is_signed_read,
        refuse=refusal,
        xml=True,
    )
    emulator.main()


if __name__ == "__main__":
    main()
