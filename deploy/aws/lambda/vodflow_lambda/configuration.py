"""What the function's environment says."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from vodflow.contract.video_objects import VIDEO_SUFFIXES


class Misconfigured(Exception):
    """The environment is wrong; says which variable, and what to do."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """How the function works; see deploy/aws/README.md.

    :param api_url: of the API that starts the work; none means that events go into the queue
    :param api_key: the key itself, or by ``api_key_secret`` the secret of Secrets Manager that holds it
    :param queue_url: of the queue that ``ingest_videos`` reads
    :param prefix: only keys that begin with it
    :param suffixes: only keys that end with one of them, in lower case
    :param attempts: most calls for one object in one invocation
    :param timeout: seconds one call may take
    """

    api_url: str | None
    api_key: str | None
    api_key_secret: str | None
    queue_url: str | None
    prefix: str
    suffixes: tuple[str, ...]
    attempts: int
    timeout: float

    def wants(self, key: str) -> bool:
        """Whether an object's name is that of a video in the watched place."""
        return key.startswith(self.prefix) and (not self.suffixes or key.lower().endswith(self.suffixes))


@lru_cache(maxsize=1)
def configuration() -> Configuration:
    """Read once; a function whose environment changes is started anew.

    :raises Misconfigured: naming the variable
    """
    return configured(os.environ)


def configured(variables: Mapping[str, str]) -> Configuration:
    """What these variables say.

    :raises Misconfigured: naming the variable
    """
    mode = variables.get("VODFLOW_MODE", "api")
    if mode not in {"api", "queue"}:
        raise Misconfigured(f"VODFLOW_MODE is {mode!a}; it is api or queue.")
    found = Configuration(
        api_url=_url(variables, "VODFLOW_API_URL") if mode == "api" else None,
        api_key=variables.get("VODFLOW_API_KEY") or None,
        api_key_secret=variables.get("VODFLOW_API_KEY_SECRET") or None,
        queue_url=_url(variables, "VODFLOW_EVENT_QUEUE_URL") if mode == "queue" else None,
        prefix=variables.get("VODFLOW_PREFIX", "video/"),
        suffixes=tuple(variables["VODFLOW_SUFFIXES"].lower().split()) if "VODFLOW_SUFFIXES" in variables
        else VIDEO_SUFFIXES,
        attempts=int(_number(variables, "VODFLOW_ATTEMPTS", 4)),
        timeout=_number(variables, "VODFLOW_TIMEOUT", 10),
    )  # fmt: skip
    if mode == "api" and not (found.api_key or found.api_key_secret):
        raise Misconfigured("Set VODFLOW_API_KEY_SECRET to the secret that holds the API key, or VODFLOW_API_KEY.")
    return found


def _url(variables: Mapping[str, str], name: str) -> str:
    value = variables.get(name, "").rstrip("/")
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise Misconfigured(f"Set {name} to an address that begins with https://.")
    return value


def _number(variables: Mapping[str, str], name: str, default: float) -> float:
    try:
        value = float(variables.get(name) or default)
    except ValueError:
        value = 0.0
    if not 1 <= value <= 600:
        raise Misconfigured(f"{name} is no number from 1 to 600.")
    return value
