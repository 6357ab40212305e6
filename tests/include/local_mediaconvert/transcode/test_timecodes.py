"""Time codes and clips."""

from __future__ import annotations

from fractions import Fraction

import pytest
from local_mediaconvert.transcode import JobFailed
from local_mediaconvert.transcode.burnin import timecode_burnin
from local_mediaconvert.transcode.timecodes import Span, clips, frame_number, timecode

NTSC = Fraction(30_000, 1001)


@pytest.mark.parametrize(
    ("timecode", "rate", "frames"),
    [
        ("00:00:01:00", Fraction(25), 25),
        ("01:00:00:12", Fraction(24), 86_412),
        ("00:01:00:00", NTSC, 1800),
        # Two numbers are left out in every minute but the tenth (SMPTE ST 12-1).
        ("00:01:00;02", NTSC, 1800),
        ("00:10:00;00", NTSC, 17_982),
        ("01:00:00;00", NTSC, 107_892),
        ("00:01:00;04", Fraction(60_000, 1001), 3600),
        ("00:01:00;00", Fraction(25), 1500),
    ],
)
def test_frames_of_time_codes(timecode: str, rate: Fraction, frames: int) -> None:
    assert frame_number(timecode, rate) == frames


def test_what_is_no_time_code() -> None:
    with pytest.raises(ValueError, match="HH:MM:SS:FF"):
        frame_number("1:2:3", Fraction(25))


@pytest.mark.parametrize(
    ("settings", "spans"),
    [
        ({}, [Span(Fraction(0), None)]),
        ({"InputClippings": [{"StartTimecode": "01:00:02:00"}]}, [Span(Fraction(2), None)]),
        # The frame at the end belongs to the clip.
        ({"InputClippings": [{"EndTimecode": "01:00:02:00"}]}, [Span(Fraction(0), Fraction(51, 25))]),
        (
            {
                "TimecodeSource": "ZEROBASED",
                "InputClippings": [{"StartTimecode": "00:00:01:00"}, {"EndTimecode": "00:01:00:00"}],
            },
            [Span(Fraction(1), None), Span(Fraction(0), Fraction(10))],
        ),
    ],
)
def test_clips(settings: dict[str, object], spans: list[Span]) -> None:
    assert clips(settings, Fraction(25), "01:00:00:00", Fraction(10), 1) == spans


def test_clips_over_midnight() -> None:
    settings = {"InputClippings": [{"StartTimecode": "00:00:01:00"}]}
    assert clips(settings, Fraction(25), "23:59:59:00", Fraction(10), 1) == [Span(Fraction(2), None)]


@pytest.mark.parametrize(
    ("clip", "code", "words"),
    [
        ({"StartTimecode": "00:00:10:00"}, 1060, r"start timecode \[00:00:10:00\] was not found in input number \[3\]"),
        ({"StartTimecode": "00:00:05:00", "EndTimecode": "00:00:04:00"}, 1060, "region"),
    ],
)
def test_clips_that_are_not_there(clip: dict[str, str], code: int, words: str) -> None:
    settings = {"TimecodeSource": "ZEROBASED", "InputClippings": [clip]}
    with pytest.raises(JobFailed, match=words) as caught:
        clips(settings, Fraction(25), None, Fraction(10), 3)
    assert caught.value.error_code == code


def test_a_specified_start_needs_its_time_code() -> None:
    settings = {"TimecodeSource": "SPECIFIEDSTART", "InputClippings": [{"StartTimecode": "00:00:01:00"}]}
    with pytest.raises(JobFailed, match="timecodeStart"):
        clips(settings, Fraction(25), None, Fraction(10), 1)


@pytest.mark.parametrize("rate", [Fraction(25), Fraction(24_000, 1001), Fraction(30_000, 1001), Fraction(60_000, 1001)])
@pytest.mark.parametrize("drops", [True, False])
def test_time_codes_are_the_inverse_of_frame_numbers(rate: Fraction, drops: bool) -> None:
    numbers = [*range(0, 120_000, 7), *range(1790, 1810), *range(17_970, 17_990), *range(107_880, 107_900)]
    assert [frame_number(timecode(number, rate, drops=drops), rate) for number in numbers] == numbers


def test_time_codes_are_drawn_where_and_from_when_they_are_asked_for() -> None:
    wanted = {"FontSize": 32, "Position": "BOTTOM_RIGHT", "Prefix": "EZ-"}
    description = {"VideoPreprocessors": {"TimecodeBurnin": wanted}}
    (drawn,) = timecode_burnin(description, (25 * 3600, Fraction(25)), Fraction(30_000, 1001))
    options = dict(drawn.options)
    assert (options["timecode"], options["timecode_rate"]) == ("01:00:00;00", "30000/1001")
    assert (options["text"], options["fontsize"], options["x"], options["y"]) == ("EZ-", 32, "w-tw-16", "h-th-16")
    assert timecode_burnin({"VideoPreprocessors": {}}, (0, Fraction(25)), Fraction(25)) == []
