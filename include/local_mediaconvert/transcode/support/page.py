"""``docs/local-mediaconvert.md``: what the local MediaConvert makes of job settings, read off the tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from vodflow.engines.mediaconvert.request import service_model

from local_mediaconvert.transcode.support import audio, captions, containers, groups, inputs, preprocessors, video
from local_mediaconvert.transcode.support.rules import Members, Rule, Support

_INTRODUCTION: Final = """# The local MediaConvert: what it makes of job settings

The local MediaConvert really transcodes: it reads the inputs of a job from S3 (or HTTP), encodes with FFmpeg, packages
with Shaka Packager, and writes to S3 under the names that MediaConvert gives. Its API, queues and events are described
in [local-mediaconvert-api.md](local-mediaconvert-api.md). This page is generated from
`local_mediaconvert.transcode`.

## How a job runs

| phase | what happens |
|---|---|
| PROBING | every input is downloaded once and examined; INPUT_INFORMATION tells what it is |
| TRANSCODING | one FFmpeg process for all outputs; then containers, segments, playlists and manifests |
| UPLOADING | all files in parallel, top-level playlists and manifests last |

Every clip is decoded once and every track encoded once, however many outputs use it. Loudness that is to be corrected
is measured first.

A setting is **honoured**, or **warned** about: the job runs without it and says so in its warnings, with the setting's
path, under code 900001. Or it is **refused**, because the picture would differ or the output be useless without it:
the job ends with error 1040, which names the path. Values that ask for nothing (`NONE`, `DISABLED`, `AUTO`, …) are
never told about, nor are captions selectors that no output uses. Damaged frames are reported under code 900003, silence
for audio that no input has under code 900004.

## What is made

- **Inputs**: clips by time code to the frame (`ZEROBASED`, `EMBEDDED`, `SPECIFIEDSTART`), any number of inputs one
  after the other, rotation, cropping, placing, images over the picture, colours that the file tells wrongly, black for
  missing pictures; audio by track, PID, stream, language or all PCM, from other files too, several tracks as one,
  groups, offsets, remixing, silence for what is not there; captions from WebVTT, SRT, SCC, SMI, TTML and IMSC files
  and from text tracks.
- **Outputs**: Apple HLS (MPEG-TS, packed audio, WebVTT), CMAF with HLS and DASH from one set of segments, DASH ISO,
  files (MP4, MOV, MPEG-TS, MXF, WebM, Ogg, GIF, raw streams), frame captures, caption files.
- **Codecs**: H.264, H.265, AV1, VP8, VP9, MPEG-2, ProRes, uncompressed, GIF; AAC-LC, AC-3, E-AC-3, Opus, Vorbis, MP3,
  MP2, WAV, AIFF, FLAC, passthrough of whole audio tracks.
- **Drawn into the picture**: images, and time codes in a font that the machine must have.
- **Names**: the destination's folder and base name, the name modifier, `$dt$ $d$ $t$ $fn$ $rv$ $ra$ $rc$ $w$ $h$ $f$
  $ex$ $$`, least digits as in `$h%05$`; segments `_00001.ts`, `_000000001.cmfv`, captures `.0000000.jpg`,
  `init`, `_I-Frame`.

## What differs from the service

- Rate control is x264's, x265's, SVT-AV1's and libvpx's; QVBR is a constant rate factor below the peak, and there are
  no QVBR scores in events. Bits and pictures differ from MediaConvert's; sizes, frame rates, GOPs and codecs do not.
- Key frames are at the cadence only; the settings of scene changes do not move them.
- Without `PadVideo` outputs end with the pictures, and a late first picture is shown from the start.
- Audio ends with the video. Several audio tracks in one DASH ISO output, or with its video, get names of our own:
  `_video`, `_audio1`.
- Nothing is encrypted: jobs that ask for it are refused.

## Error codes

| code | when |
|---|---|
| 1010 | an input or a caption file is not in a known format, or cannot be decoded |
| 1020 | an output has pictures, an input has none; the PID asked for is not there |
| 1030 | the input's video codec is unknown |
| 1040 | settings are refused, contradict one another, or do not fit the input: tracks, rectangles, odd sizes |
| 1060 | a clip lies outside its input |
| 1075, 1076 | the input's index is missing; the input is cut off |
| 1401, 1404 | S3 denies access; object or bucket do not exist |
| 1517 | outputs cannot be written |
| 3401, 3403, 3404, 3408, 3450, 3451, 3453 | HTTP inputs |
| 1999 | anything else: a full disk, a stalled encoder |

## Settings

One table for each part of the job; a row for each structure of the API (names as in boto3). Members that are honoured
with a remark, and all others, are listed with it.
"""

_PARTS: Final[dict[str, dict[str, Members]]] = {
    "Job and inputs": inputs.RULES,
    "Output groups": groups.RULES,
    "Containers": containers.RULES,
    "Video": video.RULES,
    "Preprocessors": preprocessors.RULES,
    "Audio": audio.RULES,
    "Captions": captions.RULES,
}


def markdown() -> str:
    """The whole page."""
    lines = [_INTRODUCTION]
    for title, rules in _PARTS.items():
        lines += [f"### {title}", "", "| structure | honoured | warned | refused |", "|---|---|---|---|"]
        lines += [_row(name, members) for name, members in sorted(rules.items())]
        lines.append("")
    return "\n".join(lines)


def _row(name: str, members: Members) -> str:
    cells = [f"`{name}`", *(_cell(name, members, support) for support in Support)]
    return "| " + " | ".join(cells) + " |"


def _cell(name: str, members: Members, support: Support) -> str:
    """The members with that support; single values with another support stand in the cell of that one."""
    by_note: dict[str, list[str]] = {}
    for member, rule in members.items():
        if rule.support is support:
            by_note.setdefault(rule.note, []).append(f"`{member}`")
        for note, values in _values(rule, support):
            by_note.setdefault(note, []).append(f"`{member}`: {values}")
    if not by_note:
        return ""
    texts = [", ".join(names) + (f" ({note})" if note else "") for note, names in sorted(by_note.items())]
    service_model.shape(name)  # a structure that the API does not have is a mistake
    return "; ".join(texts).replace("|", "\\|")


def _values(rule: Rule, support: Support) -> Iterator[tuple[str, str]]:
    by_note: dict[str, list[str]] = {}
    for value, (other, note) in rule.values.items():
        if other is support and other is not rule.support:
            by_note.setdefault(note, []).append(str(value))
    for note, values in by_note.items():
        numbers = all(value.isdigit() for value in values) and len(values) > 5
        yield note, "other numbers" if numbers else ", ".join(f"`{value}`" for value in values)
