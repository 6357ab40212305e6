"""The FFmpeg and packager commands of whole jobs."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from local_mediaconvert.transcode.command import encode_command, measure_command
from local_mediaconvert.transcode.contract import NO_AUDIO, JobFailed
from local_mediaconvert.transcode.files import remux_command
from local_mediaconvert.transcode.frames import Frame
from local_mediaconvert.transcode.muxed import mux_command
from local_mediaconvert.transcode.plan import Encode, GroupPlan, JobPlan, VideoPart
from local_mediaconvert.transcode.planner import plan_job
from local_mediaconvert.transcode.rare_video_codecs import mpeg2
from local_mediaconvert.transcode.segments import is_muxed, package_command, streams
from local_mediaconvert.transcode.sources import Source
from support.fixtures.golden import Golden
from support.mediaconvert_values import CASES, request
from support.transcode_settings import aac, group, h264, job, output, source, video
from support.transcode_sources import written_source

STARTED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

OVERLAID = {
    "ImageInserter": {"InsertableImages": [{"ImageInserterInput": "s3://in/logo.png", "ImageX": 8, "ImageY": 8}]}
}
REMIX = {"RemixSettings": {"ChannelsIn": 6, "ChannelsOut": 2, "ChannelMapping": {"OutputChannels": [
    {"InputChannels": [0, -60, -3, -60, -3, -60]},
    {"InputChannelsFineTune": [-60, 0, -3.5, -60, -60, -3.5]}]}}}  # fmt: skip
H265 = {"Codec": "H_265", "H265Settings": {"RateControlMode": "CBR", "Bitrate": 400_000}}
VP9 = {"Codec": "VP9", "Vp9Settings": {"RateControlMode": "VBR", "Bitrate": 400_000}}
TRIMMED = {"InputClippings": [{"StartTimecode": "00:00:01:00", "EndTimecode": "00:00:03:24"}]}
TURNED = {"VideoSelector": {"Rotate": "DEGREES_90", "ColorSpace": "REC_601", "ColorSpaceUsage": "FORCE"}}
NORMAL = {"AudioNormalizationSettings": {"TargetLkfs": -16.0, "TruePeakLimiterThreshold": -1.0}}

JOBS: dict[str, tuple[dict[str, Any], list[Source]]] = {
    "ours": (request(*CASES["hls_dash_mp4_5_1"])["Settings"], [written_source(sounds=((6, None),), duration=10.0)]),
    "hls_with_sound": (
        job(source("s3://in/film.mp4"), group(
            "b", "HLS", output("_a", "M3U8", video(), aac()),
            output("_b", "M3U8", video(Width=320, Height=180), aac()))),
        [written_source()],
    ),
    "stitched": (
        job(
            source("s3://in/one.mp4", **TRIMMED), source("s3://in/two.mp4", **TURNED),
            group("b", "FILE", output("_v", "MP4", video(VideoPreprocessors=OVERLAID), aac(**NORMAL))),
        ),
        [written_source(1), written_source(2, sounds=(), frame_rate="30000/1001")],
    ),
    "codecs": (
        job(source("s3://in/film.mp4"), group(
            "b", "FILE",
            output("_h", "MP4", video(H265), aac() | REMIX),
            output("_w", "WEBM", video(VP9),
                   {"CodecSettings": {"Codec": "OPUS", "OpusSettings": {}}}),
            output("_m", "RAW", None, {"CodecSettings": {"Codec": "MP3", "Mp3Settings": {"Bitrate": 128_000}}}),
            output("_v", "MP4", video(h264(RateControlMode="VBR", Bitrate=300_000, GopClosedCadence=0))),
        )),
        [written_source(sounds=((6, "eng"),))],
    ),
}  # fmt: skip


def planned(name: str) -> JobPlan:
    settings, sources = JOBS[name]
    return plan_job(settings, sources, STARTED, {"s3://in/logo.png": Path("/work/image0.png")})


def paths(plan: JobPlan) -> dict[Encode, Path]:
    return {encode: Path("/work/tracks") / f"{name}{encode.suffix}" for encode, name in plan.encodes.items()}


@pytest.mark.parametrize("name", JOBS)
def test_whole_commands(name: str, golden: Golden) -> None:
    plan = planned(name)
    measured = {encode: -22.0 for encode in plan.encodes if encode.loudness}
    commands = {"encode": encode_command(plan, Path("/work/tracks"), "ffmpeg", 4, measured)}
    for encode in measured:
        commands["measure"] = measure_command(plan, encode, "ffmpeg")
    for item in plan.groups:
        commands |= package(plan, item)
    golden(f"{name}.json", commands)


def package(plan: JobPlan, item: GroupPlan) -> dict[str, list[str]]:
    found = {}
    if item.type != "FILE":
        listed = streams(item)
        tracks = {one.stem: paths(plan)[one.part.encode] for one in listed if not hasattr(one.part, "selector")}
        found[f"package {item.number}"] = package_command(item, listed, tracks, "packager") if listed else []
    for one in item.outputs:
        if is_muxed(item, one):
            found[f"mux {one.stem}"] = mux_command(item, one, paths(plan), "ffmpeg")
        elif item.type == "FILE" and not (one.video and one.video.encode.kind == "pictures"):
            found[f"remux {one.stem}"] = remux_command(
                one, paths(plan), Path(f"/out/{one.stem}.{one.extension}"), "ffmpeg"
            )
    return found


def test_one_process_decodes_once_and_encodes_equal_tracks_once() -> None:
    plan = planned("ours")
    argv = encode_command(plan, Path("/work/tracks"), "ffmpeg", 4)
    assert argv.count("-i") == 1
    rungs = [output.video for item in plan.groups for output in item.outputs if isinstance(output.video, VideoPart)]
    # CMAF and MP4 want the same rungs; thumbnails and poster are pictures.
    assert (len(rungs), argv.count("libx264"), argv.count("mjpeg")) == (8, 3, 2)


@pytest.mark.parametrize("rates", [{"RateControlMode": "CBR"}, {"RateControlMode": "CBR", "HrdBufferSize": 500_000}])
def test_the_rate_buffer_of_mpeg2_holds_more_than_a_frame(rates: dict[str, Any]) -> None:
    """FFmpeg opens no encoder otherwise."""
    options = dict(mpeg2({"Bitrate": 50_000_000, **rates}, Frame(1920, 1080, Fraction(1), Fraction(25)), False).options)
    assert options["bufsize:v"] == 4_000_000


@pytest.mark.parametrize("sound", [{"LanguageCode": "FRA"}, {"SelectorType": "LANGUAGE_CODE", "LanguageCode": "FRA"}])
def test_a_language_that_is_not_there_is_the_default_selector_or_silence(sound: dict[str, Any]) -> None:
    output_ = output("_a", "MP4", None, aac(AudioSourceName="French"))
    for others, silent in (({}, True), ({"Audio Selector 1": {"DefaultSelection": "DEFAULT"}}, False)):
        part = source("s3://in/a.mp4", AudioSelectors={"French": sound, **others})
        plan = plan_job(job(part, group("out", "FILE", output_)), [written_source()], datetime.now(UTC))
        assert [not feed.streams for encode in plan.encodes for feed in encode.feeds] == [silent]
        assert [item.code for item in plan.warnings] == [NO_AUDIO] * silent


def test_captions_beside_pictures_are_not_dropped_in_silence() -> None:
    described = [{"DestinationSettings": {"DestinationType": "WEBVTT"}}]
    for kind, container in (("FILE", "MP4"), ("HLS", "M3U8"), ("CMAF", "CMFC"), ("DASH_ISO", "MPD")):
        part = source("s3://in/a.mp4", CaptionSelectors={"Captions Selector 1": {"SourceSettings": {}}})
        groups = group("out", kind, output("_v", container, video(), CaptionDescriptions=described))
        with pytest.raises(JobFailed, match="Captions need outputs of their own"):
            plan_job(job(part, groups), [written_source()], datetime.now(UTC))


@pytest.mark.parametrize(
    ("container", "picture", "sound", "wrong"),
    [
        ("WEBM", video(), None, "H_264"),
        ("MXF", video(), aac(), "AAC"),
        ("M3U8", video({"Codec": "VP9", "Vp9Settings": {"Bitrate": 500_000}}), None, "VP9"),
        ("MP4", video({"Codec": "VP8", "Vp8Settings": {"Bitrate": 500_000}}), aac(), "VP8"),
    ],
)
def test_containers_are_refused_what_they_cannot_hold(
    container: str, picture: dict[str, Any], sound: dict[str, Any] | None, wrong: str
) -> None:
    outputs = output("_v", container, picture, *([sound] if sound else []))
    groups = group("out", "HLS" if container == "M3U8" else "FILE", outputs)
    with pytest.raises(JobFailed, match=f"Container {container} cannot hold {wrong}"):
        plan_job(job(source("s3://in/a.mp4"), groups), [written_source()], datetime.now(UTC))


def test_transport_streams_in_one_file() -> None:
    hls = group("out", "HLS", output("_v", "M3U8", video(), aac()), SegmentControl="SINGLE_FILE")
    plan = plan_job(job(source("s3://in/a.mp4"), hls), [written_source()], datetime.now(UTC))
    (made,) = plan.groups
    paths = {encode: Path(name) for encode, name in plan.encodes.items()}
    argv = mux_command(made, made.outputs[0], paths, "ffmpeg")
    assert argv[argv.index("-hls_flags") + 1] == "independent_segments+single_file"
    assert argv[argv.index("-hls_segment_filename") + 1] == "a_v.ts"
