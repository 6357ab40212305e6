"""Output groups and outputs."""

from __future__ import annotations

from typing import Final

from local_mediaconvert.transcode.support.rules import Members, refused, shape, warned

_TRICK_PLAY: Final = "tiled thumbnails are not made"
_KEYS: Final = "outputs would not be encrypted"
_C2PA: Final = "outputs are not signed"
_EVENTS: Final = "event messages are not written"

#: What the two groups with fMP4 segments have in common.
_FMP4_NOTES: Final = {
    "AdditionalManifests": "only the main manifest is written",
    "DashAdaptationSetGrouping": "the packager groups by codec",
    "DashIFrameTrickPlayNameModifier": _TRICK_PLAY,
    "DashManifestStyle": "basic",
    "Encryption": _KEYS,
    "ImageBasedTrickPlay": _TRICK_PLAY,
    "ImageBasedTrickPlaySettings": _TRICK_PLAY,
    "ImageBasedTrickPlayVariants": _TRICK_PLAY,
    "MinBufferTime": "the packager's value is written",
    "MinFinalSegmentLength": "the last segment stays as short as it is",
    "MpdManifestBandwidthType": "the packager measures the peak",
    "MpdProfile": "what the packager writes is in both profiles",
    "PtsOffsetHandlingForBFrames": "the packager matches the initial time stamps",
    "SegmentLengthControl": "EXACT keeps to key frames too",
    "VideoCompositionOffsets": "unsigned",
    "WriteSegmentTimelineInRepresentation": "always written",
    "BaseUrl": "names stay relative",
}
_FMP4_NEUTRAL: Final[dict[str, tuple[object, ...]]] = {
    "MinBufferTime": (0,), "MinFinalSegmentLength": (0, 0.0), "MpdManifestBandwidthType": ("MAX",),
    "VideoCompositionOffsets": ("UNSIGNED",),
}  # fmt: skip
_FMP4_VALUES: Final = {
    "DashManifestStyle": dict.fromkeys(("COMPACT", "DISTINCT", "FULL"), warned("the manifest is in the basic style"))
}

_HLS_TRICK_PLAY: Final = "IntervalCadence ThumbnailHeight ThumbnailInterval ThumbnailWidth TileHeight TileWidth"

