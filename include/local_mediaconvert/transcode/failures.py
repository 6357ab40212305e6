"""Whose fault a failure is, as MediaConvert's codes tell it."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from vodflow.errors import EngineCanceled, VodflowError
from vodflow.ffmpeg.process import TOO_MANY_ERRORS, Finished, check_exit, raise_for_shortage
from vodflow.packaging.movie import movie_seconds

from local_mediaconvert.transcode.contract import DAMAGED_INPUT, ErrorCode, JobFailed, JobWarning
from local_mediaconvert.transcode.plan import Encode, GroupPlan, JobPlan

log = logging.getLogger(__name__)

#: Seconds, and share of the whole, that an encoded track may be too short before its input counts as cut off.
_MISSING_SECONDS: Final = 0.5
_MISSING_SHARE: Final = 0.02
#: What drawtext says on a machine without fonts.
_NO_FONT: Final = "Cannot find a valid font"
#: Most complaints of FFmpeg that become warnings.
_COMPLAINTS: Final = 5


@contextmanager
def failures() -> Iterator[None]:
    """Our errors as MediaConvert's."""
    try:
        yield
    except (JobFailed, EngineCanceled):
        raise
    except VodflowError as error:
        raise JobFailed(ErrorCode.UNEXPECTED, str(error)) from error
    except Exception as error:
        # A mistake of ours ends the job, not the service around it.
        log.exception("a job failed unexpectedly")
        raise JobFailed(ErrorCode.UNEXPECTED, f"Unexpected error: {error!r}") from error


def check_encode(plan: JobPlan, finished: Finished, paths: Mapping[Encode, Path]) -> list[JobWarning]:
    """What FFmpeg complained of although it made everything.

    :raises JobFailed: when an input cannot be decoded, or ends too early
    :raises EngineError: when FFmpeg failed for another reason
    """
    uri = plan.clips[0].source.uri
    raise_for_shortage("ffmpeg", finished)
    if finished.code != 0:
        said = next((line for line in finished.errors if "[error]" in line or "[fatal]" in line), "")
        if unknown := re.search(r"no decoder found for: (\S+)", said):
            raise JobFailed(
                ErrorCode.UNSUPPORTED_CODEC, f"Audio codec [{unknown[1]}] is not a supported input audio codec"
            )
        if finished.code == TOO_MANY_ERRORS or "Invalid data found" in said:
            raise JobFailed(ErrorCode.FILE_ACCESS, f"Unable to decode input file [{uri}]: [{said}]")
        if any(_NO_FONT in line for line in finished.errors):
            raise JobFailed(
                ErrorCode.JOB_SETTINGS, "Time codes cannot be drawn: this machine has no font. Install one."
            )
        check_exit("ffmpeg", finished)
    for item, path in paths.items():
        if item.kind == "video" and path.suffix == ".mp4":
            missing = float(plan.duration) - movie_seconds(path)
            if missing > max(_MISSING_SECONDS, _MISSING_SHARE * float(plan.duration)):
                raise JobFailed(
                    ErrorCode.TRUNCATED,
                    f"Demuxer: [ReadPacketData File read failed - end of file hit. Is file truncated?] The "
                    f"pictures of [{uri}] end {missing:.1f} s early.",
                )
    errors = dict.fromkeys(line for line in finished.errors if "[error]" in line)
    return [JobWarning(DAMAGED_INPUT, bare(line)) for line in list(errors)[:_COMPLAINTS]]


def write_failure(group: GroupPlan, error: Exception) -> JobFailed:
    """Why the outputs of a group could not be written; ``error`` is botocore's."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 - slow to import

    where = group.place.uri("")
    status = error.response["ResponseMetadata"]["HTTPStatusCode"] if isinstance(error, ClientError) else 0
    if status == 404:
        return JobFailed(ErrorCode.NOT_FOUND, f"Unable to write to output [{where}]: [{error}]")
    if status == 403:
        return JobFailed(ErrorCode.ACCESS_DENIED, f"Unable to write to output [{where}]: [Access Denied] {error}")
    return JobFailed(ErrorCode.S3_WRITE, f"Unable to write to output [{where}]: [Failed to write data: {error}]")


def bare(line: str) -> str:
    """A line of FFmpeg's log without the component and the level before it."""
    return re.sub(r"^(?:\[[^\]]*\]\s*)+", "", line)
