"""Names of outputs: destinations, modifiers, format identifiers."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from local_mediaconvert.transcode import JobFailed
from local_mediaconvert.transcode.file_names import Place, fill, input_stem, place, times

STARTED = times(datetime(2020, 6, 4, 15, 5, 28, tzinfo=UTC))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$dt$", "20200604T150528"),
        ("$d$-$t$", "20200604-150528"),
        ("_$w$x$h$", "_1280x720"),
        ("_$h%06$_", "_000720_"),
        ("my-video$$hi-res-", "my-video$hi-res-"),
        ("$unknown$ 5$", "$unknown$ 5$"),
        ("_$Bandwidth$", "_5096000"),
        ("$W$", "$W$"),  # identifiers are case sensitive
        ("$$h$", "$h$"),
    ],
)
def test_format_identifiers(text: str, expected: str) -> None:
    assert fill(text, {**STARTED, "w": 1280, "h": 720, "Bandwidth": 5_096_000}) == expected


@pytest.mark.parametrize(
    ("destination", "expected"),
    [
        ("s3://bucket/a/b", Place("bucket", "a/", "b")),
        ("s3://bucket/a/b/", Place("bucket", "a/b/", "my film.v2")),
        ("s3://bucket/", Place("bucket", "", "my film.v2")),
        ("s3://bucket/$d$/$fn$_x", Place("bucket", "20200604/", "my film.v2_x")),
        (None, Place("in", "some folder/", "my film.v2")),
    ],
)
def test_destinations(destination: str | None, expected: Place) -> None:
    assert place(destination, "s3://in/some folder/my film.v2.mov", STARTED) == expected


def test_destinations_outside_s3_are_refused() -> None:
    with pytest.raises(JobFailed, match="not in Amazon S3"):
        place("https://example.com/x", "s3://in/film.mov", STARTED)


@pytest.mark.parametrize(
    ("uri", "stem"),
    [("s3://b/a%20b/c+d é.mp4", "c+d é"), ("https://h/x/y%20z.mp4?key=1.2", "y z"), ("s3://b/no-suffix", "no-suffix")],
)
def test_names_of_inputs(uri: str, stem: str) -> None:
    assert input_stem(uri) == stem
