"""Captions."""

from __future__ import annotations

from typing import Final

from local_mediaconvert.transcode.support.rules import Members, refused, shape, warned

_SOURCE: Final = "captions of this kind are not read"
_DESTINATION: Final = "captions of this kind are not written"
_STYLE: Final = (
    "Alignment ApplyFontColor BackgroundColor BackgroundOpacity FallbackFont FontColor FontFileBold "
    "FontFileBoldItalic FontFileItalic FontFileRegular FontOpacity FontResolution FontScript FontSize HexFontColor "
    "OutlineColor OutlineSize ShadowColor ShadowOpacity ShadowXOffset ShadowYOffset StylePassthrough TeletextSpacing "
    "XPosition YPosition"
)

RULES: Final[dict[str, Members]] = {
    "CaptionSelector": shape(
        honoured="CustomLanguageCode LanguageCode SourceSettings", note="of a track inside the source: its language"
    ),
    "CaptionSourceSettings": shape(
        honoured="FileSourceSettings SourceType TrackSourceSettings",
        refused="AncillarySourceSettings DvbSubSourceSettings EmbeddedSourceSettings TeletextSourceSettings "
        "WebvttHlsSourceSettings",
        note=_SOURCE,
        values={
            "SourceType": {
                name: refused(_SOURCE)
                for name in ("ANCILLARY", "DVB_SUB", "EMBEDDED", "SCTE20", "STL", "TELETEXT", "NULL_SOURCE")
            }
        },
    ),
    "FileSourceSettings": shape(
        honoured="SourceFile TimeDelta TimeDeltaUnits",
        warned="ByteRateLimit Convert608To708 ConvertPaintToPop Framerate UpconvertSTLToTeletext",
        note="it is for kinds of captions that are not read",
    ),
    "TrackSourceSettings": shape(honoured="StreamNumber TrackNumber"),
    "CaptionDescription": shape(
        honoured="CaptionSelectorName CustomLanguageCode DestinationSettings LanguageCode LanguageDescription"
    ),
    "CaptionDestinationSettings": shape(
        honoured="DestinationType ImscDestinationSettings SrtDestinationSettings TtmlDestinationSettings "
        "WebvttDestinationSettings",
        refused="BurninDestinationSettings DvbSubDestinationSettings EmbeddedDestinationSettings "
        "SccDestinationSettings TeletextDestinationSettings",
        note=_DESTINATION,
        values={
            "DestinationType": {
                name: refused(_DESTINATION)
                for name in ("BURN_IN", "DVB_SUB", "EMBEDDED", "EMBEDDED_PLUS_SCTE20", "SCTE20_PLUS_EMBEDDED", "SCC",
                             "SMI", "TELETEXT")
            }
        },
    ),
    "WebvttDestinationSettings": shape(
        honoured="Accessibility StylePassthrough",
        values={"StylePassthrough": {"STRICT": warned("styles are converted, not kept")}},
    ),
    "ImscDestinationSettings": shape(honoured="Accessibility StylePassthrough"),
    "SrtDestinationSettings": shape(honoured="StylePassthrough"),
    "TtmlDestinationSettings": shape(
        honoured="StylePassthrough",
        warned="BackgroundColor BackgroundOpacity FontColor FontOpacity FontSize FontStyle FontWeight TextDecoration",
        note="FFmpeg's styles are written",
    ),
    **{
        name: shape(refused=members, note=_SOURCE)
        for name, members in {
            "AncillarySourceSettings": "Convert608To708 SourceAncillaryChannelNumber TerminateCaptions",
            "CaptionSourceFramerate": "FramerateDenominator FramerateNumerator",
            "DvbSubSourceSettings": "Pid",
            "EmbeddedSourceSettings": "Convert608To708 Source608ChannelNumber Source608TrackNumber TerminateCaptions",
            "TeletextSourceSettings": "PageNumber",
            "WebvttHlsSourceSettings": "RenditionGroupId RenditionLanguageCode RenditionName",
        }.items()
    },
    **{
        name: shape(refused=members, note=_DESTINATION)
        for name, members in {
            "BurninDestinationSettings": f"{_STYLE} RemoveRubyReserveAttributes",
            "DvbSubDestinationSettings": f"{_STYLE} DdsHandling DdsXCoordinate DdsYCoordinate Height SubtitlingType "
            "Width",
            "EmbeddedDestinationSettings": "Destination608ChannelNumber Destination708ServiceNumber",
            "SccDestinationSettings": "Framerate",
            "TeletextDestinationSettings": "PageNumber PageTypes",
        }.items()
    },
}  # fmt: skip
