"""Whole outputs of the local engine from a file of this machine, without S3."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from vodflow.contract.plan import Output, SourceRef, TranscodePlan
from vodflow.engines.local.command import EncodePaths, encode_command
from vodflow.engines.local.failures import raise_if_cut_off
from vodflow.ffmpeg.process import Limits, run_process
from vodflow.ffmpeg.tools import ffmpeg_path, packager_path
from vodflow.media.probe import probe
from vodflow.packaging.finish import finish_playlists
from vodflow.packaging.movie import movie_seconds
from vodflow.packaging.mp4 import remux_command
from vodflow.packaging.shaka import needs_packager, package_command
from vodflow.planning.planner import make_plan
from vodflow.planning.profiles import load_profile


def encoded(
    source: Path,
    folder: Path,
    *outputs: Output,
    change: Callable[[str], str] = lambda argument: argument,
    segments: str = "fmp4",
) -> tuple[TranscodePlan, Path]:
    """The plan of a file, and the folder of its outputs: one quick rung.

    :param change: of the encode's arguments
    """
    size = source.stat().st_size
    made = make_plan(
        SourceRef(bucket="b", key="k", version="1", size=size), probe(str(source), size, 60), load_profile("standard"),
        tenant="t", video="v", outputs=outputs or list(Output),
    )  # fmt: skip
    rung = made.renditions[-1].model_copy(update={"preset": "ultrafast"})
    plan = made.model_copy(
        update={
            "renditions": (rung,),
            "audio": tuple(item for item in made.audio if item.name == rung.audio),
            "thumbnails": None,
            "packaging": made.packaging.model_copy(update={"segment_duration": 2.0, "hls_segments": segments}),
        }
    )
    paths = EncodePaths(source, folder / "tracks", folder / "outputs")
    paths.tracks.mkdir()
    paths.outputs.mkdir()
    _run([change(argument) for argument in encode_command(plan, paths, ffmpeg_path())], folder)
    raise_if_cut_off(plan, movie_seconds(paths.track(rung)))
    if needs_packager(plan):
        _run(package_command(plan, packager_path(), f"../{paths.tracks.name}"), paths.outputs)
        finish_playlists(plan, paths.outputs)
    if Output.MP4 in plan.packaging.outputs:
        (paths.outputs / "mp4").mkdir()
        _run(remux_command(plan, paths.tracks, paths.outputs, ffmpeg_path()), paths.outputs)
    return plan, paths.outputs


def _run(argv: list[str], folder: Path) -> None:
    finished = run_process(argv, limits=Limits(stall_seconds=120), cwd=folder)
    assert finished.code == 0, finished.errors
