"""Whether the tracks of a source can be decoded, with the decoders that will be used."""

from __future__ import annotations

import logging
import re
import subprocess
from collections.abc import Callable
from typing import Final

from vodflow.contract.media_info import AudioTrack, MediaInfo, OtherTrack
from vodflow.errors import InputRejected, RejectionReason, SourceUnavailable

log = logging.getLogger(__name__)

#: ``decode(seconds, outputs)`` runs FFmpeg on the beginning of the source.
Decode = Callable[[float, list[str]], subprocess.CompletedProcess[str]]

#: Seconds of the beginning in which one picture must decode; broadcast recordings begin in the middle of a GOP.
_PICTURES: Final = 30
#: Seconds in which one frame of sound must decode, where there are packets of it.
_SOUND: Final = 5
_CAPTIONS: Final = "side data - ATSC A53 Part 4 Closed Captions"
_HEARD: Final = re.compile(r"\[ashowinfo@(\d+) @ [^\]]*\][^\[\n]*(?:\[info\])? n:\d")
#: What FFmpeg says when it has no decoder for a track, and when the decoder refuses all of its packets.
_UNDECODABLE: Final = re.compile(
    r"no decoder found for: \S+|Decode error rate 1 exceeds|Error submitting packet to decoder"
)
#: FFmpeg's lines begin with ``[demuxer @ 0x7f…] [error]``.
_COMPLAINT: Final = re.compile(r"^(?:\[[^\]]*@ 0x[0-9a-f]+\]\s*)*\[(?:error|fatal|panic)\]\s*(.+?)\.?$", re.MULTILINE)
_QUERY: Final = re.compile(r"(https?://[^\s?]+)\?\S*?(?=:?(?:\s|$))")


def check_decodes(info: MediaInfo, decode: Decode) -> MediaInfo:
    """The facts without the sound that cannot be decoded, and with what only decoding tells.

    :raises InputRejected: ``undecodable`` when not even one picture can be decoded, ``undecodable_audio`` when there
        are tracks of sound and none of them can
    """
    sound = [track.index for track in info.audio]
    done = decode(_SOUND, _outputs(info.video.index, sound)) if sound else None
    heard = {int(index) for index in _HEARD.findall(done.stderr)} if done else set()
    if done is None or not _seen(done):  # one track without a decoder keeps all others from being decoded
        done = decode(_PICTURES, _outputs(info.video.index, []))
    if not _seen(done):
        raise InputRejected(
            RejectionReason.UNDECODABLE,
            f"No frame of the video track ({info.video.codec}) can be decoded: {complaint(done.stderr)}.",
        )
    video = info.video.model_copy(update={"closed_captions": _CAPTIONS in done.stderr})
    return _with_good_sound(info, heard, decode).model_copy(update={"video": video})


def complaint(text: str) -> str:
    """The first error that FFmpeg reports, without credentials; later ones tell only what followed from it."""
    match = _COMPLAINT.search(text)
    return plain(match[1]) if match else "no reason given"


def complaints(text: str) -> str:
    """All errors that FFmpeg reports."""
    return "".join(_COMPLAINT.findall(text))


def plain(text: str) -> str:
    """A text without the queries of URLs: those of presigned ones are credentials."""
    return _QUERY.sub(r"\1", text)


def _with_good_sound(info: MediaInfo, heard: set[int], decode: Decode) -> MediaInfo:
    good, bad, reasons = list[AudioTrack](), list[OtherTrack](), dict[int, str]()
    for track in info.audio:
        reason = None if track.index in heard else _fault(track.index, decode)
        if reason is None:
            good.append(track)
        else:
            bad.append(OtherTrack(index=track.index, kind="audio", codec=track.codec))
            reasons[track.index] = f"track {track.index} ({track.codec}): {reason}"
    if not good:
        for other in info.others:
            if other.kind == "audio" and (reason := _fault(other.index, decode)):
                reasons[other.index] = f"track {other.index} ({other.codec}): {reason}"
        if reasons:
            said = "; ".join(reason for _, reason in sorted(reasons.items()))
            raise InputRejected(
                RejectionReason.UNDECODABLE_AUDIO,
                f"No sound of the file can be decoded: {said}. Export it again with AAC, AC-3 or PCM sound.",
            )
    others = sorted([*info.others, *bad], key=lambda track: track.index)
    return info.model_copy(update={"audio": tuple(good), "others": tuple(others)})


def _fault(index: int, decode: Decode) -> str | None:
    """Why a track of sound cannot be decoded; none where it can, or where its beginning holds none of it."""
    try:
        done = decode(_SOUND, _outputs(None, [index]))
    except SourceUnavailable:
        log.warning("audio track %s was not decoded in time, and is believed to be good", index)
        return None
    if _HEARD.search(done.stderr) or not (found := _UNDECODABLE.search(done.stderr)):
        return None
    return found[0] if "no decoder" in found[0] else complaint(done.stderr)


def _outputs(video: int | None, audio: list[int]) -> list[str]:
    outputs: list[str] = []
    if video is not None:
        outputs += ["-map", f"0:{video}", "-vf", "showinfo=checksum=0", "-frames:v", "1", "-f", "framecrc", "-"]
    for index in audio:
        outputs += ["-map", f"0:{index}", "-af", f"ashowinfo@{index}", "-frames:a", "1", "-f", "null", "-"]
    return outputs


def _seen(done: subprocess.CompletedProcess[str]) -> bool:
    return any(line and not line.startswith("#") for line in done.stdout.splitlines())
