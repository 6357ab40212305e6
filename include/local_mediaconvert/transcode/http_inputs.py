"""Inputs behind HTTP(S) addresses: fetched from public places, and from private ones that the operator names.

Redirects are not followed, as MediaConvert does not either.
"""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from typing import Final

from vodflow.network.public_http import open_public

from local_mediaconvert.gate import names

#: JSON list of host names and networks, private though they are.
ALLOWED: Final = "VODFLOW_LOCAL_INPUTS"


def open_input(url: str, timeout: float, headers: Mapping[str, str] | None = None) -> http.client.HTTPResponse:
    """GET an ``http://`` or ``https://`` address; see :func:`vodflow.network.public_http.open_public`."""
    own = {"User-Agent": "vodflow-mediaconvert", **(headers or {})}
    return open_public(url, timeout, own, allowed=names(ALLOWED), setting=ALLOWED, proxies=True)
