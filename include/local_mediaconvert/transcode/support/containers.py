"""Containers."""

from __future__ import annotations

from typing import Final

from local_mediaconvert.transcode.support.rules import Members, refused, shape, warned

_MUXER: Final = "FFmpeg's muxer decides"
_MARKERS: Final = "ad markers and data are not carried"
_C2PA: Final = "outputs are not signed"

#: The service's own PIDs, or the first of them.
_AUDIO_PIDS: Final = tuple(tuple(range(482, end)) for end in range(483, 500))

_M2TS: Final = (
    "AudioBufferModel AudioFramesPerPes AudioPids AudioPtsOffsetDelta BufferModel DataPTSControl DvbNitSettings "
    "DvbSdtSettings DvbSubPids DvbTdtSettings DvbTeletextPid EbpAudioInterval EbpPlacement EsRateInPes "
    "ForceTsVideoEbpOrder FragmentTime KlvMetadata MaxPcrInterval MinEbpInterval NielsenId3 NullPacketBitrate "
    "PatInterval PcrControl PcrPid PmtInterval PreventBufferUnderflow PrivateMetadataPid PtsOffset PtsOffsetMode "
    "Scte35Esam Scte35Pid Scte35Source SegmentationMarkers SegmentationStyle SegmentationTime TimedMetadataPid"
)

RULES: Final[dict[str, Members]] = {
    "ContainerSettings": shape(
        honoured="CmfcSettings Container F4vSettings M2tsSettings M3u8Settings MovSettings Mp4Settings MpdSettings "
        "MxfSettings",
        values={"Container": {"ISMV": refused("Smooth Streaming is not made")}},
    ),
    "Mp4Settings": shape(
        honoured="AudioDuration FreeSpaceBox MoovPlacement",
        warned="C2paManifest CertificateSecret CslgAtom CttsVersion Mp4MajorBrand SigningKmsKey",
        note=_MUXER,
        notes={"C2paManifest": _C2PA, "CertificateSecret": _C2PA, "SigningKmsKey": _C2PA, "MoovPlacement": "",
               "AudioDuration": "audio ends with the video", "FreeSpaceBox": "never written"},
        neutral={"CttsVersion": (0,), "Mp4MajorBrand": ("isom",)},
        values={"FreeSpaceBox": {"INCLUDE": warned("no free space is left")}},
    ),
    "MovSettings": shape(
        honoured="AudioDuration Reference",
        warned="ClapAtom CslgAtom Mpeg2FourCCControl PaddingControl",
        note=_MUXER,
        neutral={"PaddingControl": ("OMNEON",), "Mpeg2FourCCControl": ("MPEG",)},
        values={"Reference": {"EXTERNAL": refused("essence is always inside the file")}},
    ),
    "F4vSettings": shape(honoured="MoovPlacement"),
    "MpdSettings": shape(
        honoured="AudioDuration CaptionContainerType",
        warned="AccessibilityCaptionHints C2paManifest CertificateSecret KlvMetadata ManifestMetadataSignaling "
        "Scte35Esam Scte35Source SigningKmsKey TimedMetadata TimedMetadataBoxVersion TimedMetadataSchemeIdUri "
        "TimedMetadataValue",
        note=_MARKERS,
        notes={"C2paManifest": _C2PA, "CertificateSecret": _C2PA, "SigningKmsKey": _C2PA,
               "AudioDuration": "audio ends with the video", "CaptionContainerType": "",
               "AccessibilityCaptionHints": "the manifest has no hints"},
        neutral={"TimedMetadataBoxVersion": ("VERSION_0",)},
    ),
    "M3u8Settings": shape(
        honoured="AudioDuration",
        warned="AudioFramesPerPes AudioPids AudioPtsOffsetDelta DataPTSControl MaxPcrInterval NielsenId3 PatInterval "
        "PcrControl PcrPid PmtInterval PmtPid PrivateMetadataPid ProgramNumber PtsOffset PtsOffsetMode Scte35Pid "
        "Scte35Source TimedMetadata TimedMetadataPid TransportStreamId VideoPid",
        note="the packager chooses PIDs, tables and clocks",
        notes={"AudioDuration": "audio ends with the video"},
        neutral={
            # What the console writes into every job, and what players do not depend on.
            "AudioFramesPerPes": tuple(range(100)), "AudioPids": _AUDIO_PIDS, "AudioPtsOffsetDelta": (0,),
            "DataPTSControl": ("ALIGN_TO_VIDEO",), "PatInterval": (0,), "PmtInterval": (0,), "PmtPid": (480,),
            "PcrControl": ("PCR_EVERY_PES_PACKET", "CONFIGURED_PCR_PERIOD"), "PrivateMetadataPid": (503,),
            "ProgramNumber": (1,), "PtsOffset": (0,), "TimedMetadataPid": (502,), "TransportStreamId": (1,),
            "VideoPid": (481,), "PcrPid": (481,), "Scte35Pid": (500,),
        },
    ),
    "M2tsSettings": shape(
        honoured="AudioDuration Bitrate PmtPid ProgramNumber RateMode TransportStreamId VideoPid",
        warned=_M2TS,
        note=_MUXER,
        notes={"AudioDuration": "audio ends with the video", "VideoPid": "audio takes the PIDs after it"},
        neutral={
            "AudioPids": _AUDIO_PIDS, "DvbSubPids": (tuple(range(460, 480)),),
            "AudioBufferModel": ("ATSC", "DVB"), "AudioFramesPerPes": tuple(range(100)),
            "AudioPtsOffsetDelta": (0,), "BufferModel": ("MULTIPLEX",), "DataPTSControl": ("ALIGN_TO_VIDEO",),
            "EbpPlacement": ("VIDEO_AND_AUDIO_PIDS", "VIDEO_PID"), "ForceTsVideoEbpOrder": ("DEFAULT",),
            "PatInterval": tuple(range(1001)), "PmtInterval": tuple(range(1001)),
            "PcrControl": ("PCR_EVERY_PES_PACKET", "CONFIGURED_PCR_PERIOD"), "DvbTeletextPid": (499,),
            "PrivateMetadataPid": (503,), "Scte35Pid": (500,), "TimedMetadataPid": (502,),
            "SegmentationStyle": ("MAINTAIN_CADENCE", "RESET_CADENCE"), "MinEbpInterval": (0,),
            "MaxPcrInterval": tuple(range(501)), "FragmentTime": tuple(range(60)), "NullPacketBitrate": (0, 0.0),
        },
    ),
    "MxfSettings": shape(
        honoured="Profile",
        warned="AfdSignaling UncompressedAudioWrapping XavcProfileSettings",
        note=_MUXER,
        notes={"Profile": "OP1a"},
        values={
            "Profile": {name: warned("OP1a is written") for name in ("D_10", "XDCAM", "XAVC", "XDCAM_RDD9")},
        },
    ),
    **{
        name: shape(warned=members, note=_MUXER)
        for name, members in {
            "DvbNitSettings": "NetworkId NetworkName NitInterval",
            "DvbSdtSettings": "OutputSdt SdtInterval ServiceName ServiceProviderName",
            "DvbTdtSettings": "TdtInterval",
            "M2tsScte35Esam": "Scte35EsamPid",
            "MxfXavcProfileSettings": "DurationMode MaxAncDataSize",
        }.items()
    },
}  # fmt: skip
