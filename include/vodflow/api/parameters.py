"""Parameters that many routes share, with the bounds of what they are compared with."""

from __future__ import annotations

import re
from typing import Annotated, Final

from fastapi import Path
from pydantic import AfterValidator, StringConstraints

#: What PostgreSQL's bigint holds.
LARGEST_ID: Final = 2**63 - 1


#: What tenants are called.
TENANT: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}", re.ASCII)


def _storable(text: str) -> str:
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("holds characters that cannot be stored")
    return text


#: An id in a path.
ObjectId = Annotated[int, Path(ge=1, le=LARGEST_ID)]

#: A tenant in a path, a query or a body.
TenantName = Annotated[str, StringConstraints(pattern=f"^{TENANT.pattern}$")]

#: Text that PostgreSQL can hold.
ShortText = Annotated[str, StringConstraints(min_length=1, max_length=255), AfterValidator(_storable)]
LongText = Annotated[str, StringConstraints(max_length=4096), AfterValidator(_storable)]
