"""What an HTTP server says of a file, also where it says it wrongly."""

from __future__ import annotations

from typing import Any

import pytest
from local_mediaconvert.probe import told

DATE = {"Last-Modified": "Wed, 21 Oct 2015 07:28:00 GMT"}
SAID = {"fileSize": 5, "eTag": "abc", "lastModified": 1445412480}


@pytest.mark.parametrize(
    ("headers", "metadata"),
    [
        ({"Content-Length": "5", "ETag": '"abc"', **DATE}, SAID),
        ({"Content-Length": "1", "Content-Range": "bytes 0-0/5", "ETag": 'W/"abc"', **DATE}, SAID),
        ({}, {}),
        ({"Last-Modified": "yesterday"}, {}),
        ({"Last-Modified": "Wed, 32 Oct 2015 07:28:00 GMT"}, {}),
        ({"Last-Modified": "Wed, 21 Oct 99999 07:28:00 GMT"}, {}),
        ({"Last-Modified": "Wed, 21 Oct 2015 99999999999999999999:28:00 GMT"}, {}),
        ({"Last-Modified": "Wed, 21 Oct 2015 07:28:00 +999999"}, {}),
        ({"Content-Length": "-5"}, {}),
        ({"Content-Length": "²"}, {}),
        ({"Content-Length": "9" * 5000}, {}),
        ({"Content-Length": "5", "Content-Range": "bytes 0-0/*"}, {}),
        ({"ETag": '""'}, {}),
    ],
)
def test_headers_that_say_nothing_are_passed_over(headers: dict[str, str], metadata: dict[str, Any]) -> None:
    assert told(headers) == metadata
