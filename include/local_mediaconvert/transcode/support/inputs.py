"""Jobs and inputs."""

from __future__ import annotations

from typing import Final

from local_mediaconvert.transcode.support.rules import Members, refused, shape

_TIMECODES: Final = "shows in the time codes of outputs only, which are not written"
_IMAGES: Final = "the image would be missing from the picture"

RULES: Final[dict[str, Members]] = {
    "JobSettings": shape(
        honoured="Inputs OutputGroups TimecodeConfig FollowSource",
        warned="AdAvailOffset AvailBlanking Esam ExtendedDataServices KantarWatermark NielsenConfiguration "
        "NielsenNonLinearWatermark TimedMetadataInsertion",
        refused="ColorConversion3DLUTSettings MotionImageInserter MotionImageInserters",
        notes={
            "FollowSource": "the input that sizes and rates follow; only the first is followed",
            "AdAvailOffset": "ad markers are not handled",
            "AvailBlanking": "ad markers are not handled",
            "Esam": "ad markers are not handled",
            "ExtendedDataServices": "XDS is not written",
            "KantarWatermark": "no watermark is added",
            "NielsenConfiguration": "no watermark is handled",
            "NielsenNonLinearWatermark": "no watermark is added",
            "TimedMetadataInsertion": "no ID3 metadata is written",
            "ColorConversion3DLUTSettings": "colours would differ",
            "MotionImageInserter": _IMAGES,
            "MotionImageInserters": _IMAGES,
        },
        neutral={"AdAvailOffset": (0,)},
        values={"FollowSource": {n: refused("only the first input is followed") for n in range(2, 151)}},
    ),
    "TimecodeConfig": shape(honoured="Anchor Source Start TimestampOffset", note=_TIMECODES),
    "Input": shape(
        honoured="AudioSelectorGroups AudioSelectors CaptionSelectors Crop DeblockFilter DenoiseFilter FileInput "
        "FilterEnable FilterStrength ImageInserter InputClippings InputScanType Position ProgramNumber PsiControl "
        "TimecodeSource TimecodeStart VideoSelector",
        warned="AdvancedInputFilter AdvancedInputFilterSettings DolbyVisionMetadataXml",
        refused="DecryptionSettings DynamicAudioSelectors MultiViewSettings SupplementalImps TamsSettings "
        "VideoGenerator VideoOverlays",
        notes={
            "PsiControl": "what the file says is read",
            "DeblockFilter": "FFmpeg's deblock",
            "DenoiseFilter": "FFmpeg's hqdn3d",
            "AdvancedInputFilter": "the picture is not restored",
            "AdvancedInputFilterSettings": "the picture is not restored",
            "DolbyVisionMetadataXml": "Dolby Vision is not written",
            "DecryptionSettings": "encrypted inputs cannot be read",
            "DynamicAudioSelectors": "name the selectors one by one",
            "MultiViewSettings": "stereoscopic outputs are not made",
            "SupplementalImps": "IMF packages are not read",
            "TamsSettings": "TAMS stores are not read",
            "VideoGenerator": "inputs are not generated",
            "VideoOverlays": "the overlay would be missing from the picture",
        },
    ),
    "InputClipping": shape(honoured="EndTimecode StartTimecode", note="to the frame"),
    "Rectangle": shape(honoured="Height Width X Y"),
    "VideoSelector": shape(
        honoured="AlphaBehavior ColorSpace ColorSpaceUsage PadVideo Pid ProgramNumber Rotate SampleRange SelectorType",
        warned="EmbeddedTimecodeOverride Hdr10Metadata MaxLuminance",
        refused="Streams",
        notes={
            "Pid": "refused when the best video track has another one",
            "EmbeddedTimecodeOverride": "MDPM time codes are not read",
            "Hdr10Metadata": "mastering metadata is not written",
            "MaxLuminance": "mastering metadata is not written",
            "ProgramNumber": "where the input names none",
            "Streams": "HLS inputs are not read",
        },
        values={
            "AlphaBehavior": {"REMAP_TO_LUMA": refused("the alpha channel is dropped")},
            "ColorSpace": {name: refused("P3 colours are not handled") for name in ("P3DCI", "P3D65_HDR")},
            "SelectorType": {"STREAM": refused("HLS inputs are not read")},
        },
    ),
    "AudioSelector": shape(
        honoured="CustomLanguageCode DefaultSelection ExternalAudioFileInput LanguageCode Offset Pids RemixSettings "
        "SelectorType Streams Tracks",
        warned="AudioDurationCorrection ProgramSelection Smpte337Passthrough",
        refused="HlsRenditionGroupSettings",
        notes={
            "AudioDurationCorrection": "gaps are filled with silence instead",
            "ProgramSelection": "Dolby E is not decoded",
            "Smpte337Passthrough": "Dolby E is not decoded",
            "ExternalAudioFileInput": "clipped with its input",
            "HlsRenditionGroupSettings": "HLS inputs are not read",
        },
        neutral={"ProgramSelection": (0, 1)},
        values={"SelectorType": {"HLS_RENDITION_GROUP": refused("HLS inputs are not read")}},
    ),
    "AudioSelectorGroup": shape(honoured="AudioSelectorNames", note="one audio track of the output each"),
    "ImageInserter": shape(
        honoured="InsertableImages",
        warned="SdrReferenceWhiteLevel",
        notes={"SdrReferenceWhiteLevel": "images keep their brightness in HDR outputs"},
    ),
    "InsertableImage": shape(
        honoured="Duration FadeIn FadeOut Height ImageInserterInput ImageX ImageY Layer Opacity StartTime Width",
        notes={"StartTime": "counted from the start of the output"},
    ),
    # What follows hangs below members that are refused or warned about as a whole.
    **{
        name: shape(warned=members, note="see the setting above it")
        for name, members in {
            "AdvancedInputFilterSettings": "AddTexture Sharpening",
            "AvailBlanking": "AvailBlankingImage",
            "EsamManifestConfirmConditionNotification": "MccXml",
            "EsamSettings": "ManifestConfirmConditionNotification ResponseSignalPreroll SignalProcessingNotification",
            "EsamSignalProcessingNotification": "SccXml",
            "ExtendedDataServices": "CopyProtectionAction VchipAction",
            "Hdr10Metadata": "BluePrimaryX BluePrimaryY GreenPrimaryX GreenPrimaryY MaxContentLightLevel "
            "MaxFrameAverageLightLevel MaxLuminance MinLuminance RedPrimaryX RedPrimaryY WhitePointX WhitePointY",
            "Id3Insertion": "Id3 Timecode",
            "KantarWatermarkSettings": "ChannelName ContentReference CredentialsSecretName FileOffset KantarLicenseId "
            "KantarServerUrl LogDestination Metadata3 Metadata4 Metadata5 Metadata6 Metadata7 Metadata8",
            "NielsenConfiguration": "BreakoutCode DistributorId",
            "NielsenNonLinearWatermarkSettings": "ActiveWatermarkProcess AdiFilename AssetId AssetName CbetSourceId "
            "EpisodeId MetadataDestination SourceId SourceWatermarkStatus TicServerUrl UniqueTicPerAudioTrack",
            "TimedMetadataInsertion": "Id3Insertions",
        }.items()
    },
    **{
        name: shape(refused=members, note="see the setting above it")
        for name, members in {
            "ColorConversion3DLUTSetting": "FileInput InputColorSpace InputMasteringLuminance OutputColorSpace "
            "OutputMasteringLuminance",
            "DynamicAudioSelector": "AudioDurationCorrection ExternalAudioFileInput LanguageCode Offset SelectorType",
            "HlsRenditionGroupSettings": "RenditionGroupId RenditionLanguageCode RenditionName",
            "InputDecryptionSettings": "DecryptionMode EncryptedDecryptionKey InitializationVector KmsKeyRegion",
            "InputTamsSettings": "AuthConnectionArn GapHandling SourceId Timerange",
            "InputVideoGenerator": "Channels Duration FramerateDenominator FramerateNumerator Height ImageInput "
            "SampleRate Width",
            "MotionImageInserter": "Framerate Input InsertionMode Offset Playback StartTime",
            "MotionImageInsertionFramerate": "FramerateDenominator FramerateNumerator",
            "MotionImageInsertionOffset": "ImageX ImageY",
            "MultiViewInput": "FileInput",
            "MultiViewSettings": "Input",
            "VideoOverlay": "Crop EndTimecode InitialPosition Input Playback StartTimecode Transitions",
            "VideoOverlayCrop": "Height Unit Width X Y",
            "VideoOverlayInput": "AudioSelectors FileInput InputClippings TimecodeSource TimecodeStart",
            "VideoOverlayInputClipping": "EndTimecode StartTimecode",
            "VideoOverlayPosition": "Height Opacity Unit Width XPosition YPosition",
            "VideoOverlayTransition": "EndPosition EndTimecode StartTimecode",
        }.items()
    },
}
