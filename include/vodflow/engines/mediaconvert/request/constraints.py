"""Rules between fields of job settings that the service model cannot say, as the service's documentation states them.

Documents are named as boto3's parameters. Only those that keep the model come here (see
:mod:`vodflow.engines.mediaconvert.request.validation`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from vodflow.engines.mediaconvert.request.service_model import settings_member

Document = Mapping[str, Any]

_RATED_CODECS: Final = {"H_264": ("H264Settings", "h264Settings"), "H_265": ("H265Settings", "h265Settings")}
_AUDIO_SELECTORS: Final = ("AudioSelectors", "AudioSelectorGroups", "DynamicAudioSelectors")
#: API reference, AacSettings.Bitrate: "the set of valid values for this setting".
AAC_BITRATES: Final = (
    6_000, 8_000, 10_000, 12_000, 14_000, 16_000, 20_000, 24_000, 28_000, 32_000, 40_000, 48_000, 56_000, 64_000,
    80_000, 96_000, 112_000, 128_000, 160_000, 192_000, 224_000, 256_000, 288_000, 320_000, 384_000, 448_000, 512_000,
    576_000, 640_000, 768_000, 896_000, 1_024_000,
)  # fmt: skip
#: API reference, HopDestination.WaitMinutes and CreateJobRequest.ClientRequestToken.
_WAIT_MINUTES: Final = (1, 4320)
_TOKEN_LENGTH: Final = 64


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    :param path: JSON pointer of wire names
    :param rule: type, required, unknown, enum, range, length, pattern, or the name of a rule between fields
    """

    path: str
    rule: str
    expectation: str

    def __str__(self) -> str:
        return f"{self.path}: {self.expectation}"


def below_settings(found: Iterable[Problem]) -> list[Problem]:
    """The same problems; paths below ``settings`` begin there, as in the service's own messages."""
    return [Problem(item.path.removeprefix("/settings") or "/", item.rule, item.expectation) for item in found]


def cross_field_problems(request: Document) -> Iterator[Problem]:
    """Everything that breaks a rule between the fields of a CreateJob request."""
    yield from _job(request)
    settings: Document = request["Settings"]
    inputs: Sequence[Document] = settings.get("Inputs", ())
    if not inputs and "JobTemplate" not in request:
        yield Problem("/settings/inputs", "inputs", "Should have at least one input")
    groups: Sequence[Document] = settings.get("OutputGroups", ())
    if not groups and "JobTemplate" not in request:
        yield Problem("/settings/outputGroups", "outputs", "Should have at least one output group")
    sounds = {name for item in inputs for key in _AUDIO_SELECTORS for name in item.get(key, ())}
    titles = {name for item in inputs for name in item.get("CaptionSelectors", ())}
    for place, group in enumerate(groups):
        yield from _group(group, f"/settings/outputGroups/{place}")
        for number, output in enumerate(group.get("Outputs", ())):
            path = f"/settings/outputGroups/{place}/outputs/{number}"
            yield from _output(output, path, automated="AutomatedEncodingSettings" in group)
            if inputs:
                yield from _selectors(output, path, sounds, titles)


def _job(request: Document) -> Iterator[Problem]:
    token = request.get("ClientRequestToken", "")
    if len(token) > _TOKEN_LENGTH or not token.isascii():
        yield Problem("/clientRequestToken", "token", f"Should have at most {_TOKEN_LENGTH} ASCII characters")
    for place, hop in enumerate(request.get("HopDestinations", ())):
        low, high = _WAIT_MINUTES
        if not low <= hop.get("WaitMinutes", 0) <= high:
            yield Problem(f"/hopDestinations/{place}/waitMinutes", "wait", f"Should be from {low} to {high}")
        if hop.get("Queue") == request.get("Queue"):
            yield Problem(f"/hopDestinations/{place}/queue", "hop", "Should be another queue than the job's")


