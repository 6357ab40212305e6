"""Ids and ARNs of jobs, queues, templates and presets."""

from __future__ import annotations

import secrets
import string
import time
from dataclasses import dataclass
from typing import Final

#: The queue that is always there.
DEFAULT_QUEUE: Final = "Default"

_LETTERS: Final = string.digits + string.ascii_lowercase


@dataclass(frozen=True)
class Account:
    """Whose resources these are: they appear in ARNs and events.

    :param number: twelve digits
    """

    number: str = "000000000000"
    region: str = "us-east-1"

    def arn(self, kind: str, name: str) -> str:
        """The ARN of a resource.

        :param kind: jobs, queues, jobTemplates, presets
        """
        return f"arn:aws:mediaconvert:{self.region}:{self.number}:{kind}/{name}"


def new_job_id() -> str:
    """An id in the service's form: milliseconds since the epoch and six letters or digits."""
    return f"{int(time.time() * 1000)}-{''.join(secrets.choice(_LETTERS) for _ in range(6))}"


def plain_name(reference: str, kind: str) -> str:
    """The name in an ARN of ``kind``, whatever its region and account; anything else is a name already."""
    if reference.startswith("arn:"):
        resource = reference.split(":", 5)[-1]
        return resource.removeprefix(f"{kind}/")
    return reference
