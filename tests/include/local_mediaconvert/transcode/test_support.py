"""Support for settings: every setting is classified, and what a job asks for is told by its path."""

from __future__ import annotations

from typing import Any

import pytest
from local_mediaconvert.transcode.support import RULES, Support, plan_warnings, refusals
from support.mediaconvert_values import CASES, request
from vodflow.engines.mediaconvert.request import service_model


def shapes(name: str = "JobSettings", seen: dict[str, set[str]] | None = None) -> dict[str, set[str]]:
    """Every structure that job settings are made of, with its members."""
    seen = {} if seen is None else seen
    described = service_model.shape(name)
    if described["type"] == "structure" and name not in seen:
        seen[name] = set(described["members"])
        for member in described["members"].values():
            shapes(member["shape"], seen)
    elif described["type"] in {"list", "map"}:
        shapes(described["member" if described["type"] == "list" else "value"]["shape"], seen)
    return seen


def test_every_setting_is_classified() -> None:
    assert {name: set(members) for name, members in RULES.items()} == shapes()


def test_values_are_those_of_the_model() -> None:
    for name, members in RULES.items():
        for member, rule in members.items():
            choices = service_model.choices(service_model.shape(name)["members"][member]["shape"])
            assert not choices or set(rule.values) <= set(choices), (name, member)


def test_what_is_not_honoured_says_why() -> None:
    silent = [
        (name, member)
        for name, members in RULES.items()
        for member, rule in members.items()
        if rule.support is not Support.HONOURED and not rule.note
    ]
    assert silent == []


@pytest.mark.parametrize("case", [name for name in CASES if "drm" not in name and "key" not in name])
def test_our_own_requests_are_honoured(case: str) -> None:
    settings = request(*CASES[case])["Settings"]
    paths = [item.path.rpartition("/")[2] for item in (*plan_warnings(settings), *refusals(settings))]
    known = {"everything_of_a_job": ["maxAverageBitrate"], "captions_in_ts_encrypted": ["encryption"]}
    assert paths == known.get(case, [])


def outputs(description: dict[str, Any]) -> dict[str, Any]:
    return {"OutputGroups": [{"Outputs": [{"VideoDescription": description}]}]}


@pytest.mark.parametrize(
    ("settings", "warned", "refused"),
    [
        (
            outputs({"CodecSettings": {"Codec": "H_264", "H264Settings": {"Softness": 64, "Syntax": "DEFAULT"}}}),
            ["/outputGroups/0/outputs/0/videoDescription/codecSettings/h264Settings/softness"],
            [],
        ),
        (outputs({"AfdSignaling": "AUTO"}), ["/outputGroups/0/outputs/0/videoDescription/afdSignaling"], []),
        (outputs({"AfdSignaling": "NONE", "RespondToAfd": "NONE"}), [], []),
        (
            outputs(
                {"VideoPreprocessors": {"TimecodeBurnin": {"Prefix": "x"}, "DolbyVision": {"Profile": "PROFILE_5"}}}
            ),
            ["/outputGroups/0/outputs/0/videoDescription/videoPreprocessors/dolbyVision"],
            [],
        ),
        (
            outputs({"ScalingBehavior": "SMART_CROP"}),
            [],
            ["/outputGroups/0/outputs/0/videoDescription/scalingBehavior"],
        ),
        (
            {"Inputs": [{"AudioSelectors": {"A": {"HlsRenditionGroupSettings": {"RenditionName": "x"}}}}]},
            [],
            ["/inputs/0/audioSelectors/A/hlsRenditionGroupSettings"],
        ),
        ({"Inputs": [{"ImageInserter": {}}], "NielsenConfiguration": {}}, [], []),
    ],
)
def test_paths_of_what_is_not_honoured(settings: dict[str, Any], warned: list[str], refused: list[str]) -> None:
    assert [item.path for item in plan_warnings(settings)] == warned
    assert [item.path for item in refusals(settings)] == refused


