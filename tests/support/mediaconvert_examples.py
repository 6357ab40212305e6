"""Jobs as AWS's user guide and other people's templates describe them, in boto3's names: settings, not prose.

Each is one CreateJob ``Settings``; inputs are ``s3://in/film.mp4``, outputs go below ``s3://out/``.
"""

from __future__ import annotations

from typing import Any

Settings = dict[str, Any]

AAC: Settings = {
    "AudioSourceName": "Audio Selector 1",
    "CodecSettings": {
        "Codec": "AAC",
        "AacSettings": {"Bitrate": 96_000, "CodingMode": "CODING_MODE_2_0", "SampleRate": 48_000},
    },
}
#: What the console writes out beside the choices somebody made.
CONSOLE_H264: Settings = {
    "InterlaceMode": "PROGRESSIVE", "NumberReferenceFrames": 3, "Syntax": "DEFAULT", "Softness": 0,
    "GopClosedCadence": 1, "GopSize": 90, "Slices": 1, "GopBReference": "DISABLED", "SlowPal": "DISABLED",
    "SpatialAdaptiveQuantization": "ENABLED", "TemporalAdaptiveQuantization": "ENABLED",
    "FlickerAdaptiveQuantization": "DISABLED", "EntropyEncoding": "CABAC", "CodecProfile": "MAIN",
    "Telecine": "NONE", "MinIInterval": 0, "AdaptiveQuantization": "HIGH", "CodecLevel": "AUTO",
    "FieldEncoding": "PAFF", "SceneChangeDetect": "ENABLED", "QualityTuningLevel": "SINGLE_PASS",
    "FramerateConversionAlgorithm": "DUPLICATE_DROP", "UnregisteredSeiTimecode": "DISABLED",
    "GopSizeUnits": "FRAMES", "ParControl": "INITIALIZE_FROM_SOURCE", "NumberBFramesBetweenReferenceFrames": 2,
    "RepeatPps": "DISABLED", "FramerateControl": "INITIALIZE_FROM_SOURCE",
}  # fmt: skip
CONSOLE_VIDEO: Settings = {
    "ScalingBehavior": "DEFAULT", "TimecodeInsertion": "DISABLED", "AntiAlias": "ENABLED", "Sharpness": 50,
    "AfdSignaling": "NONE", "DropFrameTimecode": "ENABLED", "RespondToAfd": "NONE", "ColorMetadata": "INSERT",
}  # fmt: skip
CONSOLE_M3U8: Settings = {
    "AudioFramesPerPes": 4, "PcrControl": "PCR_EVERY_PES_PACKET", "PmtPid": 480, "PrivateMetadataPid": 503,
    "ProgramNumber": 1, "PatInterval": 0, "PmtInterval": 0, "Scte35Source": "NONE", "Scte35Pid": 500,
    "TimedMetadata": "NONE", "TimedMetadataPid": 502, "VideoPid": 481, "AudioPids": [*range(482, 493)],
}  # fmt: skip
SPEKE: Settings = {
    "ResourceId": "film-1", "SystemIds": ["edef8ba9-79d6-4ace-a3c8-27dcd51d21ed"], "Url": "https://speke.example/v1",
}  # fmt: skip


def video(codec: str, coding: Settings, width: int | None = None, height: int | None = None, **more: Any) -> Settings:
    name = {
        "H_264": "H264Settings",
        "H_265": "H265Settings",
        "VP9": "Vp9Settings",
        "AV1": "Av1Settings",
        "PRORES": "ProresSettings",
        "MPEG2": "Mpeg2Settings",
        "FRAME_CAPTURE": "FrameCaptureSettings",
    }[codec]
    size = {key: value for key, value in (("Width", width), ("Height", height)) if value is not None}
    return {**size, **more, "CodecSettings": {"Codec": codec, name: coding}}


def qvbr(bitrate: int, level: int = 7) -> Settings:
    return {"RateControlMode": "QVBR", "MaxBitrate": bitrate, "QvbrSettings": {"QvbrQualityLevel": level}}


