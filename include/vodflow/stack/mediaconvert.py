"""The local MediaConvert as a part of the embedded stack."""

from __future__ import annotations

import functools
import sys
import urllib.request
from collections.abc import Mapping
from typing import Final

from vodflow.stack.config import StackConfig
from vodflow.stack.home import Home
from vodflow.stack.part import Part

PART: Final = "mediaconvert"


def mediaconvert_part(home: Home, config: StackConfig, environment: Mapping[str, str]) -> Part:
    """How to start, check and stop the service; its events go to the queue that ``environment`` names."""
    url = config.mediaconvert_url
    return Part(
        name=PART,
        argv=(
            sys.executable, "-m", "local_mediaconvert",
            "--port", str(config.ports[PART]), "--state", str(home.mediaconvert),
        ),
        environment=environment,
        folder=home.part_folder(PART),
        check=functools.partial(_check, url, config.keys[1]),
        after=("aws",),
        url=url,
    )  # fmt: skip


def _check(url: str, secret: str, timeout: float) -> None:
    # The path of local_mediaconvert.api.app, which is slow to import.
    request = urllib.request.Request(f"{url}/_vodflow/health", headers={"Authorization": f"Bearer {secret}"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=timeout):  # noqa: S310 - our own URL
        pass
