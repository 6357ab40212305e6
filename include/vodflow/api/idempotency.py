"""``Idempotency-Key``: a POST that is sent again, because nobody knows whether it arrived, is carried out once.

The same request gets the same answer for a day. What was refused is not kept, for nothing was done; nor is an answer
that streams. Kept answers may hold secrets, such as a new API key: they are encrypted with the key that the client
chose, of which the catalog has the hash alone.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import re
from collections.abc import Callable
from typing import Any, Final, TypeVar

import anyio.to_thread
from cryptography.fernet import Fernet, InvalidToken
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Send

from vodflow.api.callers import Caller
from vodflow.api.problems import Problem
from vodflow.catalog import idempotency as records
from vodflow.catalog.database import acting_for, transaction
from vodflow.catalog.idempotency import Kept
from vodflow.errors import VodflowError
from vodflow.settings import Settings

log = logging.getLogger(__name__)

T = TypeVar("T")

HEADER: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotency-Replayed"

#: What clients send: a UUID, for example.
PATTERN: Final = r"^[\x21-\x7e]{8,255}$"

#: Seconds after which a client may ask again for a request that is carried out now.
_RETRY: Final = 2

#: Bytes of an answer that is kept.
_LONGEST: Final = 1024**2

#: Headers of an answer that belong to it; the others are made anew.
_KEPT_HEADERS: Final = frozenset({"content-type", "location", "etag", "link", "cache-control"})


class Idempotency:
    """Carries POSTs out, or repeats what they were answered."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app, self._settings = app, settings

    async def __call__(
        self, request: Request, body: bytes, caller: Caller | None, receive: Receive, send: Send
    ) -> None:
        """Answer a request.

        :param caller: keys of different callers have nothing to do with each other; those of nobody are not looked at
        :raises Problem: the key is none, was used for another request (422), or is in use just now (409)
        """
        key = request.headers.get(HEADER)
        if request.method != "POST" or key is None or caller is None:
            await self._app(request.scope, receive, send)
            return
        if not re.match(PATTERN, key):
            raise Problem(422, "invalid_request", f"{HEADER} takes 8 to 255 characters without spaces: a UUID.")
        whose = f"{caller.tenant or ''}/{caller.actor}"
        first, kept = await self._in_catalog(
            lambda connection: records.begin(connection, whose, _hash("key", key), _fingerprint(request, body))
        )
        if first:
            await self._carry_out(request, receive, send, key, kept)
        else:
            request.state.audited = True  # when it was carried out
            await _repeated(request, body, key, kept)(request.scope, receive, send)

    async def _carry_out(self, request: Request, receive: Receive, send: Send, key: str, mine: Kept) -> None:
        """Answer for the first time, and keep the answer before anybody hears it.

        A process that dies within leaves a lock behind, which runs out.
        """
        answer = _Held(send)
        try:
            await self._app(request.scope, receive, answer)
        except Exception:
            await self._noted(lambda connection: records.give_up(connection, mine))
            await answer.release()
            raise
        if answer.is_worth_keeping:
            sealed = _box(key).encrypt(bytes(answer.body)).decode()
            await self._noted(
                lambda connection: records.finish(connection, mine, answer.status, answer.headers, sealed)
            )
        else:
            await self._noted(lambda connection: records.give_up(connection, mine))
        await answer.release()

    async def _noted(self, action: Callable[[Any], None]) -> None:
        """What was done is done, and is told, also where the catalog went away meanwhile."""
        try:
            await self._in_catalog(action)
        except VodflowError as error:
            log.warning("An answer could not be kept for those who repeat its request: %s", error)

    async def _in_catalog(self, action: Callable[[Any], T]) -> T:
        def carried_out() -> T:
            with acting_for(None), transaction("vodflow.api", self._settings) as connection:
                return action(connection)

        return await anyio.to_thread.run_sync(carried_out)


class _Held:
    """A ``send`` that holds an answer back until it is kept; one that is longer, or streams, goes out as it comes."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._messages: list[Any] = []
        self._passes = False
        self.status = 500
        self.headers: dict[str, str] = {}
        self.body = bytearray()

    async def __call__(self, message: Any) -> None:
        if self._passes:
            await self._send(message)
            return
        self._messages.append(message)
        if message["type"] == "http.response.start":
            self.status = message["status"]
            told = ((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in message["headers"])
            self.headers = {name: value for name, value in told if name in _KEPT_HEADERS}
        elif message["type"] == "http.response.body":
            self.body += message.get("body", b"")
            if message.get("more_body", False) or len(self.body) > _LONGEST:
                await self.release()

    @property
    def is_worth_keeping(self) -> bool:
        """Whether something was done, and its answer is whole."""
        return not self._passes and 200 <= self.status < 300

    async def release(self) -> None:
        """Send what was held back."""
        self._passes = True
        for message in self._messages:
            await self._send(message)
        self._messages.clear()


def _repeated(request: Request, body: bytes, key: str, kept: Kept) -> Response:
    if kept.fingerprint != _fingerprint(request, body):
        raise Problem(
            422, "idempotency_key_reused", f"This {HEADER} was sent with another request: take a new key for a new one."
        )
    if kept.status is None or kept.body is None:
        raise Problem(
            409, "request_in_progress", "The same request is carried out just now: ask again in a moment.",
            headers={"Retry-After": str(_RETRY)}, retryable=True,
        )  # fmt: skip
    try:
        content = _box(key).decrypt(kept.body)
    except InvalidToken as error:
        raise Problem(409, "answer_lost", "The answer to this request cannot be read again.") from error
    return Response(content, kept.status, {**(kept.headers or {}), REPLAYED: "true"})


def _fingerprint(request: Request, body: bytes) -> str:
    """The same for the same request: method, address, body."""
    address = request.scope["path"].encode() + b"?" + request.scope["query_string"]
    return hashlib.sha256(b"\0".join((request.method.encode(), address, body))).hexdigest()


def _hash(purpose: str, key: str) -> str:
    return hashlib.sha256(f"vodflow idempotency {purpose}\0{key}".encode()).hexdigest()


def _box(key: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(bytes.fromhex(_hash("seal", key))))
