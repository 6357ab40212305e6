"""The rules that outputs must keep, each with a stable name.

``docs/verification.md`` is generated from this enumeration; a test fails when they differ.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class Rule(StrEnum):
    """A rule's value is its stable name; :attr:`text` says what it demands."""

    text: str

    def __new__(cls, name: str, text: str) -> Self:
        """Make the member's value its name and keep the sentence beside it."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.text = text
        return member

    OBJECT_PRESENT = ("object-present", "Every object that the plan asks for exists and is not empty.")
    NO_FOREIGN_OBJECT = ("no-foreign-object", "Nothing lies below the prefix that the plan does not account for.")
    SEGMENT_NUMBERING = ("segment-numbering", "Segments are numbered from 1 without a gap.")

    HLS_SYNTAX = ("hls-syntax", "Playlists parse and carry the tags that RFC 8216 requires of VOD.")
    HLS_VARIANTS = ("hls-variants", "The master playlist has exactly one variant and I-frame playlist a rung.")
    HLS_AUDIO_GROUP = (
        "hls-audio-group",
        "Every variant's audio group exists, is played by default and has a playlist.",
    )
    HLS_SEGMENTS = ("hls-segments", "A media playlist lists exactly the segments that exist, in order.")
    HLS_SEGMENT_DURATION = (
        "hls-segment-duration",
        "EXTINF is the real duration to 5 ms (audio: and a frame) and rounds to at most EXT-X-TARGETDURATION.",
    )
    HLS_IFRAMES = (
        "hls-iframes",
        "I-frame playlists name byte ranges inside existing segments that start at a sync sample.",
    )
    HLS_CODECS = ("hls-codecs", "CODECS names the codec, profile and level found in the bitstream.")
    HLS_RESOLUTION = ("hls-resolution", "RESOLUTION is the bitstream's picture size.")
    HLS_FRAME_RATE = ("hls-frame-rate", "FRAME-RATE is the bitstream's, to three decimals.")
    HLS_CHANNELS = ("hls-channels", "CHANNELS of an audio rendition is the bitstream's.")
    HLS_BANDWIDTH = ("hls-bandwidth", "BANDWIDTH is the measured peak, to 10 %.")
    HLS_AVERAGE_BANDWIDTH = ("hls-average-bandwidth", "AVERAGE-BANDWIDTH is the measured average, to 10 %.")

    DASH_SYNTAX = ("dash-syntax", "The MPD parses, and every Representation has a SegmentTemplate with a timeline.")
    DASH_STATIC = ("dash-static", 'The MPD is type="static" and has no live-only attributes.')
    DASH_DURATION = ("dash-duration", "mediaPresentationDuration is the longest rendition's duration.")
    DASH_REPRESENTATIONS = ("dash-representations", "There is exactly one Representation a rendition.")
    DASH_SEGMENTS = ("dash-segments", "The timeline expands to exactly the segments that exist, with their real times.")
    DASH_CODECS = ("dash-codecs", "@codecs names the codec, profile and level found in the bitstream.")
    DASH_RESOLUTION = ("dash-resolution", "@width and @height are the bitstream's picture size.")
    DASH_FRAME_RATE = ("dash-frame-rate", "@frameRate is the bitstream's.")
    DASH_AUDIO = ("dash-audio", "@audioSamplingRate and AudioChannelConfiguration are the bitstream's.")
    DASH_BANDWIDTH = ("dash-bandwidth", "@bandwidth lies between the measured average and the measured peak, to 10 %.")

    CONTAINER = ("container", "Segments, headers and MP4 files parse as what their name says, without missing bytes.")
    SEGMENT_KEYFRAME = ("segment-keyframe", "Every video segment starts with an IDR picture.")
    SEGMENT_CONTINUITY = ("segment-continuity", "Each segment starts where the one before it ended.")
    SEGMENTS_ALIGNED = ("segments-aligned", "All rungs have the same segment boundaries, to 5 ms.")
    CODEC_AS_PLANNED = ("codec-as-planned", "H.264 profile and level do not exceed the plan's; audio is AAC-LC.")
    RESOLUTION_AS_PLANNED = ("resolution-as-planned", "The bitstream's picture size is the plan's.")
    FRAME_RATE_AS_PLANNED = ("frame-rate-as-planned", "The bitstream's frame rate is the plan's, to one frame.")
    NO_HIDDEN_CAPTIONS = (
        "no-hidden-captions",
        "No picture carries captions (CEA-608, CEA-708), because no manifest declares any.",
    )
    AUDIO_PRESENT = ("audio-present", "A source with audio has audio in every output.")
    AUDIO_AS_PLANNED = ("audio-as-planned", "Channels and sample rate are the plan's.")
    DURATION = ("duration", "Every rendition is as long as the source, to 0.1 s and two frames.")
    SYNC = (
        "sync",
        "Sound comes with its pictures as in the source, to 50 ms, at the beginning, in the middle and at the end.",
    )
    DECODES = ("decodes", "The first and the last GOP of every rendition decode without error and completely.")

    MP4_FASTSTART = ("mp4-faststart", "moov stands before mdat, so that playback starts before the end is there.")
    MP4_TRACKS = ("mp4-tracks", "An MP4 has one H.264 track of the rung's size and, where planned, one AAC track.")

    ENCRYPTED = (
        "encrypted",
        "Behind the clear lead every sample is encrypted as planned, and every segment begins with what its key opens.",
    )
    ENCRYPTION_KEYS = (
        "encryption-keys",
        "Headers, fragments, pssh boxes and manifests name the key service's keys, each track its own.",
    )
    ENCRYPTION_SIGNALS = (
        "encryption-signals",
        "Headers, playlists and MPD declare the scheme and the planned DRM systems, no others, with the same boxes.",
    )

    THUMBNAIL_COUNT = ("thumbnail-count", "There is one thumbnail an interval, numbered from 1 without a gap.")
    THUMBNAIL_IMAGE = ("thumbnail-image", "Thumbnails and poster are complete JPEGs; thumbnails have the planned size.")


def rules_table() -> str:
    """The rules as a Markdown table, for ``docs/verification.md``."""
    rows = "\n".join(f"| `{rule.value}` | {rule.text} |" for rule in Rule)
    return f"| rule | what it demands |\n|---|---|\n{rows}\n"
