"""Captions as cues: read from SubRip and TTML, cut and shifted, written as WebVTT, SubRip and TTML. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

from lxml import etree

from local_mediaconvert.transcode.contract import ErrorCode, JobFailed

_SRT_TIMES: Final = re.compile(r"(\d+):(\d\d):(\d\d)[,.](\d{1,3})\s*-->\s*(\d+):(\d\d):(\d\d)[,.](\d{1,3})")
_FONT: Final = re.compile(r"</?font[^>]*>|\{\\[^}]*\}", re.IGNORECASE)
_TAGS: Final = re.compile(r"</?[ibu]>", re.IGNORECASE)
#: What WebVTT would take for the beginning of an entity or a tag.
_AMPERSAND: Final = re.compile(r"&(?!\w+;|#\d+;)")
_LESS: Final = re.compile(r"<(?!/?[ibu]>)", re.IGNORECASE)
_CLOCK: Final = re.compile(r"(\d+):(\d\d):(\d\d)(?:\.(\d+)|:(\d+))?")
_OFFSET: Final = re.compile(r"(\d+(?:\.\d+)?)(h|m|s|ms|f|t)")
_UNITS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_PARAMETERS: Final = "{http://www.w3.org/ns/ttml#parameter}"


@dataclass(frozen=True)
class Cue:
    """One caption: seconds from the start of the time line, and lines of text with ``<i>``, ``<b>`` and ``<u>``."""

    start: float
    end: float
    text: str


def parse_srt(text: str) -> list[Cue]:
    """The cues of SubRip text, as FFmpeg writes it from any format that it reads."""
    cues: list[Cue] = []
    for block in re.split(r"\n\s*\n", text.replace("\r\n", "\n").strip()):
        lines = block.split("\n")
        place = next((number for number, line in enumerate(lines) if _SRT_TIMES.search(line)), None)
        if place is None:
            continue
        match = _SRT_TIMES.search(lines[place])
        assert match is not None  # noqa: S101 - found above
        body = _FONT.sub("", "\n".join(lines[place + 1 :])).strip()
        if body:
            cues.append(Cue(_seconds(*match.groups()[:4]), _seconds(*match.groups()[4:]), body))
    return cues


def _seconds(hours: str, minutes: str, seconds: str, fraction: str) -> float:
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds) + int(fraction.ljust(3, "0")) / 1000


def parse_ttml(data: bytes, uri: str) -> list[Cue]:
    """The cues of a TTML or IMSC document: times and texts, no positions or colours.

    :raises JobFailed: when it is no XML
    """
    try:
        root = etree.fromstring(data, etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError as error:
        raise JobFailed(
            ErrorCode.FILE_ACCESS, f"Caption file [{uri}] does not appear to be the correct type: {error}."
        ) from error
    rate = float(root.get(f"{_PARAMETERS}frameRate", "30"))
    ticks = float(root.get(f"{_PARAMETERS}tickRate", "1"))
    cues = []
    for element in root.iter("{*}p"):
        start = _ttml_time(element.get("begin"), rate, ticks)
        end = _ttml_time(element.get("end"), rate, ticks)
        if end is None and start is not None and (length := _ttml_time(element.get("dur"), rate, ticks)) is not None:
            end = start + length
        text = "\n".join(line.strip() for line in _lines(element).split("\n") if line.strip())
        if start is not None and end is not None and text:
            cues.append(Cue(start, end, text))
    return cues


def _ttml_time(value: str | None, rate: float, ticks: float) -> float | None:
    if value is None:
        return None
    clock = _CLOCK.fullmatch(value)
    if clock:
        whole = int(clock[1]) * 3600 + int(clock[2]) * 60 + int(clock[3])
        return whole + (float(f"0.{clock[4]}") if clock[4] else int(clock[5] or 0) / rate)
    offset = _OFFSET.fullmatch(value)
    if not offset:
        return None
    unit = _UNITS.get(offset[2]) or (1 / rate if offset[2] == "f" else 1 / ticks)
    return float(offset[1]) * unit


def _lines(element: etree._Element) -> str:
    parts = [" ".join((element.text or "").split())]
    for child in element:
        if etree.QName(child).localname == "br":
            parts.append("\n")
        else:
            parts.append(_lines(child))
        parts.append(" ".join((child.tail or "").split()))
    return "".join(parts)


def on_time_line(cues: Iterable[Cue], *, delta: float, start: float, length: float, at: float) -> list[Cue]:
    """The cues of one clip at their place on the time line; what lies outside the clip is cut.

    :param delta: seconds that the captions are late
    :param start: where the clip begins in its input, seconds
    :param length: seconds of the clip
    :param at: where the clip begins on the time line, seconds
    """
    placed = []
    for cue in cues:
        begin, end = max(0.0, cue.start + delta - start), min(length, cue.end + delta - start)
        if end > begin:
            placed.append(Cue(at + begin, at + end, cue.text))
    return placed


def write(cues: Sequence[Cue], form: str, language: str | None) -> str:
    """A whole document.

    :param form: ``WEBVTT``, ``SRT``, ``TTML`` or ``IMSC``
    """
    if form == "WEBVTT":
        blocks = [f"{_time(cue.start, '.')} --> {_time(cue.end, '.')}\n{_webvtt(cue.text)}\n" for cue in cues]
        return "WEBVTT\n\n" + "\n".join(blocks)
    if form == "SRT":
        numbered = enumerate(cues, 1)
        return "\n".join(f"{n}\n{_time(cue.start, ',')} --> {_time(cue.end, ',')}\n{cue.text}\n" for n, cue in numbered)
    profile = ' ttp:profile="http://www.w3.org/ns/ttml/profile/imsc1/text"' if form == "IMSC" else ""
    lines = "\n".join(
        f'      <p begin="{_time(cue.start, ".")}" end="{_time(cue.end, ".")}" region="bottom">{_markup(cue.text)}</p>'
        for cue in cues
    )
    return _TTML.format(language=language or "und", profile=profile, lines=lines)


_TTML: Final = """<?xml version="1.0" encoding="UTF-8"?>
<tt xmlns="http://www.w3.org/ns/ttml" xmlns:tts="http://www.w3.org/ns/ttml#styling"\
 xmlns:ttp="http://www.w3.org/ns/ttml#parameter" xml:lang="{language}"{profile}>
  <head>
    <layout>
      <region xml:id="bottom" tts:origin="10% 80%" tts:extent="80% 15%" tts:displayAlign="after"\
 tts:textAlign="center"/>
    </layout>
  </head>
  <body>
    <div>
{lines}
    </div>
  </body>
</tt>
"""


def _webvtt(text: str) -> str:
    return _LESS.sub("&lt;", _AMPERSAND.sub("&amp;", text))


def _markup(text: str) -> str:
    """Plain text with line breaks."""
    return escape(_TAGS.sub("", text)).replace("\n", "<br/>")


def _time(seconds: float, mark: str) -> str:
    milliseconds = round(seconds * 1000)
    whole, rest = divmod(milliseconds, 1000)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}{mark}{rest:03d}"
