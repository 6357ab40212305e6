"""Whose fault a failed encode is: the source's, this machine's, or ours. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from vodflow.contract.plan import TranscodePlan
from vodflow.engines.local.command import MAX_ERROR_RATE
from vodflow.errors import EngineError, InputRejected, RejectionReason
from vodflow.ffmpeg.process import TOO_MANY_ERRORS, Finished, check_exit, raise_for_shortage
from vodflow.planning import span

#: The source is cut off when more than this is missing at its end: seconds, and as a share of its duration.
#: Containers state durations to within a frame or an audio packet; some (MPEG-TS, FLV) only estimate them.
MISSING_SECONDS = 0.5
MISSING_SHARE = 0.02

#: FFmpeg's words when it cannot read an input at all, or never gets a frame out of it.
_UNREADABLE = (
    "Invalid data found when processing input",
    "moov atom not found",
    "Could not find codec parameters",
    "Error opening input",
    "Error while decoding",
    "Cannot determine format of input",
    "Decoder not found",
    "no decoder found",
    "matches no streams",
    "no packets were sent",
    "Nothing was written into output file",
    "received no packets",
)

#: FFmpeg's words when it does not take what we ask for; then it often gets no frame out of a sound input either.
_REFUSED = (
    "Unknown encoder",
    "Unrecognized option",
    "Option not found",
    "Error setting option",
    "is not a decoding option",
    "Error while opening encoder",
)


def raise_for_encode(plan: TranscodePlan, finished: Finished) -> None:
    """Nothing when FFmpeg ended well.

    :raises InputRejected: the source cannot be decoded
    :raises ResourceError: this machine ran short: of disk, memory, processes
    :raises EngineError: FFmpeg does not take its arguments, or anything else
    """
    if finished.code == 0:
        return
    if finished.code == TOO_MANY_ERRORS:
        raise InputRejected(
            RejectionReason.UNDECODABLE,
            f"more than {MAX_ERROR_RATE:.0%} of the frames of {plan.source.uri} are damaged."
            f" {_first_error(finished.errors)}",
        )
    text = "\n".join(finished.errors)
    raise_for_shortage("ffmpeg", finished)
    if finished.code > 0 and any(words in text for words in _REFUSED):
        raise EngineError(
            "FFmpeg does not take what it is asked for, whatever the source is: look at the profile's rungs and at "
            f"FFmpeg's version. {_first_error(finished.errors)}",
            code=str(finished.code),
            retryable=False,
        )
    if finished.code > 0 and any(words in text for words in _UNREADABLE):
        raise InputRejected(
            RejectionReason.UNDECODABLE, f"FFmpeg cannot decode {plan.source.uri}. {_first_error(finished.errors)}"
        )
    check_exit("ffmpeg", finished)


def raise_if_cut_off(plan: TranscodePlan, encoded_seconds: float) -> None:
    """Nothing when the encoded video is as long as the source said.

    :raises InputRejected: it ended early, so the source is cut off
    """
    planned = span.picture_seconds(plan)
    if planned - encoded_seconds > max(MISSING_SECONDS, MISSING_SHARE * planned):
        raise InputRejected(
            RejectionReason.TRUNCATED,
            f"{plan.source.uri} says it lasts {planned:.1f} s, but its pictures end after {encoded_seconds:.1f} s.",
        )


def warnings(finished: Finished, limit: int = 5) -> tuple[str, ...]:
    """What FFmpeg complained of although it went on: damaged frames, for example."""
    # Parts of sound that differ may overlap on their way to a loopback decoder, which is mended behind it.
    errors = [line for line in finished.errors if "[error]" in line and not line.startswith("[null @")]
    return tuple(dict.fromkeys(errors))[:limit]


def _first_error(errors: Sequence[str]) -> str:
    found = next((line for line in errors if "[error]" in line or "[fatal]" in line), errors[-1] if errors else "")
    return f"FFmpeg says: {found}" if found else ""