def test_jobs_as_the_console_writes_them_are_told_nothing_but_the_truth() -> None:
    """The console writes every default into a job."""
    container = {"Container": "M3U8", "M3u8Settings": {
        "AudioFramesPerPes": 4, "PcrControl": "PCR_EVERY_PES_PACKET", "PmtPid": 480, "PrivateMetadataPid": 503,
        "ProgramNumber": 1, "PatInterval": 0, "PmtInterval": 0, "Scte35Source": "NONE", "NielsenId3": "NONE",
        "TimedMetadata": "NONE", "VideoPid": 481, "AudioPids": list(range(482, 499))}}  # fmt: skip
    codec = {"Codec": "H_264", "H264Settings": {
        "InterlaceMode": "PROGRESSIVE", "NumberReferenceFrames": 3, "Syntax": "DEFAULT", "Softness": 0,
        "GopClosedCadence": 1, "GopSize": 90, "Slices": 1, "GopBReference": "DISABLED", "SlowPal": "DISABLED",
        "SpatialAdaptiveQuantization": "ENABLED", "TemporalAdaptiveQuantization": "ENABLED", "Telecine": "NONE",
        "FlickerAdaptiveQuantization": "DISABLED", "EntropyEncoding": "CABAC", "Bitrate": 5_000_000,
        "FramerateControl": "INITIALIZE_FROM_SOURCE", "RateControlMode": "CBR", "CodecProfile": "MAIN",
        "MinIInterval": 0, "AdaptiveQuantization": "HIGH", "CodecLevel": "AUTO", "FieldEncoding": "PAFF",
        "SceneChangeDetect": "ENABLED", "QualityTuningLevel": "SINGLE_PASS", "UnregisteredSeiTimecode": "DISABLED",
        "FramerateConversionAlgorithm": "DUPLICATE_DROP", "GopSizeUnits": "FRAMES", "RepeatPps": "DISABLED",
        "ParControl": "INITIALIZE_FROM_SOURCE", "NumberBFramesBetweenReferenceFrames": 2,
        "DynamicSubGop": "STATIC"}}  # fmt: skip
    picture = {"ScalingBehavior": "DEFAULT", "TimecodeInsertion": "DISABLED", "AntiAlias": "ENABLED", "Sharpness": 50,
               "CodecSettings": codec, "AfdSignaling": "NONE", "DropFrameTimecode": "ENABLED", "RespondToAfd": "NONE",
               "ColorMetadata": "INSERT"}  # fmt: skip
    aac = {"AudioDescriptionBroadcasterMix": "NORMAL", "Bitrate": 96_000, "RateControlMode": "CBR",
           "CodecProfile": "HEV1", "CodingMode": "CODING_MODE_2_0", "RawFormat": "NONE", "SampleRate": 48_000,
           "Specification": "MPEG4"}  # fmt: skip
    sound = {"AudioTypeControl": "FOLLOW_INPUT", "CodecSettings": {"Codec": "AAC", "AacSettings": aac},
             "LanguageCodeControl": "FOLLOW_INPUT", "AudioType": 0}  # fmt: skip
    hls = {"ManifestDurationFormat": "INTEGER", "SegmentLength": 10, "TimedMetadataId3Period": 10,
           "CaptionLanguageSetting": "OMIT", "TimedMetadataId3Frame": "PRIV", "CodecSpecification": "RFC_4281",
           "OutputSelection": "MANIFESTS_AND_SEGMENTS", "ProgramDateTimePeriod": 600, "MinSegmentLength": 0,
           "DirectoryStructure": "SINGLE_DIRECTORY", "ProgramDateTime": "EXCLUDE", "SegmentControl": "SEGMENTED_FILES",
           "ManifestCompression": "NONE", "ClientCache": "ENABLED", "StreamInfResolution": "INCLUDE",
           "MinFinalSegmentLength": 0, "Destination": "s3://b/k"}  # fmt: skip
    settings = {
        "TimecodeConfig": {"Source": "EMBEDDED"},
        "AdAvailOffset": 0,
        "OutputGroups": [{
            "OutputGroupSettings": {"Type": "HLS_GROUP_SETTINGS", "HlsGroupSettings": hls},
            "Outputs": [{"ContainerSettings": container, "VideoDescription": picture, "AudioDescriptions": [sound]}],
        }],
        "Inputs": [{
            "AudioSelectors": {"Audio Selector 1": {"Offset": 0, "DefaultSelection": "DEFAULT", "ProgramSelection": 1}},
            "VideoSelector": {"ColorSpace": "FOLLOW", "Rotate": "DEGREE_0", "AlphaBehavior": "DISCARD"},
            "FilterEnable": "AUTO", "PsiControl": "USE_PSI", "FilterStrength": 0, "DeblockFilter": "DISABLED",
            "DenoiseFilter": "DISABLED", "TimecodeSource": "EMBEDDED", "FileInput": "s3://b/in.mp4",
        }],
    }  # fmt: skip
    assert refusals(settings) == []
    assert {item.path.rpartition("/")[2] for item in plan_warnings(settings)} == {
        "manifestDurationFormat", "codecProfile",
    }  # fmt: skip


def test_captions_selectors_that_no_output_names_are_no_matter() -> None:
    embedded = {"Captions Selector 1": {"SourceSettings": {"SourceType": "EMBEDDED", "EmbeddedSourceSettings": {}}}}
    settings: dict[str, Any] = {"Inputs": [{"CaptionSelectors": embedded}], "OutputGroups": [{"Outputs": [{}]}]}
    assert refusals(settings) == []
    settings["OutputGroups"][0]["Outputs"][0]["CaptionDescriptions"] = [{"LanguageCode": "ENG"}]
    assert [item.path.rpartition("/")[2] for item in refusals(settings)] == ["sourceType"]