def _group(group: Document, path: str) -> Iterator[Problem]:
    settings = group.get("OutputGroupSettings", {})
    kind = settings.get("Type")
    if kind is None:
        yield Problem(f"{path}/outputGroupSettings/type", "group-type", "Is a required property")
    elif (name := settings_member("OutputGroupSettings", kind)) not in settings:
        wire = f"{name[0].lower()}{name[1:]}"
        yield Problem(f"{path}/outputGroupSettings/{wire}", "group-type", "Is a required property")
    outputs = group.get("Outputs", ())
    if not outputs:
        yield Problem(f"{path}/outputs", "outputs", "Should have at least one output")
    names = Counter(output.get("NameModifier") for output in outputs)
    # Automated ABR makes the outputs itself, and their names.
    if len(outputs) > 1 and "AutomatedEncodingSettings" not in group:
        for number, output in enumerate(outputs):
            name = output.get("NameModifier")
            if name is None:
                yield Problem(f"{path}/outputs/{number}/nameModifier", "name-modifier", "Is a required property")
            elif names[name] > 1:
                yield Problem(
                    f"{path}/outputs/{number}/nameModifier", "name-modifier", "Should differ from the other outputs'"
                )
    if kind == "CMAF_GROUP_SETTINGS":
        yield from _one_kind_each(outputs, path)


def _one_kind_each(outputs: Sequence[Document], path: str) -> Iterator[Problem]:
    for number, output in enumerate(outputs):
        kinds = [key for key in ("VideoDescription", "AudioDescriptions", "CaptionDescriptions") if output.get(key)]
        if len(kinds) > 1:
            yield Problem(
                f"{path}/outputs/{number}", "cmaf-output", "Should have either video, audio or captions in a CMAF group"
            )


def _output(output: Document, path: str, *, automated: bool) -> Iterator[Problem]:
    if "Preset" in output and "ContainerSettings" in output:
        yield Problem(f"{path}/preset", "preset", "Should not stand beside containerSettings")
    codec = output.get("VideoDescription", {}).get("CodecSettings", {})
    if codec.get("Codec") in _RATED_CODECS and not automated:
        name, wire = _RATED_CODECS[codec["Codec"]]
        yield from _rates(codec.get(name, {}), f"{path}/videoDescription/codecSettings/{wire}")
    for number, audio in enumerate(output.get("AudioDescriptions", ())):
        aac = audio.get("CodecSettings", {}).get("AacSettings", {})
        if "Bitrate" in aac and aac["Bitrate"] not in AAC_BITRATES:
            where = f"{path}/audioDescriptions/{number}/codecSettings/aacSettings/bitrate"
            yield Problem(where, "aac-bitrate", f"Should be one of: {', '.join(map(str, AAC_BITRATES))}")


def _rates(settings: Document, path: str) -> Iterator[Problem]:
    mode = settings.get("RateControlMode")
    if mode == "QVBR" and "MaxBitrate" not in settings:
        yield Problem(f"{path}/maxBitrate", "rate-control", "Is a required property with QVBR")
    if mode in {"CBR", "VBR"} and "Bitrate" not in settings:
        yield Problem(f"{path}/bitrate", "rate-control", f"Is a required property with {mode}")
    if mode == "QVBR" and "Bitrate" in settings:
        yield Problem(f"{path}/bitrate", "rate-control", "Should not stand beside QVBR")
    if (
        "MaxAverageBitrate" in settings.get("QvbrSettings", {})
        and settings.get("QualityTuningLevel") != "MULTI_PASS_HQ"
    ):
        yield Problem(f"{path}/qvbrSettings/maxAverageBitrate", "rate-control", "Should stand with MULTI_PASS_HQ only")
    if settings.get("MaxBitrate", settings.get("Bitrate", 0)) < settings.get("Bitrate", 0):
        yield Problem(f"{path}/maxBitrate", "rate-control", "Should not be below bitrate")


def _selectors(output: Document, path: str, sounds: set[str], titles: set[str]) -> Iterator[Problem]:
    """Stricter than the service, which takes the default selector, or silence, for one that is not there."""
    for number, audio in enumerate(output.get("AudioDescriptions", ())):
        if audio.get("AudioSourceName") not in sounds | {None}:
            yield Problem(
                f"{path}/audioDescriptions/{number}/audioSourceName", "selector", "Should name an audio selector"
            )
    for number, caption in enumerate(output.get("CaptionDescriptions", ())):
        if caption.get("CaptionSelectorName") not in titles | {None}:
            yield Problem(
                f"{path}/captionDescriptions/{number}/captionSelectorName",
                "selector",
                "Should name a captions selector",
            )
