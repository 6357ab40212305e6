"""From the files of all parts to the tracks of an undivided encode, without decoding or encoding anything."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType

from vodflow.contract import layout
from vodflow.contract.parts import Part, PartRecord, parts
from vodflow.contract.plan import AudioRendition, TranscodePlan, VideoRendition
from vodflow.engines.chunks.encode import frame_count
from vodflow.errors import EngineError
from vodflow.ffmpeg.process import Limits, check_exit, run_process
from vodflow.ffmpeg.tools import ffmpeg_path


def join(
    plan: TranscodePlan,
    folders: Mapping[str, Path],
    records: Mapping[str, PartRecord],
    tracks: Path,
    outputs: Path,
    *,
    reused: Mapping[str, Path] = MappingProxyType({}),
    patience: float | None = None,
    cancel: threading.Event | None = None,
) -> float:
    """Make the encoded tracks and put the pictures where the outputs are; CPU seconds.

    :param folders: of each part's files
    :param records: what each part has made
    :param tracks: an empty folder that gets one MP4 for each track
    :param outputs: folder that mirrors the output prefix
    :param reused: MP4s with tracks that older outputs have, by track name; pictures lie beside them
    :raises EngineError: files are missing, or the joined tracks have other frames than the parts
    """
    todo = {
        track: [reused[name]] if (name := layout.track_name(track)) in reused else _pieces(plan, track, folders)
        for track in layout.tracks(plan)
    }
    copied = {track: pieces for track, pieces in todo.items() if len(pieces) > 1 or pieces[0] in reused.values()}
    for track, pieces in todo.items():
        if track not in copied:
            pieces[0].rename(tracks / pieces[0].name)
    cpu = 0.0
    if copied:
        finished = run_process(join_command(copied, records, tracks), limits=Limits(cancel, patience))
        check_exit("ffmpeg", finished)
        cpu = finished.cpu_seconds
    _check(plan, records, tracks)
    _pictures(plan, [*(folders[part.name] for part in parts(plan)), *_beside(reused)], outputs)
    return cpu


def join_command(
    joined: Mapping[VideoRendition | AudioRendition, list[Path]], records: Mapping[str, PartRecord], tracks: Path
) -> list[str]:
    """One FFmpeg process that copies all pieces of all tracks, each behind the one before.

    The demuxer knows durations to the microsecond; times are put back on the frame grid, where they were.
    """
    argv = [ffmpeg_path(), "-hide_banner", "-nostdin", "-nostats", "-loglevel", "level+warning", "-y"]
    outputs: list[str] = []
    for number, (track, pieces) in enumerate(joined.items()):
        name = layout.track_name(track)
        if len(pieces) == 1:
            argv += ["-i", str(pieces[0])]
            outputs += ["-map", f"{number}:{'v' if isinstance(track, VideoRendition) else 'a'}:0", "-c", "copy"]
        else:
            assert isinstance(track, VideoRendition)  # noqa: S101 - the sound is one piece
            script = tracks / f"{name}.ffconcat"
            script.write_text(join_script(track.fps, pieces, records), encoding="utf-8")
            argv += ["-f", "concat", "-safe", "0", "-i", str(script)]
            frame = f"(TB*{track.fps.numerator}/{track.fps.denominator})"
            grid = f"setts=pts=round(PTS*{frame})/{frame}:dts=round(DTS*{frame})/{frame}:duration=1/{frame}"
            outputs += ["-map", f"{number}:v:0", "-c", "copy", "-bsf:v", grid]
        outputs += ["-map_metadata", "-1", "-f", "mp4", str(tracks / f"{name}.mp4")]
    return argv + outputs


def join_script(rate: Fraction, pieces: list[Path], records: Mapping[str, PartRecord]) -> str:
    """The pieces of one track with their durations, for FFmpeg's concat demuxer."""
    lines = ["ffconcat version 1.0"]
    for piece in pieces:
        frames = records[piece.parent.name].frames or 0
        lines += [f"file 'file:{piece}'", f"duration {float(frames / rate):.9f}"]
    return "\n".join([*lines, ""])


def _pieces(plan: TranscodePlan, track: VideoRendition | AudioRendition, folders: Mapping[str, Path]) -> list[Path]:
    name = f"{layout.track_name(track)}.mp4"
    found = [folders[part.name] / name for part in parts(plan) if _makes(part, track)]
    if missing := [path.parent.name for path in found if not path.is_file()]:
        raise EngineError(f"{name} is missing in {', '.join(missing)}.", code="missing_part", retryable=True)
    if not found:
        raise EngineError(f"The plan has no part that makes {name}.", code="no_part", retryable=False)
    return found


def _makes(part: Part, track: VideoRendition | AudioRendition) -> bool:
    return track.name in part.rungs if isinstance(track, VideoRendition) else not part.rungs


def _check(plan: TranscodePlan, records: Mapping[str, PartRecord], tracks: Path) -> None:
    for rung in plan.renditions:
        makers = [part for part in parts(plan) if rung.name in part.rungs]
        if not makers:  # an older plan's, which was verified
            continue
        wanted = sum(records[part.name].frames or 0 for part in makers)
        found = frame_count(tracks / f"{layout.track_name(rung)}.mp4")
        if found != wanted:
            raise EngineError(f"{rung.name} has {found} frames; its parts have {wanted}.", code="wrong_frames")


def _beside(reused: Mapping[str, Path]) -> list[Path]:
    return sorted({path.parent.parent for path in reused.values()})


def _pictures(plan: TranscodePlan, folders: list[Path], outputs: Path) -> None:
    if plan.thumbnails is None:
        return
    (outputs / layout.POSTER).parent.mkdir(parents=True, exist_ok=True)
    # The first chunk has a poster in any case; a later one that has the poster's moment knows better.
    for folder in folders:
        for picture in sorted(folder.glob("thumbnails/*.jpg")):
            picture.rename(outputs / "thumbnails" / picture.name)
