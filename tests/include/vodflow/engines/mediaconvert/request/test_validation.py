"""What the service model and the rules between fields refuse, told as AWS tells it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from support.mediaconvert_values import JOB, STATIC, request
from vodflow.engines.mediaconvert.request import service_model
from vodflow.engines.mediaconvert.request.validation import model_problems, problems, validate
from vodflow.errors import JobSettingsError
from vodflow.settings.encode_options import EncodeOptions

Change = Callable[[dict[str, Any]], None]


def _video(made: dict[str, Any]) -> dict[str, Any]:
    return made["Settings"]["OutputGroups"][0]["Outputs"][0]["VideoDescription"]


def _h264(made: dict[str, Any]) -> dict[str, Any]:
    return _video(made)["CodecSettings"]["H264Settings"]


def _audio(made: dict[str, Any]) -> dict[str, Any]:
    return made["Settings"]["OutputGroups"][0]["Outputs"][3]["AudioDescriptions"][0]


def _group(made: dict[str, Any]) -> dict[str, Any]:
    return made["Settings"]["OutputGroups"][0]


VIDEO = "/outputGroups/0/outputs/0/videoDescription"
H264 = f"{VIDEO}/codecSettings/h264Settings"
AUDIO = "/outputGroups/0/outputs/3/audioDescriptions/0"

MODEL_RULES: dict[str, tuple[Change, str]] = {
    "enum": (
        lambda made: _video(made).update(ScalingBehavior="SQUASH"),
        f"{VIDEO}/scalingBehavior: Should be one of: DEFAULT, STRETCH_TO_OUTPUT, FIT, FIT_NO_UPSCALE, FILL, SMART_CROP",
    ),
    "minimum": (lambda made: _video(made).update(Width=31), f"{VIDEO}/width: Should be greater than or equal to 32"),
    "maximum": (
        lambda made: _h264(made).update(MaxBitrate=1_152_000_001),
        f"{H264}/maxBitrate: Should be less than or equal to 1152000000",
    ),
    "minimum of a real number": (
        lambda made: _audio(made).update(AudioNormalizationSettings={"TargetLkfs": -60.0}),
        f"{AUDIO}/audioNormalizationSettings/targetLkfs: Should be greater than or equal to -59",
    ),
    "maximum of a real number": (
        lambda made: _audio(made).update(AudioNormalizationSettings={"TruePeakLimiterThreshold": 0.5}),
        f"{AUDIO}/audioNormalizationSettings/truePeakLimiterThreshold: Should be less than or equal to 0",
    ),
    "pattern": (
        lambda made: _group(made)["OutputGroupSettings"]["CmafGroupSettings"].update(Destination="/media/out"),
        r"/outputGroups/0/outputGroupSettings/cmafGroupSettings/destination: Should match pattern ^s3:\/\/.*$",
    ),
    "pattern to the very end": (
        lambda made: _audio(made).update(CustomLanguageCode="en-US\n"),
        f"{AUDIO}/customLanguageCode: Should match pattern ^[A-Za-z]{{2,3}}(-[A-Za-z0-9-]+)?$",
    ),
    "length": (
        lambda made: _group(made)["Outputs"][0].update(NameModifier="x" * 257),
        "/outputGroups/0/outputs/0/nameModifier: Should have at most 256 characters",
    ),
    "empty text": (
        lambda made: _group(made)["Outputs"][0].update(NameModifier=""),
        "/outputGroups/0/outputs/0/nameModifier: Should have at least 1 characters",
    ),
    "unknown member": (
        lambda made: _video(made).update(Rotate="AUTO"),
        f"{VIDEO}/Rotate: Is not a known property",
    ),
    "text for a number": (lambda made: _video(made).update(Height="720"), f"{VIDEO}/height: Should be an integer"),
    "truth for a number": (lambda made: _video(made).update(Height=True), f"{VIDEO}/height: Should be an integer"),
    "not a number": (lambda made: _h264(made).update(GopSize=float("nan")), f"{H264}/gopSize: Should be a number"),
    "number for a text": (lambda made: made.update(Role=1), "/role: Should be a string"),
    "object for a list": (
        lambda made: made["Settings"].update(OutputGroups={}), "/outputGroups: Should be an array",
    ),
    "list for an object": (
        lambda made: made["Settings"].update(TimecodeConfig=[]), "/timecodeConfig: Should be an object",
    ),
    "missing role": (lambda made: made.pop("Role"), "/role: Is a required property"),
    "missing mode": (
        lambda made: made.update(AccelerationSettings={}), "/accelerationSettings/mode: Is a required property",
    ),
    "a list for a map": (lambda made: made.update(UserMetadata=["x"]), "/userMetadata: Should be an object"),
    "a number as a key": (lambda made: made.update(UserMetadata={1: "x"}), "/userMetadata: Should have texts as keys"),
    "wrong value in a map": (
        lambda made: made["UserMetadata"].update({"a/b": 1}), "/userMetadata/a~1b: Should be a string",
    ),
}  # fmt: skip

FIELD_RULES: dict[str, tuple[Change, str]] = {
    "QVBR without a peak": (
        lambda made: _h264(made).pop("MaxBitrate"), f"{H264}/maxBitrate: Is a required property with QVBR",
    ),
    "QVBR with an average": (
        lambda made: _h264(made).update(Bitrate=1000), f"{H264}/bitrate: Should not stand beside QVBR",
    ),
    "CBR without a rate": (
        lambda made: _h264(made).update(RateControlMode="CBR"), f"{H264}/bitrate: Is a required property with CBR",
    ),
    "VBR below its average": (
        lambda made: _h264(made).update(RateControlMode="VBR", Bitrate=9_000_000),
        f"{H264}/maxBitrate: Should not be below bitrate",
    ),
    "an average quality cap in one pass": (
        lambda made: _h264(made)["QvbrSettings"].update(MaxAverageBitrate=5_000_000),
        f"{H264}/qvbrSettings/maxAverageBitrate: Should stand with MULTI_PASS_HQ only",
    ),
    "the same modifier twice": (
        lambda made: _group(made)["Outputs"][1].update(NameModifier="_video_1080p"),
        "/outputGroups/0/outputs/0/nameModifier: Should differ from the other outputs'",
    ),
    "no modifier": (
        lambda made: _group(made)["Outputs"][1].pop("NameModifier"),
        "/outputGroups/0/outputs/1/nameModifier: Is a required property",
    ),
    "an unknown audio selector": (
        lambda made: _audio(made).update(AudioSourceName="Audio Selector 9"),
        f"{AUDIO}/audioSourceName: Should name an audio selector",
    ),
    "an unknown captions selector": (
        lambda made: _group(made)["Outputs"].append(
            {"NameModifier": "_c", "CaptionDescriptions": [{"CaptionSelectorName": "Captions Selector 1"}]}
        ),
        "/outputGroups/0/outputs/5/captionDescriptions/0/captionSelectorName: Should name a captions selector",
    ),
    "audio and video in CMAF": (
        lambda made: _group(made)["Outputs"][0].update(AudioDescriptions=[copy.deepcopy(_audio(made))]),
        "/outputGroups/0/outputs/0: Should have either video, audio or captions in a CMAF group",
    ),
    "a group of another type": (
        lambda made: _group(made)["OutputGroupSettings"].update(Type="HLS_GROUP_SETTINGS"),
        "/outputGroups/0/outputGroupSettings/hlsGroupSettings: Is a required property",
    ),
    "a group without a type": (
        lambda made: _group(made)["OutputGroupSettings"].pop("Type"),
        "/outputGroups/0/outputGroupSettings/type: Is a required property",
    ),
    "a group without outputs": (
        lambda made: _group(made).update(Outputs=[]), "/outputGroups/0/outputs: Should have at least one output",
    ),
    "no inputs": (lambda made: made["Settings"].update(Inputs=[]), "/inputs: Should have at least one input"),
    "no groups": (
        lambda made: made["Settings"].update(OutputGroups=[]), "/outputGroups: Should have at least one output group",
    ),
    "a preset and a container": (
        lambda made: _group(made)["Outputs"][0].update(Preset="House"),
        "/outputGroups/0/outputs/0/preset: Should not stand beside containerSettings",
    ),
    "a rate that AAC does not have": (
        lambda made: _audio(made)["CodecSettings"]["AacSettings"].update(Bitrate=100_000),
        f"{AUDIO}/codecSettings/aacSettings/bitrate: Should be one of: 6000, ",
    ),
    "a long token": (
        lambda made: made.update(ClientRequestToken="x" * 65),
        "/clientRequestToken: Should have at most 64 ASCII characters",
    ),
    "a token of other letters": (
        lambda made: made.update(ClientRequestToken="ü"),
        "/clientRequestToken: Should have at most 64 ASCII characters",
    ),
    "a hop too late": (
        lambda made: made.update(HopDestinations=[{"Queue": "Spare", "WaitMinutes": 4321}]),
        "/hopDestinations/0/waitMinutes: Should be from 1 to 4320",
    ),
    "a hop to nowhere": (
        lambda made: made.update(Queue="Default", HopDestinations=[{"Queue": "Default", "WaitMinutes": 5}]),
        "/hopDestinations/0/queue: Should be another queue than the job's",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", [*MODEL_RULES, *FIELD_RULES])
def test_one_wrong_field_is_named_by_its_path(name: str) -> None:
    change, expected = (MODEL_RULES | FIELD_RULES)[name]
    made = copy.deepcopy(request())
    change(made)
    found = [str(item) for item in problems(made)]
    assert found
    assert found[0].startswith(expected)
    # The two outputs of one modifier are both named; every other mistake once.
    assert len(found) == (2 if name == "the same modifier twice" else 1)


def _wire(value: Any, shape_name: str) -> Any:
    shape = service_model.shape(shape_name)
    if shape["type"] == "structure":
        return {
            shape["members"][key]["locationName"]: _wire(item, shape["members"][key]["shape"])
            for key, item in value.items()
        }
    if shape["type"] == "list":
        return [_wire(item, shape["member"]["shape"]) for item in value]
    if shape["type"] == "map":
        return {key: _wire(item, shape["value"]["shape"]) for key, item in value.items()}
    return value


@pytest.mark.parametrize("name", FIELD_RULES)
def test_requests_as_the_api_gets_them_are_held_to_the_same(name: str) -> None:
    change, expected = FIELD_RULES[name]
    made = copy.deepcopy(request())
    assert problems(_wire(made, "CreateJobRequest"), "wire") == []
    change(made)
    assert str(problems(_wire(made, "CreateJobRequest"), "wire")[0]).startswith(expected)


def test_names_of_the_other_convention_are_unknown() -> None:
    made = request()
    assert {item.rule for item in problems(made, "wire")} == {"unknown", "required"}
    assert {item.rule for item in problems(_wire(made, "CreateJobRequest"))} == {"unknown", "required"}


def test_every_problem_is_told_at_once() -> None:
    made = copy.deepcopy(request())
    _video(made).update(Width=1, Height="x", Colour=1)
    with pytest.raises(JobSettingsError) as caught:
        validate(made)
    assert len(caught.value.problems) == 3
    assert caught.value.code == "BadRequestException"
    assert not caught.value.retryable
    for problem in caught.value.problems:
        assert problem in str(caught.value)


def test_a_flood_of_problems_is_counted() -> None:
    made = copy.deepcopy(request())
    made["UserMetadata"] = {str(number): number for number in range(30)}
    with pytest.raises(JobSettingsError, match="and 10 more"):
        validate(made)


def test_keys_are_not_repeated_in_messages() -> None:
    options = EncodeOptions(encryption=STATIC.model_copy(update={"method": "sample_aes"}))
    made = copy.deepcopy(request(options=options, job=JOB))
    made["Settings"]["OutputGroups"][0]["OutputGroupSettings"]["CmafGroupSettings"]["Encryption"]["StaticKeyProvider"][
        "StaticKeyValue"
    ] = "secret"
    found = problems(made)
    assert found[0].rule == "pattern"
    assert "secret" not in str(found[0])


def test_other_documents_can_be_checked_too() -> None:
    assert model_problems({"ContainerSettings": {"Container": "MP4"}}, "PresetSettings") == []
    (problem,) = model_problems({"containerSettings": {"container": "AVI"}}, "PresetSettings", "wire")
    assert str(problem).startswith("/containerSettings/container: Should be one of: F4V, ")


def test_truth_values_and_times() -> None:
    assert model_problems(True, "__boolean") == []
    assert [str(item) for item in model_problems("yes", "__boolean")] == [": Should be a boolean"]
    assert model_problems({"SubmitTime": "2026-05-01T12:00:00Z"}, "Timing") == []


def test_every_shape_of_the_model_can_be_walked() -> None:
    shapes = service_model.service_model()["shapes"]
    assert len(shapes) > 1000
    for name, shape in shapes.items():
        service_model.limits(name)
        service_model.pattern(name)
        if shape["type"] == "double" and ("Min" in name or "Max" in name):
            assert service_model.limits(name) != service_model.Range(), name
