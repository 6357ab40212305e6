"""What the service around it sees of the transcoder: phases, warnings, errors and the outputs of a job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any

from vodflow.errors import VodflowError

#: Settings of a job, an input or an output in botocore's names (``OutputGroups``), or what events say of them.
Document = Mapping[str, Any]


class Phase(StrEnum):
    """``Job.CurrentPhase``."""

    PROBING = "PROBING"
    TRANSCODING = "TRANSCODING"
    UPLOADING = "UPLOADING"


class ErrorCode(IntEnum):
    """MediaConvert's codes of failed jobs (user guide, "Error codes")."""

    FILE_ACCESS = 1010
    MISSING_VIDEO = 1020
    UNSUPPORTED_CODEC = 1030
    JOB_SETTINGS = 1040
    CLIPPING = 1060
    DEMUX = 1075
    TRUNCATED = 1076
    ACCESS_DENIED = 1401
    NOT_FOUND = 1404
    S3_WRITE = 1517
    UNEXPECTED = 1999
    HTTP_AUTHENTICATION = 3401
    HTTP_FORBIDDEN = 3403
    HTTP_NOT_FOUND = 3404
    HTTP_TRANSFER = 3408
    HTTP_SERVER = 3450
    HTTP_CONNECTION = 3451
    HTTP_REDIRECT = 3453
    HTTP_UNEXPECTED = 3999


#: The captions selector of a description that names none.
FIRST_CAPTIONS = "Captions Selector 1"

#: Code of the warnings of this emulator about settings that it does not honour; beyond those that AWS documents.
NOT_HONOURED = 900001
#: What FFmpeg complained of although it went on: damaged frames, for example.
DAMAGED_INPUT = 900003
#: An output is silent because no input has the audio that it asks for.
NO_AUDIO = 900004


@dataclass(frozen=True)
class JobWarning:
    """One warning of a job.

    :param path: the setting as the API's JSON names it, ``/outputGroups/0/outputs/0/videoDescription/afdSignaling``
    """

    code: int
    message: str
    path: str = ""


class JobFailed(VodflowError):
    """A job ends as ERROR.

    :param error_code: MediaConvert's number, what ``Job.ErrorCode`` says
    """

    def __init__(self, code: int, message: str, *, path: str = "") -> None:
        super().__init__(message, code=str(int(code)))
        self.error_code = int(code)
        self.path = path


@dataclass(frozen=True)
class JobOutputs:
    """What a job made.

    :param output_groups: botocore's ``OutputGroupDetails``
    :param event_groups: ``outputGroupDetails`` of the COMPLETE event
    :param warnings: settings not honoured, damaged frames
    :param input_details: ``inputDetails`` of the INPUT_INFORMATION event
    """

    output_groups: list[dict[str, Any]]
    event_groups: list[dict[str, Any]]
    warnings: list[JobWarning] = field(default_factory=list)
    input_details: list[dict[str, Any]] = field(default_factory=list)
