"""Captions as cues."""

from __future__ import annotations

import pytest
from local_mediaconvert.transcode import JobFailed
from local_mediaconvert.transcode.cues import Cue, on_time_line, parse_srt, parse_ttml, write

SRT = (
    "\ufeff1\r\n00:00:01,000 --> 00:00:02,500\r\n<font color=red>Hello</font> & <i>you</i>\r\n- two\r\n\r\n"
    "2\r\n01:00:00.5 --> 01:00:01.25\r\n\r\n"
)
TTML = b"""<tt xmlns="http://www.w3.org/ns/ttml" xmlns:ttp="http://www.w3.org/ns/ttml#parameter" ttp:frameRate="25"
 ttp:tickRate="1000"><body><div>
 <p begin="00:00:01.500" end="00:00:02:05">One &amp; <span>two</span><br/>three</p>
 <p begin="3s" dur="500ms">four</p><p begin="4000t" end="125f">five</p><p begin="9s" end="10s"> </p><p>none</p>
</div></body></tt>"""


def test_subrip_is_read() -> None:
    assert parse_srt(SRT) == [Cue(1.0, 2.5, "Hello & <i>you</i>\n- two")]


def test_ttml_is_read() -> None:
    assert parse_ttml(TTML, "s3://b/k.ttml") == [
        Cue(1.5, 2.2, "One &two\nthree"), Cue(3.0, 3.5, "four"), Cue(4.0, 5.0, "five"),
    ]  # fmt: skip


def test_what_is_no_ttml() -> None:
    with pytest.raises(JobFailed, match="correct type"):
        parse_ttml(b"WEBVTT", "s3://b/k.ttml")


def test_cues_are_cut_and_shifted_with_their_clip() -> None:
    cues = [Cue(0.0, 1.0, "before"), Cue(4.5, 5.5, "begins before"), Cue(6.0, 9.0, "ends after"), Cue(9, 10, "after")]
    placed = on_time_line(cues, delta=0.5, start=5.5, length=2.0, at=20.0)
    assert placed == [Cue(20.0, 20.5, "begins before"), Cue(21.0, 22.0, "ends after")]


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("WEBVTT", "WEBVTT\n\n01:01:01.001 --> 01:01:02.000\nA &amp; <i>b</i>\nc &lt; d\n"),
        ("SRT", "1\n01:01:01,001 --> 01:01:02,000\nA & <i>b</i>\nc < d\n"),
    ],
)
def test_texts_are_written(form: str, expected: str) -> None:
    assert write([Cue(3661.001, 3662.0, "A & <i>b</i>\nc < d")], form, "eng") == expected


def test_markup_is_written_and_read_again() -> None:
    cues = [Cue(1.0, 2.0, "A & <i>b</i>\nc < d")]
    document = write(cues, "IMSC", "fra")
    assert 'xml:lang="fra"' in document
    assert "imsc1/text" in document
    assert parse_ttml(document.encode(), "x") == [Cue(1.0, 2.0, "A & b\nc < d")]
