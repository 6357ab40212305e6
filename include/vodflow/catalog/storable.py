"""What PostgreSQL's text and JSONB cannot hold, made storable."""

from __future__ import annotations

from typing import TypeVar

_T = TypeVar("_T")

#: A whole ffmpeg log does not belong in a row.
_MESSAGE_LENGTH = 4000


def clean(value: _T) -> _T:
    """A string, or JSON-like data with strings, without NUL and lone surrogates.

    Both are legal in Python and in JSON, come from containers' tags and broken messages, and are refused by
    PostgreSQL. NUL disappears, a surrogate becomes its escape.
    """
    if isinstance(value, str):
        return value.replace("\x00", "").encode("utf-8", "backslashreplace").decode()  # type: ignore[return-value]
    if isinstance(value, dict):
        return {clean(name): clean(item) for name, item in value.items()}  # type: ignore[return-value]
    if isinstance(value, list):
        return [clean(item) for item in value]  # type: ignore[return-value]
    return value


def clean_message(message: str) -> str:
    """A storable message of bounded length, its end kept: that is where tools say what went wrong."""
    text = clean(message)
    return text if len(text) <= _MESSAGE_LENGTH else "…" + text[-_MESSAGE_LENGTH + 1 :]
