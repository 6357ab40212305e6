"""The output groups of a plan: which packages MediaConvert makes, and where they go."""

from __future__ import annotations

from fractions import Fraction
from math import floor
from typing import Any, Final

from vodflow.contract.plan import Output, TranscodePlan
from vodflow.engines.mediaconvert.request import destinations
from vodflow.engines.mediaconvert.request.encryption import cmaf_encryption, dash_encryption, hls_encryption
from vodflow.engines.mediaconvert.request.outputs import (
    cmaf_outputs,
    dash_outputs,
    hls_outputs,
    mp4_outputs,
    poster_output,
    sidecar_outputs,
    thumbnail_output,
)
from vodflow.errors import PlanError
from vodflow.settings.encode_options import EncodeOptions, Storage

Group = dict[str, Any]

_FILE: Final = "FileGroupSettings"


def hls_in_ts(plan: TranscodePlan) -> bool:
    """Whether HLS gets MPEG-TS segments of its own."""
    return Output.HLS in plan.packaging.outputs and plan.packaging.hls_segments == "ts"


def cmaf_manifests(plan: TranscodePlan, options: EncodeOptions) -> tuple[bool, bool]:
    """Whether the CMAF group writes HLS playlists, and whether a DASH manifest; there is no group without either."""
    hls = Output.HLS in plan.packaging.outputs and plan.packaging.hls_segments == "fmp4"
    return hls, Output.DASH in plan.packaging.outputs and options.dash == "cmaf"


def dash_iso(plan: TranscodePlan, options: EncodeOptions) -> bool:
    """Whether DASH gets segments of its own."""
    return Output.DASH in plan.packaging.outputs and options.dash == "iso"


def output_groups(plan: TranscodePlan, bucket: str, prefix: str, options: EncodeOptions) -> list[Group]:
    """Every group of a plan.

    :param prefix: key prefix of the job's outputs, without a slash at the end
    :raises PlanError: for sizes, levels or segment lengths that MediaConvert does not make
    :raises ConfigurationError: for options that do not go together
    """
    maker = _Groups(plan, bucket, prefix, options)
    groups: list[Group] = []
    if hls_in_ts(plan):
        groups.append(maker.hls())
    if any(cmaf_manifests(plan, options)):
        groups.append(maker.cmaf())
    if dash_iso(plan, options):
        groups.append(maker.dash())
    if Output.MP4 in plan.packaging.outputs:
        groups.append(maker.files("MP4", destinations.MP4, mp4_outputs(plan, options)))
        if options.captions:
            groups.append(maker.files("Captions", destinations.CAPTIONS, sidecar_outputs(options)))
    if plan.thumbnails:
        groups.append(
            maker.files("Thumbnails", destinations.THUMBNAIL, [thumbnail_output(plan, plan.thumbnails, options)])
        )
        groups.append(maker.files("Poster", destinations.POSTER, [poster_output(plan, plan.thumbnails, options)]))
    return groups


def segment_length(plan: TranscodePlan) -> int:
    """``SegmentLength`` in whole seconds, from which rounding up to the next GOP gives the plan's segments.

    29.97 frames a second: 6 s becomes 6.006 s, three GOPs of 2.002 s.

    :raises PlanError: when no whole number of seconds does
    """
    gop = _gop(plan)
    wanted = Fraction(plan.packaging.segment_duration)
    gops = max(1, round(wanted / gop))
    length = floor(gops * gop)
    if length <= (gops - 1) * gop:
        raise PlanError(
            f"MediaConvert's segments begin as whole seconds; none gives {float(gops * gop):.3f} s with GOPs of "
            f"{float(gop):.3f} s. Choose a segment_duration of whole seconds in profile {plan.profile}."
        )
    return length


def fragment_length(plan: TranscodePlan) -> int:
    """``FragmentLength`` in whole seconds: about a GOP, and a whole part of a segment."""
    length = segment_length(plan)
    longest = max(Fraction(1), _gop(plan))
    return max(seconds for seconds in range(1, length + 1) if length % seconds == 0 and seconds <= longest)


def _gop(plan: TranscodePlan) -> Fraction:
    rung = plan.renditions[0]
    return rung.gop / rung.fps


