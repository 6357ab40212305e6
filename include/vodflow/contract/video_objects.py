"""How S3 and the field name videos. It imports nothing, for the Lambda function takes it along (deploy/aws/lambda)."""

from __future__ import annotations

from typing import Final

#: S3 names the one version of objects that were written while versioning was off or suspended "null".
#: It is reused by the next write, so it identifies nothing.
NULL_VERSION: Final = "null"

#: What the field calls a video file. Compared case-insensitively with the end of the key.
VIDEO_SUFFIXES: Final = (
    ".3gp", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".mxf", ".ogv",
    ".ts", ".webm", ".wmv", ".y4m",
)  # fmt: skip
