from __future__ import annotations

from typing import Any

import pytest
from local_mediaconvert.probe_result import file_format, probe_result
from vodflow.engines.mediaconvert.request.validation import model_problems

METADATA = {"eTag": "abc", "fileSize": 1_000_000, "lastModified": 1_700_000_000}


def document(*streams: dict[str, Any], **container: Any) -> dict[str, Any]:
    return {
        "streams": list(streams),
        "format": {"format_name": "mov,mp4,m4a,3gp,3g2,mj2", "duration": "8.0", **container},
    }


VIDEO: dict[str, Any] = {
    "codec_type": "video", "codec_name": "h264", "profile": "High", "level": 41, "width": 1440, "height": 1080,
    "sample_aspect_ratio": "4:3", "pix_fmt": "yuv420p", "avg_frame_rate": "30000/1001", "r_frame_rate": "30000/1001",
    "bit_rate": "900000", "duration": "8.0", "field_order": "tt", "color_primaries": "bt709", "color_transfer": "bt709",
    "color_space": "bt709", "bits_per_raw_sample": "8",
}  # fmt: skip
SOUND: dict[str, Any] = {
    "codec_type": "audio", "codec_name": "ac3", "channels": 6, "channel_layout": "5.1(side)", "sample_rate": "48000",
    "bit_rate": "384000", "duration": "8.0", "tags": {"language": "deu"},
}  # fmt: skip


def test_an_interlaced_anamorphic_file() -> None:
    result = probe_result(document(VIDEO, SOUND, tags={"major_brand": "isom", "timecode": "01:00:00:00"}), METADATA)
    assert model_problems(result, "ProbeResult", "wire") == []
    assert result["container"]["bitRate"] == 1_000_000
    assert (result["container"]["format"], result["container"]["startTimecode"]) == ("mp4", "01:00:00:00")
    video, sound = result["container"]["tracks"]
    properties = video["videoProperties"]
    assert properties["displayAspectRatio"] == {"numerator": 16, "denominator": 9}
    assert properties["frameRate"] == {"numerator": 30000, "denominator": 1001}
    essence = properties["codecMetadata"]
    assert (essence["scanType"], essence["fieldOrder"]) == ("interlaced", "TopFieldFirst")
    assert (essence["profile"], essence["level"], essence["chromaSubsampling"]) == ("High", "41", "4:2:0")
    assert "rotation" not in properties
    assert sound["audioProperties"] == {
        "bitDepth": 16, "bitRate": 384_000, "channels": 6, "channelLayout": "5.1", "sampleRate": 48_000,
        "languageCode": "deu",
    }  # fmt: skip


def test_hdr_rotation_captions_and_tracks_that_are_none() -> None:
    telephone = {
        **VIDEO, "codec_name": "hevc", "pix_fmt": "yuv420p10le", "bits_per_raw_sample": None,
        "field_order": "progressive",
        "color_primaries": "bt2020", "color_transfer": "smpte2084", "color_space": "bt2020nc",
        "side_data_list": [{"side_data_type": "Display Matrix", "rotation": -90}],
    }  # fmt: skip
    words = {"codec_type": "subtitle", "codec_name": "webvtt", "tags": {"language": "eng"}}
    result = probe_result(document(telephone, {"codec_type": "attachment"}, words, SOUND), {})
    assert model_problems(result, "ProbeResult", "wire") == []
    properties = result["container"]["tracks"][0]["videoProperties"]
    assert (properties["rotation"], properties["bitDepth"]) == (90, 10)
    assert properties["transferCharacteristics"] == "SMPTE_2084"
    assert (properties["colorPrimaries"], properties["matrixCoefficients"]) == ("ITU_2020", "ITU_2020_NCL")
    assert result["trackMappings"] == [{"videoTrackIndexes": [1], "dataTrackIndexes": [2], "audioTrackIndexes": [3]}]
    assert result["container"]["tracks"][1] == {
        "trackType": "data", "codec": "WEBVTT", "dataProperties": {"languageCode": "eng"}, "index": 2
    }  # fmt: skip
    assert "bitRate" not in result["container"]


def test_what_ffprobe_does_not_know_is_left_out() -> None:
    bare = {"codec_type": "video", "codec_name": "unheard_of", "avg_frame_rate": "0/0", "r_frame_rate": "0/0"}
    result = probe_result({"streams": [bare], "format": {"format_name": "unheard_of", "duration": "N/A"}}, {})
    assert model_problems(result, "ProbeResult", "wire") == []
    assert "format" not in result["container"]
    track = result["container"]["tracks"][0]
    assert track["codec"] == "UNKNOWN"
    assert not track["videoProperties"].keys() & {"width", "frameRate", "bitRate", "displayAspectRatio"}


@pytest.mark.parametrize(
    ("name", "brand", "codec", "expected"),
    [
        ("mov,mp4,m4a,3gp,3g2,mj2", "qt  ", "h264", "quicktime"),
        ("mov,mp4,m4a,3gp,3g2,mj2", "3gp5", "h264", "three_gp"),
        ("mov,mp4,m4a,3gp,3g2,mj2", "", "h264", "mp4"),
        ("matroska,webm", "", "h264", "matroska"),
        ("matroska,webm", "", "vp9", "webm"),
        ("mpegts", "", "h264", "mpegts"),
        ("wav", "", "pcm_s16le", "wave"),
        ("gif", "", "gif", None),
    ],
)
def test_formats(name: str, brand: str, codec: str, expected: str | None) -> None:
    described = {"format": {"format_name": name, "tags": {"major_brand": brand}}, "streams": [{"codec_name": codec}]}
    assert file_format(described) == expected
