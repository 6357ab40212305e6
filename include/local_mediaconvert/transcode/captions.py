"""Captions of a job: sidecar files and text tracks of the inputs, on the time line, in the formats of the outputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from vodflow.contract.media_info import CaptionTrack
from vodflow.engines.mediaconvert.request.languages import listed_code
from vodflow.ffmpeg.tools import input_options

from local_mediaconvert.transcode.clips import Clip
from local_mediaconvert.transcode.contract import Document, ErrorCode, JobFailed
from local_mediaconvert.transcode.cues import Cue, on_time_line, parse_srt, parse_ttml, write
from local_mediaconvert.transcode.plan import CaptionPart, JobPlan, OutputPlan

#: Converted captions by selector, format and language.
CaptionFiles = Mapping[tuple[str, str, str], Path]
#: Brings a file to this machine.
Fetch = Callable[[str, Path], None]
#: Runs a command and gives its standard output.
Read = Callable[[list[str]], str]

_SUFFIXES: Final = {"WEBVTT": ".vtt", "SRT": ".srt", "TTML": ".ttml", "IMSC": ".xml"}
_SIDECARS: Final = ("-protocol_whitelist", "file", "-format_whitelist", "srt,webvtt,sami,scc")
_MARKUP: Final = frozenset({"TTML", "IMSC", "SMPTE_TT"})


def key(part: CaptionPart, form: str | None = None) -> tuple[str, str, str]:
    """Which converted file an output takes.

    :param form: another format than the output's: the packager makes segments of WebVTT only
    """
    return part.selector, form or part.format, part.language or ""


def convert(
    plan: JobPlan, folder: Path, fetch: Fetch, read: Read, ffmpeg_path: str
) -> dict[tuple[str, str, str], Path]:
    """Every captions track that an output wants, as a file below ``folder``.

    :raises JobFailed: when a file or track is not there or cannot be read
    """
    wanted = [part for group in plan.groups for output in group.outputs for part in output.captions]
    parts = {key(part, form): part for part in wanted for form in dict.fromkeys((part.format, "WEBVTT"))}
    reader = _Reader(folder, fetch, read, ffmpeg_path)
    found: dict[tuple[str, str, str], Path] = {}
    cues: dict[str, list[Cue]] = {}
    for number, (name, part) in enumerate(parts.items()):
        if part.selector not in cues:
            cues[part.selector] = reader.time_line(plan.clips, part.selector)
        suffix = _SUFFIXES.get(name[1])
        if suffix is None:
            raise JobFailed(ErrorCode.JOB_SETTINGS, f"Captions are not written as {name[1]} here.")
        path = folder / f"captions{number}{suffix}"
        path.write_text(write(cues[part.selector], name[1], part.language), encoding="utf-8")
        found[name] = path
    return found


class _Reader:
    def __init__(self, folder: Path, fetch: Fetch, read: Read, ffmpeg_path: str) -> None:
        self.folder = folder
        self.fetch = fetch
        self.read = read
        self.ffmpeg = [ffmpeg_path, "-hide_banner", "-nostdin", "-loglevel", "level+error"]
        self.files: dict[str, list[Cue]] = {}

    def time_line(self, clips: Sequence[Clip], selector: str) -> list[Cue]:
        placed: list[Cue] = []
        at = 0.0
        for clip in clips:
            settings = clip.settings.get("CaptionSelectors", {}).get(selector)
            if settings is not None:
                cues, delta = self._cues(clip, settings)
                placed += on_time_line(
                    cues, delta=delta, start=float(clip.span.start), length=float(clip.length), at=at
                )
            at += float(clip.length)
        return placed

    def _cues(self, clip: Clip, selector: Document) -> tuple[list[Cue], float]:
        source = selector.get("SourceSettings", {})
        sidecar = source.get("FileSourceSettings", {})
        if sidecar.get("SourceFile"):
            unit = 1.0 if sidecar.get("TimeDeltaUnits", "SECONDS") == "SECONDS" else 0.001
            kind = str(source.get("SourceType", ""))
            return self._sidecar(str(sidecar["SourceFile"]), kind), int(sidecar.get("TimeDelta", 0)) * unit
        track = _track(clip, selector, source)
        argv = [*self.ffmpeg, *input_options(str(clip.source.path)), "-i", f"file:{clip.source.path}"]
        return parse_srt(self.read([*argv, "-map", f"0:{track.index}", "-f", "srt", "-"])), -clip.source.late

    def _sidecar(self, uri: str, kind: str) -> list[Cue]:
        if uri not in self.files:
            suffix = PurePosixPath(uri.partition("?")[0]).suffix.lower()
            path = self.folder / f"sidecar{len(self.files)}{suffix}"
            self.fetch(uri, path)
            if kind in _MARKUP:
                self.files[uri] = parse_ttml(path.read_bytes(), uri)
            else:
                self.files[uri] = parse_srt(self._as_srt(path, uri))
        return self.files[uri]

    def _as_srt(self, path: Path, uri: str) -> str:
        try:
            return self.read([*self.ffmpeg, *_SIDECARS, "-i", f"file:{path}", "-f", "srt", "-"])
        except JobFailed as error:
            raise JobFailed(
                ErrorCode.FILE_ACCESS,
                f"Failed to initialize pipeline [Caption file [{uri}] does not appear to be the correct type.]. "
                f"{error}",
            ) from error


def _track(clip: Clip, selector: Document, source: Document) -> CaptionTrack:
    settings = source.get("TrackSourceSettings", {})
    tracks = clip.source.captions
    wanted = listed_code(str(selector.get("LanguageCode") or selector.get("CustomLanguageCode") or ""))
    if settings.get("TrackNumber"):
        found = tracks[int(settings["TrackNumber"]) - 1 : int(settings["TrackNumber"])]
    elif settings.get("StreamNumber"):
        found = tuple(track for track in tracks if track.index + 1 == int(settings["StreamNumber"]))
    else:
        found = tuple(track for track in tracks if track.language and listed_code(track.language) == wanted)
    if not found:
        raise JobFailed(
            ErrorCode.JOB_SETTINGS,
            f"The captions track that a selector names was not found in input [{clip.source.uri}], which has "
            f"{len(tracks)}.",
        )
    return found[0]


def write_sidecar(captions: CaptionFiles, output: OutputPlan, folder: Path) -> str:
    """A captions output of a file group; its name."""
    if not output.captions:
        raise JobFailed(ErrorCode.JOB_SETTINGS, "An output has neither video nor audio nor captions.")
    name = f"{output.stem}.{output.extension}"
    (folder / name).write_bytes(captions[key(output.captions[0])].read_bytes())
    return name
