"""Starts the work through the API: ``POST /api/v1/jobs``, once in effect for each version of an object."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import random
import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from http.client import HTTPException, HTTPResponse
from typing import Any, Final
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from vodflow.sensing.notices import Notice

from vodflow_lambda.clients import client
from vodflow_lambda.configuration import Configuration
from vodflow_lambda.log import log

#: Seconds of the first pause between two calls, and of the longest.
_PAUSE: Final = (0.5, 8.0)
#: Seconds for which the key of a secret is used before it is read again.
_KEY_AGE: Final = 300
#: Seconds kept for the function's own end.
_MARGIN: Final = 2.0
#: Bytes of an answer that are read.
_LARGEST: Final = 64 * 1024

#: Refusals that are about the object itself: it is gone, is no video, lies in an archive, or cannot become what is
#: asked for. Every other refusal may be over tomorrow, or once somebody has mended the configuration.
_FINAL: Final = frozenset({"source_not_found", "source_unreadable", "input_rejected", "plan_error"})


class Failed(Exception):
    """The API did not take it; it must come again.

    :param away: whether nobody answers, so that others need not try as often
    :param denied: whether the key is not taken
    :param wait: seconds that the API asks to be left alone
    """

    def __init__(
        self, message: str, *, away: bool = False, denied: bool = False, wait: float = 0.0, retryable: bool = True
    ) -> None:
        super().__init__(message)
        self.away, self.denied, self.wait, self.retryable = away, denied, wait, retryable


class _NoRedirects(HTTPRedirectHandler):
    """A key goes to the address that is configured and nowhere else."""

    def redirect_request(self, *_: Any) -> None:
        return None


_opener = build_opener(_NoRedirects)


class ApiTarget:
    """The API as the configuration names it.

    :param remaining: seconds that this invocation still has
    """

    def __init__(self, configuration: Configuration, remaining: Callable[[], float]) -> None:
        self._configuration = configuration
        self._remaining = remaining
        self._away = False

    def send(self, notices: Sequence[Notice]) -> list[str | None]:
        """Have each object transcoded; what is wrong with each, none where it is done."""
        return [self._tried(notice) for notice in notices]

    def _tried(self, notice: Notice) -> str | None:
        fields = {"bucket": notice.bucket, "key": notice.key, "version": notice.version_id}
        pause, longest = _PAUSE
        for attempt in range(1, self._configuration.attempts + 1):
            try:
                log("info", "started", **fields, **self._start(notice), attempt=attempt)
            except Failed as failure:
                wait = max(failure.wait, min(longest, pause * 2 ** (attempt - 1)) * random.uniform(0.5, 1))  # noqa: S311
                last = attempt == self._configuration.attempts or not failure.retryable or self._away
                if last or self._remaining() < wait + self._configuration.timeout + _MARGIN:
                    self._away = self._away or failure.away
                    log("error", "not started", **fields, error=str(failure), attempt=attempt)
                    return str(failure)
                log("warning", "tried again", **fields, error=str(failure), attempt=attempt, wait=round(wait, 2))
                time.sleep(wait)
            else:
                self._away = False
                return None
        return "not tried"

    def _start(self, notice: Notice) -> dict[str, Any]:
        """What the API says of the work, for the log.

        :raises Failed: it did not take it
        """
        if self._remaining() < _MARGIN:
            raise Failed("no time is left in this invocation", retryable=False)
        try:
            return self._ask(notice, fresh=False)
        except Failed as failure:
            if failure.denied and self._configuration.api_key is None:
                return self._ask(notice, fresh=True)  # the key was changed a moment ago
            raise

    def _ask(self, notice: Notice, *, fresh: bool) -> dict[str, Any]:
        used = self._configuration
        body = json.dumps({"source": f"s3://{notice.bucket}/{notice.key}"}).encode()
        headers = {
            "Authorization": f"Bearer {api_key(used, fresh=fresh)}",
            "Content-Type": "application/json",
            "Idempotency-Key": idempotency_key(notice),
        }
        request = Request(f"{used.api_url}/api/v1/jobs", body, headers, method="POST")  # noqa: S310 - checked
        timeout = min(used.timeout, max(1.0, self._remaining() - _MARGIN))
        try:
            with _opener.open(request, timeout=timeout) as answer:
                return {"status": answer.status, "ref": _document(answer).get("ref")}
        except HTTPError as refusal:
            with refusal:
                return _refused(refusal)
        except (OSError, HTTPException) as error:
            raise Failed(f"the API does not answer: {type(error).__name__}: {error}", away=True) from error


def idempotency_key(notice: Notice) -> str:
    """The same for the same write to the same object, however often and by whichever way it is told."""
    return hashlib.sha256(json.dumps(dataclasses.astuple(notice)).encode()).hexdigest()


def _document(answer: HTTPResponse | HTTPError) -> dict[str, Any]:
    """What it says; nothing where that breaks off: its status has told already what became of the request."""
    try:
        found = json.loads(answer.read(_LARGEST))
    except (ValueError, RecursionError, OSError, HTTPException):
        return {}
    return found if isinstance(found, dict) else {}


def _refused(refusal: HTTPError) -> dict[str, Any]:
    """What is to be logged of a refusal that is about the object itself.

    :raises Failed: of any other
    """
    problem = _document(refusal)
    code, detail = problem.get("code"), problem.get("detail")
    if code in _FINAL and not problem.get("retryable"):
        return {"status": refusal.code, "refused": code, "detail": detail}
    retryable = refusal.code >= 500 or refusal.code in {408, 409, 425, 429} or bool(problem.get("retryable"))
    wait = refusal.headers.get("Retry-After", "")
    raise Failed(
        f"{refusal.code} {code or refusal.reason}: {detail or 'no detail'}",
        denied=refusal.code == 401,
        wait=float(wait) if wait.isdecimal() else 0.0,
        retryable=retryable,
    )


def api_key(used: Configuration, *, fresh: bool = False) -> str:
    """The key, of the environment or of Secrets Manager.

    :raises Failed: the secret cannot be read
    """
    if used.api_key is not None:
        return used.api_key
    if fresh:
        _secret.cache_clear()
    return _secret(str(used.api_key_secret), int(time.monotonic() / _KEY_AGE))


@lru_cache(maxsize=1)
def _secret(name: str, period: int) -> str:  # noqa: ARG001 - it is read again in the next period
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - the runtime's own

    try:
        answer = client("secretsmanager").get_secret_value(SecretId=name)
        return str(answer["SecretString"]).strip()
    except (BotoCoreError, ClientError, KeyError) as error:
        raise Failed(f"the API key cannot be read from Secrets Manager: {error}") from error