def group(kind: str, settings: Settings, *outputs: Settings, **more: Any) -> Settings:
    """A group whose settings go below ``s3://out/``.

    :param kind: Hls, File, DashIso, Cmaf, MsSmooth
    """
    type_name = {"Hls": "HLS", "File": "FILE", "DashIso": "DASH_ISO", "Cmaf": "CMAF", "MsSmooth": "MS_SMOOTH"}[kind]
    whole = {
        "Type": f"{type_name}_GROUP_SETTINGS",
        f"{kind}GroupSettings": {"Destination": "s3://out/film/", **settings},
    }
    return {"OutputGroupSettings": whole, "Outputs": list(outputs), **more}


def job(*groups: Settings, inputs: list[Settings] | None = None, **more: Any) -> Settings:
    plain = {
        "FileInput": "s3://in/film.mp4",
        "AudioSelectors": {"Audio Selector 1": {"DefaultSelection": "DEFAULT"}},
        "VideoSelector": {},
        "TimecodeSource": "ZEROBASED",
    }
    return {
        "TimecodeConfig": {"Source": "ZEROBASED"},
        "Inputs": inputs or [plain],
        "OutputGroups": list(groups),
        **more,
    }


def output(container: str, **more: Any) -> Settings:
    return {"ContainerSettings": {"Container": container}, **more}


def hls_rung(height: int, bitrate: int) -> Settings:
    width = {360: 640, 540: 960, 720: 1280}[height]
    coding = {**CONSOLE_H264, "RateControlMode": "CBR", "Bitrate": bitrate}
    return {
        "ContainerSettings": {"Container": "M3U8", "M3u8Settings": CONSOLE_M3U8},
        "VideoDescription": video("H_264", coding, width, height, **CONSOLE_VIDEO),
        "AudioDescriptions": [{**AAC, "AudioTypeControl": "FOLLOW_INPUT", "LanguageCodeControl": "FOLLOW_INPUT"}],
        "OutputSettings": {
            "HlsSettings": {
                "AudioGroupId": "program_audio", "AudioRenditionSets": "program_audio", "SegmentModifier": "$dt$",
                "IFrameOnlyManifest": "EXCLUDE",
            }
        },
        "NameModifier": f"_{height}",
    }  # fmt: skip


HLS_CONSOLE: Settings = {
    "ManifestDurationFormat": "INTEGER", "SegmentLength": 10, "TimedMetadataId3Period": 10,
    "CaptionLanguageSetting": "OMIT", "TimedMetadataId3Frame": "PRIV", "CodecSpecification": "RFC_4281",
    "OutputSelection": "MANIFESTS_AND_SEGMENTS", "ProgramDateTimePeriod": 600, "MinSegmentLength": 0,
    "DirectoryStructure": "SINGLE_DIRECTORY", "ProgramDateTime": "EXCLUDE", "SegmentControl": "SEGMENTED_FILES",
    "ManifestCompression": "NONE", "ClientCache": "ENABLED", "StreamInfResolution": "INCLUDE",
}  # fmt: skip
AUTOMATIC_H264: Settings = {
    "FramerateControl": "INITIALIZE_FROM_SOURCE", "RateControlMode": "QVBR",
    "SceneChangeDetect": "TRANSITION_DETECTION", "QualityTuningLevel": "MULTI_PASS_HQ",
}  # fmt: skip
THUMBNAILS = output(
    "RAW",
    VideoDescription=video(
        "FRAME_CAPTURE",
        {"FramerateNumerator": 1, "FramerateDenominator": 5, "MaxCaptures": 500, "Quality": 80},
        1280,
        720,
    ),
)