class _Groups:
    def __init__(self, plan: TranscodePlan, bucket: str, prefix: str, options: EncodeOptions) -> None:
        self.plan = plan
        self.bucket = bucket
        self.prefix = prefix
        self.options = options

    def hls(self) -> Group:
        settings = {
            **self._place(destinations.HLS),
            "SegmentLength": segment_length(self.plan),
            "SegmentLengthControl": "GOP_MULTIPLE",
            "MinSegmentLength": 0,
            "SegmentControl": "SEGMENTED_FILES",
            "DirectoryStructure": "SINGLE_DIRECTORY",
            "OutputSelection": "MANIFESTS_AND_SEGMENTS",
            **_PLAYLISTS,
            "CaptionLanguageSetting": "OMIT",
            "ProgramDateTime": "EXCLUDE",
            "TimedMetadataId3Frame": "NONE",
        }
        if self.options.encryption:
            settings["Encryption"] = hls_encryption(self.options.encryption)
        return _group("Apple HLS", "HLS", "HlsGroupSettings", settings, hls_outputs(self.plan, self.options))

    def cmaf(self) -> Group:
        hls, dash = cmaf_manifests(self.plan, self.options)
        settings = {
            **self._place(destinations.CMAF),
            **self._segments(),
            "WriteHlsManifest": "ENABLED" if hls else "DISABLED",
            "WriteDashManifest": "ENABLED" if dash else "DISABLED",
            **_PLAYLISTS,
        }
        if self.options.encryption:
            settings["Encryption"] = cmaf_encryption(self.options.encryption)
        outputs = cmaf_outputs(self.plan, self.options, hls=hls)
        return _group("CMAF", "CMAF", "CmafGroupSettings", settings, outputs)

    def dash(self) -> Group:
        settings = {**self._place(destinations.DASH), **self._segments()}
        if self.options.encryption:
            settings["Encryption"] = dash_encryption(self.options.encryption)
        return _group("DASH ISO", "DASH", "DashIsoGroupSettings", settings, dash_outputs(self.plan, self.options))

    def files(self, custom_name: str, base: str, outputs: list[dict[str, Any]]) -> Group:
        return _group("File Group", custom_name, _FILE, self._place(base), outputs)

    def _place(self, base: str) -> dict[str, Any]:
        where: dict[str, Any] = {"Destination": destinations.destination(self.bucket, self.prefix, base)}
        return where | ({"DestinationSettings": _stored(self.options.storage)} if self.options.storage else {})

    def _segments(self) -> dict[str, Any]:
        return {
            "SegmentLength": segment_length(self.plan),
            "SegmentLengthControl": "GOP_MULTIPLE",
            "FragmentLength": fragment_length(self.plan),
            "SegmentControl": "SEGMENTED_FILES",
            "MpdProfile": "MAIN_PROFILE",
            "DashManifestStyle": "BASIC",
            # Exact times of every segment: the verifier compares them with the segments.
            "WriteSegmentTimelineInRepresentation": "ENABLED",
            "PtsOffsetHandlingForBFrames": "MATCH_INITIAL_PTS",
        }


#: What HLS and CMAF playlists have in common.
_PLAYLISTS: Final[dict[str, Any]] = {
    "ManifestDurationFormat": "FLOATING_POINT",
    "ManifestCompression": "NONE",
    "StreamInfResolution": "INCLUDE",
    "CodecSpecification": "RFC_6381",
    "ClientCache": "ENABLED",
    "TargetDurationCompatibilityMode": "SPEC_COMPLIANT",
}

_TYPES: Final = {
    "HlsGroupSettings": "HLS_GROUP_SETTINGS",
    "CmafGroupSettings": "CMAF_GROUP_SETTINGS",
    "DashIsoGroupSettings": "DASH_ISO_GROUP_SETTINGS",
    _FILE: "FILE_GROUP_SETTINGS",
}


def _group(name: str, custom_name: str, kind: str, settings: Group, outputs: list[dict[str, Any]]) -> Group:
    return {
        "Name": name,
        "CustomName": custom_name,
        "OutputGroupSettings": {"Type": _TYPES[kind], kind: settings},
        "Outputs": outputs,
    }


def _stored(storage: Storage) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    if storage.acl:
        settings["AccessControl"] = {"CannedAcl": storage.acl}
    if storage.kms_key:
        settings["Encryption"] = {"EncryptionType": "SERVER_SIDE_ENCRYPTION_KMS", "KmsKeyArn": storage.kms_key}
    elif storage.encrypted:
        settings["Encryption"] = {"EncryptionType": "SERVER_SIDE_ENCRYPTION_S3"}
    if storage.storage_class:
        settings["StorageClass"] = storage.storage_class
    return {"S3Settings": settings}
