"""Output groups as other people's jobs have them: transport streams with sound, single files, names, manifests."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import m3u8
import pytest
from local_mediaconvert.transcode import run
from support.transcode_jobs import TranscodeBench, probe, stream
from support.transcode_settings import aac, group, h264, job, output, source, video
from vodflow.ffmpeg.tools import ffprobe_path

pytestmark = pytest.mark.integration

HLS = {"OutputSettings": {"HlsSettings": {"SegmentModifier": "_$h$p", "IFrameOnlyManifest": "INCLUDE"}}}


def still(path: Path, data: bytes) -> list[str]:
    """Types of the pictures in a piece of a transport stream."""
    path.write_bytes(data)
    argv = [ffprobe_path(), "-v", "error", "-select_streams", "v", "-show_entries", "frame=pict_type", "-of", "csv=p=0"]
    done = subprocess.run([*argv, str(path)], capture_output=True, check=True, text=True, timeout=60)
    return [line.strip(",") for line in done.stdout.split()]


def two_second_gops(**changes: Any) -> dict[str, Any]:
    return video(h264(GopSize=1, GopSizeUnits="SECONDS"), **changes)


def test_transport_streams_hold_pictures_and_sound(transcoder: TranscodeBench, tmp_path: Path) -> None:
    outputs = [
        output(f"_{height}", "M3U8", two_second_gops(Width=width, Height=height), aac(), **HLS)
        for width, height in ((160, 90), (128, 72))
    ]
    hls = group(
        transcoder.bucket, "HLS", *outputs, base="out/show/$fn$_main", SegmentLength=1, MinSegmentLength=0,
        AdditionalManifests=[{"ManifestNameModifier": "_low", "SelectedOutputs": ["_72"]}],
        DestinationSettings={"S3Settings": {"StorageClass": "STANDARD_IA"}},
    )  # fmt: skip
    made = transcoder.run(job(source(transcoder.put("small")), hls))
    base = "show/small é+1_main"
    assert transcoder.names() == {
        f"{base}.m3u8", f"{base}_low.m3u8", f"{base}_90.m3u8", f"{base}_72.m3u8",
        f"{base}_90_I-Frame.m3u8", f"{base}_72_I-Frame.m3u8",
        *(f"{base}_{height}_{height}p_0000{n}.ts" for height in (90, 72) for n in (1, 2)),
    }  # fmt: skip
    folder = transcoder.fetch(tmp_path)
    begins = {item["codec_type"]: item["start_time"] for item in probe(folder / f"{base}_90_90p_00001.ts")["streams"]}
    # Where the time stamp map of WebVTT segments puts it.
    assert (set(begins), begins["video"]) == ({"audio", "video"}, "10.000000")
    playlist = m3u8.load(str(folder / f"{base}_90.m3u8"))
    assert [item.duration for item in playlist.segments] == pytest.approx([1.0, 1.0], abs=0.03)
    iframes = m3u8.load(str(folder / f"{base}_90_I-Frame.m3u8"))
    assert (iframes.is_i_frames_only, len(iframes.segments)) == (True, 2)
    for item in iframes.segments:
        length, _, begin = item.byterange.partition("@")
        data = (folder / base).with_name(item.uri).read_bytes()[int(begin) : int(begin) + int(length)]
        assert still(tmp_path / "frame.ts", data) == ["I"]
    master = m3u8.load(str(folder / f"{base}.m3u8"))
    assert [(item.uri, item.stream_info.resolution) for item in master.playlists] == [
        ("small é+1_main_90.m3u8", (160, 90)), ("small é+1_main_72.m3u8", (128, 72)),
    ]  # fmt: skip
    assert re.fullmatch(r"avc1\.[0-9a-f]{6},mp4a\.40\.2", master.playlists[0].stream_info.codecs)
    assert [item.uri for item in m3u8.load(str(folder / f"{base}_low.m3u8")).playlists] == ["small é+1_main_72.m3u8"]
    details = made.event_groups[0]
    assert details["type"] == "HLS_GROUP"
    assert details["playlistFilePaths"][0] == f"s3://{transcoder.bucket}/out/{base}.m3u8"
    assert details["outputDetails"][0]["outputFilePaths"] == [f"s3://{transcoder.bucket}/out/{base}_90.m3u8"]
    assert details["outputDetails"][0]["durationInMs"] == 2000
    assert set(details["outputDetails"][0]["videoDetails"]) == {"widthInPx", "heightInPx", "averageBitrate"}
    stored = transcoder.s3.head_object(Bucket=transcoder.bucket, Key=f"out/{base}_90.m3u8")
    assert stored["StorageClass"] == "STANDARD_IA"
    assert stored["ContentType"] == "application/vnd.apple.mpegurl"


def test_tracks_as_single_files(transcoder: TranscodeBench, tmp_path: Path) -> None:
    cmaf = group(
        transcoder.bucket, "CMAF",
        output("_v", "CMFC", two_second_gops(), ContainerSettings={"Container": "CMFC", "CmfcSettings": {
            "IFrameOnlyManifest": "INCLUDE"}}),
        output("_a", "CMFC", None, aac()),
        base="out/x", SegmentLength=1, FragmentLength=1, SegmentControl="SINGLE_FILE",
    )  # fmt: skip
    transcoder.run(job(source(transcoder.put("small")), cmaf))
    assert transcoder.names() == {
        "x.m3u8", "x.mpd", "x_v.m3u8", "x_v_I-Frame.m3u8", "x_a.m3u8", "x_v.cmfv", "x_a.cmfa",
    }  # fmt: skip
    folder = transcoder.fetch(tmp_path)
    ranged = m3u8.load(str(folder / "x_v.m3u8"))
    assert {item.uri for item in ranged.segments} == {"x_v.cmfv"}
    assert all(item.byterange for item in ranged.segments)
    assert len(ranged.segments) == 2
    assert stream(folder / "x_v.cmfv", "video")["codec_name"] == "h264"


def test_segments_without_playlists(transcoder: TranscodeBench) -> None:
    hls = group(
        transcoder.bucket, "HLS", output("_v", "M3U8", two_second_gops()), base="out/x", SegmentLength=1,
        OutputSelection="SEGMENTS_ONLY",
    )  # fmt: skip
    made = transcoder.run(job(source(transcoder.put("small")), hls))
    assert transcoder.names() == {"x_v_00001.ts", "x_v_00002.ts"}
    assert "playlistFilePaths" not in made.event_groups[0]


def test_names_are_filled_in(transcoder: TranscodeBench) -> None:
    files = group(
        transcoder.bucket, "FILE",
        output("_$w$x$h%05$_$f$_$rv$_$ra$_$rc$_$ex$_$$_$fn$", "MP4", video(), aac()),
        output("_wide", "MP4", video(), Extension="m4v"),
        base="out/$d$/$fn$/",
    )  # fmt: skip
    transcoder.run(job(source(transcoder.put("small")), files))
    names = transcoder.names()
    day = {name.partition("/")[0] for name in names}
    assert len(day) == 1
    assert re.fullmatch(r"20\d{6}", day.pop())
    assert {name.partition("/")[2] for name in names} == {
        "small é+1/small é+1_160x00090_25_500_96_596_mp4_$_small é+1.mp4", "small é+1/small é+1_wide.m4v",
    }  # fmt: skip


def test_frame_captures_count_from_zero_and_end_at_their_number(transcoder: TranscodeBench) -> None:
    capture = {"Codec": "FRAME_CAPTURE", "FrameCaptureSettings": {
        "FramerateNumerator": 2, "FramerateDenominator": 1, "MaxCaptures": 3, "Quality": 80}}  # fmt: skip
    files = group(transcoder.bucket, "FILE", output("", "RAW", video(capture)), base="out/shot")
    del files["Outputs"][0]["NameModifier"]
    made = transcoder.run(job(source(transcoder.put("small")), files))
    assert transcoder.names() == {f"shot.000000{n}.jpg" for n in range(3)}
    paths = made.event_groups[0]["outputDetails"][0]["outputFilePaths"]
    assert paths == [f"s3://{transcoder.bucket}/out/shot.0000002.jpg"]


def test_equal_encodes_run_once_and_events_are_json(
    transcoder: TranscodeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    plans = []
    real = run.plan_job

    def spy(*arguments: Any) -> Any:
        plans.append(real(*arguments))
        return plans[-1]

    monkeypatch.setattr(run, "plan_job", spy)
    picture = two_second_gops()
    cmaf = group(
        transcoder.bucket, "CMAF", output("_v", "CMFC", picture), output("_a", "CMFC", None, aac()), base="out/c"
    )
    files = group(transcoder.bucket, "FILE", output("_v", "MP4", picture, aac(StreamName="main")), base="out/f")
    made = transcoder.run(job(source(transcoder.put("small")), cmaf, files))
    assert [item.kind for item in plans[0].encodes] == ["video", "audio"]
    assert [item["type"] for item in json.loads(json.dumps(made.event_groups))] == ["CMAF_GROUP", "FILE_GROUP"]
    assert "outputFilePaths" not in made.event_groups[0]["outputDetails"][0]
    assert sorted(path.rpartition(".")[2] for path in made.event_groups[0]["playlistFilePaths"]) == ["m3u8", "mpd"]
    assert transcoder.information[0]["video"][0] == {
        "bitDepth": 8, "codec": "H_264", "colorFormat": "YUV_420", "fourCC": "avc1", "frameRate": 25, "height": 360,
        "interlaceMode": "PROGRESSIVE", "sar": "1:1", "standard": "UNSPECIFIED", "streamId": 1, "width": 640,
    }  # fmt: skip


def sound(codec: str, **settings: Any) -> dict[str, Any]:
    return {"CodecSettings": {"Codec": codec, f"{codec.capitalize()}Settings": settings}}


_QUICK = {"RateControlMode": "QVBR", "MaxBitrate": 500_000, "QualityTuningLevel": "SINGLE_PASS"}
H265 = {"Codec": "H_265", "H265Settings": _QUICK}
AV1 = {"Codec": "AV1", "Av1Settings": {"RateControlMode": "QVBR", "MaxBitrate": 500_000, "GopSize": 25}}
VP9 = {"Codec": "VP9", "Vp9Settings": {"RateControlMode": "VBR", "Bitrate": 300_000, "GopSize": 25}}


def test_segments_of_other_codecs(transcoder: TranscodeBench, tmp_path: Path) -> None:
    short = {"InputClippings": [{"EndTimecode": "00:00:00:24"}]}
    pictures = {"h265": video(H265), "av1": video(AV1), "vp9": video(VP9)}
    sounds = {"eac3": sound("EAC3", CodingMode="CODING_MODE_2_0"), "opus": sound("OPUS"), "ac3": sound("AC3")}
    outputs = [output(f"_{name}", "CMFC", item) for name, item in pictures.items()]
    outputs += [output(f"_{name}", "CMFC", None, item) for name, item in sounds.items()]
    cmaf = group(transcoder.bucket, "CMAF", *outputs, base="out/c", SegmentLength=1)
    plain = [output("_h265", "M3U8", video(H265), aac()), output("_alone", "M3U8", video(H265))]
    plain += [output(f"_{name}", "M3U8", None, sound(name.upper())) for name in ("ac3", "mp3")]
    hls = group(transcoder.bucket, "HLS", *plain, base="out/h", SegmentLength=1)
    transcoder.run(job(source(transcoder.put("small"), **short), cmaf, hls))
    folder = transcoder.fetch(tmp_path)
    master = (folder / "c.m3u8").read_text()
    manifest = (folder / "c.mpd").read_text()
    for codec in (r"hvc1\.1\.6\.", r"av01\.0\.", r"vp09\.00\.", "ec-3", "opus|Opus", "ac-3"):
        assert re.search(codec, master), codec
        assert re.search(codec, manifest), codec
    told = re.search(r"hvc1[^,\"]*", master)
    assert told is not None
    assert told[0] in (folder / "h.m3u8").read_text()
    found = {path.name for path in folder.glob("h*")}
    assert found == {
        "h.m3u8", "h_h265.m3u8", "h_h265_00001.ts", "h_alone.m3u8", "h_alone_00001.ts", "h_ac3.m3u8", "h_ac3_00001.ac3",
        "h_mp3.m3u8", "h_mp3_00001.ts",
    }  # fmt: skip
    assert stream(folder / "h_h265_00001.ts", "video")["codec_name"] == "hevc"
    assert stream(folder / "h_alone_00001.ts", "video")["codec_name"] == "hevc"
    assert stream(folder / "h_mp3_00001.ts", "audio")["codec_name"] == "mp3"
