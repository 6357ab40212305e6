"""File names as MediaConvert makes them: destinations, name modifiers, format identifiers and counters. Pure.

Sources: user guide, "Using variables in your job settings" and "Using settings variables with streaming outputs";
counters and suffixes are those of packages that MediaConvert made (see ``docs/mediaconvert-settings.md``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import unquote, urlsplit

from local_mediaconvert.transcode.contract import ErrorCode, JobFailed

#: ``$w$``, ``$h%05$`` (at least five digits) and the escaped dollar ``$$``.
_IDENTIFIER: Final = re.compile(r"\$(?:([A-Za-z]+)(?:%0(\d+))?)?\$")
#: Identifiers of DASH that number segments, not outputs.
_SEGMENT_IDENTIFIERS: Final = ("$Number$", "$Time$", "$RepresentationID$")

HLS_COUNTER: Final = "$Number%05d$"
CMAF_COUNTER: Final = "$Number%09d$"
#: Digits of the counter of frame captures, which begin with 0.
CAPTURE_DIGITS: Final = 7
IFRAMES: Final = "_I-Frame"


@dataclass(frozen=True)
class Place:
    """Where the files of an output group go.

    :param folder: key prefix with a slash at its end, or empty
    :param base: how every name begins
    """

    bucket: str
    folder: str
    base: str

    def uri(self, name: str) -> str:
        """``s3://bucket/folder/name``."""
        return f"s3://{self.bucket}/{self.folder}{name}"


def fill(text: str, values: Mapping[str, str | int]) -> str:
    """Format identifiers replaced by their values; one that is not known stays as it is.

    :param values: by identifier, for example ``{"h": 720, "dt": "20200604T150528"}``
    """

    def value(match: re.Match[str]) -> str:
        name, digits = match[1], match[2]
        if name is None:
            return "$"
        if name not in values:
            return match[0]
        return str(values[name]).zfill(int(digits or 0))

    return _IDENTIFIER.sub(value, text)


def times(started: datetime) -> dict[str, str]:
    """``dt``, ``d`` and ``t``: when the job started, UTC."""
    return {"dt": f"{started:%Y%m%dT%H%M%S}", "d": f"{started:%Y%m%d}", "t": f"{started:%H%M%S}"}


def input_stem(uri: str) -> str:
    """The name of the first input file without its extension, ``$fn$``."""
    path = uri.partition("://")[2] if uri.startswith("s3://") else unquote(urlsplit(uri).path)
    return PurePosixPath(path).stem


def place(destination: str | None, first_input: str, values: Mapping[str, str | int]) -> Place:
    """A group's destination: a folder (ends with a slash), or a folder and the base of all names.

    Without a destination outputs go beside the first input.

    :raises JobFailed: when it is not in S3
    """
    wanted = destination or f"{first_input.rpartition('/')[0]}/"
    text = fill(wanted, {**values, "fn": input_stem(first_input)})
    scheme, _, rest = text.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not bucket:
        raise JobFailed(
            ErrorCode.JOB_SETTINGS, f"The destination [{text}] is not in Amazon S3. Write s3://bucket/folder/."
        )
    folder, _, base = key.rpartition("/")
    return Place(bucket, f"{folder}/" if folder else "", base or input_stem(first_input))


def numbers_segments(modifier: str) -> bool:
    """Whether a name modifier numbers segments by itself."""
    return any(identifier in modifier for identifier in _SEGMENT_IDENTIFIERS)