EXAMPLES: dict[str, Settings] = {
    "guide_mp4": job(
        group(
            "File",
            {},
            {
                "ContainerSettings": {
                    "Container": "MP4",
                    "Mp4Settings": {
                        "CslgAtom": "INCLUDE",
                        "FreeSpaceBox": "EXCLUDE",
                        "MoovPlacement": "PROGRESSIVE_DOWNLOAD",
                    },
                },
                "VideoDescription": video(
                    "H_264", {**CONSOLE_H264, "RateControlMode": "CBR", "Bitrate": 5_000_000}, **CONSOLE_VIDEO
                ),
                "AudioDescriptions": [AAC],
            },
            Name="File Group",
        ),
        AdAvailOffset=0,
    ),
    "guide_abr": job(
        group(
            "Hls",
            HLS_CONSOLE,
            hls_rung(360, 1_000_000),
            hls_rung(540, 2_000_000),
            hls_rung(720, 3_000_000),
            Name="Apple HLS",
        )
    ),
    "guide_automated_abr": job(
        group(
            "Hls",
            {"SegmentLength": 10, "MinSegmentLength": 0},
            {
                "ContainerSettings": {"Container": "M3U8", "M3u8Settings": {}},
                "VideoDescription": video("H_264", AUTOMATIC_H264),
                "AudioDescriptions": [AAC],
                "OutputSettings": {"HlsSettings": {}},
                "NameModifier": "video",
            },
            AutomatedEncodingSettings={"AbrSettings": {"MaxAbrBitrate": 8_000_000, "MaxRenditions": 6}},
        ),
        FollowSource=1,
    ),
    "automated_cmaf_without_names": job(
        group(
            "Cmaf",
            {"SegmentLength": 10, "FragmentLength": 2},
            output("CMFC", VideoDescription=video("H_264", AUTOMATIC_H264, 720, 1280)),
            output("CMFC", AudioDescriptions=[AAC]),
            AutomatedEncodingSettings={"AbrSettings": {}},
        ),
    ),
    "workshop_hls_mp4_thumbnails": job(
        group("Hls", HLS_CONSOLE, hls_rung(360, 1_000_000), hls_rung(720, 3_000_000), CustomName="HLS"),
        group(
            "File",
            {},
            output("MP4", VideoDescription=video("H_264", qvbr(3_000_000), 1280, 720), AudioDescriptions=[AAC]),
        ),
        group(
            "File",
            {"Destination": "s3://out/thumbs/"},
            {**THUMBNAILS, "NameModifier": "_tumb"},
            CustomName="Frame Capture",
        ),
        inputs=[
            {
                "FileInput": "s3://in/film.mp4",
                "AudioSelectors": {
                    "Audio Selector 1": {
                        "Offset": 0,
                        "DefaultSelection": "NOT_DEFAULT",
                        "ProgramSelection": 1,
                        "SelectorType": "TRACK",
                        "Tracks": [1],
                    }
                },
                "VideoSelector": {"ColorSpace": "FOLLOW"},
                "FilterEnable": "AUTO",
                "PsiControl": "USE_PSI",
                "FilterStrength": 0,
                "DeblockFilter": "DISABLED",
                "DenoiseFilter": "DISABLED",
                "TimecodeSource": "EMBEDDED",
            }
        ],
    ),
    "dash_with_speke": job(
        group(
            "DashIso",
            {
                "SegmentLength": 30,
                "FragmentLength": 2,
                "SegmentControl": "SEGMENTED_FILES",
                "Encryption": {"SpekeKeyProvider": SPEKE, "PlaybackDeviceCompatibility": "CENC_V1"},
            },
            output("MPD", VideoDescription=video("H_264", qvbr(5_000_000), 1280, 720), NameModifier="_v"),
            output("MPD", AudioDescriptions=[AAC], NameModifier="_a"),
        ),
    ),
    "smooth": job(
        group(
            "MsSmooth",
            {"FragmentLength": 2, "ManifestEncoding": "UTF8"},
            output(
                "ISMV",
                VideoDescription=video("H_264", qvbr(5_000_000), 1280, 720),
                AudioDescriptions=[AAC],
                NameModifier="_a",
            ),
        ),
    ),
    "captions_to_webvtt": job(
        group(
            "Hls",
            {"SegmentLength": 6, "MinSegmentLength": 0},
            {**hls_rung(720, 3_000_000)},
            output(
                "M3U8",
                CaptionDescriptions=[
                    {
                        "CaptionSelectorName": "Captions Selector 1",
                        "LanguageCode": "ENG",
                        "DestinationSettings": {"DestinationType": "WEBVTT"},
                    }
                ],
                NameModifier="_en",
            ),
        ),
        inputs=[
            {
                "FileInput": "s3://in/film.mp4",
                "AudioSelectors": {"Audio Selector 1": {"DefaultSelection": "DEFAULT"}},
                "CaptionSelectors": {
                    "Captions Selector 1": {
                        "SourceSettings": {
                            "SourceType": "SRT",
                            "FileSourceSettings": {"SourceFile": "s3://in/film.srt"},
                        }
                    }
                },
            }
        ],
    ),
    "clipped_and_stitched_with_a_logo": job(
        group(
            "File",
            {},
            output(
                "MP4",
                VideoDescription=video(
                    "H_264",
                    qvbr(5_000_000),
                    VideoPreprocessors={
                        "ImageInserter": {
                            "InsertableImages": [
                                {
                                    "ImageInserterInput": "s3://in/logo.png",
                                    "ImageX": 10,
                                    "ImageY": 10,
                                    "Layer": 1,
                                    "Opacity": 50,
                                }
                            ]
                        }
                    },
                ),
                AudioDescriptions=[AAC],
            ),
        ),
        inputs=[
            {
                "FileInput": "s3://in/film.mp4",
                "TimecodeSource": "ZEROBASED",
                "InputClippings": [{"StartTimecode": "00:00:10:00", "EndTimecode": "00:00:20:00"}],
                "AudioSelectors": {"Audio Selector 1": {"DefaultSelection": "DEFAULT"}},
            },
            {
                "FileInput": "https://cdn.example/end.mp4",
                "AudioSelectors": {"Audio Selector 1": {"DefaultSelection": "DEFAULT"}},
            },
        ],
    ),
    "sound_only": job(
        group(
            "File",
            {},
            output(
                "RAW",
                Extension="mp3",
                NameModifier="_mp3",
                AudioDescriptions=[
                    {
                        "CodecSettings": {
                            "Codec": "MP3",
                            "Mp3Settings": {
                                "Bitrate": 192_000,
                                "Channels": 2,
                                "RateControlMode": "CBR",
                                "SampleRate": 48_000,
                            },
                        }
                    }
                ],
            ),
            output(
                "RAW",
                Extension="wav",
                NameModifier="_wav",
                AudioDescriptions=[
                    {
                        "CodecSettings": {
                            "Codec": "WAV",
                            "WavSettings": {"BitDepth": 24, "Channels": 2, "Format": "RIFF", "SampleRate": 48_000},
                        }
                    }
                ],
            ),
        ),
    ),
    "mezzanines": job(
        group(
            "File",
            {},
            output("MOV", VideoDescription=video("PRORES", {"CodecProfile": "APPLE_PRORES_422_HQ"}), NameModifier="_p"),
        ),
        group(
            "File",
            {},
            output("MXF", VideoDescription=video("MPEG2", {"Bitrate": 50_000_000, "RateControlMode": "CBR"})),
        ),
    ),
    "webm_and_av1": job(
        group(
            "File",
            {},
            output(
                "WEBM",
                VideoDescription=video("VP9", {"Bitrate": 2_000_000, "RateControlMode": "VBR"}),
                AudioDescriptions=[
                    {
                        "CodecSettings": {
                            "Codec": "OPUS",
                            "OpusSettings": {"Bitrate": 96_000, "Channels": 2, "SampleRate": 48_000},
                        }
                    }
                ],
            ),
        ),
        group(
            "File",
            {"Destination": "s3://out/av1/"},
            output(
                "MP4",
                VideoDescription=video(
                    "AV1", {**qvbr(2_000_000), "GopSize": 60.0, "NumberBFramesBetweenReferenceFrames": 7}
                ),
                AudioDescriptions=[AAC],
            ),
        ),
    ),
    "hevc_hdr": job(
        group(
            "Cmaf",
            {"SegmentLength": 4, "FragmentLength": 2},
            output(
                "CMFC",
                NameModifier="_v",
                VideoDescription=video(
                    "H_265",
                    {**qvbr(12_000_000, 8), "CodecProfile": "MAIN10_MAIN", "WriteMp4PackagingType": "HVC1"},
                    3840,
                    2160,
                    VideoPreprocessors={"ColorCorrector": {"ColorSpaceConversion": "FORCE_HDR10"}},
                ),
            ),
            output("CMFC", NameModifier="_a", AudioDescriptions=[AAC]),
        ),
    ),
}
