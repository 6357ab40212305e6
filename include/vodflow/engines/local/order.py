"""What a worker is given: a plan and, where it asks for encryption, the keys behind it, as JSON values.

To a process of this machine the keys go by standard input or memory. To a pod they go with its plan through S3, sealed
with a key of that attempt alone that the pod has in its environment.
"""

from __future__ import annotations

import json
import os
from typing import Final

from pydantic import ValidationError

from vodflow.contract.content_keys import ContentKeys
from vodflow.contract.plan import TranscodePlan
from vodflow.errors import ConfigurationError
from vodflow.settings.sealing import open_sealed, seal_with

#: Variable of a worker's environment: what opens the sealed keys behind its plan.
KEY_VARIABLE: Final = "VODFLOW_ORDER_KEY"


def write_order(plan: TranscodePlan, keys: ContentKeys | None = None, *, seal_key: str | None = None) -> str:
    """What :func:`split_order` takes apart.

    :param seal_key: seals the keys; none leaves them in the clear, for a pipe
    """
    if keys is None:
        return plan.to_json()
    text = keys.model_dump_json()
    return f"{plan.to_json()}\n{json.dumps(seal_with(seal_key, text)) if seal_key else text}"


def split_order(text: str) -> tuple[str, str]:
    """The JSON of the plan, and that of the keys, empty where there are none."""
    try:
        _, end = json.JSONDecoder().raw_decode(text.lstrip())
    except ValueError:
        return text, ""  # whoever parses the plan says what is wrong
    text = text.lstrip()
    return text[:end], text[end:].strip()


def open_keys(text: str) -> ContentKeys | None:
    """The keys; none where there are none.

    :raises ConfigurationError: they cannot be opened or read; the message shows nothing of them
    """
    if not text:
        return None
    try:
        document = json.loads(text)
        if isinstance(document, str):
            document = json.loads(open_sealed(os.environ.get(KEY_VARIABLE, ""), document))
        return ContentKeys.model_validate(document)
    except (ValueError, ValidationError):
        problem = f"What follows the plan are no keys, or {KEY_VARIABLE} is not what they were sealed with."
    raise ConfigurationError(problem)
