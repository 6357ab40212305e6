from __future__ import annotations

import pytest
from vodflow.stack.aws_server import is_signed_read

SIGNED = b"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=0"


@pytest.mark.parametrize(
    ("kind", "method", "query", "origin", "passes"),
    [
        ("http", "GET", SIGNED, "null", True), ("http", "HEAD", SIGNED, "null", True),
        ("http", "PUT", SIGNED, "null", False), ("http", "GET", b"list-type=2", "null", False),
        ("http", "GET", SIGNED, "https://evil.example", False), ("websocket", "GET", SIGNED, "null", False),
    ],
)  # fmt: skip
def test_pages_without_an_origin_read_what_was_signed_for_them(
    kind: str, method: str, query: bytes, origin: str, passes: bool
) -> None:
    assert is_signed_read({"type": kind, "method": method, "query_string": query}, {"origin": origin}) is passes