RULES: Final[dict[str, Members]] = {
    "OutputGroup": shape(
        honoured="AutomatedEncodingSettings CustomName Name OutputGroupSettings Outputs",
        notes={"AutomatedEncodingSettings": "the service writes its ladder of outputs beforehand, by size alone"},
    ),
    "OutputGroupSettings": shape(
        honoured="CmafGroupSettings DashIsoGroupSettings FileGroupSettings HlsGroupSettings Type",
        warned="PerFrameMetrics",
        refused="MsSmoothGroupSettings",
        notes={"MsSmoothGroupSettings": "Smooth Streaming is not made", "PerFrameMetrics": "no metrics are measured"},
        values={"Type": {"MS_SMOOTH_GROUP_SETTINGS": refused("Smooth Streaming is not made")}},
    ),
    "Output": shape(
        honoured="AudioDescriptions CaptionDescriptions ContainerSettings Extension NameModifier OutputSettings Preset "
        "VideoDescription",
        notes={"Preset": "merged in by the service"},
    ),
    "OutputSettings": shape(honoured="HlsSettings"),
    "DestinationSettings": shape(honoured="S3Settings"),
    "S3DestinationSettings": shape(honoured="AccessControl Encryption StorageClass"),
    "S3DestinationAccessControl": shape(honoured="CannedAcl"),
    "S3EncryptionSettings": shape(honoured="EncryptionType KmsEncryptionContext KmsKeyArn"),
    "FileGroupSettings": shape(honoured="Destination DestinationSettings"),
    "HlsGroupSettings": shape(
        honoured="AdditionalManifests CaptionLanguageSetting CaptionSegmentLengthControl ClientCache "
        "CodecSpecification Destination DestinationSettings ManifestCompression ManifestDurationFormat "
        "MinSegmentLength OutputSelection ProgressiveWriteHlsManifest SegmentControl SegmentLength "
        "SegmentLengthControl StreamInfResolution TargetDurationCompatibilityMode AudioOnlyHeader DirectoryStructure",
        warned="AdMarkers BaseUrl CaptionLanguageMappings ImageBasedTrickPlay ImageBasedTrickPlaySettings "
        "ImageBasedTrickPlayVariants MinFinalSegmentLength ProgramDateTime ProgramDateTimePeriod "
        "SegmentsPerSubdirectory TimedMetadataId3Frame TimedMetadataId3Period TimestampDeltaMilliseconds",
        refused="Encryption",
        notes=_FMP4_NOTES
        | {
            "AdMarkers": "ad markers are not handled",
            "CaptionLanguageMappings": "embedded captions are not signalled",
            "MinSegmentLength": "without ad markers segments are not moved",
            "ProgramDateTime": "the tag is not written",
            "ProgramDateTimePeriod": "the tag is not written",
            "SegmentsPerSubdirectory": "all segments are in one folder",
            "TimedMetadataId3Frame": "ID3 time stamps are not written",
            "TimedMetadataId3Period": "ID3 time stamps are not written",
            "TimestampDeltaMilliseconds": "time stamps are not shifted",
            "CaptionSegmentLengthControl": "caption segments match the video's",
            "AudioOnlyHeader": "as players need it",
            "ClientCache": "playlists say nothing of caching; the HTTP header does",
            "ProgressiveWriteHlsManifest": "playlists are written at the end",
        },
        neutral={
            "ProgramDateTimePeriod": (0, 600),
            "TimedMetadataId3Period": (0, 10),
            "TimestampDeltaMilliseconds": (0,),
            # Without metadata passed through there is nothing to stamp.
            "TimedMetadataId3Frame": ("PRIV",),
            "MinFinalSegmentLength": (0, 0.0),
        },
        values={
            "CaptionLanguageSetting": {"INSERT": warned("embedded captions are not signalled")},
            "ManifestCompression": {"GZIP": warned("playlists are not compressed")},
            "ManifestDurationFormat": {"INTEGER": warned("durations stay exact")},
            "DirectoryStructure": {"SUBDIRECTORY_PER_STREAM": warned("all segments are in one folder")},
        },
    ),
    "HlsSettings": shape(
        honoured="AudioGroupId AudioOnlyContainer AudioRenditionSets AudioTrackType DescriptiveVideoServiceFlag "
        "IFrameOnlyManifest SegmentModifier",
        notes={"IFrameOnlyManifest": "byte ranges"},
        values={"IFrameOnlyManifest": {"INCLUDE_AS_TS": warned("byte ranges are listed instead")}},
    ),
    "HlsAdditionalManifest": shape(honoured="ManifestNameModifier SelectedOutputs"),
    "CmafGroupSettings": shape(
        honoured="ClientCache CodecSpecification DashManifestStyle Destination DestinationSettings FragmentLength "
        "ManifestCompression ManifestDurationFormat MpdProfile PtsOffsetHandlingForBFrames SegmentControl "
        "SegmentLength SegmentLengthControl StreamInfResolution TargetDurationCompatibilityMode WriteDashManifest "
        "WriteHlsManifest WriteSegmentTimelineInRepresentation AdditionalManifests",
        warned="BaseUrl DashAdaptationSetGrouping DashIFrameTrickPlayNameModifier ImageBasedTrickPlay "
        "ImageBasedTrickPlaySettings ImageBasedTrickPlayVariants MinBufferTime MinFinalSegmentLength "
        "MpdManifestBandwidthType VideoCompositionOffsets",
        refused="Encryption",
        notes=_FMP4_NOTES | {"AdditionalManifests": "for HLS"},
        neutral=_FMP4_NEUTRAL,
        values=_FMP4_VALUES
        | {
            "ManifestCompression": {"GZIP": warned("playlists are not compressed")},
            "ManifestDurationFormat": {"INTEGER": warned("durations stay exact")},
        },
    ),
    "CmafAdditionalManifest": shape(honoured="ManifestNameModifier SelectedOutputs", note="for HLS"),
    "DashIsoGroupSettings": shape(
        honoured="DashManifestStyle Destination DestinationSettings FragmentLength MpdProfile "
        "PtsOffsetHandlingForBFrames SegmentControl SegmentLength SegmentLengthControl "
        "WriteSegmentTimelineInRepresentation",
        warned="AdditionalManifests AudioChannelConfigSchemeIdUri BaseUrl DashAdaptationSetGrouping "
        "DashIFrameTrickPlayNameModifier HbbtvCompliance ImageBasedTrickPlay ImageBasedTrickPlaySettings "
        "ImageBasedTrickPlayVariants MinBufferTime MinFinalSegmentLength MpdManifestBandwidthType "
        "VideoCompositionOffsets",
        refused="Encryption",
        notes=_FMP4_NOTES
        | {
            "AudioChannelConfigSchemeIdUri": "the packager chooses by codec",
            "HbbtvCompliance": "the manifest is not made for HbbTV",
        },
        neutral=_FMP4_NEUTRAL | {"AudioChannelConfigSchemeIdUri": ("MPEG_CHANNEL_CONFIGURATION",)},
        values=_FMP4_VALUES,
    ),
    "CmfcSettings": shape(
        honoured="AudioDuration AudioGroupId AudioRenditionSets AudioTrackType DescriptiveVideoServiceFlag "
        "IFrameOnlyManifest",
        warned="C2paManifest CertificateSecret KlvMetadata ManifestMetadataSignaling Scte35Esam Scte35Source "
        "SigningKmsKey TimedMetadata TimedMetadataBoxVersion TimedMetadataSchemeIdUri TimedMetadataValue",
        note=_EVENTS,
        notes={
            "C2paManifest": _C2PA,
            "CertificateSecret": _C2PA,
            "SigningKmsKey": _C2PA,
            "AudioDuration": "audio ends with the video",
            "IFrameOnlyManifest": "byte ranges",
            "AudioGroupId": "",
            "AudioRenditionSets": "a variant with each",
            "AudioTrackType": "",
            "DescriptiveVideoServiceFlag": "",
        },
        neutral={"TimedMetadataBoxVersion": ("VERSION_0",)},
    ),
    **{
        name: shape(warned=members, note=note)
        for note, shapes in {
            _TRICK_PLAY: {
                "CmafImageBasedTrickPlaySettings": _HLS_TRICK_PLAY,
                "CmafImageBasedTrickPlayVariant": _HLS_TRICK_PLAY,
                "DashIsoImageBasedTrickPlaySettings": _HLS_TRICK_PLAY,
                "DashIsoImageBasedTrickPlayVariant": _HLS_TRICK_PLAY,
                "HlsImageBasedTrickPlaySettings": _HLS_TRICK_PLAY,
                "HlsImageBasedTrickPlayVariant": _HLS_TRICK_PLAY,
            },
            "see the setting above it": {
                "DashAdditionalManifest": "ManifestNameModifier SelectedOutputs",
                "HlsCaptionLanguageMapping": "CaptionChannel CustomLanguageCode LanguageCode LanguageDescription",
            },
        }.items()
        for name, members in shapes.items()
    },
    # What the service has written out as outputs before it gives a job away.
    **{
        name: shape(honoured=members)
        for name, members in {
            "AllowedRenditionSize": "Height Required Width",
            "AutomatedAbrRule": "AllowedRenditions ForceIncludeRenditions MinBottomRenditionSize "
            "MinTopRenditionSize Type",
            "AutomatedAbrSettings": "MaxAbrBitrate MaxQualityLevel MaxRenditions MinAbrBitrate Rules",
            "AutomatedEncodingSettings": "AbrSettings",
            "ForceIncludeRenditionSize": "Height Width",
            "MinBottomRenditionSize": "Height Width",
            "MinTopRenditionSize": "Height Width",
        }.items()
    },
    **{
        name: shape(refused=members, note=note)
        for note, shapes in {
            _KEYS: {
                "CmafEncryptionSettings": "ClearLeadSegments ConstantInitializationVector EncryptionMethod "
                "InitializationVectorInManifest SpekeKeyProvider StaticKeyProvider Type",
                "DashIsoEncryptionSettings": "PlaybackDeviceCompatibility SpekeKeyProvider",
                "EncryptionContractConfiguration": "SpekeAudioPreset SpekeVideoPreset",
                "HlsEncryptionSettings": "ConstantInitializationVector EncryptionMethod "
                "InitializationVectorInManifest OfflineEncrypted SpekeKeyProvider StaticKeyProvider Type",
                "MsSmoothEncryptionSettings": "SpekeKeyProvider",
                "SpekeKeyProvider": "CertificateArn EncryptionContractConfiguration ResourceId SystemIds Url",
                "SpekeKeyProviderCmaf": "CertificateArn DashSignaledSystemIds EncryptionContractConfiguration "
                "HlsSignaledSystemIds ResourceId Url",
                "StaticKeyProvider": "KeyFormat KeyFormatVersions StaticKeyValue Url",
            },
            "Smooth Streaming is not made": {
                "MsSmoothAdditionalManifest": "ManifestNameModifier SelectedOutputs",
                "MsSmoothGroupSettings": "AdditionalManifests AudioDeduplication Destination DestinationSettings "
                "Encryption FragmentLength FragmentLengthControl ManifestEncoding",
            },
        }.items()
        for name, members in shapes.items()
    },
}
