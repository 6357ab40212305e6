"""Pictures: clips, stitching, rotation, cropping, placing, codecs, measured on the decoded outputs."""

from __future__ import annotations

import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from support.colors import COLOR, TOLERANCE, paint, shown
from support.transcode_jobs import TranscodeBench, probe, stream
from support.transcode_settings import aac, group, h264, job, output, source, video
from vodflow.ffmpeg.tools import ffmpeg_path

pytestmark = pytest.mark.integration

RED, GREEN, BLUE, BLACK = (255, 0, 0), (0, 255, 0), (0, 0, 255), (0, 0, 0)


@pytest.fixture(scope="module")
def colours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second each of red, green and blue with 440, 880 and 1760 Hz; the upper left quarter is white."""
    path = tmp_path_factory.mktemp("colours") / "colours.mp4"
    parts = "".join(
        f"color={name}:s=320x180:r=25:d=1,drawbox=0:0:160:90:white:fill,format=yuv420p[v{n}];"
        f"sine={440 * 2**n}:r=48000:d=1[a{n}];"
        for n, name in enumerate(("red", "0x00ff00", "blue"))
    )
    graph = f"{parts}[v0][a0][v1][a1][v2][a2]concat=n=3:v=1:a=1[v][a]"
    made = ["-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", "-timecode", "10:00:00:00", str(path)]
    run("-filter_complex", graph, "-map", "[v]", "-map", "[a]", *made)
    return path


def run(*arguments: str) -> bytes:
    argv = [ffmpeg_path(), "-nostdin", "-v", "error", "-y", *arguments]
    return subprocess.run(argv, capture_output=True, check=True, timeout=60).stdout


def pixels(path: Path, *, at: float = 0.0) -> tuple[int, int, bytes]:
    """Width, height and RGB of one frame, as it is coded."""
    found = stream(path, "video")
    data = run(
        "-noautorotate", "-ss", str(at), "-i", str(path), "-frames:v", "1", "-pix_fmt", "rgb24", "-f", "rawvideo", "-"
    )
    return found["width"], found["height"], data


def colour(path: Path, x: float, y: float, *, at: float = 0.0) -> tuple[int, ...]:
    """The colour at a place, 0 to 1 of each side, to the closest corner of the colour cube."""
    width, height, data = pixels(path, at=at)
    place = 3 * (int(y * height) * width + int(x * width))
    return tuple(255 if value > 127 else 0 for value in data[place : place + 3])


def frames(path: Path) -> int:
    return int(stream(path, "video")["nb_frames"])


def test_clips_of_several_inputs_follow_one_another(transcoder: TranscodeBench, colours: Path, tmp_path: Path) -> None:
    uri = transcoder.put("colours", colours)
    clipped = source(uri, InputClippings=[
        {"StartTimecode": "00:00:02:00", "EndTimecode": "00:00:02:14"},
        {"StartTimecode": "00:00:01:05", "EndTimecode": "00:00:01:19"},
    ])  # fmt: skip
    whole = source(transcoder.put("silent"), AudioSelectors={"Other": {"Tracks": [1]}})
    settings = job(clipped, whole, group(transcoder.bucket, "FILE", output("_v", "MP4", video(), aac())))
    outputs = transcoder.run(settings)
    path = transcoder.fetch(tmp_path) / "colours é+1_v.mp4"
    assert [colour(path, 0.8, 0.8, at=at) for at in (0.1, 0.5, 0.7, 1.1)] == [BLUE, BLUE, GREEN, GREEN]
    # 15 frames, 15 frames, and 2.002 s at 29.97, which become 25 a second.
    assert frames(path) == 80
    assert float(stream(path, "audio")["duration"]) == pytest.approx(3.2, abs=0.05)
    assert outputs.output_groups[0]["OutputDetails"][0]["DurationInMs"] == pytest.approx(3202, abs=2)
    assert [item["id"] for item in transcoder.information] == [1, 2]


def test_inputs_of_different_shapes_are_joined(transcoder: TranscodeBench, colours: Path, tmp_path: Path) -> None:
    turned = source(transcoder.put("portrait"), VideoSelector={"Rotate": "AUTO"}, **SHORT)
    first = source(transcoder.put("colours", colours), **SHORT)
    wide = source(transcoder.put("anamorphic"), **SHORT)
    transcoder.run(job(first, turned, wide, group(transcoder.bucket, "FILE", output("_v", "MP4", video(), aac()))))
    path = transcoder.fetch(tmp_path) / "colours é+1_v.mp4"
    assert frames(path) == 15
    assert stream(path, "video")["sample_aspect_ratio"] == "1:1"
    assert [colour(path, 0.05, 0.9, at=at) == BLACK for at in (0.1, 0.3)] == [False, True]


def test_an_input_may_stand_on_the_time_line_twice(transcoder: TranscodeBench, tmp_path: Path) -> None:
    again = source(transcoder.put("silent"), **SHORT)
    transcoder.run(job(again, again, again, group(transcoder.bucket, "FILE", output("_v", "MP4", video(), aac()))))
    assert frames(next(transcoder.fetch(tmp_path).glob("*.mp4"))) == 15


@pytest.mark.parametrize(
    ("timecodes", "clip"),
    [
        ({"TimecodeSource": "EMBEDDED"}, ("10:00:01:00", "10:00:01:24")),
        ({"TimecodeSource": "ZEROBASED"}, ("00:00:01:00", "00:00:01:24")),
        ({"TimecodeSource": "SPECIFIEDSTART", "TimecodeStart": "01:00:00:00"}, ("01:00:01:00", "01:00:01:24")),
    ],
)
def test_time_codes_count_as_the_input_says(
    timecodes: dict[str, str], clip: tuple[str, str], transcoder: TranscodeBench, colours: Path, tmp_path: Path
) -> None:
    clipping = {"StartTimecode": clip[0], "EndTimecode": clip[1]}
    part = source(transcoder.put("colours", colours), InputClippings=[clipping], **timecodes)
    transcoder.run(job(part, group(transcoder.bucket, "FILE", output("_v", "MP4", video()))))
    path = next(transcoder.fetch(tmp_path).glob("*.mp4"))
    assert frames(path) == 25
    assert [colour(path, 0.8, 0.8, at=at) for at in (0.0, 0.96)] == [GREEN, GREEN]


RECTANGLE = {"X": 0, "Y": 0, "Width": 160, "Height": 90}
WHITE = (255, 255, 255)
Places = dict[tuple[float, float], tuple[int, ...]]

#: Settings of the input, size of the output, colours at places.
INPUTS: list[tuple[dict[str, Any], tuple[int, int], Places]] = [
    ({"VideoSelector": {"Rotate": "DEGREES_90"}}, (90, 160), {(0.9, 0.1): WHITE, (0.1, 0.9): RED}),
    ({"VideoSelector": {"Rotate": "DEGREES_180"}}, (160, 90), {(0.9, 0.9): WHITE, (0.1, 0.1): RED}),
    ({"VideoSelector": {"Rotate": "DEGREES_270"}}, (90, 160), {(0.1, 0.9): WHITE, (0.9, 0.1): RED}),
    ({"Crop": RECTANGLE}, (160, 90), {(0.1, 0.1): WHITE, (0.9, 0.9): WHITE}),
    (
        {"Position": {"X": 0, "Y": 44, "Width": 80, "Height": 46}},
        (160, 90),
        {(0.9, 0.1): BLACK, (0.4, 0.9): RED},
    ),
]

#: Settings of the output, its size, colours at places.
OUTPUTS: list[tuple[dict[str, Any], tuple[int, int], Places]] = [
    ({}, (160, 90), {(0.1, 0.1): WHITE, (0.9, 0.9): RED}),
    ({"Crop": RECTANGLE | {"X": 160}}, (160, 90), {(0.1, 0.1): RED, (0.9, 0.9): RED}),
    (
        {"Position": {"X": 80, "Y": 0, "Width": 80, "Height": 46}},
        (160, 90),
        {(0.2, 0.2): BLACK, (0.55, 0.1): WHITE, (0.95, 0.45): RED, (0.9, 0.9): BLACK},
    ),
    ({"Width": 90}, (90, 90), {(0.5, 0.02): BLACK, (0.1, 0.4): WHITE, (0.9, 0.6): RED}),
    ({"Width": 90, "ScalingBehavior": "STRETCH_TO_OUTPUT"}, (90, 90), {(0.1, 0.02): WHITE, (0.9, 0.95): RED}),
    ({"Width": 90, "ScalingBehavior": "FILL"}, (90, 90), {(0.4, 0.02): WHITE, (0.6, 0.95): RED}),
    ({"Width": 128, "ScalingBehavior": "FIT"}, (128, 72), {(0.1, 0.02): WHITE, (0.9, 0.95): RED}),
    ({"Width": None}, (160, 90), {(0.1, 0.1): WHITE}),
    ({"Width": None, "Height": None}, (320, 180), {(0.1, 0.1): WHITE}),
]
SHORT = {"InputClippings": [{"EndTimecode": "00:00:00:04"}]}


def check(path: Path, size: tuple[int, int], expected: Places) -> None:
    assert pixels(path)[:2] == size
    assert {place: colour(path, *place) for place in expected} == expected
    assert not stream(path, "video").get("side_data_list")


def test_where_outputs_put_pictures(transcoder: TranscodeBench, colours: Path, tmp_path: Path) -> None:
    described = [{key: item for key, item in video(**changes).items() if item is not None} for changes, *_ in OUTPUTS]
    outputs = [output(f"_{number}", "MP4", item) for number, item in enumerate(described)]
    transcoder.run(job(source(transcoder.put("colours", colours), **SHORT), group(transcoder.bucket, "FILE", *outputs)))
    folder = transcoder.fetch(tmp_path)
    for number, (_, size, expected) in enumerate(OUTPUTS):
        check(folder / f"colours é+1_{number}.mp4", size, expected)


@pytest.mark.parametrize("number", range(len(INPUTS)))
def test_where_inputs_put_pictures(number: int, transcoder: TranscodeBench, colours: Path, tmp_path: Path) -> None:
    settings, size, expected = INPUTS[number]
    described = video(Width=size[0], Height=size[1])
    part = source(transcoder.put("colours", colours), **SHORT, **settings)
    transcoder.run(job(part, group(transcoder.bucket, "FILE", output("_v", "MP4", described))))
    check(next(transcoder.fetch(tmp_path).glob("*.mp4")), size, expected)


def test_images_are_laid_over_inputs_and_outputs(transcoder: TranscodeBench, colours: Path, tmp_path: Path) -> None:
    image = tmp_path / "blue.png"
    run("-f", "lavfi", "-i", "color=blue:s=64x64", "-frames:v", "1", str(image))
    uri = transcoder.put("blue", image)

    def inserted(**changes: Any) -> dict[str, Any]:
        image = {"ImageInserterInput": uri, "ImageX": 0, "ImageY": 0, "Layer": 1, "Opacity": 100} | changes
        return {"ImageInserter": {"InsertableImages": [image]}}

    late = inserted(StartTime="00:00:00:05", Duration=400, ImageX=96, ImageY=26, FadeIn=80, FadeOut=80)
    outputs = [
        output("_plain", "MP4", video()),
        output("_late", "MP4", video(VideoPreprocessors=late)),
    ]
    part = source(transcoder.put("colours", colours), **inserted(Width=160, Height=90))
    transcoder.run(job(part, group(transcoder.bucket, "FILE", *outputs)))
    plain, *_, late_path = sorted(transcoder.fetch(tmp_path / "out").glob("*.mp4"), reverse=True)
    assert [colour(plain, *place) for place in ((0.1, 0.1), (0.9, 0.9))] == [BLUE, RED]
    assert [colour(late_path, 0.9, 0.6, at=at) for at in (0.1, 0.4, 0.8)] == [RED, BLUE, RED]


@pytest.mark.parametrize(("name", "size"), [("portrait", (90, 160)), ("small", (160, 90))])
def test_automatic_rotation_follows_the_file(
    name: str, size: tuple[int, int], transcoder: TranscodeBench, tmp_path: Path
) -> None:
    part = source(transcoder.put(name), VideoSelector={"Rotate": "AUTO"})
    description = {key: value for key, value in video(Width=size[0]).items() if key != "Height"}
    transcoder.run(job(part, group(transcoder.bucket, "FILE", output("_v", "MP4", description))))
    path = next(transcoder.fetch(tmp_path).glob("*.mp4"))
    assert pixels(path)[:2] == size
    assert not stream(path, "video").get("side_data_list")


CODECS: dict[str, tuple[dict[str, Any], str, str, dict[str, Any]]] = {
    "h264_cbr": (h264(RateControlMode="CBR", Bitrate=300_000, MaxBitrate=None, CodecProfile="BASELINE",
                      GopSize=10, GopSizeUnits="FRAMES"), "MP4", "h264", {"profile": "Constrained Baseline"}),
    "h264_rate": (h264(RateControlMode="VBR", Bitrate=300_000, FramerateControl="SPECIFIED",
                       FramerateNumerator=30_000, FramerateDenominator=1001, ParControl="SPECIFIED", ParNumerator=4,
                       ParDenominator=3), "MOV", "h264",
                  {"avg_frame_rate": "30000/1001", "sample_aspect_ratio": "4:3"}),
    "h265": ({"Codec": "H_265", "H265Settings": {"RateControlMode": "QVBR", "MaxBitrate": 500_000,
              "CodecProfile": "MAIN10_HIGH", "QualityTuningLevel": "SINGLE_PASS"}}, "MP4", "hevc",
             {"pix_fmt": "yuv420p10le", "codec_tag_string": "hvc1"}),
    "av1": ({"Codec": "AV1", "Av1Settings": {"RateControlMode": "QVBR", "MaxBitrate": 500_000}}, "MP4", "av1", {}),
    "vp9": ({"Codec": "VP9", "Vp9Settings": {"RateControlMode": "VBR", "Bitrate": 300_000}}, "WEBM", "vp9", {}),
    "vp8": ({"Codec": "VP8", "Vp8Settings": {"RateControlMode": "VBR", "Bitrate": 300_000}}, "WEBM", "vp8", {}),
    "mpeg2": ({"Codec": "MPEG2", "Mpeg2Settings": {"RateControlMode": "CBR", "Bitrate": 1_000_000}}, "M2TS",
              "mpeg2video", {}),
    "mpeg2_mxf": ({"Codec": "MPEG2", "Mpeg2Settings": {"RateControlMode": "CBR", "Bitrate": 1_000_000}}, "MXF",
                  "mpeg2video", {}),
    "prores": ({"Codec": "PRORES", "ProresSettings": {"CodecProfile": "APPLE_PRORES_422_LT"}}, "MOV", "prores",
               {"codec_tag_string": "apcs"}),
    "gif": ({"Codec": "GIF", "GifSettings": {}}, "GIF", "gif", {}),
    "raw_h264": (h264(), "RAW", "h264", {}),
}  # fmt: skip


def test_every_codec_goes_into_its_container(transcoder: TranscodeBench, tmp_path: Path) -> None:
    outputs = [
        output(f"_{name}", container, video({**codec, **{
            key: {member: item for member, item in value.items() if item is not None}
            for key, value in codec.items() if isinstance(value, dict)
        }}))
        for name, (codec, container, _, _) in CODECS.items()
    ]  # fmt: skip
    clipping = {"InputClippings": [{"EndTimecode": "00:00:00:24"}]}
    transcoder.run(job(source(transcoder.put("small"), **clipping), group(transcoder.bucket, "FILE", *outputs)))
    found = {path.stem.partition("_")[2]: path for path in transcoder.fetch(tmp_path).glob("*.*")}
    assert set(found) == set(CODECS)
    for name, (_, _, codec, expected) in CODECS.items():
        described = stream(found[name], "video")
        assert described["codec_name"] == codec
        assert {key: described[key] for key in expected} == expected, name
        if "duration" in (container := probe(found[name])["format"]):
            assert float(container["duration"]) == pytest.approx(1.0, abs=0.1), name


def test_interlaced_and_hdr_sources_are_converted(transcoder: TranscodeBench, tmp_path: Path) -> None:
    sdr = {"ColorCorrector": {"ColorSpaceConversion": "FORCE_709"}}
    fields = {"Deinterlacer": {"Mode": "DEINTERLACE", "Algorithm": "INTERPOLATE", "Control": "NORMAL"}}
    for name, preprocessors in (("hdr", sdr), ("interlaced", sdr | fields)):
        picture = video(h264(CodecProfile="HIGH"), VideoPreprocessors=preprocessors)
        files = group(transcoder.bucket, "FILE", output(f"_{name}", "MP4", picture))
        transcoder.run(job(source(transcoder.put(name)), files))
    for path in transcoder.fetch(tmp_path).glob("*.mp4"):
        found = stream(path, "video")
        assert (found["color_transfer"], found["color_space"], found["pix_fmt"]) == ("bt709", "bt709", "yuv420p")
        assert found["field_order"] == "progressive"
        assert Fraction(found["avg_frame_rate"]) == 25


@pytest.mark.parametrize(
    "standard",
    [
        ("yuv420p10le", "bt2020", "bt2020-10", "bt2020nc", "limited"),
        ("yuv420p", "smpte170m", "smpte170m", "smpte170m", "full"),
        ("yuv420p10le", "bt2020", "bt2020-10", "bt2020c", "limited"),
    ],
    ids="-".join,
)
def test_colours_are_converted(transcoder: TranscodeBench, tmp_path: Path, standard: tuple[str, ...]) -> None:
    paint(tmp_path / "painted.mkv", *standard)
    picture = video(h264(), VideoPreprocessors={"ColorCorrector": {"ColorSpaceConversion": "FORCE_709"}})
    files = group(transcoder.bucket, "FILE", output("_out", "MP4", picture))
    transcoder.run(job(source(transcoder.put("painted", tmp_path / "painted.mkv")), files))
    (made,) = transcoder.fetch(tmp_path / "made").glob("*.mp4")
    assert shown(made) == pytest.approx(COLOR, abs=TOLERANCE)


def test_no_captions_stay_in_pictures(transcoder: TranscodeBench, tmp_path: Path) -> None:
    codecs = {"h264": h264(), "h265": {"Codec": "H_265", "H265Settings": {"RateControlMode": "QVBR"}}}
    outputs = [output(f"_{name}", "MP4", video(codec)) for name, codec in codecs.items()]
    transcoder.run(job(source(transcoder.put("captioned")), group(transcoder.bucket, "FILE", *outputs)))
    made = list(transcoder.fetch(tmp_path).glob("*.mp4"))
    assert len(made) == len(codecs)
    assert not any(b"GA94" in path.read_bytes() for path in made)
