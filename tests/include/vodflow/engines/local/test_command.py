"""Whole FFmpeg commands, one argument a line, against files beside this test."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.engine_plans import LADDER, written_plan
from support.fixtures.golden import Golden
from vodflow.contract.plan import TranscodePlan, VideoRendition
from vodflow.engines.local import command as module
from vodflow.engines.local.command import EncodePaths, encode_command, encoder_threads

PATHS = EncodePaths(Path("/work/source"), Path("/work/tracks"), Path("/work/outputs"))

PLANS = {
    "ladder_5_1": written_plan(),
    "no_audio_no_pictures": written_plan(sound=None, thumbnails=None, ladder=LADDER[2:]),
    "interlaced_anamorphic_sd": written_plan(
        ladder=(("576p", 1024, 576, 2_000_000), LADDER[2]), rate="25/1", sound=(2, "stereo"),
        width=720, height=576, display_width=1024, display_height=576, sample_aspect_ratio="64/45",
        field_order="tt", color_space="bt470bg",
    ),
    "interlaced_to_fields": written_plan(ladder=LADDER[2:], rate="50/1", sound=(1, "mono"), field_order="tt"),
    "hdr_pq": written_plan(
        ladder=LADDER[:2], width=3840, height=2160, display_width=3840, display_height=2160,
        pixel_format="yuv420p10le", bit_depth=10, color_transfer="smpte2084", color_primaries="bt2020",
        color_space="bt2020nc", color_range="tv",
    ),
    "portrait_full_range": written_plan(
        ladder=(("720p", 720, 1280, 3_000_000),), rotation=90, display_width=1080, display_height=1920,
        color_range="pc", pixel_format="yuvj420p",
    ),
    "two_languages": written_plan(ladder=LADDER[1:], sound=(2, "stereo"), languages=("eng", "fra")),
}  # fmt: skip


@pytest.mark.parametrize("name", PLANS)
def test_whole_command(name: str, golden: Golden, monkeypatch: pytest.MonkeyPatch) -> None:
    # The list of formats has its own tests.
    monkeypatch.setattr(module, "input_options", lambda _: ["-protocol_whitelist", "file", "-format_whitelist", "mov"])
    command = encode_command(PLANS[name], PATHS, "ffmpeg", threads=4)
    golden(f"{name}.txt", "\n".join(command).replace(";", ";\n  ") + "\n")


def test_mixed_frame_rates_are_reduced_once_and_stay_in_step() -> None:
    plan = written_plan(ladder=LADDER[1:], rate="50/1")
    low = plan.renditions[1].model_copy(update={"frame_rate": "25/1", "gop": 50})
    command = encode_command(plan.model_copy(update={"renditions": (plan.renditions[0], low)}), PATHS, "ffmpeg")
    graph = command[command.index("-filter_complex") + 1]
    assert graph.count("fps=fps=50/1:start_time=0") == 1
    assert graph.count("fps=fps=25/1:start_time=0") == 1


def test_every_rung_is_encoded_once_from_one_decode() -> None:
    command = encode_command(written_plan(), PATHS, "ffmpeg")
    assert command.count("-i") == 1
    assert command.count("libx264") == len(LADDER)
    assert command.count("aac") == 2


def test_threads_follow_the_load_and_fill_the_machine() -> None:
    plan = written_plan()
    assert encoder_threads(plan, 2) == {"1080p": 2, "720p": 1, "360p": 1}
    assert encoder_threads(plan, 16) == {"1080p": 11, "720p": 5, "360p": 2}
    for threads in (1, 3, 8, 64):
        assert sum(encoder_threads(plan, threads).values()) >= threads


def test_order_of_rungs_in_the_plan_does_not_matter_for_scaling() -> None:
    plan = written_plan(thumbnails=None)
    turned = plan.model_copy(update={"renditions": tuple(reversed(plan.renditions))})
    assert _graph(turned) == _graph(plan)


def _graph(plan: TranscodePlan) -> str:
    command = encode_command(plan, PATHS, "ffmpeg")
    return command[command.index("-filter_complex") + 1]


def test_keyframes_only_on_the_grid() -> None:
    command = encode_command(written_plan(), PATHS, "ffmpeg")
    rungs: tuple[VideoRendition, ...] = written_plan().renditions
    for option in ("-g", "-keyint_min"):
        values = [command[i + 1] for i, argument in enumerate(command) if argument == option]
        assert values == [str(rung.gop) for rung in rungs]
    assert command.count("-sc_threshold") == len(rungs)
